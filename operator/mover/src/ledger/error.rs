//! Why the ledger could not be read, or a promise not be made.

use contract::FailureCode;

use crate::{
    format::Id,
    seal::{OpenError, SealError},
    store::StoreError,
};

/// A ledger that cannot be read or does not take a promise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    #[error("read or write the ledger")]
    Store(#[from] StoreError),
    #[error("read the ledger")]
    Open(#[from] OpenError),
    #[error("write the ledger")]
    Seal(#[from] SealError),
    #[error("read the ledger: {object} {what}")]
    Broken { object: String, what: &'static str },
    #[error("read the ledger: it has no beginning")]
    Empty,
    #[error("write the ledger: the vault is open for reading only")]
    ReadOnly,
    #[error("write the ledger: it is being closed")]
    Stopped,
    #[error("write the ledger: others were faster {tries} times in a row")]
    Contended { tries: usize },
    #[error(
        "write the ledger: storage has lost its newest entry; somebody emptied it or restored an older state"
    )]
    Lost,
    #[error("{0}")]
    Refused(#[from] Refused),
}

/// Why a promise was not made. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("there is no point {point}")]
    NotFound { point: Id },
    #[error("point {point} has a tombstone")]
    Expired { point: Id },
    #[error("point {point} is one of the {keep} newest good ones of its owner, which are kept")]
    KeptAsLastGood { point: Id, keep: u32 },
    #[error("point {point} was made on the command line and has no expiry of its own")]
    OwnedByCommandLine { point: Id },
    #[error("storage holds an older or another ledger than was seen before; nothing is deleted")]
    RolledBack,
    #[error("the clocks of this machine and of storage differ by {seconds} s; nothing is deleted")]
    ClockSkewed { seconds: i64 },
    #[error("the ledger holds promises that a newer coffer made; this one only reads")]
    UnknownPromises,
}

impl LedgerError {
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Open(error) => error.code(),
            Self::Broken { .. } | Self::Empty => FailureCode::Damaged,
            Self::Refused(refused) => refused.code(),
            Self::ReadOnly => FailureCode::KeeperRefused,
            Self::Contended { .. } | Self::Lost => FailureCode::KeeperUnreachable,
            Self::Seal(_) | Self::Stopped => FailureCode::Internal,
        }
    }
}

impl Refused {
    /// The short word that goes over the wire.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NotFound",
            Self::Expired { .. } => "Expired",
            Self::KeptAsLastGood { .. } => "KeptAsLastGood",
            Self::OwnedByCommandLine { .. } => "OwnedByCommandLine",
            Self::RolledBack => "RolledBack",
            Self::ClockSkewed { .. } => "ClockSkewed",
            Self::UnknownPromises => "UnknownPromises",
        }
    }

    /// Whether there is no such point any more, or never was.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Expired { .. })
    }

    fn code(&self) -> FailureCode {
        match self {
            Self::NotFound { .. } | Self::Expired { .. } => FailureCode::PointNotFound,
            Self::UnknownPromises => FailureCode::FormatUnsupported,
            Self::KeptAsLastGood { .. }
            | Self::OwnedByCommandLine { .. }
            | Self::RolledBack
            | Self::ClockSkewed { .. } => FailureCode::KeeperRefused,
        }
    }
}
