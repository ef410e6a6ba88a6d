//! The way to one bucket, as every protocol takes it.

use std::sync::Arc;

use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector as _},
};
use url::Url;

use super::{
    network::{Network, unusable},
    watch::{Watch, Watched},
};
use crate::store::{Patience, StoreError, StoreErrorKind};

/// Which bucket or container, what of it, and where it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct BucketSettings<'a> {
    pub bucket: &'a str,
    /// Without slashes at either end; empty: the bucket's root.
    pub prefix: &'a str,
    /// `None`: the provider's own endpoint.
    pub endpoint: Option<&'a str>,
    /// PEM bundle besides the public authorities.
    pub ca: Option<&'a str>,
}

/// All that is needed to set out.
pub(super) struct Way<'a> {
    pub bucket: &'a str,
    pub prefix: &'a str,
    /// How people write it.
    pub location: String,
    pub options: ClientOptions,
    pub watch: Arc<Watch>,
    pub patience: Patience,
}

impl<'a> Way<'a> {
    /// `address`: where it leads to, unless the client knows.
    ///
    /// # Errors
    /// When the authority's certificates cannot be read.
    pub fn new(
        settings: &BucketSettings<'a>,
        location: String,
        address: Option<&Url>,
        watch: Watch,
        network: &Network,
    ) -> Result<Self, StoreError> {
        let options = network.options(&location, address, settings.ca)?;
        let BucketSettings { bucket, prefix, .. } = *settings;
        Ok(Self { bucket, prefix, location, options, watch: Arc::new(watch), patience: network.patience })
    }

    /// What makes clients that are watched.
    pub fn connector(&self) -> Watched {
        Watched::new(Arc::clone(&self.watch))
    }

    /// A client for what object_store does not ask.
    ///
    /// # Errors
    /// When there can be none.
    pub fn client(&self) -> Result<HttpClient, StoreError> {
        self.connector().connect(&self.options).map_err(|error| self.misconfigured(error.to_string()))
    }

    /// The refusal of a description that no store can be opened with.
    pub fn misconfigured(&self, message: impl Into<String>) -> StoreError {
        unusable(&self.location, StoreErrorKind::Misconfigured, message.into())
    }
}
