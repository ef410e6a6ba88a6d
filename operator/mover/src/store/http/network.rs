//! How the way to a store is taken: with which patience, certificates and address.

use std::{sync::Arc, time::Duration};

use object_store::{Certificate, ClientOptions, RetryConfig, client::DnsResolver};
use url::Url;

use crate::store::{Patience, StoreError, StoreErrorKind, Verb};

/// How long a connection may take to come about.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// What is the same on the way to any store that is asked over HTTP.
#[derive(Debug, Clone)]
pub struct Network {
    /// How long a failing call is repeated.
    pub patience: Patience,
    /// How long one request may take, from the first byte to the last.
    pub request_time: Duration,
    /// Who knows hosts by name; `None`: the machine.
    pub resolver: Option<Arc<dyn DnsResolver>>,
}

impl Default for Network {
    fn default() -> Self {
        Self { patience: Patience::default(), request_time: Duration::from_secs(120), resolver: None }
    }
}

impl From<Patience> for Network {
    fn from(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }
}

impl Network {
    /// What the HTTP client is made with.
    ///
    /// # Errors
    /// When the authority's certificates cannot be read.
    pub(super) fn options(
        &self,
        location: &str,
        endpoint: Option<&Url>,
        ca: Option<&str>,
    ) -> Result<ClientOptions, StoreError> {
        let plain_http = endpoint.is_some_and(|endpoint| endpoint.scheme() == "http");
        let mut options = ClientOptions::new()
            .with_timeout(self.request_time)
            .with_connect_timeout(CONNECT_TIME)
            .with_allow_http(plain_http);
        if let Some(resolver) = &self.resolver {
            options = options.with_dns_resolver(Arc::clone(resolver));
        }
        let Some(pem) = ca else { return Ok(options) };
        let untrusted = |message: String| unusable(location, StoreErrorKind::Untrusted, message);
        let authorities = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| untrusted(format!("the authority's certificates cannot be read: {error}")))?;
        if authorities.is_empty() {
            return Err(untrusted("the authority's bundle holds no certificate in PEM form".into()));
        }
        for authority in authorities {
            options = options.with_root_certificate(authority);
        }
        Ok(options)
    }
}

/// object_store repeats nothing: see [`super`].
pub(super) fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

/// The address of a store, which must be nothing but an address.
///
/// # Errors
/// When it is none, or holds what does not belong there.
pub(super) fn endpoint(location: &str, endpoint: &str) -> Result<Url, StoreError> {
    let misconfigured = |message: String| unusable(location, StoreErrorKind::Misconfigured, message);
    let url = Url::parse(endpoint)
        .map_err(|error| misconfigured(format!("the endpoint {endpoint} is no URL: {error}")))?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(misconfigured(format!("the endpoint {endpoint} is not an http or https URL")));
    }
    if url.password().is_some() || !url.username().is_empty() || url.query().is_some() {
        return Err(misconfigured(
            "the endpoint holds a user, a password or a query; only scheme, host and port belong there"
                .into(),
        ));
    }
    Ok(url)
}

/// A description that no store can be opened with.
pub(super) fn unusable(location: &str, kind: StoreErrorKind, message: String) -> StoreError {
    StoreError::new(Verb::Open, location, kind, message)
}
