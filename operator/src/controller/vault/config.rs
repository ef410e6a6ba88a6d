//! The keeper's ConfigMap: its configuration and the certificates that clients pin. Pure.

use std::collections::BTreeMap;

use contract::{Addressing, Head, KeeperConfig, Storage, VERSION, files};
use crds::vault::{Addressing as SpecAddressing, Storage as SpecStorage};
use crds::{BackupVault, secret_keys};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

use super::workload::{labels, metadata};
use crate::keeper_client::KeeperAddress;
use crate::names;

const CURRENT: &str = "current";
const CURRENT_CERTIFICATE: &str = "current.crt";
const CURRENT_BORN: &str = "current.born";
const NEXT: &str = "next";
const NEXT_CERTIFICATE: &str = "next.crt";
const NEXT_BORN: &str = "next.born";

/// One certificate of a keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Number of the Secret with the private key.
    pub number: u32,
    pub pem: String,
    /// When it was made.
    pub born: Timestamp,
}

/// The certificates of a keeper: what it shows, and what it will show next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    pub current: Certificate,
    pub next: Option<Certificate>,
}

impl Certificates {
    /// What a ConfigMap says; `None` when it says nothing that makes sense.
    pub fn of(map: &ConfigMap) -> Option<Self> {
        let data = map.data.as_ref()?;
        let read = |number: &str, pem: &str, born: &str| {
            Some(Certificate {
                number: data.get(number)?.parse().ok()?,
                pem: data.get(pem)?.clone(),
                born: data.get(born)?.parse().ok()?,
            })
        };
        Some(Self {
            current: read(CURRENT, CURRENT_CERTIFICATE, CURRENT_BORN)?,
            next: read(NEXT, NEXT_CERTIFICATE, NEXT_BORN),
        })
    }

    /// Every certificate that the keeper may show, PEM.
    pub fn pinned(&self) -> Vec<String> {
        std::iter::once(&self.current).chain(&self.next).map(|certificate| certificate.pem.clone()).collect()
    }
}

/// How to reach a vault's keeper, by its ConfigMap.
pub fn address(map: &ConfigMap, namespace: &str, vault: &str) -> Option<KeeperAddress> {
    let certificates = Certificates::of(map)?;
    let url = format!("https://{}.{namespace}.svc:{}", names::keeper(vault), files::KEEPER_PORT);
    Some(KeeperAddress { url, certificates: certificates.pinned() })
}

/// The keeper's configuration, without what it finds in mounted Secrets.
pub fn keeper_config(vault: &BackupVault, known_head: Option<Head>) -> Option<KeeperConfig> {
    Some(KeeperConfig {
        version: VERSION,
        namespace: vault.namespace()?,
        vault: vault.name_any(),
        vault_uid: vault.uid()?,
        storage: storage(&vault.spec.storage)?,
        credentials_expected: credentials_secret(vault).is_some(),
        recovery_recipients: vault.spec.encryption.recovery_recipients().to_vec(),
        known_head,
    })
}

/// The whole ConfigMap.
pub fn config_map(vault: &BackupVault, config: &KeeperConfig, certificates: &Certificates) -> ConfigMap {
    let config = serde_json::to_string_pretty(config).expect("a configuration is strings and numbers");
    let mut data = BTreeMap::from([(files::KEEPER_CONFIG_KEY.to_owned(), config)]);
    let mut write = |certificate: &Certificate, number: &str, pem: &str, born: &str| {
        data.insert(number.to_owned(), certificate.number.to_string());
        data.insert(pem.to_owned(), certificate.pem.clone());
        data.insert(born.to_owned(), certificate.born.to_string());
    };
    write(&certificates.current, CURRENT, CURRENT_CERTIFICATE, CURRENT_BORN);
    if let Some(next) = &certificates.next {
        write(next, NEXT, NEXT_CERTIFICATE, NEXT_BORN);
    }
    ConfigMap {
        metadata: metadata(vault, names::keeper(&vault.name_any()), labels(vault, "keeper")),
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// The Secret with the storage's credentials, if the vault names one.
pub fn credentials_secret(vault: &BackupVault) -> Option<&str> {
    Some(&vault.spec.storage.credentials_secret()?.name)
}

/// The Secret with the storage's authority and the key in it, if the vault names one.
pub fn authority_secret(vault: &BackupVault) -> Option<(&str, &str)> {
    let reference = vault.spec.storage.authority_secret()?;
    Some((&reference.name, reference.key()))
}

/// Keys of the credentials' Secret, which are also the names of the files that the keeper reads. Those that are not there
/// are no files either.
pub fn credential_files(vault: &BackupVault) -> &'static [&'static str] {
    match &vault.spec.storage {
        SpecStorage { s3: Some(_), .. } => {
            &[secret_keys::S3_ACCESS_KEY_ID, secret_keys::S3_SECRET_ACCESS_KEY, secret_keys::S3_SESSION_TOKEN]
        }
        SpecStorage { azure_blob: Some(_), .. } => &[
            secret_keys::AZURE_ACCOUNT_KEY,
            secret_keys::AZURE_SAS_TOKEN,
            secret_keys::AZURE_TENANT_ID,
            secret_keys::AZURE_CLIENT_ID,
            secret_keys::AZURE_CLIENT_SECRET,
        ],
        SpecStorage { gcs: Some(_), .. } => &[secret_keys::GCS_SERVICE_ACCOUNT_KEY],
        SpecStorage { .. } => &[],
    }
}

/// What a person has to write into the credentials' Secret.
pub fn credentials_wanted(vault: &BackupVault) -> &'static str {
    match &vault.spec.storage {
        SpecStorage { azure_blob: Some(_), .. } => {
            "`accountKey`, or `sasToken`, or `tenantId`, `clientId` and `clientSecret`"
        }
        SpecStorage { gcs: Some(_), .. } => "`serviceAccountKey`",
        SpecStorage { .. } => "`accessKeyId` and `secretAccessKey`",
    }
}

fn storage(storage: &SpecStorage) -> Option<Storage> {
    if let Some(s3) = &storage.s3 {
        return Some(Storage::S3 {
            bucket: s3.bucket.clone(),
            prefix: trimmed(s3.prefix.as_deref()),
            endpoint: s3.endpoint.clone(),
            region: s3.region().to_owned(),
            addressing: match s3.addressing() {
                SpecAddressing::Path => Addressing::Path,
                SpecAddressing::VirtualHost => Addressing::VirtualHost,
            },
            ca: None,
            credentials: None,
        });
    }
    if let Some(blob) = &storage.azure_blob {
        return Some(Storage::AzureBlob {
            account: blob.account.clone(),
            container: blob.container.clone(),
            prefix: trimmed(blob.prefix.as_deref()),
            endpoint: blob.endpoint.clone(),
            ca: None,
            credentials: None,
        });
    }
    if let Some(gcs) = &storage.gcs {
        return Some(Storage::Gcs {
            bucket: gcs.bucket.clone(),
            prefix: trimmed(gcs.prefix.as_deref()),
            endpoint: gcs.endpoint.clone(),
            ca: None,
            credentials: None,
        });
    }
    let filesystem = storage.filesystem.as_ref()?;
    let path = trimmed(filesystem.path.as_deref());
    let root = files::VAULT_VOLUME;
    Some(Storage::Filesystem {
        path: if path.is_empty() { root.to_owned() } else { format!("{root}/{path}") },
    })
}

fn trimmed(prefix: Option<&str>) -> String {
    prefix.unwrap_or_default().trim_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn vault(storage: &Value) -> BackupVault {
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1",
            "kind": "BackupVault",
            "metadata": {"name": "main", "namespace": "backups", "uid": "u"},
            "spec": {"storage": storage, "encryption": {"mode": "SystemManaged", "acceptKeyLoss": true}},
        }))
        .unwrap()
    }

    #[test]
    fn every_provider_reaches_the_keeper_with_the_files_that_let_it_in() {
        let azure = vault(&json!({"azureBlob": {
            "account": "a", "container": "c", "prefix": "p", "credentialsSecretRef": {"name": "azure"},
            "caSecretRef": {"name": "ca"},
        }}));
        let config = keeper_config(&azure, None).unwrap();
        let Storage::AzureBlob { account, container, prefix, credentials: None, .. } = &config.storage else {
            panic!("{config:?}");
        };
        assert_eq!([account, container, prefix], ["a", "c", "p"]);
        assert!(config.credentials_expected);
        assert_eq!(
            (credentials_secret(&azure), authority_secret(&azure)),
            (Some("azure"), Some(("ca", "ca.crt")))
        );
        assert!(credential_files(&azure).contains(&"accountKey"));
        let google = vault(&json!({"gcs": {
            "bucket": "b", "endpoint": "https://s", "credentialsSecretRef": {"name": "gcs"},
        }}));
        let config = keeper_config(&google, None).unwrap();
        let Storage::Gcs { bucket, prefix, endpoint, credentials: None, .. } = &config.storage else {
            panic!("{config:?}");
        };
        assert_eq!((bucket.as_str(), prefix.as_str(), endpoint.as_deref()), ("b", "", Some("https://s")));
        assert_eq!(credential_files(&google), ["serviceAccountKey"]);
        assert!(credential_files(&vault(&json!({"filesystem": {"claimName": "c"}}))).is_empty());
    }
}
