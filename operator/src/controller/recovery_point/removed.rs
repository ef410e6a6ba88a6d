//! Points that somebody asked to have removed go when their time to be brought back is over, whatever becomes of their
//! instance and its protection meanwhile. Pure.

use std::collections::BTreeSet;

use contract::{PointId, PointState, TombstoneRequest};
use jiff::Timestamp;

use super::expiry::Expiry;
use super::facts::Facts;

/// Adds the removed points whose time is over to what retention asks for.
pub fn add_due(facts: &Facts<'_>, now: Timestamp, expiry: &mut Expiry) {
    let known: BTreeSet<PointId> = expiry.tombstones.iter().map(|(point, _)| point.clone()).collect();
    for point in facts.catalogue.points.values().filter(|point| point.state == PointState::SoftDeleted) {
        // Without an end its instance waits to be resumed, and nothing of it goes.
        let (Some(removal), Some(end)) = (&point.removal, point.expiration_time) else { continue };
        if now < end {
            expiry.next = Some(expiry.next.map_or(end, |next| next.min(end)));
        } else if !known.contains(&point.id) && !facts.clock_skewed && !facts.in_use.contains(&point.id) {
            let reason = format!("removed on request: {}", removal.reason);
            expiry
                .tombstones
                .push((point.id.clone(), TombstoneRequest { reason, keep_at_least: 0, owner: None }));
        }
    }
}
