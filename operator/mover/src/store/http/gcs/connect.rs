//! From a description to a client. Credentials are always given: object_store would else look for those of the machine it
//! runs on.

use contract::GcsCredentials;
use object_store::gcp::GoogleCloudStorageBuilder;

use super::Gcs;
use crate::{
    clock::Clock,
    store::{
        StoreError,
        http::{
            BucketSettings, HttpStore,
            network::{self, Network},
            watch::Watch,
            way::Way,
        },
    },
};

const ENDPOINT: &str = "https://storage.googleapis.com";

/// A bucket, and what lets in to it.
#[derive(Debug, Clone)]
pub struct GcsSettings<'a> {
    pub bucket: BucketSettings<'a>,
    pub credentials: &'a GcsCredentials,
}

impl HttpStore<Gcs> {
    /// Prepares a store; nothing is sent yet.
    ///
    /// # Errors
    /// When the description cannot be used.
    pub fn gcs(settings: &GcsSettings<'_>, network: &Network, clock: &Clock) -> Result<Self, StoreError> {
        let GcsSettings { bucket, credentials } = *settings;
        let location = format!("gs://{}/{}", bucket.bucket, bucket.prefix);
        let endpoint = network::endpoint(&location, bucket.endpoint.unwrap_or(ENDPOINT))?;
        let way = Way::new(&bucket, location, Some(&endpoint), Watch::new(clock), network)?;
        let credentials = GoogleCloudStorageBuilder::new()
            .with_bucket_name(bucket.bucket)
            .with_service_account_key(credentials.service_account_key.reveal())
            .with_retry(network::once())
            .with_http_connector(way.connector())
            .with_client_options(way.options.clone())
            .build()
            // What is wrong with the key may be told by repeating a part of it.
            .map_err(|_| {
                way.misconfigured(
                    "the service account's key is not the JSON text that Google gave out, with `private_key`, \
                     `private_key_id` and `client_email`",
                )
            })?
            .credentials()
            .clone();
        let wire = Gcs { credentials, http: way.client()?, endpoint, bucket: bucket.bucket.to_owned() };
        Ok(Self::new(wire, way))
    }
}
