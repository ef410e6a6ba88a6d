//! The vault's keeper as a custodian, asked over HTTPS with a pinned certificate and the run's own token.
//!
//! A keeper may be away for a while: it is rolled, its node is drained. What a run cannot do without is asked again until
//! the deadline; progress is lost without harm, since the run goes on.

use std::time::Duration;

use ::mover::clock::{Clock, later};
use ::mover::custody::{Custody, RestoreStart};
use contract::{
    Appended, ChangeRequest, Failure, FailureCode, GrantRequest, KeeperEndpoint, PointId, Progress,
    ReadGrant, Refusal, RestoreOutcome, RunId, Secret, Settled, Stage, VERSION, WriteGrant, WriterId,
};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::pinned;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A grant may take as long as the keeper needs to wrap a key and write it down.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Progress that takes longer is old.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long the end of a restore is still told after the deadline, which is when it may have been cut off.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(2);

/// A keeper, for one run.
pub struct Remote {
    client: Client,
    url: String,
    token: Secret,
    deadline: Timestamp,
    clock: Clock,
    cancel: CancellationToken,
}

/// One call that did not succeed.
enum Trouble {
    /// Asking again may help.
    Passing(Failure),
    Final(Failure),
}

/// For how long a call is repeated.
#[derive(Clone, Copy)]
enum Patience {
    /// Until the run's deadline, or until it is cancelled.
    Run,
    /// Also when the run is over, for a short while.
    Afterwards,
}

impl Remote {
    /// Prepares the calls; nothing is sent yet.
    ///
    /// # Errors
    /// A failure with code `BadAssignment` when the certificates cannot be pinned.
    pub fn new(
        endpoint: &KeeperEndpoint,
        deadline: Timestamp,
        clock: Clock,
        cancel: CancellationToken,
    ) -> Result<Self, Failure> {
        let bad = |message: String| failure(FailureCode::BadAssignment, message);
        let tls = pinned::client_config(&endpoint.certificates).map_err(|error| bad(error.to_string()))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(true)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(|error| bad(format!("failed to prepare the connection to the keeper: {error}")))?;
        let url = endpoint.url.trim_end_matches('/').to_owned();
        Ok(Self { client, url, token: endpoint.token.clone(), deadline, clock, cancel })
    }

    async fn grant<G: DeserializeOwned>(&self, run: &RunId, writer: &WriterId) -> Result<G, Failure> {
        let request = GrantRequest { version: VERSION, writer: writer.clone() };
        self.persist(&format!("runs/{run}/grant"), &request, Patience::Run).await
    }

    async fn change(&self, run: &RunId, request: ChangeRequest, patience: Patience) -> Result<(), Failure> {
        let path = format!("runs/{run}/restore");
        self.persist::<_, Appended>(&path, &request, patience).await.map(|_| ())
    }

    /// Repeats a call until it is answered for good.
    async fn persist<B, A>(&self, path: &str, body: &B, patience: Patience) -> Result<A, Failure>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        let last = match patience {
            Patience::Run => self.deadline,
            Patience::Afterwards => later(self.deadline.max(self.clock.now()), AFTERWARDS),
        };
        let mut pause = FIRST_PAUSE;
        loop {
            let failure = match self.call(path, body, CALL_TIMEOUT).await {
                Ok(answer) => return Ok(answer),
                Err(Trouble::Final(failure)) => return Err(failure),
                Err(Trouble::Passing(failure)) => failure,
            };
            tracing::warn!(path, message = failure.message, pause = ?pause, "the keeper did not answer; asking again");
            if self.clock.now() >= last || !self.wait(pause, patience).await {
                return Err(failure);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits before the next try; `false` when the run was cancelled meanwhile.
    async fn wait(&self, pause: Duration, patience: Patience) -> bool {
        match patience {
            Patience::Run => tokio::select! {
                () = sleep(pause) => true,
                () = self.cancel.cancelled() => false,
            },
            Patience::Afterwards => {
                sleep(pause).await;
                true
            }
        }
    }

    async fn call<B, A>(&self, path: &str, body: &B, limit: Duration) -> Result<A, Trouble>
    where
        B: Serialize + Sync,
        A: DeserializeOwned,
    {
        let sent = self
            .client
            .post(format!("{}/v1/{path}", self.url))
            .bearer_auth(self.token.reveal())
            .timeout(limit)
            .json(body)
            .send()
            .await
            .map_err(|error| Trouble::Passing(unreachable_keeper(&error)))?;
        let status = sent.status();
        if status == StatusCode::OK {
            // A cut connection, or an answer of another version: the same call again gives the whole of it.
            return sent.json().await.map_err(|error| Trouble::Passing(unreachable_keeper(&error)));
        }
        let refusal = sent.json::<Refusal>().await.ok();
        Err(refused(status, refusal))
    }
}

impl Custody for Remote {
    async fn write_grant(&self, run: &RunId, writer: &WriterId) -> Result<WriteGrant, Failure> {
        self.grant(run, writer).await
    }

    async fn read_grant(
        &self,
        run: &RunId,
        point: &PointId,
        reader: &WriterId,
    ) -> Result<ReadGrant, Failure> {
        let grant: ReadGrant = self.grant(run, reader).await?;
        if grant.point == *point {
            Ok(grant)
        } else {
            let message = format!("the keeper granted point {} where {point} was asked for", grant.point);
            Err(failure(FailureCode::KeeperRefused, message))
        }
    }

    async fn progress(&self, run: &RunId, progress: Progress) -> Result<(), Failure> {
        let path = format!("runs/{run}/progress");
        match self.call(&path, &progress, PROGRESS_TIMEOUT).await {
            Ok(()) => Ok(()),
            Err(Trouble::Passing(failure) | Trouble::Final(failure)) => Err(failure),
        }
    }

    async fn restore_started(&self, run: &RunId, start: RestoreStart) -> Result<(), Failure> {
        let RestoreStart { namespace, name, spec_hash, target, point } = start;
        let request = ChangeRequest::RestoreStarted { namespace, name, spec_hash, target, point };
        self.change(run, request, Patience::Run).await
    }

    async fn restore_ended(&self, run: &RunId, outcome: RestoreOutcome) -> Result<(), Failure> {
        self.change(run, ChangeRequest::RestoreEnded { outcome }, Patience::Afterwards).await
    }

    async fn read_ended(&self, run: &RunId) -> Result<(), Failure> {
        self.change(run, ChangeRequest::ReadEnded, Patience::Afterwards).await
    }

    /// Settling is the operator's, after the pod has ended.
    async fn settle(&self, _run: &RunId, _void: bool) -> Result<Settled, Failure> {
        Err(failure(FailureCode::KeeperRefused, "a mover does not settle its own run"))
    }
}

fn refused(status: StatusCode, refusal: Option<Refusal>) -> Trouble {
    let Some(refusal) = refusal else {
        let message = format!("the keeper answered {status} without a reason");
        return match status.is_server_error() {
            true => Trouble::Passing(failure(FailureCode::KeeperUnreachable, message)),
            false => Trouble::Final(failure(FailureCode::KeeperRefused, message)),
        };
    };
    let passing = status.is_server_error();
    match refusal.failure {
        Some(failure) if passing && failure.code.is_retryable() => Trouble::Passing(failure),
        Some(failure) => Trouble::Final(failure),
        None if passing => Trouble::Passing(failure(FailureCode::KeeperUnreachable, refusal.message)),
        None => Trouble::Final(failure(FailureCode::KeeperRefused, refusal.message)),
    }
}

fn unreachable_keeper(error: &reqwest::Error) -> Failure {
    let mut message = format!("failed to ask the vault's keeper: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    failure(FailureCode::KeeperUnreachable, message)
}

fn failure(code: FailureCode, message: impl Into<String>) -> Failure {
    Failure { code, stage: Stage::Starting, message: message.into(), cause: None }
}
