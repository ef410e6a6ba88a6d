//! One call each to one vault's keeper, over TLS with its pinned certificates.

use std::time::Duration;

use contract::{
    Appended, LedgerRequest, OverrideRequest, PointId, Points, Refusal, RemoveRequest, RestoreSeen, RunId,
    Runs, Secret, SettleRequest, Settled, TombstoneRequest, VaultView,
};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::pinned::{self, PinError};

/// A keeper that is up answers within this.
const ANSWER: Duration = Duration::from_secs(15);
/// To settle, the keeper reads record, inventory, manifest and lists of a point in full; to delete, the records of newer
/// points.
const SETTLE: Duration = Duration::from_secs(180);
/// How far the operator's clock is ahead of the wall clock, in seconds, when a test has put it ahead.
const CLOCK_HEADER: &str = "coffer-clock-offset";

/// How to reach a keeper, and how to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeeperAddress {
    /// `https://host:port`.
    pub url: String,
    /// PEM certificates, any of which it may show.
    pub certificates: Vec<String>,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error("failed to prepare TLS to the keeper at {url}")]
    Prepare {
        url: String,
        #[source]
        source: PinError,
    },
    #[error("failed to set up a client for the keeper at {url}")]
    Client {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("failed to reach the keeper to {what}")]
    Reach {
        what: &'static str,
        #[source]
        source: reqwest::Error,
    },
    #[error("the keeper refused to {what}: {}", .refusal.message)]
    Refused { what: &'static str, status: u16, refusal: Refusal },
    #[error("failed to understand the keeper's answer when asked to {what}")]
    Answer {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

/// A client of one keeper. Its calls are safe to repeat.
#[derive(Clone)]
pub struct KeeperClient {
    http: reqwest::Client,
    url: String,
    token: Secret,
    clock: Clock,
}

impl KeeperClient {
    /// A client of the keeper at `address`, which knows the operator by `token`.
    ///
    /// # Errors
    /// [`KeeperError::Prepare`] for certificates that are none.
    pub fn new(address: &KeeperAddress, token: Secret, clock: Clock) -> Result<Self, KeeperError> {
        let url = address.url.clone();
        let tls = pinned::client_config(&address.certificates)
            .map_err(|source| KeeperError::Prepare { url: url.clone(), source })?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .build()
            .map_err(|source| KeeperError::Client { url: url.clone(), source })?;
        Ok(Self { http, url, token, clock })
    }

    /// The vault as its keeper sees it.
    ///
    /// # Errors
    /// [`KeeperError`], as of every call.
    pub async fn vault(&self) -> Result<VaultView, KeeperError> {
        self.call("describe the vault", Method::GET, "/v1/vault", None::<&()>, ANSWER).await
    }

    /// Points whose newest ledger entry comes after `sequence`.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn points(&self, sequence: u64) -> Result<Points, KeeperError> {
        let path = format!("/v1/points?after={sequence}");
        self.call("list points", Method::GET, &path, None::<&()>, SETTLE).await
    }

    /// How far the runs are that were heard of.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn runs(&self) -> Result<Runs, KeeperError> {
        self.call("list runs", Method::GET, "/v1/runs", None::<&()>, ANSWER).await
    }

    /// What became of a run's point. With `void` an undecided one is closed for good.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn settle(&self, run: &RunId, void: bool) -> Result<Settled, KeeperError> {
        let path = format!("/v1/runs/{run}/settle");
        self.call("settle a run", Method::POST, &path, Some(&SettleRequest { void }), SETTLE).await
    }

    /// Asks that a point be deleted.
    ///
    /// # Errors
    /// [`KeeperError::Refused`] when the keeper's own judgement is another.
    pub async fn tombstone(
        &self,
        point: &PointId,
        request: &TombstoneRequest,
    ) -> Result<Appended, KeeperError> {
        let path = format!("/v1/points/{point}/tombstone");
        self.call("delete a point", Method::POST, &path, Some(request), SETTLE).await
    }

    /// Asks that a point go before its time.
    ///
    /// # Errors
    /// [`KeeperError::Refused`] when the keeper's own judgement is another.
    pub async fn remove(&self, point: &PointId, request: &RemoveRequest) -> Result<Appended, KeeperError> {
        let path = format!("/v1/points/{point}/remove");
        self.call("remove a point", Method::POST, &path, Some(request), SETTLE).await
    }

    /// Gives a point another end, and takes back a removal that has not been carried out.
    ///
    /// # Errors
    /// [`KeeperError::Refused`] when the keeper's own judgement is another.
    pub async fn override_end(
        &self,
        point: &PointId,
        request: &OverrideRequest,
    ) -> Result<Appended, KeeperError> {
        let path = format!("/v1/points/{point}/override");
        self.call("give a point another end", Method::POST, &path, Some(request), ANSWER).await
    }

    /// Writes an entry of the operator's own into the ledger.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn append(&self, request: &LedgerRequest) -> Result<Appended, KeeperError> {
        self.call("write into the ledger", Method::POST, "/v1/ledger", Some(request), ANSWER).await
    }

    /// What the ledger knows of a RestoreJob's name.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub async fn restore(&self, namespace: &str, name: &str) -> Result<Option<RestoreSeen>, KeeperError> {
        let path = format!("/v1/restores/{namespace}/{name}");
        self.call("look up a restore", Method::GET, &path, None::<&()>, ANSWER).await
    }

    async fn call<B: Serialize, A: DeserializeOwned>(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<&B>,
        timeout: Duration,
    ) -> Result<A, KeeperError> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(self.token.reveal())
            .timeout(timeout);
        if let Some(body) = body {
            request = request.json(body);
        }
        if self.clock.offset_seconds() > 0 {
            request = request.header(CLOCK_HEADER, self.clock.offset_seconds());
        }
        let reply = request
            .send()
            .await
            .map_err(|source| KeeperError::Reach { what, source: source.without_url() })?;
        let status = reply.status();
        let bytes = reply
            .bytes()
            .await
            .map_err(|source| KeeperError::Reach { what, source: source.without_url() })?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&bytes).map_err(|source| KeeperError::Answer { what, source });
        }
        let refusal = serde_json::from_slice(&bytes).unwrap_or_else(|_| Refusal {
            reason: "Unexplained".into(),
            message: format!("it answered with HTTP status {status}"),
            failure: None,
            holder: None,
        });
        Err(KeeperError::Refused { what, status: status.as_u16(), refusal })
    }
}
