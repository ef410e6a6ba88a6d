//! Where a vault's objects are, as keeper and mover need to know it.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// A place that holds a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Storage {
    /// Any store that speaks the S3 protocol and honours `If-None-Match: *`.
    S3 {
        bucket: String,
        /// Without slashes at either end; empty: the bucket's root.
        prefix: String,
        /// `None`: the provider's own endpoint of the region.
        endpoint: Option<String>,
        region: String,
        addressing: Addressing,
        /// PEM bundle that signs the endpoint's certificate, besides the public authorities.
        ca: Option<String>,
        /// `None`: the keeper reads them from its mounted files, the command line from the usual environment.
        credentials: Option<S3Credentials>,
    },
    /// A container of Azure Blob Storage.
    AzureBlob {
        account: String,
        container: String,
        /// Without slashes at either end; empty: the container's root.
        prefix: String,
        /// `None`: Azure's own endpoint of the account.
        endpoint: Option<String>,
        /// PEM bundle that signs the endpoint's certificate, besides the public authorities.
        ca: Option<String>,
        /// `None`: the keeper reads them from its mounted files, the command line from the usual environment.
        credentials: Option<AzureCredentials>,
    },
    /// A bucket of Google Cloud Storage.
    Gcs {
        bucket: String,
        /// Without slashes at either end; empty: the bucket's root.
        prefix: String,
        /// `None`: Google's own endpoint.
        endpoint: Option<String>,
        /// PEM bundle that signs the endpoint's certificate, besides the public authorities.
        ca: Option<String>,
        /// `None`: the keeper reads them from its mounted files, the command line from the usual environment.
        credentials: Option<GcsCredentials>,
    },
    /// A directory, usually of a mounted PersistentVolumeClaim.
    Filesystem { path: String },
}

impl Storage {
    /// Takes an authority's PEM bundle, where the storage is asked over a network.
    pub fn set_authority(&mut self, bundle: String) {
        match self {
            Self::S3 { ca, .. } | Self::AzureBlob { ca, .. } | Self::Gcs { ca, .. } => *ca = Some(bundle),
            Self::Filesystem { .. } => {}
        }
    }
}

/// How an S3 bucket is named in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressing {
    #[default]
    Path,
    VirtualHost,
}

/// What signs S3 requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct S3Credentials {
    pub access_key_id: String,
    pub secret_access_key: Secret,
    pub session_token: Option<Secret>,
}

/// What lets in to Azure Blob Storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AzureCredentials {
    /// One of the account's two keys, base64.
    AccountKey(Secret),
    /// A shared access signature, as Azure prints it: `sv=...&sig=...`.
    Sas(Secret),
    /// A service principal of Entra ID.
    ClientSecret { tenant_id: String, client_id: String, client_secret: Secret },
}

/// What lets in to Google Cloud Storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GcsCredentials {
    /// The key of a service account, as Google prints it: JSON.
    pub service_account_key: Secret,
}
