//! What people ask of single points: to let one go before its end, and to give one another end. Pure.
//!
//! A request is asked of the keeper once; `status.answered` echoes what it took. What cannot be is told in a condition, and
//! judged again with every look: a newer point may come, a restore end.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract::{OverrideRequest, Owner, PointId, PointState, PointView, RemoveRequest};
use crds::common::ConditionType;
use crds::recovery_point::AnsweredRequests;
use crds::{Reason, RecoveryPoint};
use jiff::{SignedDuration, Timestamp};
use policy::{Keep, Zone};

use super::expiry::Expiry;
use super::facts::Facts;
use super::memory::Answer;
use super::{expiry, view};
use crate::controller::vault::soft_delete;

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing<T> {
    /// There is none, or it was answered.
    Rest,
    /// The keeper is to be asked.
    Ask(T),
    /// It cannot be, as things are.
    Blocked(Reason, String),
}

/// What the keeper is asked for an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub object: Arc<RecoveryPoint>,
    pub point: PointId,
    /// Asked first: of a request to let the point go that came with it, the point goes.
    pub another_end: Option<OverrideRequest>,
    pub removal: Option<RemoveRequest>,
}

/// Everything that the keeper is to be asked now. Only an object that is the view of its point is listened to: who made
/// another one that names the point may not be the one whose point it is.
pub fn asked(facts: &Facts<'_>, now: Timestamp) -> Vec<Asked> {
    let has_request = |object: &&Arc<RecoveryPoint>| {
        object.spec.deletion_request.is_some() || object.spec.retention_override.is_some()
    };
    facts.objects.iter().filter(has_request).filter_map(|object| ask(facts, object, now)).collect()
}

fn ask(facts: &Facts<'_>, object: &Arc<RecoveryPoint>, now: Timestamp) -> Option<Asked> {
    let point = facts.catalogue.points.get(&PointId(object.spec.point_id.clone()))?;
    if point.state == PointState::Expired || !view::is_view_of(facts, object, point) {
        return None;
    }
    let another_end = match another_end(facts, point, object, now) {
        Standing::Ask(request) => Some(request),
        Standing::Rest | Standing::Blocked(..) => None,
    };
    let removal = match deletion(facts, point, object, now) {
        Standing::Ask(request) => Some(request),
        Standing::Rest | Standing::Blocked(..) => None,
    };
    let is_something = another_end.is_some() || removal.is_some();
    is_something.then(|| Asked { object: Arc::clone(object), point: point.id.clone(), another_end, removal })
}

/// Takes the points out of what is to go that somebody wants to keep for longer, where the keeper has not taken it yet or the
/// ledger that it was written into was lost.
pub fn spare(facts: &Facts<'_>, expiry: &mut Expiry) {
    let wanted: BTreeSet<PointId> =
        facts.objects.iter().filter_map(|object| kept_for_longer(facts, object)).collect();
    expiry.tombstones.retain(|(point, _)| !wanted.contains(point));
}

/// The point of an object whose end is to be a later one, within the vault's range, and is not in the ledger.
fn kept_for_longer(facts: &Facts<'_>, object: &RecoveryPoint) -> Option<PointId> {
    let until = object.spec.retention_override.as_ref()?.until.0;
    let point = facts.catalogue.points.get(&PointId(object.spec.point_id.clone()))?;
    let is_open = view::is_view_of(facts, object, point)
        && answered(facts, point, object).retention_override.is_none()
        && not_owned::<()>(point).is_none()
        && outside_range(facts, point, until).is_none();
    (is_open && point.expiration_time.is_some_and(|end| end < until)).then(|| point.id.clone())
}

/// What the vault has taken of the requests that an object has now, as its status says or the keeper has just answered. Of
/// another end the ledger must say so as well: it may be an older one than the status was written from.
pub fn answered(facts: &Facts<'_>, point: &PointView, object: &RecoveryPoint) -> AnsweredRequests {
    let told = object.status.as_ref().and_then(|status| status.answered.as_ref());
    let heard = answer(facts, object).map(|answer| &answer.taken);
    let taken = || told.into_iter().chain(heard);
    let deletion = object.spec.deletion_request.as_ref();
    let another_end = object.spec.retention_override.as_ref();
    AnsweredRequests {
        deletion_request: deletion
            .filter(|asked| taken().any(|taken| taken.deletion_request.as_ref() == Some(asked)))
            .cloned(),
        retention_override: another_end
            .filter(|asked| taken().any(|taken| taken.retention_override.as_ref() == Some(asked)))
            .filter(|asked| point.overridden.as_ref().is_some_and(|end| end.until == asked.until.0))
            .cloned(),
    }
}

fn answer<'a>(facts: &'a Facts<'_>, object: &RecoveryPoint) -> Option<&'a Answer> {
    facts.answers.get(object.metadata.uid.as_ref()?)
}

/// What is told of requests that cannot be answered as things are.
pub fn blocked(
    facts: &Facts<'_>,
    point: &PointView,
    object: &RecoveryPoint,
    now: Timestamp,
) -> Vec<(ConditionType, Reason, String)> {
    let mut blocked = Vec::new();
    if let Standing::Blocked(reason, message) = deletion(facts, point, object, now) {
        blocked.push((ConditionType::DeletionBlocked, reason, message));
    }
    if let Standing::Blocked(reason, message) = another_end(facts, point, object, now) {
        blocked.push((ConditionType::OverrideBlocked, reason, message));
    }
    blocked
}

/// Judges the request to let a point go before its end.
fn deletion(
    facts: &Facts<'_>,
    point: &PointView,
    object: &RecoveryPoint,
    now: Timestamp,
) -> Standing<RemoveRequest> {
    let Some(asked) = object.spec.deletion_request.as_ref() else { return Standing::Rest };
    if answered(facts, point, object).deletion_request.is_some() {
        return Standing::Rest;
    }
    if let Some(blocked) = not_owned(point) {
        return blocked;
    }
    if facts.in_use.contains(&point.id) {
        let text = "A restore is reading the point. It is removed once that has ended; cancel the restore to have it go sooner.";
        return Standing::Blocked(Reason::InUse, text.into());
    }
    let keep_at_least = keep_at_least(facts, point);
    if is_last_good(facts, point, keep_at_least) {
        let text = format!(
            "The point is one of the {keep_at_least} newest good ones of its instance, which are kept. It is removed as soon as \
             {keep_at_least} newer ones are there: make a backup, or delete the instance if all its points are to go."
        );
        return Standing::Blocked(Reason::LastGood, text);
    }
    if let Some(message) = answer(facts, object).and_then(|answer| answer.deletion_refused.as_ref()) {
        return Standing::Blocked(Reason::DeletionRefused, message.clone());
    }
    if let Some(blocked) = clocks_differ(facts) {
        return blocked;
    }
    let purge = soft_delete_days(facts).map(|days| now + SignedDuration::from_hours(24 * days));
    Standing::Ask(RemoveRequest { reason: asked.reason.clone(), keep_at_least, purge })
}

/// Judges the other end that a point is to have: it must lie in the vault's range, and be no removal by another name.
fn another_end(
    facts: &Facts<'_>,
    point: &PointView,
    object: &RecoveryPoint,
    now: Timestamp,
) -> Standing<OverrideRequest> {
    let Some(asked) = object.spec.retention_override.as_ref() else { return Standing::Rest };
    if answered(facts, point, object).retention_override.is_some() {
        return Standing::Rest;
    }
    if let Some(blocked) = not_owned(point) {
        return blocked;
    }
    let until = asked.until.0;
    if let Some(text) = outside_range(facts, point, until) {
        return Standing::Blocked(Reason::OverrideOutsideVault, text);
    }
    let is_earlier = point.expiration_time.is_none_or(|end| until < end);
    if let Some(blocked) = clocks_differ(facts).filter(|_| is_earlier) {
        return blocked;
    }
    if let Some(text) = round_soft_delete(facts, point, until, now) {
        return Standing::Blocked(Reason::OverrideOutsideVault, text);
    }
    if let Some(message) = answer(facts, object).and_then(|answer| answer.override_refused.as_ref()) {
        return Standing::Blocked(Reason::OverrideRefused, message.clone());
    }
    Standing::Ask(OverrideRequest { until, reason: asked.reason.clone() })
}

/// What is made on the command line is nobody's in the cluster.
fn not_owned<T>(point: &PointView) -> Option<Standing<T>> {
    matches!(point.owner, Owner::Cli { .. }).then(|| {
        let text = "The point was made on the command line, and no instance of a cluster owns it: nothing here changes when it ends.";
        Standing::Blocked(Reason::PointNotOwned, text.into())
    })
}

/// By a clock that is behind, the days to bring a point back would be over before their time.
fn clocks_differ<T>(facts: &Facts<'_>) -> Option<Standing<T>> {
    facts.clock_skewed.then(|| {
        let text = "The clocks of operator, keeper and storage differ too much to say when the point is to go. It is asked for once \
                    they agree; condition RetentionBlocked of the vault says which differ.";
        Standing::Blocked(Reason::ClockSkewed, text.into())
    })
}

/// How many of the newest good points of a point's owner stay.
fn keep_at_least(facts: &Facts<'_>, point: &PointView) -> u32 {
    let mut points: Vec<&PointView> = facts
        .catalogue
        .points
        .values()
        .filter(|other| other.owner == point.owner && other.state != PointState::Expired)
        .collect();
    points.sort_by_key(|point| point.point_time);
    match facts.instance_of(point) {
        Some(instance) => expiry::floor(instance, &points),
        None => points.last().map_or(1, |newest| newest.decision.keep_at_least).max(1),
    }
}

/// Whether a point is among the newest good ones of its owner that stay. One that is damaged, or going already, is not.
fn is_last_good(facts: &Facts<'_>, point: &PointView, keep_at_least: u32) -> bool {
    if point.state != PointState::Available {
        return false;
    }
    let newer = facts.catalogue.points.values().filter(|other| {
        other.state == PointState::Available
            && other.owner == point.owner
            && (other.point_time, &other.id) > (point.point_time, &point.id)
    });
    newer.count() < usize::try_from(keep_at_least).unwrap_or(usize::MAX)
}

/// How long what is removed can be brought back; `None`: not at all.
fn soft_delete_days(facts: &Facts<'_>) -> Option<i64> {
    soft_delete::days(facts.vault, facts.pledges).map(i64::from)
}

/// Why an end would leave fewer days to notice than a removal does. It takes a removal back, and may not come before what
/// that one has left: else a removed point would go the sooner for having been brought back.
fn round_soft_delete(
    facts: &Facts<'_>,
    point: &PointView,
    until: Timestamp,
    now: Timestamp,
) -> Option<String> {
    let days = soft_delete_days(facts)?;
    let earliest = now + SignedDuration::from_hours(24 * days);
    if let Some(removal) = &point.removal {
        return (until < earliest.min(removal.purge)).then(|| {
            format!(
                "`retentionOverride.until` {until} would take the removed point away before {}, until when it can be brought \
                 back: set an end that is not before that.",
                removal.purge
            )
        });
    }
    let is_earlier = point.expiration_time.is_none_or(|end| until < end);
    (is_earlier && until < earliest).then(|| {
        format!(
            "`retentionOverride.until` {until} would take the point away early, and `softDelete` of the vault keeps what is \
             removed for {days} days: set `deletionRequest`, or an end that leaves these days."
        )
    })
}

/// Why an end is outside what the vault lets points be kept.
fn outside_range(facts: &Facts<'_>, point: &PointView, until: Timestamp) -> Option<String> {
    let range = &facts.vault.spec.retention;
    let zone = Zone::parse(&point.decision.time_zone).ok()?;
    let end_after = |keep: &str| Some(Keep::parse(keep).ok()?.expires(point.point_time, &zone));
    let (first, last) = (end_after(&range.minimum)?, end_after(&range.maximum)?);
    if (first..=last).contains(&until) {
        return None;
    }
    Some(format!(
        "`retentionOverride.until` {until} is outside the vault's `retention` of {} to {}: for this point from {first} to {last}.",
        range.minimum, range.maximum
    ))
}
