//! What an instance's status says. Pure.

use contract::{Owner, PointView};
use crds::common::{Condition, ConditionType, Time};
use crds::instance::{
    CheckResult, InstanceState, JobCounts, LastBackup, LatestPoint, PolicySnapshot, Protection,
};
use crds::{BackupInstance, BackupInstanceStatus, BackupJob, annotations};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::checks::Checked;
use super::claim;
use super::datasource;
use super::freshness::{WEEK, results};
use super::observe::Seen;
use super::prospects;
use super::readiness::references_and_checks;
use super::references::{Objection, References};
use super::resume;
use super::slots::{self, Slots};
use super::sync;
use crate::clock::Now;
use crate::controller::Conditions;
use crate::controller::recovery_point::next_expiry_of;
use crate::names;

/// What the status is made from.
pub struct Parts<'a> {
    pub instance: &'a BackupInstance,
    pub seen: &'a Seen,
    pub found: &'a Result<References, Objection>,
    /// The protection that holds.
    pub protection: Protection,
    pub checked: Option<&'a Checked>,
    pub slots: Option<&'a Slots>,
}

/// The status, and until when it holds without anything happening.
pub fn status(parts: &Parts<'_>, now: Now) -> (BackupInstanceStatus, Option<Timestamp>) {
    let instance = parts.instance;
    let mut status = instance.status.clone().unwrap_or_default();
    let before = std::mem::take(&mut status.conditions);
    // Whoever deletes the instance looks whether its `deletionPolicy` has been told to the ledger.
    if claim::is_known(instance, parts.seen) {
        status.observed_generation = instance.metadata.generation;
    }
    status.revalidated =
        instance.annotations().get(annotations::REVALIDATE).map(|text| text.chars().take(256).collect());
    take_checks(parts, &mut status);
    take_policy(parts, &mut status);
    take_jobs(parts.seen, &mut status, now);
    take_points(instance, parts.seen, &mut status);
    take_slots(parts, &mut status, now);
    take_claim(parts.seen, &mut status);
    status.retention_resume_time = resume::time(parts, now).map(Time);
    take_expiry(parts, &mut status);
    status.brought_back_from = resume::record(parts);
    status.synced = sync::answered(instance, matches!(parts.checked, Some(Checked::Ended { .. })));
    let mut conditions = Conditions::new(&before, instance.metadata.generation, now.time);
    let backup_ready = references_and_checks(parts, &status, &mut conditions);
    let fresh_until = results(parts, &status, &mut conditions, now);
    resume::conditions(parts, &status, &mut conditions);
    status.state = Some(state(parts, &status, backup_ready));
    status.conditions = conditions.finish();
    (status, fresh_until)
}

fn take_checks(parts: &Parts<'_>, status: &mut BackupInstanceStatus) {
    if let Some(Checked::Ended { result, .. }) = parts.checked {
        status.checks.clone_from(&result.checks);
        if let Ok(found) = parts.found {
            status.checks.extend(prospects::checks(found, parts.seen, result.size_bytes));
        }
        status.last_check = Some(result.last.clone());
        status.missing_grants.clone_from(&result.missing_grants);
        if let Some(changed) = datasource::changed(parts.instance, parts.seen, result) {
            status.checks.push(changed);
            if let Some(last) = status.last_check.as_mut().filter(|last| last.result == CheckResult::Passed) {
                last.result = CheckResult::Warning;
            }
        }
        status.datasource_id = result.datasource_id.clone().or_else(|| status.datasource_id.take());
        status.relations = result.relations.or(status.relations);
        status.server_version = result.server_version.clone().or_else(|| status.server_version.take());
    }
}

fn take_policy(parts: &Parts<'_>, status: &mut BackupInstanceStatus) {
    if let Ok(found) = parts.found {
        status.policy_version = Some(found.version);
        status.policy_snapshot = Some(PolicySnapshot {
            name: found.policy_name.clone(),
            version: found.version,
            spec: found.spec.clone(),
        });
    }
}

fn take_jobs(seen: &Seen, status: &mut BackupInstanceStatus, now: Now) {
    let ended = |job: &BackupJob| job.status.as_ref().and_then(|status| status.completion_time.clone());
    let newest =
        seen.jobs.iter().filter(|job| job.is_terminal()).max_by_key(|job| ended(job).map(|time| time.0));
    let Some((job, time)) = newest.and_then(|job| ended(job).map(|time| (job, time))) else { return };
    if let Some(held) = status.last_backup.as_ref().filter(|held| held.completion_time.0 >= time.0) {
        // Nothing has ended since. With each whole day what has become older than a week is no longer counted.
        let days = now.time.duration_since(held.completion_time.0).as_hours() / 24;
        if days > 0 && seen.points.is_some() {
            let until = held.completion_time.0.checked_add(SignedDuration::from_hours(days * 24));
            status.jobs_7d = Some(counts(seen, until.unwrap_or(now.time)));
        }
        return;
    }
    let code = job.status.as_ref().and_then(|status| status.errors.last()).map(|error| error.code.clone());
    let good = job.state().is_success();
    status.last_backup = Some(LastBackup {
        job_name: job.name_any(),
        state: job.state(),
        completion_time: time.clone(),
        error_code: code.filter(|_| !good),
    });
    let success = seen
        .jobs
        .iter()
        .filter(|job| job.state().is_success())
        .filter_map(|job| ended(job))
        .max_by_key(|time| time.0);
    status.last_success_time = success.or_else(|| status.last_success_time.take());
    status.jobs_7d = Some(counts(seen, now.time));
}

/// How the jobs of the week before `until` have ended. Objects of jobs that ended well may have gone by the policy's
/// `jobHistory`, and their points are there.
fn counts(seen: &Seen, until: Timestamp) -> JobCounts {
    let since = until.checked_sub(WEEK).unwrap_or(Timestamp::MIN);
    let mut counts = JobCounts::default();
    for job in &seen.jobs {
        let time = job.status.as_ref().and_then(|status| status.completion_time.as_ref());
        if time.is_none_or(|time| time.0 < since) {
            continue;
        }
        use crds::common::JobState;
        match job.state() {
            JobState::Completed | JobState::CompletedWithWarnings => counts.completed += 1,
            JobState::Failed => counts.failed += 1,
            JobState::Expired => counts.expired += 1,
            JobState::Cancelled => counts.cancelled += 1,
            JobState::Created | JobState::Pending | JobState::Running | JobState::Cancelling => {}
        }
    }
    let made =
        seen.points.iter().flatten().filter(|point| since <= point.commit_time && point.commit_time <= until);
    counts.completed = counts.completed.max(i32::try_from(made.count()).unwrap_or(i32::MAX));
    counts
}

fn take_points(instance: &BackupInstance, seen: &Seen, status: &mut BackupInstanceStatus) {
    let Some(points) = &seen.points else { return };
    status.recovery_points = i64::try_from(points.len()).ok();
    status.latest_recovery_point = points.last().map(|point: &PointView| LatestPoint {
        name: names::recovery_point(&instance.name_any(), point.point_time, &point.id),
        point_time: Time(point.point_time),
    });
}

/// As the policy and the protection of now have it. What was told stays while the points are not known.
fn take_expiry(parts: &Parts<'_>, status: &mut BackupInstanceStatus) {
    let Some(points) = &parts.seen.points else { return };
    let keep_at_least = status.policy_snapshot.as_ref().map_or(1, |snapshot| snapshot.spec.keep_at_least);
    let resumes = status.retention_resume_time.as_ref().map(|time| time.0);
    status.next_expiry = next_expiry_of(points, keep_at_least, parts.protection, resumes);
}

/// An instance that was brought back protects what its points are of, before any check.
fn take_claim(seen: &Seen, status: &mut BackupInstanceStatus) {
    if status.datasource_id.is_none()
        && let Some(Owner::Instance { datasource_id, .. }) = seen.views.last().map(|view| &view.owner)
    {
        status.datasource_id = Some(datasource_id.clone());
    }
}

fn take_slots(parts: &Parts<'_>, status: &mut BackupInstanceStatus, now: Now) {
    match parts.slots {
        Some(slots) => {
            status.last_slot_time = Some(Time(slots.last));
            status.next_backup_time = slots.next.map(Time);
            status.missed_slots.clone_from(&slots.missed);
        }
        None if parts.protection != Protection::Enabled => status.next_backup_time = None,
        // The slots of its rest were not to run, whatever keeps it from running now.
        // One that was brought back knows of slots by its points alone.
        None if slots::is_resumed(parts.instance) && has_had_slots(parts.seen, status) => {
            status.last_slot_time = Some(Time(now.time));
        }
        None => {}
    }
}

fn has_had_slots(seen: &Seen, status: &BackupInstanceStatus) -> bool {
    status.last_slot_time.is_some() || seen.history.as_ref().is_some_and(|history| !history.slots.is_empty())
}

fn state(parts: &Parts<'_>, status: &BackupInstanceStatus, backup_ready: Option<bool>) -> InstanceState {
    let worked = status.last_slot_time.is_some() || status.last_success_time.is_some();
    match parts.protection {
        Protection::Suspended => return InstanceState::BackupsSuspended,
        Protection::Stopped => return InstanceState::ProtectionStopped,
        Protection::Enabled => {}
    }
    let failed =
        if worked { InstanceState::ProtectionError } else { InstanceState::ConfiguringProtectionFailed };
    match (parts.found, backup_ready) {
        (Err(objection), _) if objection.may_pass && !worked => InstanceState::ConfiguringProtection,
        (Err(_), _) | (Ok(_), Some(false)) => failed,
        (Ok(found), Some(true)) if found.outside_vault.is_some() => failed,
        (Ok(_), Some(true)) => InstanceState::ProtectionConfigured,
        (Ok(_), None) if worked => InstanceState::UpdatingProtection,
        (Ok(_), None) => InstanceState::ConfiguringProtection,
    }
}

/// The condition of this type, if it is there.
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|held| held.type_ == type_.as_str())
}
