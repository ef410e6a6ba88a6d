//! What the next pass that deletes anything will delete. Pure.
//!
//! It is told from the points, their ends and the policies alone, and not from the time of the look: an idle vault tells the same
//! whenever it is looked at.

use std::collections::BTreeSet;

use contract::{Life, PointId, PointView, Remains};
use crds::BackupInstance;
use crds::common::{NextExpiry, Time};
use crds::instance::{InstanceState, Protection as SpecProtection};
use jiff::Timestamp;
use policy::retention::{Point, Protection, Terms, Verdict, judge};

use super::facts::Facts;
use super::{deleted, expiry};
use crate::controller::life;

/// When some go, and how many.
type Due = (Timestamp, usize);

/// Of one instance: the points that are its own, under the protection that holds. `keep_at_least` is what its policy says, and
/// `resumes` from when on points expire again.
pub fn of_instance(
    points: &[PointView],
    keep_at_least: i32,
    protection: SpecProtection,
    resumes: Option<Timestamp>,
) -> Option<NextExpiry> {
    let groups = expiry::by_floor(points.iter()).into_values();
    let due = groups.map(|group| {
        let terms = terms(expiry::floor_under(keep_at_least, &group), protection);
        first(&group, terms, resumes)
    });
    told(due.fold(None, sooner))
}

/// Of a whole vault, deleted instances included.
pub fn of_vault(facts: &Facts<'_>) -> Option<NextExpiry> {
    let groups = expiry::by_floor(facts.catalogue.points.values()).into_values();
    told(groups.map(|group| of_owner(facts, &group)).fold(None, sooner))
}

fn of_owner(facts: &Facts<'_>, points: &[&PointView]) -> Option<Due> {
    let owner = &points.first()?.owner;
    if let Some(instance) = facts.instance_of(points.first()?) {
        return of_living(facts, instance, points);
    }
    match &facts.catalogue.owners.get(owner)?.life {
        Life::Deleted { points: Remains::Purged { at }, .. } => Some((*at, points.len())),
        Life::Deleted { points: Remains::AsStamped, .. } => {
            first(points, Terms { clock_skewed: false, ..deleted::as_stamped(facts, points) }, None)
        }
        Life::Deleted { points: Remains::Kept, .. }
        | Life::Active
        | Life::Released
        | Life::ResumeRequired { .. } => None,
    }
}

fn of_living(facts: &Facts<'_>, instance: &BackupInstance, points: &[&PointView]) -> Option<Due> {
    let uid = life::uid(&points.first()?.owner)?;
    let status = instance.status.as_ref();
    let rests = status.and_then(|status| status.state) == Some(InstanceState::ProtectionStopped);
    // From when on its points expire again is not known until its status says so.
    let protection = if rests {
        SpecProtection::Stopped
    } else {
        life::protection(instance, life::resume_required(facts.catalogue, uid))
    };
    let resumes = status.and_then(|status| status.retention_resume_time.as_ref()).map(|time| time.0);
    first(points, terms(expiry::floor(instance, points), protection), resumes)
}

fn terms(keep_at_least: u32, protection: SpecProtection) -> Terms {
    let protection = match protection {
        SpecProtection::Enabled => Protection::Enabled,
        SpecProtection::Suspended => Protection::Suspended,
        SpecProtection::Stopped => Protection::Stopped,
    };
    Terms { keep_at_least, protection, clock_skewed: false }
}

/// The first of the points' ends at which some of them go. Nothing expires before `resumes`, but what was asked to be removed
/// goes at its own end whatever becomes of the rest.
fn first(points: &[&PointView], terms: Terms, resumes: Option<Timestamp>) -> Option<Due> {
    let removed = points.iter().filter(|point| point.removal.is_some());
    let removed = removed.filter_map(|point| Some((point.expiration_time?, 1))).map(Some).fold(None, sooner);
    let judged: Vec<Point<PointId>> = points.iter().map(|point| expiry::of(point, None)).collect();
    let no_sooner = |end: Timestamp| resumes.map_or(end, |resumes| end.max(resumes));
    let ends: BTreeSet<Timestamp> =
        points.iter().filter_map(|point| point.expiration_time).map(no_sooner).collect();
    let go = |at: Timestamp| {
        let verdicts = judge(&judged, terms, at);
        let own = points.iter().zip(verdicts).filter(|(point, _)| point.removal.is_none());
        own.filter(|(_, verdict)| *verdict == Verdict::Delete).count()
    };
    let expired = match terms.protection {
        Protection::Stopped => None,
        Protection::Enabled | Protection::Suspended => {
            ends.into_iter().map(|at| (at, go(at))).find(|(_, count)| *count > 0)
        }
    };
    sooner(removed, expired)
}

/// The sooner of two; together where they are of one instant.
fn sooner(one: Option<Due>, other: Option<Due>) -> Option<Due> {
    match (one, other) {
        (Some((at, some)), Some((then, more))) if at == then => Some((at, some + more)),
        (Some(one), Some(other)) => Some(if one.0 < other.0 { one } else { other }),
        (due, None) | (None, due) => due,
    }
}

fn told(due: Option<Due>) -> Option<NextExpiry> {
    due.map(|(at, points)| NextExpiry { time: Time(at), points: i64::try_from(points).unwrap_or(i64::MAX) })
}
