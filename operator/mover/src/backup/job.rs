//! What a backup is asked for, and what it tells when it is done.

use contract::{Connection, Decision, Limits, Owner, PointId, Summary, WriterId};
use jiff::Timestamp;

/// One database to be moved into the vault.
#[derive(Debug, Clone)]
pub struct BackupJobInput {
    pub source: Connection,
    pub owner: Owner,
    pub decision: Decision,
    pub limits: Limits,
    /// The run stops itself at this instant, having committed nothing.
    pub deadline: Timestamp,
}

/// A point that was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupDone {
    pub point: PointId,
    pub writer: WriterId,
    /// When the snapshot was fixed.
    pub started: Timestamp,
    pub summary: Summary,
    /// What could not be read.
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}
