//! How the last backup ended, and whether the newest point is as young as the policy promises. Pure.

use crds::common::ConditionType;
use crds::{BackupInstanceStatus, Reason};
use jiff::{SignedDuration, Timestamp};

use super::status::Parts;
use crate::clock::Now;
use crate::controller::Conditions;
use crate::controller::policy::ParsedPolicy;

/// So many slots around now tell how often backups are due.
const LOOKED_AT: usize = 8;

pub const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// LastBackupSucceeded and RecoveryPointFresh. Returns until when the latter holds.
pub fn results(
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
    // What was promised last holds while the policy cannot be read: points age all the same.
    let promised = match parts.found {
        Ok(found) => Some(promise(&found.policy, now)),
        Err(_) => status
            .policy_snapshot
            .as_ref()
            .and_then(|snapshot| ParsedPolicy::parse(&snapshot.spec).ok())
            .map(|policy| promise(&policy, now)),
    };
    let Some(promised) = promised else {
        conditions.keep(ConditionType::RecoveryPointFresh);
        return None;
    };
    let Some(latest) = &status.latest_recovery_point else {
        let message = "There is no point yet.";
        conditions.set(ConditionType::RecoveryPointFresh, None, Reason::NoPointYet, message);
        return None;
    };
    let until = latest.point_time.0.checked_add(promised).unwrap_or(Timestamp::MAX);
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
fn promise(policy: &ParsedPolicy, now: Now) -> SignedDuration {
    let window = policy
        .rules
        .iter()
        .map(|rule| rule.windows.complete_by(now.time).duration_since(now.time))
        .max()
        .unwrap_or(SignedDuration::ZERO);
    interval(policy, now).unwrap_or(WEEK) + window
}

/// The longest time between two of the next slots of all rules together.
pub fn interval(policy: &ParsedPolicy, now: Now) -> Option<SignedDuration> {
    let rules = &policy.rules;
    let mut slots: Vec<Timestamp> =
        rules.iter().flat_map(|rule| rule.schedule.slots_after(now.time).take(LOOKED_AT)).collect();
    slots.sort_unstable();
    slots.truncate(LOOKED_AT);
    slots.windows(2).map(|pair| pair[1].duration_since(pair[0])).max()
}
