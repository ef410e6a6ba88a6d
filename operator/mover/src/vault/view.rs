//! Points as they are shown.

use contract::{OwnerView, Pledges, PointId, PointState, PointView};

use super::Vault;
use crate::{
    format::{Id, StatePoint},
    ledger::State,
};

/// Counts over all points that can be restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub points: u64,
    pub stored_bytes: u64,
}

impl Vault {
    /// The points whose newest ledger entry comes after `sequence`, in the order of those entries, tombstoned ones included.
    pub fn points(&self, sequence: u64) -> Vec<PointView> {
        let state = self.inner.ledger.state();
        let mut points: Vec<PointView> = state
            .points()
            .filter(|point| point.sequence > sequence)
            .map(|point| view(&state, point))
            .collect();
        points.sort_by(|a, b| (a.sequence, &a.id).cmp(&(b.sequence, &b.id)));
        points
    }

    /// One point, tombstoned or not.
    pub fn point(&self, point: &PointId) -> Option<PointView> {
        let point = Id::try_from(point).ok()?;
        let state = self.inner.ledger.state();
        state.point(point).map(|point| view(&state, point))
    }

    /// The owners whose newest ledger entry comes after `sequence`, in the order of those entries.
    pub fn owners(&self, sequence: u64) -> Vec<OwnerView> {
        let state = self.inner.ledger.state();
        let news = state.owners().filter(|known| known.sequence > sequence);
        let mut owners: Vec<OwnerView> = news
            .map(|known| OwnerView {
                sequence: known.sequence,
                owner: known.owner.clone(),
                spec: known.spec.clone(),
                life: known.life.clone(),
                adopted_by: known.adopted_by.clone(),
            })
            .collect();
        owners.sort_by(|a, b| (a.sequence, &a.owner).cmp(&(b.sequence, &b.owner)));
        owners
    }

    /// The one-way settings that the ledger holds.
    pub fn pledges(&self) -> Pledges {
        self.inner.ledger.state().pledges()
    }

    /// Good points, and the bytes of all of them.
    pub fn totals(&self) -> Totals {
        let state = self.inner.ledger.state();
        state.points().filter(|point| point.is_good()).fold(Totals::default(), |totals, point| Totals {
            points: totals.points + 1,
            stored_bytes: totals.stored_bytes.saturating_add(point.point.stored_bytes),
        })
    }
}

fn view(ledger: &State, point: &StatePoint) -> PointView {
    let accepted = &point.point;
    PointView {
        id: accepted.id.into(),
        run: accepted.run.clone(),
        writer: accepted.writer.into(),
        sequence: point.sequence,
        owner: ledger.owner_of(point).clone(),
        decision: accepted.decision.clone(),
        point_time: accepted.point_time,
        commit_time: accepted.commit_time,
        expiration_time: ledger.end_of(point),
        overridden: point.overridden.clone(),
        removal: point.removal.clone(),
        state: state(point),
        verified: point.verified,
        source: accepted.source.clone(),
        data_stores: accepted.data_stores.clone(),
        stored_bytes: accepted.stored_bytes,
        objects: accepted.objects,
        coverage: accepted.coverage.clone(),
        warnings: accepted.warnings.clone(),
    }
}

fn state(point: &StatePoint) -> PointState {
    if point.tombstoned.is_some() {
        PointState::Expired
    } else if point.removal.is_some() {
        PointState::SoftDeleted
    } else if point.damage.is_some() {
        PointState::Damaged
    } else {
        PointState::Available
    }
}
