//! Coffer's Kubernetes API: seven kinds, their words, and the schema an API server enforces for them.
//!
//! Types and pure functions only: no client, no clock, no I/O. Every kind has a module with its spec and its
//! status; `common` holds what several kinds share; `reason` and `error_code` are the closed lists of words that
//! conditions, events and job errors use.

pub mod admission;
pub mod annotations;
pub mod common;
pub mod docs;
pub mod error_code;
pub mod finalizers;
pub mod labels;
pub mod reason;
pub mod schema;
pub mod secret_keys;

pub mod backup_job;
pub mod deleted_instance;
pub mod instance;
pub mod policy;
pub mod recovery_point;
pub mod restore_job;
pub mod vault;

mod rules;
mod words;

pub use backup_job::{BackupJob, BackupJobSpec, BackupJobStatus};
pub use deleted_instance::{DeletedBackupInstance, DeletedBackupInstanceSpec, DeletedBackupInstanceStatus};
pub use error_code::ErrorCode;
pub use instance::{BackupInstance, BackupInstanceSpec, BackupInstanceStatus};
pub use policy::{BackupPolicy, BackupPolicySpec, BackupPolicyStatus};
pub use reason::Reason;
pub use recovery_point::{RecoveryPoint, RecoveryPointSpec, RecoveryPointStatus};
pub use restore_job::{RestoreJob, RestoreJobSpec, RestoreJobStatus};
pub use vault::{BackupVault, BackupVaultSpec, BackupVaultStatus};

/// The API group of every kind.
pub const GROUP: &str = "coffer.dev";

/// The one served version.
pub const VERSION: &str = "v1alpha1";

/// The field manager of every server-side apply by the operator.
///
/// Changing it makes the operator a second owner of every field it wrote before.
pub const FIELD_MANAGER: &str = "coffer";
