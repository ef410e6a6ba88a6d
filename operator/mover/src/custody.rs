//! Who keeps the keys and the promises, as a mover sees it.
//!
//! A mover asks its custodian for what one run needs, tells it how far it is, and never sees the vault's own keys.
//! [`Direct`] serves in the same process over an open [`crate::vault::Vault`]: the command line and the keeper use it. The
//! commands have a second one that asks a keeper over HTTPS.

use std::{future::Future, sync::Arc};

use contract::{
    Failure, PointId, Progress, ReadGrant, RestoreOutcome, RunId, Settled, Stage, WriteGrant, WriterId,
};
use jiff::Timestamp;

use crate::{
    format::{Id, Record},
    vault::{RestoreAnnouncement, Vault, VaultError},
};

/// What a mover announces before its first write to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreStart {
    pub namespace: String,
    pub name: String,
    pub spec_hash: String,
    /// The target's system identifier and database.
    pub target: String,
    pub point: PointId,
}

/// Gives grants and takes reports. All calls may be repeated.
pub trait Custody: Send + Sync {
    /// What one process needs to write the run's point. The intent is written and the chain key wrapped for every
    /// recipient before this returns.
    fn write_grant(
        &self,
        run: &RunId,
        writer: &WriterId,
    ) -> impl Future<Output = Result<WriteGrant, Failure>> + Send;

    /// What one process needs to read a point. `reader` is drawn by the process, for the ledger.
    fn read_grant(
        &self,
        run: &RunId,
        point: &PointId,
        reader: &WriterId,
    ) -> impl Future<Output = Result<ReadGrant, Failure>> + Send;

    /// How far the run is. Losing one is no harm.
    fn progress(&self, run: &RunId, progress: Progress) -> impl Future<Output = Result<(), Failure>> + Send;

    /// To be in the ledger before a restore's first write.
    fn restore_started(
        &self,
        run: &RunId,
        start: RestoreStart,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// How a restore ended; closes its reading grant.
    fn restore_ended(
        &self,
        run: &RunId,
        outcome: RestoreOutcome,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The run reads its point no longer, and has written nothing. Without it the grant ends by its deadline.
    fn read_ended(&self, run: &RunId) -> impl Future<Output = Result<(), Failure>> + Send;

    /// What became of a run's point. `void`: close it for good if it is undecided.
    fn settle(&self, run: &RunId, void: bool) -> impl Future<Output = Result<Settled, Failure>> + Send;
}

/// Tells from a record until when its point is kept; `None`: until somebody removes it.
pub type ExpiryRule = Arc<dyn Fn(&Record) -> Result<Option<Timestamp>, String> + Send + Sync>;

/// Takes what a run says of itself.
pub type ProgressTaker = Arc<dyn Fn(&RunId, Progress) + Send + Sync>;

/// Custody in the same process, over an open vault.
#[derive(Clone)]
pub struct Direct {
    may_only_read: bool,
    vault: Vault,
    deadline: Timestamp,
    expiry: ExpiryRule,
    progress: ProgressTaker,
}

impl Direct {
    /// `deadline` is the run's: it goes into its intent, or until then a point that is read keeps its data.
    pub fn new(vault: Vault, deadline: Timestamp, expiry: ExpiryRule, progress: ProgressTaker) -> Self {
        Self { may_only_read: false, vault, deadline, expiry, progress }
    }

    /// Goes without announcing what it reads where storage forbids to write: the last copy must come back all the same.
    #[must_use]
    pub fn announcing_if_allowed(self) -> Self {
        Self { may_only_read: true, ..self }
    }

    fn is_silent(&self) -> bool {
        self.may_only_read && !self.vault.is_writable()
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }
}

impl Custody for Direct {
    async fn write_grant(&self, run: &RunId, writer: &WriterId) -> Result<WriteGrant, Failure> {
        self.vault.write_grant(run, writer, self.deadline).await.map_err(starting)
    }

    async fn read_grant(
        &self,
        run: &RunId,
        point: &PointId,
        reader: &WriterId,
    ) -> Result<ReadGrant, Failure> {
        let granted = if self.may_only_read {
            self.vault.read_grant_announced_if_allowed(run, point, reader, self.deadline).await
        } else {
            self.vault.read_grant(run, point, reader, self.deadline).await
        };
        granted.map_err(starting)
    }

    async fn progress(&self, run: &RunId, progress: Progress) -> Result<(), Failure> {
        (self.progress)(run, progress);
        Ok(())
    }

    async fn restore_started(&self, run: &RunId, start: RestoreStart) -> Result<(), Failure> {
        if self.is_silent() {
            return Ok(());
        }
        let point =
            Id::try_from(&start.point).map_err(|_| starting(VaultError::Id { what: "the point's" }))?;
        let restore = RestoreAnnouncement {
            point,
            namespace: start.namespace,
            name: start.name,
            spec_hash: start.spec_hash,
            target: start.target,
        };
        self.vault.announce_restore(run, restore).await.map(|_| ()).map_err(starting)
    }

    async fn restore_ended(&self, run: &RunId, outcome: RestoreOutcome) -> Result<(), Failure> {
        if self.is_silent() {
            return Ok(());
        }
        let ended = self.vault.end_restore(run, outcome).await;
        ended.map(|_| ()).map_err(|error| error.failure(Stage::Finishing))
    }

    async fn read_ended(&self, run: &RunId) -> Result<(), Failure> {
        if self.is_silent() {
            return Ok(());
        }
        let closed = self.vault.close_read(run).await;
        closed.map(|_| ()).map_err(|error| error.failure(Stage::Finishing))
    }

    async fn settle(&self, run: &RunId, void: bool) -> Result<Settled, Failure> {
        let settled = self.vault.settle(run, void, "its run has ended", &*self.expiry).await;
        settled.map_err(|error| error.failure(Stage::Accepting))
    }
}

fn starting(error: VaultError) -> Failure {
    error.failure(Stage::Starting)
}
