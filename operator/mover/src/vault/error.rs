//! Why a vault did not do what was asked.

use contract::{Failure, FailureCode, Stage};
use jiff::Timestamp;

use crate::{
    format::{Damage, Id},
    ledger::{LedgerError, Refused},
    point::ReadError,
    seal::{OpenError, RandomError, SealError, WrapError},
    store::{Name, NameError, Place, StoreError, StoreErrorKind, Verb},
};

/// A vault that cannot be made, opened or asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    #[error("ask storage of the vault")]
    Store(#[from] StoreError),
    #[error("read or write the vault's ledger")]
    Ledger(#[from] LedgerError),
    #[error("open an object of the vault")]
    Open(#[from] OpenError),
    #[error("seal an object of the vault")]
    Seal(#[from] SealError),
    #[error("read a point of the vault")]
    Read(#[from] ReadError),
    #[error("wrap or unwrap a key of the vault")]
    Wrap(#[from] WrapError),
    #[error("make a key or an id")]
    Random(#[from] RandomError),
    #[error("read a name in the vault")]
    Name(#[from] NameError),
    #[error("open the vault: there is none at {location}")]
    Empty { location: String },
    #[error("open the vault: none of the keys given opens vault {vault}")]
    Foreign { vault: Id },
    #[error("open the vault: vault.json is not one of coffer's, or of a newer format")]
    NotAVault,
    #[error("open the vault: its fingerprint is {found}, not the one that was expected")]
    Fingerprint { found: String },
    #[error("make the vault: at least one recipient is needed, or nobody could ever open it")]
    NoRecipient,
    #[error(
        "try out the vault's storage: it overwrites objects although it was told not to; a store that honours \
         If-None-Match on PUT is needed"
    )]
    ConditionalWritesNotHonoured,
    #[error("grant the writing of a point: it is decided already")]
    AlreadyDecided { voided: bool },
    #[error("grant the writing of a point: writer {writer} has begun another run")]
    WriterUsed { writer: Id },
    #[error("open the key of chain {chain}: there is none for the keys given")]
    KeyMissing { chain: Id },
    #[error("open the key of chain {chain}: what is there is not the key that the record names")]
    KeySubstituted { chain: Id },
    #[error("read an id: {what} is not one")]
    Id { what: &'static str },
    #[error("accept point {point}: {reason}")]
    Rejected { point: Id, reason: String },
    #[error("accept point {point}: its time {time} lies in the future")]
    FromTheFuture { point: Id, time: Timestamp },
    #[error("accept point {point}: how long it is to be kept cannot be told: {reason}")]
    Expiry { point: Id, reason: String },
}

impl VaultError {
    pub fn code(&self) -> FailureCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Open(error) => error.code(),
            Self::Read(error) => error.code(),
            Self::Wrap(WrapError::NotForUs) | Self::KeyMissing { .. } => FailureCode::KeyMissing,
            Self::Wrap(WrapError::Recipient { .. } | WrapError::Identity) => FailureCode::BadAssignment,
            Self::Wrap(_) | Self::Rejected { .. } | Self::FromTheFuture { .. } | Self::Name(_) => {
                FailureCode::Damaged
            }
            Self::Empty { .. } => FailureCode::BucketNotFound,
            Self::Foreign { .. } => FailureCode::WrongKey,
            Self::NotAVault => FailureCode::FormatUnsupported,
            Self::Fingerprint { .. } | Self::KeySubstituted { .. } => FailureCode::KeySubstituted,
            Self::ConditionalWritesNotHonoured => FailureCode::ConditionalWritesNotHonoured,
            Self::AlreadyDecided { voided: true } => FailureCode::Voided,
            Self::AlreadyDecided { voided: false } | Self::WriterUsed { .. } => FailureCode::LostRace,
            Self::Id { .. } | Self::NoRecipient => FailureCode::BadAssignment,
            Self::Expiry { .. } | Self::Seal(_) | Self::Random(_) => FailureCode::Internal,
        }
    }

    /// The failure that crosses the crate's edge: the whole chain of causes in one line.
    pub fn failure(&self, stage: Stage) -> Failure {
        Failure { code: self.code(), stage, message: crate::causes(self), cause: None }
    }

    /// What is wrong with a promised point, if that is why it cannot be read. A record or a key that is gone is damage, too.
    pub fn damage(&self) -> Option<Damage> {
        let object = match self {
            Self::Read(ReadError::NotFound { point }) => Name::point(*point).to_string(),
            Self::Read(error) => error.damaged_object()?.to_owned(),
            Self::Open(error) if error.code() == FailureCode::Damaged => error.object.clone(),
            Self::KeySubstituted { chain } => Place::chain_keys(*chain).as_str().to_owned(),
            _ => return None,
        };
        Some(Damage { object, message: crate::causes(self) })
    }

    /// Why a promise was refused, if that is what happened.
    pub fn refused(&self) -> Option<&Refused> {
        if let Self::Ledger(LedgerError::Refused(refused)) = self { Some(refused) } else { None }
    }

    /// Whether the ledger was not written because storage lets this process only read.
    pub(super) fn writing_is_forbidden(&self) -> bool {
        let Self::Ledger(LedgerError::Store(error)) = self else {
            return false;
        };
        error.verb == Verb::Create && error.kind == StoreErrorKind::AccessDenied
    }

    /// Whether the point itself is at fault, rather than storage, keys or the ledger.
    pub(super) fn condemns_the_point(&self) -> bool {
        let is_verdict = matches!(
            self.code(),
            FailureCode::Damaged | FailureCode::KeySubstituted | FailureCode::FormatUnsupported
        );
        is_verdict && !matches!(self, Self::Ledger(_))
    }
}

impl From<Refused> for VaultError {
    fn from(refused: Refused) -> Self {
        Self::Ledger(refused.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_the_ledger_condemns_no_point() {
        let point = Id([1; 16]);
        let rejected = VaultError::Rejected { point, reason: "it is cut short".into() };
        assert!(rejected.condemns_the_point());
        let broken = LedgerError::Broken { object: "ledger/2".into(), what: "is damaged" };
        for trouble in [VaultError::from(broken), VaultError::from(Refused::UnknownPromises)] {
            assert!(!trouble.condemns_the_point(), "{trouble}");
        }
    }
}
