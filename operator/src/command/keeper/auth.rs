//! Who is asking. Every call but the health checks shows a token: the operator the vault's, a mover its run's.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{FromRequestParts, Path};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use contract::{PointId, Purpose, RunId};
use jiff::Timestamp;

use super::refusal::Refused;
use super::{Keeper, clock};
use crate::token::{Claims, Keyring, TokenError, VaultToken};

/// The tokens that are honoured at the moment; none until one is mounted.
#[derive(Default)]
pub struct Door {
    keyring: RwLock<Option<Keyring>>,
}

impl Door {
    /// Honours these tokens from now on, and no others. Without a current one nobody is let in.
    ///
    /// # Errors
    /// [`TokenError::Malformed`]; the tokens before stay in force.
    pub fn replace(&self, current: Option<&str>, previous: Option<&str>) -> Result<(), TokenError> {
        let current = current.map(VaultToken::parse).transpose()?;
        let previous = previous.map(VaultToken::parse).transpose()?;
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) =
            current.map(|current| Keyring::new(current, previous));
        Ok(())
    }

    pub fn has_tokens(&self) -> bool {
        self.keyring.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn caller(&self, presented: &str, now: Timestamp) -> Result<Caller, Refused> {
        let keyring = self.keyring.read().unwrap_or_else(PoisonError::into_inner);
        let Some(keyring) = keyring.as_ref() else {
            return Err(Refused::not_ready("NotReady", "no vault token is mounted into the keeper yet"));
        };
        if keyring.is_operator(presented) {
            return Ok(Caller::Operator);
        }
        let claims = keyring.claims(presented, now);
        claims.map(Caller::Mover).map_err(|error| Refused::unauthorised(error.to_string()))
    }
}

enum Caller {
    Operator,
    Mover(Claims),
}

/// Proof that the operator is asking.
pub struct Operator;

impl FromRequestParts<Arc<Keeper>> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, keeper: &Arc<Keeper>) -> Result<Self, Refused> {
        match caller(parts, keeper)? {
            Caller::Operator => {
                if keeper.obeys_test_clock {
                    clock::obey(&keeper.clock, parts.headers.get(clock::OFFSET_HEADER));
                }
                Ok(Self)
            }
            Caller::Mover(_) => Err(Refused::forbidden("a run's token does not open this call")),
        }
    }
}

/// Proof that a mover of the run in the path is asking, and that the run is not over.
pub struct Mover {
    claims: Claims,
}

impl Mover {
    pub fn run(&self) -> &RunId {
        &self.claims.run
    }

    /// When the run has to be over; what is granted to it ends then.
    pub fn deadline(&self) -> Timestamp {
        self.claims.deadline
    }

    pub fn purpose(&self) -> &Purpose {
        &self.claims.purpose
    }

    /// The point that the run may read.
    ///
    /// # Errors
    /// A refusal when the run is one that writes.
    pub fn point_to_read(&self) -> Result<&PointId, Refused> {
        match &self.claims.purpose {
            Purpose::Read { point } => Ok(point),
            Purpose::Write => {
                Err(Refused::forbidden("the run's token allows to write a point, not to read one"))
            }
        }
    }
}

impl FromRequestParts<Arc<Keeper>> for Mover {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, keeper: &Arc<Keeper>) -> Result<Self, Refused> {
        let claims = match caller(parts, keeper)? {
            Caller::Mover(claims) => claims,
            Caller::Operator => return Err(Refused::forbidden("only a run's own token opens this call")),
        };
        let Path(run) = Path::<String>::from_request_parts(parts, keeper)
            .await
            .map_err(|error| Refused::malformed(error.to_string()))?;
        if claims.run.0 != run {
            return Err(Refused::forbidden("the token belongs to another run"));
        }
        if keeper.runs.is_over(&claims.run) {
            return Err(Refused::unauthorised("the token's run is settled"));
        }
        Ok(Self { claims })
    }
}

fn caller(parts: &Parts, keeper: &Keeper) -> Result<Caller, Refused> {
    let presented = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Refused::unauthorised("the call needs a token: `Authorization: Bearer ...`"))?;
    keeper.door.caller(presented, keeper.clock.wall())
}
