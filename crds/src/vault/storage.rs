//! The places a vault can be in.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::{AuthorityRef, SecretReference},
    rules::{credentials_needed, fixed, fixed_optional},
    words,
};

const STAYS: &str =
    "the place of a vault may not be changed: its backups would stay behind. Create a new vault";

/// A place for backups: exactly one member.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.s3), has(self.azureBlob), has(self.gcs), has(self.filesystem)].exists_one(x, x)")
        .message("set exactly one of `s3`, `azureBlob`, `gcs` and `filesystem`"),
    validation = Rule::new("has(self.s3) == has(oldSelf.s3) && has(self.azureBlob) == has(oldSelf.azureBlob) && \
                            has(self.gcs) == has(oldSelf.gcs) && has(self.filesystem) == has(oldSelf.filesystem)")
        .message("the provider may not be changed: the backups would stay behind. Create a new vault"),
)]
pub struct Storage {
    /// A bucket of Amazon S3 or of any store that speaks its protocol and honours conditional writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Storage>,
    /// A container of Azure Blob Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_blob: Option<AzureBlobStorage>,
    /// A bucket of Google Cloud Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<GcsStorage>,
    /// A PersistentVolumeClaim of the vault's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<FilesystemStorage>,
}

impl Storage {
    /// The provider's name, as `status.provider` and the printed column show it.
    pub const fn provider(&self) -> &'static str {
        match self {
            Self { s3: Some(_), .. } => "S3",
            Self { azure_blob: Some(_), .. } => "AzureBlob",
            Self { gcs: Some(_), .. } => "GCS",
            Self { filesystem: Some(_), .. } => "Filesystem",
            Self { .. } => "None",
        }
    }
}

impl Storage {
    /// Where the backups are, for messages, such as `s3://backups/postgresql at https://s3.example.org`.
    pub fn place(&self) -> String {
        match self {
            Self { s3: Some(s3), .. } => {
                place(&format!("s3://{}", s3.bucket), s3.prefix.as_deref(), s3.endpoint.as_deref())
            }
            Self { azure_blob: Some(blob), .. } => place(
                &format!("az://{}/{}", blob.account, blob.container),
                blob.prefix.as_deref(),
                blob.endpoint.as_deref(),
            ),
            Self { gcs: Some(gcs), .. } => {
                place(&format!("gs://{}", gcs.bucket), gcs.prefix.as_deref(), gcs.endpoint.as_deref())
            }
            Self { filesystem: Some(held), .. } => format!("claim {}", held.claim_name),
            Self { .. } => self.provider().to_owned(),
        }
    }

    /// Secret with the credentials, where the provider takes any.
    pub fn credentials_secret(&self) -> Option<&SecretReference> {
        match self {
            Self { s3: Some(s3), .. } => s3.credentials_secret_ref.as_ref(),
            Self { azure_blob: Some(blob), .. } => blob.credentials_secret_ref.as_ref(),
            Self { gcs: Some(gcs), .. } => gcs.credentials_secret_ref.as_ref(),
            Self { .. } => None,
        }
    }

    /// Secret with the authority that signed the store's certificate.
    pub fn authority_secret(&self) -> Option<&AuthorityRef> {
        match self {
            Self { s3: Some(s3), .. } => s3.ca_secret_ref.as_ref(),
            Self { azure_blob: Some(blob), .. } => blob.ca_secret_ref.as_ref(),
            Self { gcs: Some(gcs), .. } => gcs.ca_secret_ref.as_ref(),
            Self { .. } => None,
        }
    }

    /// Whether backups of both would lie beside each other in one place. Claims are of one namespace, which is the
    /// caller's to compare.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self { s3: Some(_), .. }, Self { s3: Some(_), .. })
            | (Self { azure_blob: Some(_), .. }, Self { azure_blob: Some(_), .. })
            | (Self { gcs: Some(_), .. }, Self { gcs: Some(_), .. }) => self.place() == other.place(),
            (Self { filesystem: Some(held), .. }, Self { filesystem: Some(other), .. }) => held == other,
            (Self { .. }, Self { .. }) => false,
        }
    }
}

fn place(bucket: &str, prefix: Option<&str>, endpoint: Option<&str>) -> String {
    let place = format!("{bucket}/{}", prefix.unwrap_or_default().trim_matches('/'));
    let place = place.trim_end_matches('/');
    endpoint.map_or_else(|| place.to_owned(), |endpoint| format!("{place} at {endpoint}"))
}

/// A bucket of Amazon S3 or of a store that speaks its protocol.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("bucket", STAYS),
    validation = fixed_optional("prefix", STAYS),
    validation = credentials_needed(),
)]
pub struct S3Storage {
    /// Name of the bucket. It must exist: Coffer never makes one.
    #[schemars(schema_with = "words::bucket")]
    pub bucket: String,
    /// Path inside the bucket that belongs to this vault alone. Unset: the whole bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::prefix")]
    pub prefix: Option<String>,
    /// Address of the store, as https://HOST or https://HOST:PORT. Unset: Amazon's for the region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::endpoint")]
    pub endpoint: Option<String>,
    /// Region of the bucket. Unset: `us-east-1`, which most other stores take as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub region: Option<String>,
    /// Path: https://HOST/BUCKET, which every store takes. VirtualHost: https://BUCKET.HOST. Unset: Path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressing: Option<Addressing>,
    /// Secret of the vault's namespace with the keys `accessKeyId` and `secretAccessKey`, and `sessionToken` for
    /// temporary credentials. Changes are taken up without a restart. Unset: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretReference>,
    /// Secret of the vault's namespace with the authority that signed the store's certificate. Unset: the public
    /// authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<AuthorityRef>,
}

impl S3Storage {
    /// The region, with the documented default.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }

    /// How bucket and host make an address, with the documented default.
    pub fn addressing(&self) -> Addressing {
        self.addressing.unwrap_or_default()
    }
}

/// How bucket and host make an address.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressing {
    /// https://HOST/BUCKET
    #[default]
    Path,
    /// https://BUCKET.HOST
    VirtualHost,
}

/// A container of Azure Blob Storage.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("account", STAYS),
    validation = fixed("container", STAYS),
    validation = fixed_optional("prefix", STAYS),
    validation = credentials_needed(),
)]
pub struct AzureBlobStorage {
    /// Name of the storage account.
    #[schemars(length(min = 3, max = 24), regex(pattern = "^[a-z0-9]+$"))]
    pub account: String,
    /// Name of the container. It must exist.
    #[schemars(length(min = 3, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub container: String,
    /// Path inside the container that belongs to this vault alone. Unset: the whole container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::prefix")]
    pub prefix: Option<String>,
    /// Address of the store. Unset: Azure's for the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::endpoint")]
    pub endpoint: Option<String>,
    /// Secret of the vault's namespace with `accountKey`, or `sasToken`, or `tenantId`, `clientId` and `clientSecret`.
    /// Changes are taken up without a restart. Unset: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretReference>,
    /// Secret of the vault's namespace with the authority that signed the store's certificate. Unset: the public
    /// authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<AuthorityRef>,
}

/// A bucket of Google Cloud Storage.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("bucket", STAYS),
    validation = fixed_optional("prefix", STAYS),
    validation = credentials_needed(),
)]
pub struct GcsStorage {
    /// Name of the bucket. It must exist.
    #[schemars(length(min = 3, max = 222), regex(pattern = "^[a-z0-9]([-._a-z0-9]*[a-z0-9])?$"))]
    pub bucket: String,
    /// Path inside the bucket that belongs to this vault alone. Unset: the whole bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::prefix")]
    pub prefix: Option<String>,
    /// Address of the store. Unset: Google's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::endpoint")]
    pub endpoint: Option<String>,
    /// Secret of the vault's namespace with `serviceAccountKey`, the JSON text of a service account's key. Changes are
    /// taken up without a restart. Unset: refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretReference>,
    /// Secret of the vault's namespace with the authority that signed the store's certificate. Unset: the public
    /// authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<AuthorityRef>,
}

/// A PersistentVolumeClaim. The simplest place, for trying Coffer and for storage that is replicated below.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = fixed("claimName", STAYS), validation = fixed_optional("path", STAYS))]
pub struct FilesystemStorage {
    /// Name of a PersistentVolumeClaim of the vault's namespace. Its file system must support hard links and fsync.
    /// Access mode ReadWriteOncePod is refused, since keeper and movers share it.
    #[schemars(schema_with = "words::object_name")]
    pub claim_name: String,
    /// Directory inside the claim that belongs to this vault alone. Unset: the whole claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::prefix")]
    pub path: Option<String>,
}

/// A second, cold place.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    /// Where archived points are stored.
    pub storage: Storage,
    /// The provider's class for archived objects, such as GLACIER. Unset: the bucket's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[A-Za-z][A-Za-z0-9_-]*$"))]
    pub storage_class: Option<String>,
}

/// A copy of the vault in another place.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replica {
    /// Name of the copy, unique in the vault.
    #[schemars(schema_with = "words::rule_name")]
    pub name: String,
    /// Where the copy is stored.
    pub storage: Storage,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(json: serde_json::Value) -> Storage {
        serde_json::from_value(json).expect("a storage")
    }

    #[test]
    fn every_provider_says_where_its_backups_are() {
        for (given, place) in [
            (serde_json::json!({"s3": {"bucket": "b", "prefix": "p"}}), "s3://b/p"),
            (serde_json::json!({"azureBlob": {"account": "a", "container": "c"}}), "az://a/c"),
            (
                serde_json::json!({"gcs": {"bucket": "b", "prefix": "p/", "endpoint": "https://s"}}),
                "gs://b/p at https://s",
            ),
        ] {
            let storage = storage(given);
            assert_eq!(storage.place(), place);
            assert!(storage.is_same_place(&storage), "{place}");
        }
    }

    #[test]
    fn buckets_of_one_name_at_different_providers_are_different_places() {
        let gcs = storage(serde_json::json!({"gcs": {"bucket": "backups"}}));
        let s3 = storage(serde_json::json!({"s3": {"bucket": "backups"}}));
        let azure = |account: &str| {
            storage(serde_json::json!({"azureBlob": {"account": account, "container": "backups"}}))
        };
        assert!(!gcs.is_same_place(&s3));
        assert!(!azure("one").is_same_place(&azure("two")));
    }
}
