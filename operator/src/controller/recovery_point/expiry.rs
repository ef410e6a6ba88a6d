//! Which points have had their time and may go. Pure: the keeper is asked afterwards, and has a guard of its own.

use std::collections::BTreeMap;

use contract::{Owner, PointId, PointState, PointView, TombstoneRequest};
use crds::BackupInstance;
use crds::instance::Protection as SpecProtection;
use jiff::Timestamp;
use policy::retention::{Exempt, Point, Protection, Terms, Verdict, judge};

use super::deleted;
use super::facts::{Facts, owner_key};
use crate::controller::life;
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

/// Judges every point of the vault. What becomes of the points of an instance that is gone is in the ledger; until its end is
/// there they stay, and so do those that a command line made: nobody is there whose policy could let them go.
pub fn expiry(facts: &Facts<'_>, now: Timestamp) -> Expiry {
    let mut expiry = Expiry::default();
    for points in by_floor(facts.catalogue.points.values()).into_values() {
        let Some(first) = points.first() else { continue };
        match facts.instance_of(first) {
            Some(instance) => judge_instance(facts, instance, &points, now, &mut expiry),
            None => deleted::judge_owner(facts, &first.owner, &points, now, &mut expiry),
        }
    }
    expiry
}

/// The points that have not expired, oldest first, by whose newest good ones stay.
pub fn by_floor<'a>(
    points: impl Iterator<Item = &'a PointView>,
) -> BTreeMap<(String, &'a str), Vec<&'a PointView>> {
    let mut by_floor: BTreeMap<_, Vec<&PointView>> = BTreeMap::new();
    for point in points.filter(|point| point.state != PointState::Expired) {
        by_floor.entry(floor_key(&point.owner)).or_default().push(point);
    }
    by_floor.values_mut().for_each(|points| points.sort_by_key(|point| point.point_time));
    by_floor
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
    if life::retention_rests(instance, facts.catalogue, now) {
        // Nothing is due, and nobody is told that something stays: it was asked for.
        let resumes = instance.status.as_ref().and_then(|status| status.retention_resume_time.as_ref());
        if let Some(resumes) = resumes.filter(|time| now < time.0) {
            expiry.wake(resumes.0);
        }
        return;
    }
    let keep_at_least = floor(instance, points);
    let terms = Terms { keep_at_least, protection: protection(instance), clock_skewed: facts.clock_skewed };
    expiry.judge(facts, points, terms, now);
}

impl Expiry {
    /// Judges the points of one owner.
    pub fn judge(&mut self, facts: &Facts<'_>, points: &[&PointView], terms: Terms, now: Timestamp) {
        let judged: Vec<Point<PointId>> = points.iter().map(|point| retained(facts, point)).collect();
        for (point, verdict) in points.iter().zip(judge(&judged, terms, now)) {
            match verdict {
                Verdict::NeverExpires => {}
                Verdict::Current { until } => self.wake(until),
                Verdict::HeldBack(reason) => {
                    self.held_back.count += 1;
                    if self.held_back.message.is_empty() {
                        reason.sentence().clone_into(&mut self.held_back.message);
                    }
                }
                Verdict::Delete => {
                    self.tombstones.push((point.id.clone(), request(point, terms.keep_at_least)));
                }
            }
        }
    }

    /// Something is due then.
    pub fn wake(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

/// How many of a living instance's points go at `at`, should protection be as its spec says by then.
pub fn expire_by(instance: &BackupInstance, points: &[PointView], at: Timestamp) -> usize {
    let go = |points: Vec<&PointView>| {
        let keep_at_least = floor(instance, &points);
        let terms = Terms { keep_at_least, protection: protection(instance), clock_skewed: false };
        let judged: Vec<Point<PointId>> = points.iter().map(|point| of(point, None)).collect();
        judge(&judged, terms, at).into_iter().filter(|verdict| *verdict == Verdict::Delete).count()
    };
    by_floor(points.iter()).into_values().map(go).sum()
}

/// The larger of what the policy promises now and what it promised when the newest point was made.
pub fn floor(instance: &BackupInstance, points: &[&PointView]) -> u32 {
    let snapshot = instance.status.as_ref().and_then(|status| status.policy_snapshot.as_ref());
    floor_under(snapshot.map_or(1, |snapshot| snapshot.spec.keep_at_least), points)
}

/// As [`floor`], under a policy that promises so many.
pub fn floor_under(keep_at_least: i32, points: &[&PointView]) -> u32 {
    let policy = u32::try_from(keep_at_least).unwrap_or(1);
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
    of(point, facts.in_use.contains(&point.id).then_some(Exempt::InUse))
}

/// A point as retention sees it.
pub fn of(point: &PointView, exempt: Option<Exempt>) -> Point<PointId> {
    Point {
        id: point.id.clone(),
        time: point.point_time,
        expires: point.expiration_time,
        good: point.state == PointState::Available,
        exempt,
    }
}

fn request(point: &PointView, keep_at_least: u32) -> TombstoneRequest {
    let end = point.expiration_time.map(|end| end.to_string()).unwrap_or_default();
    let reason = format!("expired at {end} by rule {}", point.decision.tag);
    TombstoneRequest { reason, keep_at_least, owner: Some(point.owner.clone()) }
}
