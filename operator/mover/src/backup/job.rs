//! What a backup is asked for, and what it tells when it is done.

use contract::{Connection, Databases, Decision, Limits, Owner, PointId, Summary, WriterId};
use jiff::Timestamp;

/// Databases of one server to be moved into the vault.
#[derive(Debug, Clone)]
pub struct BackupJobInput {
    /// Its `database` is the one to log in to first.
    pub source: Connection,
    pub databases: Databases,
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
    /// When the snapshot was fixed; the earliest, where there are several databases.
    pub started: Timestamp,
    pub summary: Summary,
    /// What could not be read. Databases that are never backed up, such as templates, are only told of in the record.
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}
