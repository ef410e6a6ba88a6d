//! What crosses the boundary between Coffer's processes: the assignment that a mover gets, the report that it leaves,
//! and the messages between operator, keeper and mover. Data only; nothing here reads, writes or decides.
//!
//! A message carries the [`VERSION`] of its writer. A reader understands its own version and the one before.

mod assignment;
mod databases;
mod exit;
mod failure;
mod keeper;
mod owner;
mod point;
mod progress;
mod report;
mod secret;
mod storage;
mod verify;

pub mod datasource;
pub mod files;

pub use assignment::{
    Assignment, BackupTask, CheckTask, Connection, Credentials, KeeperEndpoint, Limits, RestoreDatabasesTask,
    RestoreRoles, RestoreSelection, RestoreTarget, RestoreTask, Task, Tls, TlsMode,
};
pub use databases::Databases;
pub use exit::Exit;
pub use failure::{Cause, Failure, FailureCode, Stage};
pub use keeper::{
    Appended, ChangeRequest, ClockReading, GrantRequest, Head, KeeperConfig, KeyState, LedgerRequest, Points,
    Probes, Purpose, ReadGrant, Refusal, RestoreOutcome, RestoreSeen, Runs, SettleRequest, Settled,
    StorageState, TombstoneRequest, Undeleted, VaultView, WriteGrant,
};
pub use owner::{
    Holder, Life, Override, OverrideRequest, OwnerChange, OwnerView, Pledges, Remains, Removal, RemoveRequest,
};
pub use point::{
    DataStore, Decision, NEVER_STORED, Owner, PointId, PointState, PointView, PolicyVersion, RunId,
    SourceServer, Trigger, Verified, WriterId,
};
pub use progress::{Progress, RunView};
pub use report::{CheckItem, CheckReport, CheckResult, Outcome, Report, Summary, TERMINATION_MESSAGE_LIMIT};
pub use secret::Secret;
pub use storage::{Addressing, AzureCredentials, GcsCredentials, S3Credentials, Storage};
pub use verify::{DamagedObject, RestoredDatabase, ScratchServer, Verification, VerifyLevel, VerifyTask};

/// The version of every message in this crate.
pub const VERSION: u32 = 1;
