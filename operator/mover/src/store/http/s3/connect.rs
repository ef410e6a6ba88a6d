//! From a description to a client.

use std::sync::Arc;

use contract::{Addressing, S3Credentials};
use object_store::aws::{AmazonS3Builder, Checksum, S3ConditionalPut};
use url::Url;

use super::{S3, known::Known};
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

/// A bucket, how it is asked, and what lets in to it.
#[derive(Debug, Clone)]
pub struct S3Settings<'a> {
    pub bucket: BucketSettings<'a>,
    pub region: &'a str,
    pub addressing: Addressing,
    /// `None`: from the environment, as the provider's own tools take them.
    pub credentials: Option<&'a S3Credentials>,
}

impl HttpStore<S3> {
    /// Prepares a store; nothing is sent yet.
    ///
    /// # Errors
    /// When the description cannot be used.
    pub fn s3(settings: &S3Settings<'_>, network: &Network, clock: &Clock) -> Result<Self, StoreError> {
        let bucket = settings.bucket;
        let location = format!("s3://{}/{}", bucket.bucket, bucket.prefix);
        let address = bucket.endpoint.map(|endpoint| network::endpoint(&location, endpoint)).transpose()?;
        let way = Way::new(&bucket, location, address.as_ref(), Watch::new(clock), network)?;
        let known = Known::default();
        let mut builder = base(settings)
            .with_bucket_name(bucket.bucket)
            .with_region(settings.region)
            .with_virtual_hosted_style_request(settings.addressing == Addressing::VirtualHost)
            .with_checksum_algorithm(Checksum::SHA256)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_disable_bulk_delete(true)
            .with_retry(network::once())
            .with_crypto_provider(Arc::new(known.clone()))
            .with_http_connector(way.connector())
            .with_client_options(way.options.clone());
        if let Some(address) = address {
            let endpoint = with_bucket(settings, address).map_err(|message| way.misconfigured(message))?;
            builder = builder.with_endpoint(endpoint);
        }
        let client = builder.build().map_err(|error| way.misconfigured(error.to_string()))?;
        Ok(Self::new(S3 { client, http: way.client()?, known }, way))
    }
}

/// Credentials first: what else the environment says must not override what was asked for.
fn base(settings: &S3Settings<'_>) -> AmazonS3Builder {
    let Some(credentials) = settings.credentials else {
        return AmazonS3Builder::from_env();
    };
    let builder = AmazonS3Builder::new()
        .with_access_key_id(&credentials.access_key_id)
        .with_secret_access_key(credentials.secret_access_key.reveal());
    match &credentials.session_token {
        Some(token) => builder.with_token(token.reveal()),
        None => builder,
    }
}

/// The endpoint as object_store wants it: with the bucket in the host's name where that is asked for.
fn with_bucket(settings: &S3Settings<'_>, mut endpoint: Url) -> Result<String, String> {
    if settings.addressing == Addressing::VirtualHost {
        let host = format!("{}.{}", settings.bucket.bucket, endpoint.host_str().unwrap_or_default());
        endpoint
            .set_host(Some(&host))
            .map_err(|error| format!("the bucket cannot be part of a host's name: {error}"))?;
    }
    Ok(endpoint.as_str().trim_end_matches('/').to_owned())
}
