//! What becomes of the points of an instance that is gone, as its end in the ledger says. Pure.

use contract::{Life, Owner, PointView, Remains, TombstoneRequest};
use jiff::Timestamp;
use policy::retention::{Protection, Terms};

use super::expiry::Expiry;
use super::facts::Facts;

/// Judges the points of one owner that has no living instance, oldest first.
pub fn judge_owner(
    facts: &Facts<'_>,
    owner: &Owner,
    points: &[&PointView],
    now: Timestamp,
    expiry: &mut Expiry,
) {
    let life = facts.catalogue.owners.get(owner).map(|view| &view.life);
    let Some(Life::Deleted { points: remains, .. }) = life else { return };
    match remains {
        Remains::Kept => {}
        Remains::AsStamped => expiry.judge(facts, points, as_stamped(facts, points), now),
        Remains::Purged { at } if now < *at => expiry.wake(*at),
        Remains::Purged { at } => purge(facts, points, *at, expiry),
    }
}

/// They expire as they would have, and the newest stays: nobody is there who could make another.
pub fn as_stamped(facts: &Facts<'_>, points: &[&PointView]) -> Terms {
    let stamped = points.last().map_or(1, |point| point.decision.keep_at_least);
    Terms {
        keep_at_least: stamped.max(1),
        protection: Protection::Suspended,
        clock_skewed: facts.clock_skewed,
    }
}

/// All of them go, the last good one too. Only a reader that began before the deletion is waited for.
fn purge(facts: &Facts<'_>, points: &[&PointView], at: Timestamp, expiry: &mut Expiry) {
    for point in points {
        if facts.clock_skewed || facts.in_use.contains(&point.id) {
            expiry.held_back.count += 1;
            if expiry.held_back.message.is_empty() {
                let reason = if facts.clock_skewed {
                    policy::retention::Reason::ClockSkewed
                } else {
                    policy::retention::Reason::Exempt(policy::retention::Exempt::InUse)
                };
                reason.sentence().clone_into(&mut expiry.held_back.message);
            }
            continue;
        }
        let reason = format!("its instance was deleted, and its points were to go at {at}");
        let request = TombstoneRequest { reason, keep_at_least: 0, owner: Some(point.owner.clone()) };
        expiry.tombstones.push((point.id.clone(), request));
    }
}
