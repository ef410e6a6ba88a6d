//! Puts databases of a point back into a server: one, or several with what they share.
//!
//! A database that is not there yet is made under a name that tells that it is unfinished, filled, checked, given its owner,
//! privileges and settings while nobody may connect, and only then its own name: who sees the name sees all of it. When
//! anything fails it is dropped. A database that somebody made, and that is empty, carries a comment instead while it is
//! being filled, and is left with it when anything fails.
//!
//! ```text
//! server, globals  several databases: roles first, the names of all of them last
//! preflight   everything that can be known before the first write
//! pre_data    what comes before the rows; sets the rest aside
//! plan, board, lane, load    rows by many sessions; keys and indexes as soon as a table's rows are in
//! select, ready    what of the point is restored
//! files       the same as files, without any server
//! inside      selected objects into a database that is in use, in one transaction
//! large_objects, sequences, statistics, complete, finish    what comes after
//! compare     whether what is there is what was stored
//! ```
//!
//! What the rows were checked by: every byte is authenticated when it is read, the digest of the rows that were sent is
//! compared with the manifest's for each table, and so is the number of rows that the server says it took. [`Check::Reread`]
//! also reads every table back from the target and compares its digest.

mod acl;
mod begun;
mod board;
mod collation;
mod compare;
mod complete;
mod database;
mod error;
pub mod files;
mod finish;
mod foresee;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod globals;
mod inside;
mod lane;
mod large_objects;
mod lent;
mod load;
mod names;
mod naming;
mod plan;
mod pre_data;
mod preflight;
mod public_schema;
mod ready;
mod references;
mod rename;
mod roots;
mod select;
mod selection;
mod sequences;
mod server;
mod statements;
mod statistics;
mod tablespaces;
mod target;
mod unfinished;
mod work;

use std::{collections::BTreeMap, time::Duration};

use contract::{Failure, Limits, PointId, RestoreOutcome, RestoreTarget, RunId, Summary};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use compare::{ComparedSchema, ComparedTable, Comparison, Verdict};
pub use error::RestoreError;
pub use preflight::Objection;
pub use selection::{Rename, Selection, SelectionError};
pub use server::{Roles, ServerRestoreInput};

use crate::{
    clock::Clock,
    custody::Custody,
    progress::{self, ProgressSink},
};
use begun::Begun;
use work::Work;

/// How long the statements that name a database may take after the run was told to stop.
const NAMING: Duration = Duration::from_secs(30);

/// What is to be restored, and where to.
#[derive(Debug, Clone)]
pub struct RestoreInput {
    pub point: PointId,
    /// Which database of the point; `None`: the only one that it has, or of several the one that is called like the target's.
    pub database: Option<String>,
    /// For tablespaces of the source, those of the target that are taken instead.
    pub tablespaces: BTreeMap<String, String>,
    pub target: RestoreTarget,
    /// Namespace, name and spec hash of whoever asked, for the ledger.
    pub requested_by: (String, String, String),
    pub limits: Limits,
    /// The run stops itself at this instant, and leaves no database behind.
    pub deadline: Timestamp,
    pub check: Check,
    pub purpose: Purpose,
    pub selection: Selection,
}

/// What a restore is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The database stays.
    #[default]
    Keep,
    /// To see whether it can be done: the database is compared with the point, never gets its name, and is dropped. The
    /// ledger is told of nothing but the reading.
    Rehearse,
}

/// How far a restored database is checked before it gets its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Check {
    /// The rows that were sent, and how many the server took.
    #[default]
    Sent,
    /// Also every table, read back from the target.
    Reread,
}

/// A database that was restored and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreDone {
    /// When the target was first written to.
    pub started: Timestamp,
    pub summary: Summary,
    /// What is not as it was in the source, each in a sentence.
    pub warnings: Vec<String>,
    /// Of a rehearsal.
    pub comparison: Option<Comparison>,
}

/// Restores a point. Nothing was written when [`contract::Progress::started`] is still empty afterwards.
///
/// # Errors
/// With the stage in which it failed; what was made is dropped, or the message says why it is not.
pub async fn run(
    input: &RestoreInput,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    cancel: CancellationToken,
    clock: &Clock,
) -> Result<RestoreDone, Failure> {
    let begun = Begun::default();
    let work = Work { input, custody, run, progress, clock, begun: &begun };
    work.see_through(work.run(), input.deadline, cancel).await
}

/// Restores several databases of a point, with the roles that they need. They get their names all at once, when every one of
/// them is loaded and checked; until then, and when anything fails, none of them is there. Roles that were made stay.
///
/// # Errors
/// As those of [`run`].
pub async fn run_server(
    input: &ServerRestoreInput,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    cancel: CancellationToken,
    clock: &Clock,
) -> Result<RestoreDone, Failure> {
    let begun = Begun::default();
    let work = Work { input, custody, run, progress, clock, begun: &begun };
    work.see_through(work.run(), input.deadline, cancel).await
}

impl<C: Custody, I> Work<'_, C, I> {
    /// Takes the steps, reports, takes back what came to nothing, and tells the custodian of the end.
    async fn see_through(
        &self,
        steps: impl Future<Output = Result<RestoreDone, RestoreError>>,
        deadline: Timestamp,
        cancel: CancellationToken,
    ) -> Result<RestoreDone, Failure> {
        let Self { custody, run, progress, begun, .. } = *self;
        let mut ended = tokio::select! {
            ended = self.until_stopped(steps, deadline, cancel) => ended,
            () = progress::report(custody, run, progress.watch()) => Err(RestoreError::Cancelled),
        }
        .map_err(|error| error.into_failure(progress.now().stage));
        for undo in begun.take() {
            let left = undo.undo().await;
            match &mut ended {
                // Of a rehearsal nothing is to stay.
                Ok(done) => done.warnings.extend(left),
                Err(failure) => {
                    if let Some(left) = left {
                        failure.message = format!("{}; {left}", failure.message);
                    }
                }
            }
        }
        if begun.is_announced() {
            let outcome = match &ended {
                Ok(done) if done.warnings.is_empty() => RestoreOutcome::Completed,
                Ok(_) => RestoreOutcome::CompletedWithWarnings,
                Err(_) => RestoreOutcome::Failed,
            };
            if let Err(failure) = custody.restore_ended(run, outcome).await {
                tracing::warn!(message = failure.message, "the custodian was not told how the restore ended");
            }
        }
        ended
    }

    /// The steps' end, or their end before their time. While databases get their names they are not stopped: either the names
    /// or an error comes of that.
    async fn until_stopped(
        &self,
        steps: impl Future<Output = Result<RestoreDone, RestoreError>>,
        deadline: Timestamp,
        cancel: CancellationToken,
    ) -> Result<RestoreDone, RestoreError> {
        let left = deadline.duration_since(self.clock.now());
        let deadline = tokio::time::sleep(left.try_into().unwrap_or_default());
        tokio::pin!(steps);
        let reason = tokio::select! {
            biased;
            ended = &mut steps => return ended,
            () = cancel.cancelled() => RestoreError::Cancelled,
            () = deadline => RestoreError::DeadlineExceeded,
        };
        if !self.begun.is_being_named() {
            return Err(reason);
        }
        tokio::time::timeout(NAMING, steps).await.unwrap_or(Err(reason))
    }
}
