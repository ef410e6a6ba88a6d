//! The two storages that most vaults of stories use.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use super::{Authority, Kubectl, KubectlError, filled, indented};

/// A PersistentVolumeClaim on a `local` volume: a directory of this machine, since hostPath volumes ignore fsGroup.
pub struct ClaimStorage {
    pub claim: String,
    /// The directory behind it.
    pub directory: PathBuf,
}

impl ClaimStorage {
    /// Makes a directory under `volumes`, the volume, and a claim that is bound to it.
    pub fn create(
        kubectl: &Kubectl,
        namespace: &str,
        claim: &str,
        volumes: &Path,
    ) -> Result<Self, StorageError> {
        Self::over(kubectl, namespace, claim, volumes.join(format!("{namespace}-{claim}")))
    }

    /// Makes the volume over a directory, which may have been another cluster's, and a claim that is bound to it.
    pub fn over(
        kubectl: &Kubectl,
        namespace: &str,
        claim: &str,
        directory: PathBuf,
    ) -> Result<Self, StorageError> {
        let volume = format!("{namespace}-{claim}");
        fs::create_dir_all(&directory)
            .map_err(|source| StorageError::Directory { path: directory.clone(), source })?;
        let values = [
            ("volume", volume.as_str()),
            ("namespace", namespace),
            ("claim", claim),
            ("path", &directory.to_string_lossy()),
        ];
        kubectl.apply(&filled(include_str!("manifests/claim.yaml"), &values))?;
        // A pod that comes before its claim is bound waits for the scheduler to hear of it, which may take five minutes: what
        // tells it to look again may come before what it looks at (its volume binder keeps a cache of its own).
        let claim_object = format!("pvc/{claim}");
        kubectl.wait("jsonpath={.status.phase}=Bound", &claim_object, namespace, Duration::from_secs(120))?;
        Ok(Self { claim: claim.to_owned(), directory })
    }
}

/// Which S3 server to start.
pub struct S3Options<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub image: &'a str,
    /// Has `mkdir`, with which buckets are made.
    pub helper_image: &'a str,
    pub bucket: &'a str,
    pub secret_key: &'a str,
}

/// versitygw as a pod: an S3 server that keeps its buckets as folders. Root credentials are in Secret `<name>-root`.
pub struct S3Server {
    pub endpoint: String,
    pub bucket: String,
    pub credentials_secret: String,
}

impl S3Server {
    pub fn start(
        kubectl: &Kubectl,
        authority: &Authority,
        options: &S3Options<'_>,
    ) -> Result<Self, StorageError> {
        let S3Options { name, namespace, image, helper_image, bucket, secret_key } = *options;
        let certificate = authority.issue(name, namespace)?;
        let values = [
            ("name", name),
            ("namespace", namespace),
            ("image", image),
            ("helperImage", helper_image),
            ("bucket", bucket),
            ("accessKey", "coffer"),
            ("secretKey", secret_key),
            ("certificate", &indented(&certificate.certificate, 4)),
            ("privateKey", &indented(&certificate.private_key, 4)),
        ];
        kubectl.apply(&filled(include_str!("manifests/s3.yaml"), &values))?;
        kubectl.wait("condition=Ready", &format!("pod/{name}"), namespace, Duration::from_secs(180))?;
        Ok(Self {
            endpoint: format!("https://{name}.{namespace}.svc:7070"),
            bucket: bucket.to_owned(),
            credentials_secret: format!("{name}-root"),
        })
    }
}

/// Why a storage could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("failed to make the volume's directory {path}: {source}")]
    Directory { path: PathBuf, source: io::Error },
    #[error("failed to issue the storage's certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Kubectl(#[from] KubectlError),
}
