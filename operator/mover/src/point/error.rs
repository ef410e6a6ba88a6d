//! Why a point could not be written or read.

use contract::FailureCode;
use jiff::Timestamp;

use crate::{
    format::Id,
    seal::{OpenError, Problem, SealError},
    store::{Name, NameError, StoreError},
};

/// A writer that cannot go on. What it wrote is left to the custodian.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    #[error("read the writing grant: {what} is not usable")]
    Grant { what: &'static str },
    #[error("write the point")]
    Store(#[from] StoreError),
    #[error("write the point")]
    Seal(#[from] SealError),
    #[error("write the point: its deadline {deadline} has passed")]
    Deadline { deadline: Timestamp },
    #[error("commit the point: it was closed by its custodian")]
    Voided,
    #[error("commit the point: writer {winner} had committed it before")]
    LostRace { winner: Id },
    #[error("commit the point: what is there cannot be read")]
    Undecided(#[source] OpenError),
    #[error("write a list: one entry has {bytes} bytes; {limit} fit on a page")]
    EntryTooLarge { bytes: usize, limit: usize },
    #[error("commit the point: its record has {bytes} bytes without any warning; {limit} fit")]
    RecordTooLarge { bytes: usize, limit: usize },
    #[error("write the point: too many objects")]
    TooManyObjects,
    #[error("write the point: a task of the writer ended early: {reason}")]
    Stopped { reason: String },
}

/// A point that cannot be read, as a whole or from here on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    #[error("read the reading grant: {what} is not usable")]
    Grant { what: &'static str },
    #[error("read point {point}: there is none")]
    NotFound { point: Id },
    #[error("read the point")]
    Store(#[from] StoreError),
    #[error("read the point")]
    Open(#[from] OpenError),
    #[error("read the point: the key of its data is not the one that its record names")]
    KeySubstituted,
    #[error("read the point")]
    Name(#[from] NameError),
    #[error("read the point: a task of the reader ended early: {reason}")]
    Stopped { reason: String },
}

impl WriteError {
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Grant { .. } => FailureCode::KeeperRefused,
            Self::Store(error) => error.code(),
            Self::Deadline { .. } => FailureCode::DeadlineExceeded,
            Self::Voided => FailureCode::Voided,
            Self::LostRace { .. } => FailureCode::LostRace,
            Self::Undecided(error) => error.code(),
            Self::Seal(_)
            | Self::EntryTooLarge { .. }
            | Self::RecordTooLarge { .. }
            | Self::TooManyObjects
            | Self::Stopped { .. } => FailureCode::Internal,
        }
    }
}

impl ReadError {
    /// An object that does not fit what names it.
    pub(crate) fn contradiction(object: &Name, what: impl Into<String>) -> Self {
        Self::Open(OpenError::new(object, Problem::Contradiction(what.into())))
    }

    pub fn code(&self) -> FailureCode {
        match self {
            Self::Grant { .. } => FailureCode::KeeperRefused,
            Self::NotFound { .. } => FailureCode::PointNotFound,
            Self::Store(error) => error.code(),
            Self::Open(error) => error.code(),
            Self::KeySubstituted => FailureCode::KeySubstituted,
            Self::Name(_) => FailureCode::Damaged,
            Self::Stopped { .. } => FailureCode::Internal,
        }
    }

    /// The stored object that is damaged, if that is what is wrong.
    pub fn damaged_object(&self) -> Option<&str> {
        if self.code() != FailureCode::Damaged {
            return None;
        }
        match self {
            Self::Open(error) => Some(&error.object),
            Self::Store(error) => Some(&error.object),
            Self::Grant { .. }
            | Self::NotFound { .. }
            | Self::KeySubstituted
            | Self::Name(_)
            | Self::Stopped { .. } => None,
        }
    }
}
