//! Why a store did not do what was asked.

use std::fmt;

use contract::FailureCode;

use super::Name;

/// A failed call: what was attempted on what, of which kind the failure is, and what the store said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{verb} {object} in storage: {message}")]
pub struct StoreError {
    pub verb: Verb,
    /// An object's name or a place.
    pub object: String,
    pub kind: StoreErrorKind,
    /// For people; never a secret.
    pub message: String,
}

/// What was asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Open,
    Create,
    Replace,
    Get,
    Head,
    List,
    Delete,
}

/// What callers branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// There is no such object.
    NotFound,
    /// Another object of that name is there.
    AlreadyExists,
    /// The object is larger than its kind may be.
    TooLarge,
    /// No answer: network, name resolution, time-out, a server that is down.
    Unreachable,
    /// The store asks for fewer requests, and went on asking.
    Throttled,
    /// The bucket or directory is not there.
    BucketMissing,
    /// The credentials are unknown, wrong or expired.
    CredentialsRefused,
    /// The credentials are good and do not allow this.
    AccessDenied,
    /// No space or quota is left.
    Full,
    /// TLS did not come about: an unknown authority or another name.
    Untrusted,
    /// The store knows no writes on a condition, without which nothing can be created for certain.
    ConditionNotHonoured,
    /// What describes the store cannot be used.
    Misconfigured,
    /// An answer that fits none of these.
    Unexpected,
}

impl StoreError {
    pub fn new(
        verb: Verb,
        object: impl fmt::Display,
        kind: StoreErrorKind,
        message: impl Into<String>,
    ) -> Self {
        Self { verb, object: object.to_string(), kind, message: message.into() }
    }

    /// An object that is not there.
    pub fn not_found(verb: Verb, name: &Name) -> Self {
        Self::new(verb, name, StoreErrorKind::NotFound, "there is no such object")
    }

    pub fn is_not_found(&self) -> bool {
        self.kind == StoreErrorKind::NotFound
    }

    pub fn already_exists(&self) -> bool {
        self.kind == StoreErrorKind::AlreadyExists
    }

    /// The failure that a run ends with.
    pub fn code(&self) -> FailureCode {
        match self.kind {
            // What gives no answer that means anything may be a proxy, or a store in trouble: another try may help, other
            // credentials would not.
            StoreErrorKind::Unreachable | StoreErrorKind::Throttled | StoreErrorKind::Unexpected => {
                FailureCode::StorageUnreachable
            }
            StoreErrorKind::BucketMissing => FailureCode::BucketNotFound,
            StoreErrorKind::CredentialsRefused => FailureCode::StorageCredentialsRefused,
            StoreErrorKind::Untrusted => FailureCode::StorageTlsFailed,
            StoreErrorKind::Full => FailureCode::StorageFull,
            // The object that a record or list names is not there, or is not what it was.
            StoreErrorKind::NotFound | StoreErrorKind::TooLarge => FailureCode::Damaged,
            StoreErrorKind::AlreadyExists => FailureCode::Internal,
            StoreErrorKind::ConditionNotHonoured => FailureCode::ConditionalWritesNotHonoured,
            StoreErrorKind::Misconfigured => FailureCode::StorageMisconfigured,
            StoreErrorKind::AccessDenied => FailureCode::StorageRefused,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Get => "read",
            Self::Head => "look at",
            Self::List => "list",
            Self::Delete => "delete",
        })
    }
}
