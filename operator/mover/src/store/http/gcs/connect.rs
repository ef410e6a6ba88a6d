//! From a description to a client. Credentials are always given: object_store would else look for those of the machine it
//! runs on.

use std::sync::Arc;

use contract::GcsCredentials;
use object_store::{client::HttpConnector as _, gcp::GoogleCloudStorageBuilder};

use super::Gcs;
use crate::{
    clock::Clock,
    store::{
        StoreError, StoreErrorKind,
        http::{
            BucketPlace, HttpStore,
            network::{self, Network},
            watch::{Watch, Watched},
        },
    },
};

const ENDPOINT: &str = "https://storage.googleapis.com";

/// Where a prefix of a bucket is and how to get there.
#[derive(Debug, Clone)]
pub struct GcsSettings<'a> {
    pub bucket: &'a str,
    /// Without slashes at either end; empty: the bucket's root.
    pub prefix: &'a str,
    /// `None`: Google's own endpoint.
    pub endpoint: Option<&'a str>,
    /// PEM bundle besides the public authorities.
    pub ca: Option<&'a str>,
    pub credentials: &'a GcsCredentials,
}

impl HttpStore<Gcs> {
    /// Prepares a store; nothing is sent yet.
    ///
    /// # Errors
    /// When the description cannot be used.
    pub fn gcs(settings: &GcsSettings<'_>, network: &Network, clock: &Clock) -> Result<Self, StoreError> {
        let GcsSettings { bucket, prefix, .. } = settings;
        let location = format!("gs://{bucket}/{prefix}");
        let misconfigured =
            |message: String| network::unusable(&location, StoreErrorKind::Misconfigured, message);
        let endpoint = network::endpoint(&location, Some(settings.endpoint.unwrap_or(ENDPOINT)))?
            .ok_or_else(|| misconfigured("the store has no address".into()))?;
        let options = network.options(&location, Some(&endpoint), settings.ca)?;
        let watch = Arc::new(Watch::new(clock));
        let http = Watched::new(Arc::clone(&watch))
            .connect(&options)
            .map_err(|error| misconfigured(error.to_string()))?;
        let credentials = GoogleCloudStorageBuilder::new()
            .with_bucket_name(*bucket)
            .with_service_account_key(settings.credentials.service_account_key.reveal())
            .with_retry(network::once())
            .with_http_connector(Watched::new(Arc::clone(&watch)))
            .with_client_options(options)
            .build()
            // What is wrong with the key may be told by repeating a part of it.
            .map_err(|_| {
                misconfigured(
                    "the service account's key is not the JSON text that Google gave out, with `private_key`, \
                     `private_key_id` and `client_email`"
                        .into(),
                )
            })?
            .credentials()
            .clone();
        let place = BucketPlace { bucket, prefix, location };
        let wire = Gcs { credentials, http, endpoint, bucket: (*bucket).to_owned() };
        Ok(Self::new(wire, place, watch, network.patience))
    }
}
