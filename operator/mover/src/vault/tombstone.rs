//! Letting go of points, and never of the last good ones.

use contract::{Owner, PointId, TombstoneRequest};

use super::{Vault, VaultError};
use crate::{
    format::{Damage, Id, Promise, StatePoint},
    ledger::{LedgerHead, Refused, State, Verdict},
};

/// Clocks further apart than this are not to be trusted with deletion. Seconds.
const SKEW_LIMIT: i64 = 300;
/// Most characters of a reason or message in the ledger.
const TEXT: usize = 4_096;

impl Vault {
    /// Promises that a point goes. Its data go an hour later at the earliest. Asked again, it changes nothing.
    ///
    /// The newest good points of the point's owner stay: as many as the request says, or as the newest of them was promised
    /// to have, whichever is more.
    ///
    /// # Errors
    /// [`Refused`], with nothing changed.
    pub async fn tombstone(
        &self,
        point: &PointId,
        request: &TombstoneRequest,
    ) -> Result<LedgerHead, VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        self.may_delete()?;
        let reason: String = request.reason.chars().take(TEXT).collect();
        let keep = request.keep_at_least;
        let decide = move |state: &State| decide(state, point, keep, &reason);
        Ok(self.inner.ledger.append(decide).await?)
    }

    /// Remembers what a check of a point has found.
    ///
    /// # Errors
    /// When there is no such point, or the ledger does not take it.
    pub async fn verified(
        &self,
        point: &PointId,
        level: u8,
        damage: Option<Damage>,
    ) -> Result<LedgerHead, VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        let damage = damage.map(|damage| Damage {
            object: damage.object.chars().take(200).collect(),
            message: damage.message.chars().take(TEXT).collect(),
        });
        let decide = move |state: &State| match state.point(point) {
            Some(_) => Verdict::Append(vec![Promise::Verified { point, level, damage: damage.clone() }]),
            None => Verdict::Refuse(Refused::NotFound { point }),
        };
        Ok(self.inner.ledger.append(decide).await?)
    }

    /// Whether anything may be deleted at all.
    pub(super) fn may_delete(&self) -> Result<(), Refused> {
        if self.rolled_back() {
            return Err(Refused::RolledBack);
        }
        if self.inner.ledger.state().has_unknown_promises() {
            return Err(Refused::UnknownPromises);
        }
        match self.inner.store.skew_seconds() {
            Some(seconds) if seconds.abs() > SKEW_LIMIT => Err(Refused::ClockSkewed { seconds }),
            _ => Ok(()),
        }
    }
}

fn decide(state: &State, point: Id, keep: u32, reason: &str) -> Verdict {
    let Some(found) = state.point(point) else {
        return Verdict::Refuse(Refused::NotFound { point });
    };
    if found.tombstoned.is_some() {
        return Verdict::Nothing;
    }
    if matches!(found.point.owner, Owner::Cli { .. }) {
        return Verdict::Refuse(Refused::OwnedByCommandLine { point });
    }
    match kept_as_last_good(state, found, keep) {
        Some(keep) => Verdict::Refuse(Refused::KeptAsLastGood { point, keep }),
        None => Verdict::Append(vec![Promise::Tombstone { point, reason: reason.to_owned() }]),
    }
}

/// The floor that keeps a point; `None` when it may go. A damaged point is under no floor.
fn kept_as_last_good(state: &State, point: &StatePoint, keep: u32) -> Option<u32> {
    let good = state.good_points_of(&point.point.owner);
    let promised = good.first().map_or(0, |newest| newest.point.decision.keep_at_least);
    let keep = keep.max(promised);
    let kept = usize::try_from(keep).unwrap_or(usize::MAX);
    good.iter().take(kept).any(|kept| kept.point.id == point.point.id).then_some(keep)
}
