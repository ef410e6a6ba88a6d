//! Who keeps the keys and the promises, as a mover sees it.
//!
//! A mover asks its custodian for what one run needs, tells it how far it is, and never sees the vault's own keys.
//! [`Direct`] serves in the same process over an open [`crate::vault::Vault`]: the command line and the keeper use it. The
//! commands have a second one that asks a keeper over HTTPS.

use std::future::Future;

use contract::{Failure, PointId, Progress, ReadGrant, RestoreOutcome, RunId, Settled, WriteGrant, WriterId};

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

    /// What became of a run's point. `void`: close it for good if it is undecided.
    fn settle(&self, run: &RunId, void: bool) -> impl Future<Output = Result<Settled, Failure>> + Send;
}
