//! How a keeper says no: a status code for programs that look no further, and [`Refusal`] for ours.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contract::{Failure, FailureCode, Refusal, Stage};
use mover::ledger::Refused as Promised;
use mover::vault::VaultError;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    refusal: Refusal,
}

impl Refused {
    /// The caller showed no token that holds.
    pub fn unauthorised(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorised", message)
    }

    /// The caller's token is good, for something else.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// The message cannot be understood.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Malformed", message)
    }

    /// There is nothing of that name.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
    }

    /// A promise stands against it; `reason` names which.
    pub fn conflict(reason: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, reason, message)
    }

    /// Not now: storage, a key or time is missing. Asking again later may help.
    pub fn not_ready(reason: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason, message)
    }

    /// Adds what failed behind it, in the contract's words.
    pub fn because(mut self, failure: Failure) -> Self {
        self.refusal.failure = Some(failure);
        self
    }

    fn new(status: StatusCode, reason: &str, message: impl Into<String>) -> Self {
        let refusal =
            Refusal { reason: reason.to_owned(), message: message.into(), failure: None, holder: None };
        Self { status, refusal }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.refusal)).into_response()
    }
}

/// What the vault would not do, with the status that tells the caller whether asking again can help.
impl From<&VaultError> for Refused {
    fn from(error: &VaultError) -> Self {
        let mut failure = error.failure(Stage::Starting);
        if matches!(error, VaultError::Ledger(_)) && failure.code == FailureCode::Damaged {
            // What is damaged is the ledger. A mover that reads a point would take it for the point's damage.
            failure.code = FailureCode::KeeperRefused;
        }
        if let Some(refused) = error.refused() {
            let message = refused.to_string();
            return match refused {
                Promised::NotFound { .. } | Promised::Expired { .. } => Self::not_found(message),
                Promised::OwnerNotFound { .. } => Self::new(StatusCode::NOT_FOUND, refused.reason(), message),
                Promised::DatasourceProtected { holder } => {
                    let mut conflict = Self::conflict(refused.reason(), message);
                    conflict.refusal.holder = Some(holder.clone());
                    conflict
                }
                _ => Self::conflict(refused.reason(), message),
            };
        }
        let message = failure.message.clone();
        let refused = if failure.code == FailureCode::PointNotFound {
            Self::not_found(message)
        } else if failure.code.is_retryable() {
            Self::not_ready("NotReady", message)
        } else {
            Self::conflict(&format!("{:?}", failure.code), message)
        };
        refused.because(failure)
    }
}

impl From<VaultError> for Refused {
    fn from(error: VaultError) -> Self {
        Self::from(&error)
    }
}

#[cfg(test)]
mod tests {
    use mover::format::Id;
    use mover::ledger::LedgerError;

    use super::*;

    #[test]
    fn a_ledger_that_is_damaged_is_not_told_as_damage_of_the_point_that_was_asked_for() {
        let code = |error: VaultError| Refused::from(error).refusal.failure.map(|failure| failure.code);
        for trouble in
            [LedgerError::Empty, LedgerError::Broken { object: "ledger/2".into(), what: "is damaged" }]
        {
            assert_eq!(code(trouble.into()), Some(FailureCode::KeeperRefused));
        }
        let rejected = VaultError::Rejected { point: Id([1; 16]), reason: "it is cut short".into() };
        assert_eq!(code(rejected), Some(FailureCode::Damaged));
    }
}
