//! Letting go of points, and never of the last good ones.

use std::collections::HashSet;

use contract::{Owner, PointId, TombstoneRequest};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Vault, VaultError};
use crate::{
    format::{Damage, Id, Promise, StatePoint},
    ledger::{LedgerHead, Refused, State, Verdict},
};

/// Clocks further apart than this are not to be trusted with deletion. Seconds.
pub(crate) const SKEW_LIMIT: i64 = 300;
/// Records that are read at a time.
const READS: usize = 16;
/// Most characters of a reason or message in the ledger.
const TEXT: usize = 4_096;

impl Vault {
    /// Promises that a point goes. Its data go an hour later at the earliest. Asked again, it changes nothing.
    ///
    /// The newest good points of the point's owner stay: as many as the request says, or as the newest of them was promised
    /// to have, whichever is more. A newer point counts only if its record was just read.
    ///
    /// # Errors
    /// [`Refused`], with nothing changed; a failure of storage.
    pub async fn tombstone(
        &self,
        point: &PointId,
        request: &TombstoneRequest,
    ) -> Result<LedgerHead, VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        self.may_delete()?;
        if self.inner.store.skew_seconds().is_none() {
            self.measure_clocks().await;
            self.may_delete()?;
        }
        let reason: String = request.reason.chars().take(TEXT).collect();
        let keep = request.keep_at_least;
        let there = self.newer_ones_there(point, keep).await?;
        let decide = move |state: &State| decide(state, point, keep, &there, &reason);
        Ok(self.inner.ledger.append(decide).await?)
    }

    /// Of the owner's good points that are newer than this one, as many as the floor needs whose records are in storage and
    /// the ones that were accepted.
    async fn newer_ones_there(&self, point: Id, keep: u32) -> Result<HashSet<Id>, VaultError> {
        let state = self.inner.ledger.state();
        let mut there = HashSet::new();
        let Some(found) = state.point(point) else { return Ok(there) };
        let good = state.good_points_of(&found.point.owner);
        let floor = floor(&good, keep);
        let mut newer = good.into_iter().take_while(|good| good.point.id != point);
        while there.len() < floor {
            let asked: Vec<_> =
                newer.by_ref().take(floor - there.len()).map(|good| self.is_there(good)).collect();
            if asked.is_empty() {
                break;
            }
            let found: Vec<Option<Id>> = stream::iter(asked).buffer_unordered(READS).try_collect().await?;
            there.extend(found.into_iter().flatten());
        }
        Ok(there)
    }

    /// The point's id, if its record can be read and is the one that was accepted.
    async fn is_there(&self, known: &StatePoint) -> Result<Option<Id>, VaultError> {
        let point = known.point.id;
        match self.read_accepted(known).await {
            Ok(_) => Ok(Some(point)),
            Err(VaultError::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%point, error = crate::causes(&error), "the record cannot be read");
                Ok(None)
            }
        }
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
            Some(found) if found.tombstoned.is_some() => Verdict::Refuse(Refused::Expired { point }),
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

fn decide(state: &State, point: Id, keep: u32, there: &HashSet<Id>, reason: &str) -> Verdict {
    let Some(found) = state.point(point) else {
        return Verdict::Refuse(Refused::NotFound { point });
    };
    if found.tombstoned.is_some() {
        return Verdict::Nothing;
    }
    if matches!(found.point.owner, Owner::Cli { .. }) {
        return Verdict::Refuse(Refused::OwnedByCommandLine { point });
    }
    match kept_as_last_good(state, found, keep, there) {
        Some(keep) => Verdict::Refuse(Refused::KeptAsLastGood { point, keep }),
        None => Verdict::Append(vec![Promise::Tombstone { point, reason: reason.to_owned() }]),
    }
}

/// The floor that keeps a point; `None` when it may go. A damaged point is under no floor. Newer ones count where they are
/// known to be `there`.
fn kept_as_last_good(state: &State, point: &StatePoint, keep: u32, there: &HashSet<Id>) -> Option<u32> {
    let mut good = state.good_points_of(&point.point.owner);
    let floor = floor(&good, keep);
    good.retain(|good| good.point.id == point.point.id || there.contains(&good.point.id));
    let is_kept = good.iter().take(floor).any(|kept| kept.point.id == point.point.id);
    is_kept.then(|| u32::try_from(floor).unwrap_or(u32::MAX))
}

/// How many good points stay: what was asked, or what the newest was promised to have.
fn floor(good: &[&StatePoint], asked: u32) -> usize {
    let promised = good.first().map_or(0, |newest| newest.point.decision.keep_at_least);
    usize::try_from(asked.max(promised)).unwrap_or(usize::MAX)
}
