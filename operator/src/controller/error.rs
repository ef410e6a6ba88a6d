//! What keeps a reconcile from ending, and what is done about it.

use crate::cluster::{Class, ReadError, WriteError, class};
use crate::context::{AccessError, KeysError};

/// A reconcile that did not come to its end. What a person has to mend is status, not error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to observe")]
    Observe(#[source] ReadError),
    #[error("failed to act")]
    Act(#[source] WriteError),
    #[error("failed to prepare a call to a keeper")]
    Keeper(#[source] AccessError),
    #[error("failed to make a certificate for a keeper")]
    Certificate(#[source] rcgen::Error),
    #[error("failed to prepare the key of a vault")]
    Keys(#[source] KeysError),
    #[error("failed to read an object of kind {kind}: {message}")]
    Unreadable { kind: &'static str, message: String },
}

impl Error {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::Observe(error) => class(error.cause()),
            Self::Act(error) => class(error.cause()),
            // The root secret or what a ConfigMap holds was tampered with; a person has to look.
            Self::Keeper(_) => Class::Blocked,
            // Randomness or memory failed: another try may work.
            Self::Certificate(_) | Self::Keys(_) => Class::Retry,
            // Another version of the kinds than ours.
            Self::Unreadable { .. } => Class::Blocked,
        }
    }

    /// The variant's name: a label of metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Observe(_) => "Observe",
            Self::Act(_) => "Act",
            Self::Keeper(_) => "Keeper",
            Self::Certificate(_) => "Certificate",
            Self::Keys(_) => "Keys",
            Self::Unreadable { .. } => "Unreadable",
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        Self::Observe(error)
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        Self::Act(error)
    }
}

impl From<AccessError> for Error {
    fn from(error: AccessError) -> Self {
        Self::Keeper(error)
    }
}
