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
    /// A directory, usually of a mounted PersistentVolumeClaim.
    Filesystem { path: String },
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
