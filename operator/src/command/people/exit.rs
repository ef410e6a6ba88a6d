//! How a command for people ends, as an exit code that scripts may rely on.

use std::process::ExitCode;

use contract::FailureCode;

/// The exit codes of the command line. The pods that the operator starts have others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    /// The command line says something that cannot be done, or is not supported.
    Usage = 2,
    /// Done, and something needs a person's eye.
    Warnings = 3,
    /// PostgreSQL or storage did not answer.
    Unreachable = 10,
    /// A password, a storage credential or a key was refused.
    Credentials = 11,
    /// Stored or restored bytes are not what was promised.
    Integrity = 12,
    /// Of `kubectl coffer`: what was waited for had not ended in time, and goes on.
    TimedOut = 124,
}

impl Exit {
    /// Those of the commands that need no cluster.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Warnings,
        Self::Unreachable,
        Self::Credentials,
        Self::Integrity,
    ];

    /// For the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed: the message says why; nothing that looks whole was left",
            Self::Usage => {
                "the command line or the configuration cannot be meant so, or asks for what this release does not do"
            }
            Self::Warnings => {
                "done, and something needs a person's eye: what a backup could not read, what a restore left out, what \
                 `doctor` found"
            }
            Self::Unreachable => "server or storage did not answer, or not as one",
            Self::Credentials => "a password, a storage credential or a key was refused",
            Self::Integrity => "stored or restored bytes, or the vault itself, are not what was promised",
            Self::TimedOut => "not ended in time; it goes on",
        }
    }

    /// For choosing one of several: the more severe, the greater.
    pub fn severity(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Warnings => 1,
            Self::Failed => 2,
            Self::Usage => 3,
            Self::TimedOut => 4,
            Self::Unreachable => 5,
            Self::Credentials => 6,
            Self::Integrity => 7,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<FailureCode> for Exit {
    fn from(code: FailureCode) -> Self {
        match code {
            FailureCode::HostNotFound
            | FailureCode::ConnectionRefused
            | FailureCode::ConnectionTimedOut
            | FailureCode::ConnectionLost
            | FailureCode::NotPostgres
            | FailureCode::TlsFailed
            | FailureCode::TlsNotOffered
            | FailureCode::TooManyConnections
            | FailureCode::ServerStarting
            | FailureCode::StorageUnreachable
            | FailureCode::StorageTlsFailed
            | FailureCode::KeeperUnreachable => Self::Unreachable,
            FailureCode::AuthenticationFailed
            | FailureCode::StorageCredentialsRefused
            | FailureCode::StorageCredentialsMissing
            | FailureCode::StorageRefused
            | FailureCode::KeeperRefused
            | FailureCode::KeyMissing
            | FailureCode::WrongKey => Self::Credentials,
            FailureCode::KeySubstituted | FailureCode::Damaged | FailureCode::ChecksFailed => Self::Integrity,
            FailureCode::InvalidConnection
            | FailureCode::StorageMisconfigured
            | FailureCode::BadAssignment => Self::Usage,
            FailureCode::DatabaseNotFound
            | FailureCode::VersionUnsupported
            | FailureCode::PoolerUnsupported
            | FailureCode::PrivilegesMissing
            | FailureCode::RowSecurity
            | FailureCode::TooManyRelations
            | FailureCode::LockTimeout
            | FailureCode::SchemaBusy
            | FailureCode::RowTooLarge
            | FailureCode::StandbyConflict
            | FailureCode::SourceFailed
            | FailureCode::DumpFailed
            | FailureCode::StorageFull
            | FailureCode::BucketNotFound
            | FailureCode::ConditionalWritesNotHonoured
            | FailureCode::PointNotFound
            | FailureCode::FormatUnsupported
            | FailureCode::LostRace
            | FailureCode::Voided
            | FailureCode::TargetExists
            | FailureCode::TargetNotEmpty
            | FailureCode::TargetPrivilegesMissing
            | FailureCode::TargetVersionUnsupported
            | FailureCode::TargetEncodingMismatch
            | FailureCode::RoleMissing
            | FailureCode::ExtensionMissing
            | FailureCode::TablespaceMissing
            | FailureCode::TargetFull
            | FailureCode::StatementFailed
            | FailureCode::Cancelled
            | FailureCode::DeadlineExceeded
            | FailureCode::Internal => Self::Failed,
        }
    }
}
