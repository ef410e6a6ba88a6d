//! The newest good points of an owner, which nothing but a purge of the owner takes away.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Vault, VaultError};
use crate::{
    format::{Id, StatePoint},
    ledger::State,
};

/// Records that are read at a time.
const READS: usize = 16;

impl Vault {
    /// Of the owner's good points that are newer than this one, as many as the floor needs whose records are in storage and
    /// the ones that were accepted.
    pub(super) async fn newer_ones_there(&self, point: Id, keep: u32) -> Result<HashSet<Id>, VaultError> {
        let state = self.inner.ledger.state();
        let mut there = HashSet::new();
        let Some(found) = state.point(point) else { return Ok(there) };
        let good = state.good_points_of(state.owner_of(found));
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
}

/// The floor that keeps a point; `None` when it may go. A damaged point is under no floor. Newer ones count where they are
/// known to be `there`.
pub(super) fn kept_as_last_good(
    state: &State,
    point: &StatePoint,
    keep: u32,
    there: &HashSet<Id>,
) -> Option<u32> {
    let mut good = state.good_points_of(state.owner_of(point));
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
