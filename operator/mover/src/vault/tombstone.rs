//! Letting go of points, and never of the last good ones.

use std::collections::HashSet;

use contract::{Life, Owner, PointId, Remains, TombstoneRequest};
use jiff::Timestamp;

use super::{Vault, VaultError, floor::kept_as_last_good, restores::cut};
use crate::{
    format::{Damage, Id, Promise, StatePoint},
    ledger::{LedgerHead, Refused, State, Verdict, name_abroad, name_of},
};

/// Clocks further apart than this are not to be trusted with deletion. Seconds.
pub(crate) const SKEW_LIMIT: i64 = 300;
/// Most characters of a reason or message in the ledger.
pub(super) const TEXT: usize = 4_096;

impl Vault {
    /// Promises that a point whose time is over goes. Its data go an hour later at the earliest. Asked again, it changes
    /// nothing.
    ///
    /// The newest good points of the point's owner stay: as many as the request says, or as the newest of them was promised
    /// to have, whichever is more. A newer point counts only if its record was just read. A point that is being removed stays
    /// only while no other is good. No floor holds for the purge of a deleted owner; of a deleted owner whose points expire as
    /// stamped, one stays in any case. Where the request says whose policy lets it go, it is refused once the point
    /// is another's.
    ///
    /// # Errors
    /// [`Refused`], with nothing changed, such as [`Refused::NotExpired`]; a failure of storage.
    pub async fn tombstone(
        &self,
        point: &PointId,
        request: &TombstoneRequest,
    ) -> Result<LedgerHead, VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        self.may_delete_by_clock().await?;
        let clock = self.clock().clone();
        // Refused at once where its time is not over: no record need be read.
        let state = self.inner.ledger.state();
        let asked = Asked { point, owner: request.owner.clone(), reason: cut(&request.reason) };
        let Some((_, floor)) = may_end(&state, &asked, clock.now())? else {
            return Ok(state.head());
        };
        let keep = floor.beside(request.keep_at_least);
        let there = self.newer_ones_there(point, keep).await?;
        let decide = move |state: &State| decide(state, &asked, keep, &there, clock.now()).into();
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
            Some(found) if found.tombstoned.is_some() => Verdict::Refuse(Refused::Expired { point }),
            Some(_) => Verdict::Append(vec![Promise::Verified { point, level, damage: damage.clone() }]),
            None => Verdict::Refuse(Refused::NotFound { point }),
        };
        Ok(self.inner.ledger.append(decide).await?)
    }

    /// As [`Vault::may_delete`], once the clocks were compared.
    pub(super) async fn may_delete_by_clock(&self) -> Result<(), VaultError> {
        self.may_delete()?;
        if self.inner.store.skew_seconds().is_none() {
            self.measure_clocks().await;
            self.may_delete()?;
        }
        Ok(())
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

/// Which point is to go, by whose policy, and why.
struct Asked {
    point: Id,
    owner: Option<Owner>,
    reason: String,
}

fn decide(
    state: &State,
    asked: &Asked,
    keep: u32,
    there: &HashSet<Id>,
    now: Timestamp,
) -> Result<Vec<Promise>, Refused> {
    let Some((found, floor)) = may_end(state, asked, now)? else {
        return Ok(Vec::new());
    };
    let (point, reason) = (asked.point, asked.reason.clone());
    let keep = match floor {
        Floor::None => None,
        Floor::Another => {
            let good = state.good_points_of(state.owner_of(found));
            let is_last = !good.iter().any(|good| there.contains(&good.point.id));
            is_last.then_some(1)
        }
        Floor::AtLeast(_) => kept_as_last_good(state, found, floor.beside(keep), there),
    };
    match keep {
        Some(keep) => Err(Refused::KeptAsLastGood { point, keep }),
        None => Ok(vec![Promise::Tombstone { point, reason }]),
    }
}

/// How many of the newest good points stay beside what was asked and promised.
enum Floor {
    /// None at all: the owner is purged, or the point is damaged.
    None,
    /// A point that was removed stays only as long as no other good one is there: those that were when its removal was asked
    /// for may have been found damaged since.
    Another,
    AtLeast(u32),
}

impl Floor {
    fn beside(&self, asked: u32) -> u32 {
        match self {
            Self::None => asked,
            Self::Another => asked.max(1),
            Self::AtLeast(least) => asked.max(*least),
        }
    }
}

/// A point whose time is over, and the floor of its owner; `None` when it has its tombstone.
fn may_end<'a>(
    state: &'a State,
    asked: &Asked,
    now: Timestamp,
) -> Result<Option<(&'a StatePoint, Floor)>, Refused> {
    let point = asked.point;
    let found = state.point(point).ok_or(Refused::NotFound { point })?;
    if found.tombstoned.is_some() {
        return Ok(None);
    }
    let owner = state.owner_of(found);
    if asked.owner.as_ref().is_some_and(|asked| asked != owner) {
        return Err(Refused::AnothersPoint { point, owner: name_abroad(owner) });
    }
    if matches!(found.point.owner, Owner::Cli { .. }) {
        return Err(Refused::OwnedByCommandLine { point });
    }
    let life = state.life_of(found);
    if let Some(Life::ResumeRequired { record }) = life {
        let owner = name_of(owner);
        return Err(Refused::ResumeRequired { owner, record: record.clone() });
    }
    let (is_kept, floor) = match life {
        Some(Life::Deleted { points: Remains::Purged { .. }, .. }) => (false, Floor::None),
        _ if found.removal.is_some() && found.damage.is_some() => (false, Floor::None),
        _ if found.removal.is_some() => (false, Floor::Another),
        Some(Life::Deleted { points: Remains::Kept, .. }) => (true, Floor::AtLeast(0)),
        Some(Life::Deleted { points: Remains::AsStamped, .. }) => (false, Floor::AtLeast(1)),
        Some(Life::Active | Life::ResumeRequired { .. } | Life::Released) | None => {
            (false, Floor::AtLeast(0))
        }
    };
    match state.end_of(found) {
        Some(end) if end <= now => Ok(Some((found, floor))),
        None if is_kept => Err(Refused::KeptAfterDeletion { point }),
        end => Err(Refused::NotExpired { point, end }),
    }
}
