//! Which point is read back, and what the end of a run means. Pure.

use std::collections::BTreeMap;

use contract::{DamagedObject, FailureCode, Outcome, PointId, PointView, Verification, VerifyLevel};
use crds::common::{ConditionType, InstanceReference, is_true};
use crds::instance::Protection;
use crds::{BackupInstance, BackupJob, BackupJobSpec, Reason, finalizers, labels};
use jiff::{SignedDuration, Timestamp};
use kube::{Resource as _, ResourceExt as _};

use super::observe::Seen;
use crate::clock::Now;
use crate::cluster::Note;
use crate::controller::Wake;
use crate::controller::run::{AttemptState, Ending, SeenAttempt};
use crate::names;

/// A run that has not ended by then never will.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// After a run that did not come to its end.
pub const PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// In order. Each may be repeated after an interruption.
    pub steps: Vec<Step>,
    pub wake: Wake,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A pod that reads this point.
    Start(PointId),
    /// A backup in the place of a damaged point. Its name makes that it is made once.
    Substitute(Box<BackupJob>),
    /// What was found goes into the ledger.
    Record {
        point: PointId,
        damage: Option<DamagedObject>,
    },
    Tell(Note),
    /// This point is not tried again for a while.
    Pause(PointId),
    Remove(Box<SeenAttempt>),
}

/// How deep a point is looked at: every object, its hash and its seal.
pub const LEVEL: VerifyLevel = VerifyLevel::Objects;

/// Decides for one instance.
pub fn decide(instance: &BackupInstance, seen: &Seen, now: Now) -> Decision {
    if let Some(attempt) = seen.attempts.first() {
        return of_attempt(instance, seen, attempt, now);
    }
    // Whatever kept it from being made when the damage was found, such as a quota.
    if let Some(job) = missing_substitute(instance, seen) {
        return Decision::then(vec![Step::Substitute(Box::new(job))]);
    }
    let due = |point: &PointView| later(point.verified.full.unwrap_or(point.commit_time), seen.every);
    let paused = |point: &PointView| seen.paused.get(&point.id).copied().filter(|until| *until > now.wall);
    // One that cannot be read back keeps no other from it.
    let free = seen.points.iter().filter(|point| paused(point).is_none());
    let next = free.min_by_key(|point| (due(point), point.id.0.clone()));
    let Some(next) = next.filter(|point| due(point) <= now.time) else {
        let pauses = seen.points.iter().filter_map(paused).min();
        let rested =
            pauses.map_or(Wake::OnChange, |until| Wake::After(until.duration_since(now.wall).unsigned_abs()));
        return Decision::wait(next.map_or(Wake::OnChange, |point| Wake::At(due(point))).or(rested, now));
    };
    let conditions = seen.vault.status.as_ref().map(|status| status.conditions.as_slice());
    let is_ready = is_true(conditions.unwrap_or_default(), ConditionType::Ready);
    if seen.busy || !is_ready {
        return Decision::wait(Wake::OnChange);
    }
    Decision { steps: vec![Step::Start(next.id.clone())], wake: Wake::OnChange }
}

impl Decision {
    fn wait(wake: Wake) -> Self {
        Self { steps: Vec::new(), wake }
    }

    fn then(steps: Vec<Step>) -> Self {
        Self { steps, wake: Wake::OnChange }
    }
}

/// A Job that is there: released, waited for, or read.
fn of_attempt(instance: &BackupInstance, seen: &Seen, attempt: &SeenAttempt, now: Now) -> Decision {
    if attempt.going {
        return Decision::wait(Wake::OnChange);
    }
    let uid = instance.uid().unwrap_or_default();
    let is_read = |point: &&PointView| names::verification(&uid, &point.id) == attempt.job_name;
    let remove = Step::Remove(Box::new(attempt.clone()));
    let Some(point) = seen.points.iter().find(is_read) else {
        // It has expired meanwhile, or what was found is in the ledger already; the substitute may still be missing.
        let replaced = seen.damaged.iter().find(is_read).filter(|_| has_found_damage(&attempt.state));
        let missing = replaced.and_then(|point| substitute(instance, &point.id));
        let steps = missing.map(|job| Step::Substitute(Box::new(job))).into_iter().chain([remove]);
        return Decision::then(steps.collect());
    };
    match &attempt.state {
        AttemptState::Suspended => Decision::then(vec![Step::Start(point.id.clone())]),
        AttemptState::Waiting { .. } | AttemptState::Running => {
            let end = attempt.created.map(|created| later(created, PATIENCE + SignedDuration::from_hours(1)));
            match end {
                Some(end) if end <= now.wall => {
                    Decision::then(undone(point, "It did not end within a day.", remove))
                }
                _ => Decision::wait(Wake::OnChange),
            }
        }
        AttemptState::Ended(ending) => Decision::then(of_end(instance, point, ending, remove)),
    }
}

fn of_end(instance: &BackupInstance, point: &PointView, ending: &Ending, remove: Step) -> Vec<Step> {
    if let Some(found) = damage(ending) {
        return damaged(instance, point, found, remove);
    }
    match ending.report.as_ref().map(|report| &report.outcome) {
        Some(Outcome::Verified(_)) => vec![Step::Record { point: point.id.clone(), damage: None }, remove],
        Some(Outcome::Failed(failure)) => undone(point, &failure.message, remove),
        Some(Outcome::Stored { .. } | Outcome::Restored { .. } | Outcome::Checked(_)) => {
            undone(point, "Its pod has done something else.", remove)
        }
        None if ending.out_of_memory => undone(point, "Its pod ran out of memory.", remove),
        None => undone(point, "Its pod ended without a word.", remove),
    }
}

fn has_found_damage(state: &AttemptState) -> bool {
    if let AttemptState::Ended(ending) = state { damage(ending).is_some() } else { false }
}

/// What is wrong with the point, if that is what was found. A record that is gone from storage is damage: of a point that the
/// ledger does not have the keeper refuses to speak at all.
fn damage(ending: &Ending) -> Option<DamagedObject> {
    match &ending.report.as_ref()?.outcome {
        Outcome::Verified(found) if !found.is_sound() => Some(first(found)),
        Outcome::Failed(failure)
            if matches!(failure.code, FailureCode::Damaged | FailureCode::PointNotFound) =>
        {
            Some(DamagedObject { object: "record".into(), message: failure.message.clone() })
        }
        _ => None,
    }
}

fn first(found: &Verification) -> DamagedObject {
    let unnamed = || DamagedObject { object: String::new(), message: "an object is damaged".into() };
    found.damage.first().cloned().unwrap_or_else(unnamed)
}

/// The ledger comes first: whatever keeps the substitute from being made, such as a quota, nobody may take the point for a
/// good one. Until the run's Job is gone, the next look makes what is missing.
fn damaged(instance: &BackupInstance, point: &PointView, found: DamagedObject, remove: Step) -> Vec<Step> {
    let substitute = substitute(instance, &point.id);
    let what_next = if substitute.is_some() {
        "another backup is made in its place"
    } else {
        "no backup is made in its place, since protection is not Enabled"
    };
    let message = format!(
        "Point {} of {} is damaged, and {what_next}. Object {:?}: {}",
        point.id, point.point_time, found.object, found.message
    );
    let record = Step::Record { point: point.id.clone(), damage: Some(found) };
    let tell = Step::Tell(Note::warning(Reason::VerificationFailed, message));
    let substitute = substitute.map(|job| Step::Substitute(Box::new(job)));
    [record, tell].into_iter().chain(substitute).chain([remove]).collect()
}

fn undone(point: &PointView, why: &str, remove: Step) -> Vec<Step> {
    let message = format!(
        "Point {} of {} could not be read back: {why} It is tried again after a day.",
        point.id, point.point_time
    );
    vec![
        Step::Pause(point.id.clone()),
        Step::Tell(Note::warning(Reason::VerificationNotDone, message)),
        remove,
    ]
}

/// The backup in the place of a damaged point after which no other has come, if there is none yet.
fn missing_substitute(instance: &BackupInstance, seen: &Seen) -> Option<BackupJob> {
    let newest = seen.damaged.iter().max_by_key(|point| point.commit_time)?;
    let is_followed = seen.points.iter().any(|point| point.commit_time > newest.commit_time);
    substitute(instance, &newest.id)
        .filter(|job| !is_followed && !seen.busy && !seen.jobs.contains(&job.name_any()))
}

/// A backup with the policy's default tag; `None` where none may be made.
fn substitute(instance: &BackupInstance, point: &PointId) -> Option<BackupJob> {
    if instance.spec.protection != Protection::Enabled {
        return None;
    }
    let policy = &instance.status.as_ref()?.policy_snapshot.as_ref()?.spec;
    let name = instance.name_any();
    let spec = BackupJobSpec {
        instance_ref: InstanceReference { name: name.clone() },
        slot: None,
        retention_tag: Some(policy.default_retention()?.name.clone()),
        cancel: false,
    };
    let mut job = BackupJob::new(&names::substitute(&name, point), spec);
    job.metadata.namespace = instance.namespace();
    job.metadata.owner_references = instance.controller_owner_ref(&()).map(|owner| vec![owner]);
    job.metadata.finalizers = Some(vec![finalizers::STOP_RUN.to_owned()]);
    job.metadata.labels = Some(BTreeMap::from([
        (labels::MANAGED_BY.to_owned(), labels::MANAGED_BY_COFFER.to_owned()),
        (labels::INSTANCE.to_owned(), name),
        (labels::VAULT.to_owned(), instance.spec.vault_ref.name.clone()),
    ]));
    Some(job)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
