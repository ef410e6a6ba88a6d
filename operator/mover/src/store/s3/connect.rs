//! From a description to a client.

use std::sync::Arc;

use contract::{Addressing, S3Credentials};
use object_store::{
    Certificate, ClientOptions, RetryConfig,
    aws::{AmazonS3Builder, Checksum, S3ConditionalPut},
};

use super::{
    CONNECT_TIME, REQUEST_TIME, S3Store,
    known::Known,
    watch::{Watch, Watched},
};
use crate::{
    clock::Clock,
    store::{StoreError, StoreErrorKind, Verb, patience::Patience},
};

/// Where a prefix of a bucket is and how to get there.
#[derive(Debug, Clone)]
pub struct S3Settings<'a> {
    pub bucket: &'a str,
    /// Without slashes at either end; empty: the bucket's root.
    pub prefix: &'a str,
    /// `None`: the provider's own endpoint of the region.
    pub endpoint: Option<&'a str>,
    pub region: &'a str,
    pub addressing: Addressing,
    /// PEM bundle besides the public authorities.
    pub ca: Option<&'a str>,
    /// `None`: from the environment, as the provider's own tools take them.
    pub credentials: Option<&'a S3Credentials>,
    /// How long a failing call is repeated.
    pub patience: Patience,
}

pub(super) fn open(settings: &S3Settings<'_>, clock: &Clock) -> Result<S3Store, StoreError> {
    let location = format!("s3://{}/{}", settings.bucket, settings.prefix);
    let unusable =
        |message: String| StoreError::new(Verb::Open, &location, StoreErrorKind::Misconfigured, message);
    let untrusted =
        |message: String| StoreError::new(Verb::Open, &location, StoreErrorKind::Untrusted, message);
    let watch = Arc::new(Watch::new(clock.clone()));
    let known = Known::default();
    let mut options = ClientOptions::new()
        .with_timeout(REQUEST_TIME)
        .with_connect_timeout(CONNECT_TIME)
        .with_allow_http(plain_http(settings.endpoint));
    if let Some(pem) = settings.ca {
        let authorities = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| untrusted(format!("the authority's certificates cannot be read: {error}")))?;
        if authorities.is_empty() {
            return Err(untrusted("the authority's bundle holds no certificate in PEM form".into()));
        }
        for authority in authorities {
            options = options.with_root_certificate(authority);
        }
    }
    let mut builder = base(settings)
        .with_bucket_name(settings.bucket)
        .with_region(settings.region)
        .with_virtual_hosted_style_request(settings.addressing == Addressing::VirtualHost)
        .with_checksum_algorithm(Checksum::SHA256)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_crypto_provider(Arc::new(known.clone()))
        .with_http_connector(Watched::new(Arc::clone(&watch)))
        .with_client_options(options.clone());
    if let Some(endpoint) = endpoint(settings).map_err(unusable)? {
        builder = builder.with_endpoint(endpoint);
    }
    let client = builder.build().map_err(|error| unusable(error.to_string()))?;
    let prefix = match settings.prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    Ok(S3Store {
        client,
        options,
        bucket: settings.bucket.to_owned(),
        prefix,
        location,
        watch,
        known,
        patience: settings.patience,
    })
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
fn endpoint(settings: &S3Settings<'_>) -> Result<Option<String>, String> {
    let Some(endpoint) = settings.endpoint else {
        return Ok(None);
    };
    let mut url =
        url::Url::parse(endpoint).map_err(|error| format!("the endpoint {endpoint} is no URL: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(format!("the endpoint {endpoint} is not an http or https URL"));
    }
    if url.password().is_some() || !url.username().is_empty() || url.query().is_some() {
        return Err(
            "the endpoint holds a user, a password or a query; only scheme, host and port belong there"
                .into(),
        );
    }
    if settings.addressing == Addressing::VirtualHost {
        let host = format!("{}.{}", settings.bucket, url.host_str().unwrap_or_default());
        url.set_host(Some(&host))
            .map_err(|error| format!("the bucket cannot be part of a host's name: {error}"))?;
    }
    Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
}

fn plain_http(endpoint: Option<&str>) -> bool {
    endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))
}
