//! Stores of the providers that have a protocol of their own, each as a pod that keeps everything in memory.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::storage::StorageError;
use super::{Authority, Kubectl, filled, indented};

/// Both servers are ready in a few seconds on a machine that has nothing else to do.
const STARTS: Duration = Duration::from_secs(180);

/// Which store to start.
pub struct StoreOptions<'a> {
    /// Of pod and Service; of an Azure store the account as well, so letters and digits only.
    pub name: &'a str,
    pub namespace: &'a str,
    pub image: &'a str,
    /// Has `mkdir`.
    pub helper_image: &'a str,
    /// The bucket or container, which is made.
    pub bucket: &'a str,
}

/// A store that runs, and how a vault gets at it.
pub struct Store {
    /// The pod and, of an Azure store, the account.
    pub name: String,
    pub endpoint: String,
    pub bucket: String,
    /// Secret with the key that lets in, as a BackupVault wants it.
    pub credentials_secret: String,
}

impl Store {
    /// Azurite with one account and one container in it. The account's key is made of `secret`.
    ///
    /// # Errors
    /// When the pod does not start, or makes no container.
    pub fn azure(
        kubectl: &Kubectl,
        authority: &Authority,
        options: &StoreOptions<'_>,
        secret: &str,
    ) -> Result<Self, StorageError> {
        let StoreOptions { name, namespace, bucket, .. } = *options;
        let key = BASE64_STANDARD.encode(secret);
        let manifest = include_str!("manifests/azure.yaml");
        start(kubectl, authority, options, manifest, &[("accountKey", &key)])?;
        let names = [("account", name), ("namespace", namespace), ("container", bucket)];
        let script = filled(include_str!("azure.js"), &names);
        let line = ["exec", "-i", "-n", namespace, name, "--", "node", "-"];
        kubectl.run_with_input(&line, Some(&script))?;
        Ok(Self::of(options, 10000, "account"))
    }

    /// fake-gcs-server with one bucket. It asks nobody who he is; the service account's key is one all the same.
    ///
    /// # Errors
    /// When the pod does not start.
    pub fn google(
        kubectl: &Kubectl,
        authority: &Authority,
        options: &StoreOptions<'_>,
    ) -> Result<Self, StorageError> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let account = serde_json::json!({
            "type": "service_account",
            "private_key_id": "1",
            "private_key": key.serialize_pem(),
            "client_email": "coffer@example.org",
        });
        let manifest = include_str!("manifests/google.yaml");
        start(kubectl, authority, options, manifest, &[("serviceAccountKey", &account.to_string())])?;
        Ok(Self::of(options, 4443, "key"))
    }

    fn of(options: &StoreOptions<'_>, port: u16, secret: &str) -> Self {
        let StoreOptions { name, namespace, bucket, .. } = *options;
        Self {
            name: name.to_owned(),
            endpoint: format!("https://{name}.{namespace}.svc:{port}"),
            bucket: bucket.to_owned(),
            credentials_secret: format!("{name}-{secret}"),
        }
    }
}

fn start(
    kubectl: &Kubectl,
    authority: &Authority,
    options: &StoreOptions<'_>,
    manifest: &str,
    own: &[(&str, &str)],
) -> Result<(), StorageError> {
    let StoreOptions { name, namespace, image, helper_image, bucket } = *options;
    let certificate = authority.issue(name, namespace)?;
    let host = format!("{name}.{namespace}.svc");
    let chain = indented(&certificate.certificate, 4);
    let private_key = indented(&certificate.private_key, 4);
    let common = [
        ("name", name),
        ("namespace", namespace),
        ("image", image),
        ("helperImage", helper_image),
        ("bucket", bucket),
        ("host", &host),
        ("certificate", &chain),
        ("privateKey", &private_key),
    ];
    kubectl.apply(&filled(manifest, &[&common, own].concat()))?;
    Ok(kubectl.wait("condition=Ready", &format!("pod/{name}"), namespace, STARTS)?)
}
