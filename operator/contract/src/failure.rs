//! Why a run failed, in words that a program can branch on.

use serde::{Deserialize, Serialize};

/// Where in a run something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    Starting,
    Connecting,
    Preflight,
    Locking,
    Schema,
    Data,
    LargeObjects,
    Indexes,
    Committing,
    /// The mover has ended; the keeper checks what it left.
    Accepting,
    Finishing,
}

/// What went wrong. Each names one cause that one action mends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FailureCode {
    // The connection to PostgreSQL.
    HostNotFound,
    ConnectionRefused,
    ConnectionTimedOut,
    ConnectionLost,
    NotPostgres,
    TlsFailed,
    TlsNotOffered,
    AuthenticationFailed,
    DatabaseNotFound,
    TooManyConnections,
    ServerStarting,
    InvalidConnection,
    // The source.
    VersionUnsupported,
    PoolerUnsupported,
    PrivilegesMissing,
    RowSecurity,
    TooManyRelations,
    LockTimeout,
    SchemaBusy,
    RowTooLarge,
    StandbyConflict,
    SourceFailed,
    DumpFailed,
    // Storage.
    StorageUnreachable,
    StorageRefused,
    StorageMisconfigured,
    StorageCredentialsRefused,
    StorageCredentialsMissing,
    StorageTlsFailed,
    StorageFull,
    BucketNotFound,
    ConditionalWritesNotHonoured,
    // Keeper and keys.
    KeeperUnreachable,
    KeeperRefused,
    KeyMissing,
    WrongKey,
    KeySubstituted,
    // The point.
    PointNotFound,
    Damaged,
    FormatUnsupported,
    LostRace,
    Voided,
    // The target of a restore.
    TargetExists,
    TargetNotEmpty,
    TargetPrivilegesMissing,
    TargetVersionUnsupported,
    TargetEncodingMismatch,
    RoleMissing,
    ExtensionMissing,
    TablespaceMissing,
    TargetFull,
    StatementFailed,
    ChecksFailed,
    // The run.
    Cancelled,
    DeadlineExceeded,
    BadAssignment,
    Internal,
}

impl FailureCode {
    /// Whether the same run may succeed when tried again without anybody changing anything.
    pub fn is_retryable(self) -> bool {
        match self {
            // A server that restarts, a network that comes back, a store that throttles, locks that are released.
            Self::HostNotFound
            | Self::ConnectionRefused
            | Self::ConnectionTimedOut
            | Self::ConnectionLost
            | Self::TooManyConnections
            | Self::ServerStarting
            | Self::LockTimeout
            | Self::SchemaBusy
            | Self::StandbyConflict
            | Self::StorageUnreachable
            | Self::KeeperUnreachable
            | Self::SourceFailed
            | Self::Internal => true,
            // Somebody has to change a Secret, a grant, a setting, a spec.
            Self::NotPostgres
            | Self::TlsFailed
            | Self::TlsNotOffered
            | Self::AuthenticationFailed
            | Self::DatabaseNotFound
            | Self::InvalidConnection
            | Self::VersionUnsupported
            | Self::PoolerUnsupported
            | Self::PrivilegesMissing
            | Self::RowSecurity
            | Self::TooManyRelations
            | Self::RowTooLarge
            | Self::DumpFailed
            | Self::StorageRefused
            | Self::StorageMisconfigured
            | Self::StorageCredentialsRefused
            | Self::StorageCredentialsMissing
            | Self::StorageTlsFailed
            | Self::StorageFull
            | Self::BucketNotFound
            | Self::ConditionalWritesNotHonoured
            | Self::KeeperRefused
            | Self::KeyMissing
            | Self::WrongKey
            | Self::KeySubstituted
            | Self::PointNotFound
            | Self::Damaged
            | Self::FormatUnsupported
            | Self::LostRace
            | Self::Voided
            | Self::TargetExists
            | Self::TargetNotEmpty
            | Self::TargetPrivilegesMissing
            | Self::TargetVersionUnsupported
            | Self::TargetEncodingMismatch
            | Self::RoleMissing
            | Self::ExtensionMissing
            | Self::TablespaceMissing
            | Self::TargetFull
            | Self::StatementFailed
            | Self::ChecksFailed
            | Self::Cancelled
            | Self::DeadlineExceeded
            | Self::BadAssignment => false,
        }
    }
}

/// One failure, told once for programs and once for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub code: FailureCode,
    pub stage: Stage,
    /// What was attempted and why it failed, with the names concerned; never a secret.
    pub message: String,
    /// What lay behind it, where another system said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<Cause>>,
}

/// An error in the words of the system that raised it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// Its code there, at most [`Cause::CODE_LIMIT`] characters of it: an SQLSTATE of a PostgreSQL server.
    pub code: String,
    /// Its text there, at most [`Cause::TEXT_LIMIT`] characters of it; never a secret, and nothing of a row.
    pub message: String,
}

impl Cause {
    /// Characters of a cause's code that are told. An SQLSTATE has five; what is no PostgreSQL may send anything.
    pub const CODE_LIMIT: usize = 16;
    /// Characters of a cause's text that are told: a report has little room.
    pub const TEXT_LIMIT: usize = 256;

    /// What another system said, cut to what is told of it. `None`: without a code there is nothing to branch on.
    pub fn new(code: &str, message: &str) -> Option<Self> {
        let cut = |text: &str, limit| text.chars().take(limit).collect();
        let told = Self { code: cut(code, Self::CODE_LIMIT), message: cut(message, Self::TEXT_LIMIT) };
        (!told.code.is_empty()).then_some(told)
    }
}
