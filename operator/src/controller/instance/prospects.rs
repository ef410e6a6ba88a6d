//! Checks that need no connection to the server: whether vault and policy will carry what was found there. Pure.

use crds::common::{Condition, ConditionType};
use crds::instance::{Check, CheckResult};
use crds::{BackupJob, BackupVault, Reason};
use jiff::SignedDuration;

use super::observe::Seen;
use super::references::References;
use crate::words::bytes;

/// A backup that is likely to need more of its completion window than this is warned of, percent.
const ENOUGH: i128 = 80;

/// What the check of the window is called in status.
pub const SIZE: &str = "Size";

/// Storage and key as the vault's conditions tell of them, and the size of the databases against the completion window.
pub fn checks(found: &References, seen: &Seen, size_bytes: Option<u64>) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(vault) = &seen.vault {
        checks.push(of_condition("Storage", vault, ConditionType::StorageReachable));
        checks.push(of_condition("Key", vault, ConditionType::KeyAccessible));
    }
    checks.push(size(found, seen, size_bytes));
    checks
}

/// The check of the window, if it warns.
pub fn too_large(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.name == SIZE && check.result == CheckResult::Warning)
}

fn of_condition(name: &str, vault: &BackupVault, type_: ConditionType) -> Check {
    let conditions = vault.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let held: Option<&Condition> = conditions.iter().find(|held| held.type_ == type_.as_str());
    // What the vault lacks is told in the vault's own conditions, and keeps the instance from being ready while it lasts.
    let (result, told) = match held {
        Some(held) if held.status == "True" => (CheckResult::Passed, None),
        Some(_) | None => (CheckResult::Skipped, held),
    };
    Check {
        name: name.into(),
        result,
        reason: told.map(|held| held.reason.clone()),
        message: told.map(|held| held.message.chars().take(2000).collect()),
    }
}

/// Against the speed of the newest backup that ended well; before the first one nobody knows.
fn size(found: &References, seen: &Seen, size_bytes: Option<u64>) -> Check {
    let check = |result, told: Option<String>| Check {
        name: SIZE.into(),
        result,
        reason: told.as_ref().map(|_| Reason::WindowTooShort.as_str().to_owned()),
        message: told,
    };
    let (Some(size), Some(speed)) = (size_bytes, speed(seen)) else {
        return check(CheckResult::Skipped, None);
    };
    let Some(window) = window(found) else { return check(CheckResult::Skipped, None) };
    let needed = i128::from(size) / i128::from(speed);
    if needed * 100 <= i128::from(window.as_secs()) * ENOUGH {
        return check(CheckResult::Passed, None);
    }
    let told = format!(
        "the databases have {} and the last backup moved {} a second, so that one needs about {} minutes; the completion \
         window has {}",
        bytes(size),
        bytes(u64::try_from(speed).unwrap_or(0)),
        needed / 60,
        window.as_mins(),
    );
    check(CheckResult::Warning, Some(told))
}

/// The shortest completion window of all rules.
fn window(found: &References) -> Option<SignedDuration> {
    let rules = found.policy.rules.iter();
    rules.map(|rule| rule.windows.completion()).min()
}

/// Bytes a second of the newest backup that ended well.
fn speed(seen: &Seen) -> Option<i64> {
    let ended = |job: &BackupJob| job.status.as_ref().and_then(|status| status.completion_time.clone());
    let good = seen.jobs.iter().filter(|job| job.state().is_success());
    let newest = good.max_by_key(|job| ended(job).map(|time| time.0))?;
    newest.status.as_ref()?.progress.as_ref()?.bytes_per_second.filter(|speed| *speed > 0)
}
