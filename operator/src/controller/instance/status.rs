//! What an instance's status says. Pure.

use contract::{Owner, PointView};
use crds::common::{Condition, ConditionType, Time};
use crds::instance::{
    CheckResult, InstanceState, JobCounts, LastBackup, LatestPoint, PolicySnapshot, Protection,
};
use crds::{BackupInstance, BackupInstanceStatus, BackupJob, Reason, annotations};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::checks::{Checked, first_failure};
use super::claim;
use super::datasource;
use super::observe::Seen;
use super::prospects;
use super::references::{Objection, References};
use super::resume;
use super::slots::{self, Slots};
use super::sync;
use crate::clock::Now;
use crate::controller::Conditions;
use crate::controller::recovery_point::next_expiry_of;
use crate::names;

/// So many slots around now tell how often backups are due.
const LOOKED_AT: usize = 8;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

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
        if days > 0 {
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

/// How the jobs of the week before `until` have ended.
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

/// Ready and BackupReady, and what goes with them. Returns whether backups can run.
fn references_and_checks(
    parts: &Parts<'_>,
    status: &BackupInstanceStatus,
    conditions: &mut Conditions,
) -> Option<bool> {
    let found = match parts.found {
        Ok(found) => found,
        Err(objection) => {
            conditions.set(ConditionType::Ready, Some(false), objection.reason, objection.message.as_str());
            let type_ = if objection.may_pass { ConditionType::Reconciling } else { ConditionType::Stalled };
            conditions.set(type_, Some(true), objection.reason, objection.message.as_str());
            conditions.keep(ConditionType::BackupReady);
            return known_before(conditions);
        }
    };
    match &found.outside_vault {
        Some(message) => {
            conditions.set(
                ConditionType::Ready,
                Some(false),
                Reason::RetentionOutsideVault,
                message.as_str(),
            );
        }
        None => {
            let message = "Vault, policy and consent are as they should be.";
            conditions.set(ConditionType::Ready, Some(true), Reason::AsConfigured, message);
        }
    }
    if found.policy_missing {
        let message = format!(
            "BackupPolicy {} is gone; version {} of it goes on acting.",
            found.policy_name, found.version
        );
        conditions.set(ConditionType::PolicyMissing, Some(true), Reason::PolicyGone, message);
    }
    if let Some(warned) = prospects::too_large(&status.checks) {
        let message = warned.message.clone().unwrap_or_default();
        conditions.set(ConditionType::ApproachingLimit, Some(true), Reason::WindowTooShort, message);
    }
    let ready = backup_ready(parts, status, conditions);
    if let Some(message) = found.outside_vault.as_deref().filter(|_| ready.is_some()) {
        conditions.set(ConditionType::Stalled, Some(true), Reason::RetentionOutsideVault, message);
    }
    ready
}

fn backup_ready(
    parts: &Parts<'_>,
    status: &BackupInstanceStatus,
    conditions: &mut Conditions,
) -> Option<bool> {
    let is_mended = parts.checked.is_some() && is_unexplained(status, conditions);
    let judged = match parts.checked {
        Some(Checked::Fault(fault)) => Some((Some(false), fault.reason, fault.message.clone())),
        Some(Checked::Ended { .. } | Checked::Standing { .. }) => Some(judge(status)),
        // A round that is on its way changes nothing until it ends, if there was one before.
        Some(Checked::Due { .. } | Checked::Running { blocked: None }) | None => None,
        // Nor does one that cannot begin, while something is known to be wrong.
        Some(Checked::Running { blocked: Some(_) })
            if known_before(conditions) == Some(false) && !is_mended =>
        {
            None
        }
        Some(Checked::Running { blocked: Some(blocked) }) => {
            Some((None, Reason::PodBlocked, format!("The check's pod cannot start: {blocked}")))
        }
    };
    match judged {
        Some((ready, reason, message)) => {
            conditions.set(ConditionType::BackupReady, ready, reason, message);
            ready
        }
        None if known_before(conditions).is_some() && !is_mended => {
            conditions.keep(ConditionType::BackupReady);
            known_before(conditions)
        }
        None if parts.protection == Protection::Stopped => {
            let message = "Nothing is looked at while protection is stopped.";
            conditions.set(ConditionType::BackupReady, None, Reason::ProtectionStopped, message);
            None
        }
        None => {
            let message = "Server, log-in, version, privileges and database are being looked at.";
            conditions.set(ConditionType::BackupReady, None, Reason::ChecksRunning, message);
            conditions.set(ConditionType::Reconciling, Some(true), Reason::ChecksRunning, message);
            None
        }
    }
}

/// Whether backups could not run for something that no check has found, such as a Secret that was missing. Once a check can
/// be made that has passed.
fn is_unexplained(status: &BackupInstanceStatus, conditions: &Conditions) -> bool {
    let Some(held) = conditions.before(ConditionType::BackupReady).filter(|held| held.status == "False")
    else {
        return false;
    };
    let (_, reason, _) = judge(status);
    held.reason != reason.as_str()
}

/// What the last round of checks that ended has found; `None` before the first.
fn known_before(conditions: &Conditions) -> Option<bool> {
    let held = conditions.before(ConditionType::BackupReady).filter(|held| held.status != "Unknown");
    held.map(|held| held.status == "True")
}

fn judge(status: &BackupInstanceStatus) -> (Option<bool>, Reason, String) {
    match first_failure(&status.checks) {
        Some((reason, message)) => {
            let message = format!("{}. {}", message.trim_end_matches('.'), reason.explanation().action);
            (Some(false), reason, message)
        }
        None if status.last_check.as_ref().is_some_and(|last| last.result == CheckResult::Failed) => {
            (Some(false), Reason::ServerUnreachable, "The check ended without a result.".into())
        }
        None => (Some(true), Reason::ChecksPassed, "Every check passed.".into()),
    }
}

/// LastBackupSucceeded and RecoveryPointFresh. Returns until when the latter holds.
fn results(
    parts: &Parts<'_>,
    status: &BackupInstanceStatus,
    conditions: &mut Conditions,
    now: Now,
) -> Option<Timestamp> {
    match &status.last_backup {
        Some(last) if last.state.is_success() => {
            let message = format!("Job {} ended well.", last.job_name);
            conditions.set(
                ConditionType::LastBackupSucceeded,
                Some(true),
                Reason::LastBackupCompleted,
                message,
            );
        }
        Some(last) => {
            let message = format!("Job {} ended {}.", last.job_name, last.state.as_str());
            conditions.set(
                ConditionType::LastBackupSucceeded,
                Some(false),
                Reason::LastBackupFailed,
                message,
            );
        }
        None => {
            let message = "No backup has ended yet.";
            conditions.set(ConditionType::LastBackupSucceeded, None, Reason::NoBackupYet, message);
        }
    }
    let Ok(found) = parts.found else {
        conditions.keep(ConditionType::RecoveryPointFresh);
        return None;
    };
    let Some(latest) = &status.latest_recovery_point else {
        let message = "There is no point yet.";
        conditions.set(ConditionType::RecoveryPointFresh, None, Reason::NoPointYet, message);
        return None;
    };
    let until = latest.point_time.0.checked_add(promise(found, now)).unwrap_or(Timestamp::MAX);
    if now.time < until {
        let message = "The newest point is as young as the policy promises.";
        conditions.set(ConditionType::RecoveryPointFresh, Some(true), Reason::PointFresh, message);
        return Some(until);
    }
    let message =
        format!("The newest point is of {}; a younger one was due by {until}.", latest.point_time.0);
    conditions.set(ConditionType::RecoveryPointFresh, Some(false), Reason::PointOverdue, message);
    None
}

/// How old the newest point may get: the longest time between two slots, and a completion window.
fn promise(found: &References, now: Now) -> SignedDuration {
    let window = found
        .policy
        .rules
        .iter()
        .map(|rule| rule.windows.complete_by(now.time).duration_since(now.time))
        .max()
        .unwrap_or(SignedDuration::ZERO);
    interval(found, now).unwrap_or(WEEK) + window
}

/// The longest time between two of the next slots of all rules together.
pub fn interval(found: &References, now: Now) -> Option<SignedDuration> {
    let rules = &found.policy.rules;
    let mut slots: Vec<Timestamp> =
        rules.iter().flat_map(|rule| rule.schedule.slots_after(now.time).take(LOOKED_AT)).collect();
    slots.sort_unstable();
    slots.truncate(LOOKED_AT);
    slots.windows(2).map(|pair| pair[1].duration_since(pair[0])).max()
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
