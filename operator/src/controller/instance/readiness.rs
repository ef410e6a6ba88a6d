//! Whether an instance can be backed up, as conditions: what it refers to, and what its last round of checks found. Pure.

use crds::common::ConditionType;
use crds::instance::{CheckResult, Protection};
use crds::{BackupInstanceStatus, Reason};

use super::checks::{Checked, first_failure};
use super::prospects;
use super::status::Parts;
use crate::controller::Conditions;

/// Ready and BackupReady, and what goes with them. Returns whether backups can run.
pub fn references_and_checks(
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
