//! Which points have had their time and may go. Pure: the keeper is asked afterwards, and has a guard of its own.

use std::collections::BTreeMap;

use contract::{Owner, PointId, PointState, PointView, TombstoneRequest};
use crds::BackupInstance;
use crds::instance::Protection as SpecProtection;
use jiff::Timestamp;
use policy::retention::{Exempt, Point, Protection, Terms, Verdict, judge};

use super::facts::{Facts, owner_key};
use crate::keeper_client::HeldBack;

/// What retention asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// Points to be deleted, oldest first.
    pub tombstones: Vec<(PointId, TombstoneRequest)>,
    /// Points that are due and stay.
    pub held_back: HeldBack,
    /// When the next point is due.
    pub next: Option<Timestamp>,
}

/// Judges every point of the vault that has a living instance. Points of an instance that is gone stay for ever, and so
/// do those that a command line made: nobody is there whose policy could let them go.
pub fn expiry(facts: &Facts<'_>, now: Timestamp) -> Expiry {
    let mut by_owner: BTreeMap<_, Vec<&PointView>> = BTreeMap::new();
    for point in facts.catalogue.points.values().filter(|point| point.state != PointState::Expired) {
        by_owner.entry(floor_key(&point.owner)).or_default().push(point);
    }
    let mut expiry = Expiry::default();
    for mut points in by_owner.into_values() {
        let Some(instance) = points.first().and_then(|point| facts.instance_of(point)) else { continue };
        points.sort_by_key(|point| point.point_time);
        judge_instance(facts, instance, &points, now, &mut expiry);
    }
    expiry
}

/// Whose newest good points stay. A server that was made anew has points of its own, and they are no substitute for what
/// the old one held; the keeper counts the same way.
fn floor_key(owner: &Owner) -> (String, &str) {
    match owner {
        Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id } => {
            (owner_key(owner), datasource_id)
        }
    }
}

fn judge_instance(
    facts: &Facts<'_>,
    instance: &BackupInstance,
    points: &[&PointView],
    now: Timestamp,
    expiry: &mut Expiry,
) {
    let keep_at_least = floor(instance, points);
    let terms = Terms { keep_at_least, protection: protection(instance), clock_skewed: facts.clock_skewed };
    let judged: Vec<Point<PointId>> = points.iter().map(|point| retained(facts, point)).collect();
    for (point, verdict) in points.iter().zip(judge(&judged, terms, now)) {
        match verdict {
            Verdict::NeverExpires => {}
            Verdict::Current { until } => {
                expiry.next = Some(expiry.next.map_or(until, |next| next.min(until)))
            }
            Verdict::HeldBack(reason) => {
                expiry.held_back.count += 1;
                if expiry.held_back.message.is_empty() {
                    reason.sentence().clone_into(&mut expiry.held_back.message);
                }
            }
            Verdict::Delete => expiry.tombstones.push((point.id.clone(), request(point, keep_at_least))),
        }
    }
}

/// The larger of what the policy promises now and what it promised when the newest point was made.
pub fn floor(instance: &BackupInstance, points: &[&PointView]) -> u32 {
    let snapshot = instance.status.as_ref().and_then(|status| status.policy_snapshot.as_ref());
    let policy = snapshot.and_then(|snapshot| u32::try_from(snapshot.spec.keep_at_least).ok()).unwrap_or(1);
    let stamped = points.last().map_or(1, |point| point.decision.keep_at_least);
    policy.max(stamped).max(1)
}

fn protection(instance: &BackupInstance) -> Protection {
    match instance.spec.protection {
        SpecProtection::Enabled => Protection::Enabled,
        SpecProtection::Suspended => Protection::Suspended,
        SpecProtection::Stopped => Protection::Stopped,
    }
}

fn retained(facts: &Facts<'_>, point: &PointView) -> Point<PointId> {
    Point {
        id: point.id.clone(),
        time: point.point_time,
        expires: point.expiration_time,
        good: point.state == PointState::Available,
        exempt: facts.in_use.contains(&point.id).then_some(Exempt::InUse),
    }
}

fn request(point: &PointView, keep_at_least: u32) -> TombstoneRequest {
    let end = point.expiration_time.map(|end| end.to_string()).unwrap_or_default();
    TombstoneRequest { reason: format!("expired at {end} by rule {}", point.decision.tag), keep_at_least }
}
