//! From a contract's description of storage to a store.

use std::sync::Arc;

use contract::Storage;

use super::{
    FilesystemStore, SharedStore, StoreError, StoreErrorKind, Verb, credentials,
    http::{AzureSettings, BucketSettings, GcsSettings, HttpStore, Network, S3Settings},
};
use crate::clock::Clock;

/// Opens the storage that a grant, a keeper's configuration or a command line describes. Nothing is sent yet.
///
/// # Errors
/// When the description cannot be used.
pub fn connect(storage: &Storage, clock: &Clock) -> Result<SharedStore, StoreError> {
    connect_with(storage, clock, &Network::default())
}

/// As [`connect`], on another way there.
///
/// # Errors
/// When the description cannot be used.
pub fn connect_with(storage: &Storage, clock: &Clock, network: &Network) -> Result<SharedStore, StoreError> {
    credentials::check(storage)?;
    match storage {
        Storage::S3 { bucket, prefix, endpoint, region, addressing, ca, credentials } => {
            let settings = S3Settings {
                bucket: settings(bucket, prefix, endpoint, ca),
                region,
                addressing: *addressing,
                credentials: credentials.as_ref(),
            };
            Ok(Arc::new(HttpStore::s3(&settings, network, clock)?))
        }
        Storage::AzureBlob { account, container, prefix, endpoint, ca, credentials } => {
            let settings = AzureSettings {
                account,
                container: settings(container, prefix, endpoint, ca),
                credentials: credentials.as_ref().ok_or_else(none_given)?,
            };
            Ok(Arc::new(HttpStore::azure(&settings, network, clock)?))
        }
        Storage::Gcs { bucket, prefix, endpoint, ca, credentials } => {
            let settings = GcsSettings {
                bucket: settings(bucket, prefix, endpoint, ca),
                credentials: credentials.as_ref().ok_or_else(none_given)?,
            };
            Ok(Arc::new(HttpStore::gcs(&settings, network, clock)?))
        }
        Storage::Filesystem { path } => Ok(Arc::new(FilesystemStore::open(path, clock)?)),
    }
}

fn settings<'a>(
    bucket: &'a str,
    prefix: &'a str,
    endpoint: &'a Option<String>,
    ca: &'a Option<String>,
) -> BucketSettings<'a> {
    BucketSettings { bucket, prefix, endpoint: endpoint.as_deref(), ca: ca.as_deref() }
}

fn none_given() -> StoreError {
    let message = "none are given, and the identity of the machine is not used";
    StoreError::new(Verb::Open, "the storage credentials", StoreErrorKind::CredentialsRefused, message)
}
