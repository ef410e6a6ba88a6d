//! Points as they are shown.

use contract::{PointId, PointState, PointView};

use super::Vault;
use crate::format::{Id, StatePoint};

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
        let mut points: Vec<PointView> =
            state.points().filter(|point| point.sequence > sequence).map(view).collect();
        points.sort_by(|a, b| (a.sequence, &a.id).cmp(&(b.sequence, &b.id)));
        points
    }

    /// One point, tombstoned or not.
    pub fn point(&self, point: &PointId) -> Option<PointView> {
        let point = Id::try_from(point).ok()?;
        self.inner.ledger.state().point(point).map(view)
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

fn view(point: &StatePoint) -> PointView {
    let accepted = &point.point;
    PointView {
        id: accepted.id.into(),
        run: accepted.run.clone(),
        writer: accepted.writer.into(),
        sequence: point.sequence,
        owner: accepted.owner.clone(),
        decision: accepted.decision.clone(),
        point_time: accepted.point_time,
        commit_time: accepted.commit_time,
        expiration_time: accepted.expiration_time,
        overridden: None,
        removal: None,
        state: state(point),
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
    } else if point.damage.is_some() {
        PointState::Damaged
    } else {
        PointState::Available
    }
}
