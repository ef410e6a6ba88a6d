//! Level 4: the point is restored into a database of its own, compared, and the database dropped, whatever came of it.
//!
//! What is found says nothing against the stored bytes, which the levels before have read: a server that is full, or lacks
//! a role, is a failure of the rehearsal and no damage.

use std::collections::BTreeMap;

use contract::{Connection, Failure, Limits, PointId, RestoreTarget, RunId};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    custody::Custody,
    progress::ProgressSink,
    restore::{self, Check, Comparison, Purpose, RestoreInput, Selection},
};

/// How much of the run's name is enough to tell runs apart.
const RUN_DIGITS: usize = 8;

/// Where a point is restored to see whether it can be.
#[derive(Debug, Clone)]
pub struct Scratch {
    /// Its database is the one to log in to; a new one is made beside it.
    pub connection: Connection,
    /// Which database of the point; `None`: the only one that it has.
    pub database: Option<String>,
    /// Who gets what belonged to roles that the server does not have.
    pub owner: Option<String>,
    pub limits: Limits,
    /// The rehearsal stops itself at this instant.
    pub deadline: Timestamp,
}

/// What a rehearsal saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rehearsal {
    pub comparison: Comparison,
    /// What is not as it was in the source, and what was left behind, each in a sentence.
    pub warnings: Vec<String>,
}

/// Restores, compares and drops. `run` is this rehearsal's alone.
///
/// # Errors
/// What kept the point from being restored on that server.
pub async fn rehearse(
    scratch: &Scratch,
    point: &PointId,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    cancel: CancellationToken,
    clock: &Clock,
) -> Result<Rehearsal, Failure> {
    let input = RestoreInput {
        point: point.clone(),
        database: scratch.database.clone(),
        tablespaces: BTreeMap::new(),
        target: RestoreTarget {
            connection: scratch.connection.clone(),
            database: database(run),
            owner: scratch.owner.clone(),
        },
        requested_by: (String::new(), "verification".to_owned(), run.0.clone()),
        limits: scratch.limits.clone(),
        deadline: scratch.deadline,
        check: Check::Reread,
        purpose: Purpose::Rehearse,
        selection: Selection::default(),
    };
    let done = restore::run(&input, custody, run, progress, cancel, clock).await?;
    Ok(Rehearsal { comparison: done.comparison.unwrap_or_default(), warnings: done.warnings })
}

/// `_coffer_verify_` and the beginning of the run's name.
fn database(run: &RunId) -> String {
    let letters = run.0.chars().filter(char::is_ascii_alphanumeric);
    let digits: String = letters.take(RUN_DIGITS).map(|letter| letter.to_ascii_lowercase()).collect();
    format!("_coffer_verify_{digits}")
}
