//! Whether an instance is protected, and what somebody has to do about it. Pure: what its status says, put together.

use crds::common::{Condition, ConditionType, JobState, is_true};
use crds::instance::{CheckResult, InstanceState, Protection};
use crds::{BackupInstance, BackupInstanceStatus, Reason};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde::Serialize;

/// The short answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Protected {
    /// Backups run, and there is a point.
    Yes,
    /// Nothing is wrong, and there is no point yet.
    NotYet,
    /// There are points, and no new ones can be made.
    Failing,
    /// There is no point, and none can be made.
    No,
    /// There are points, and somebody asked for no new ones.
    Paused,
}

impl Protected {
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::NotYet => "not yet",
            Self::Failing => "failing",
            Self::No => "NO",
            Self::Paused => "paused",
        }
    }
}

/// One thing that somebody has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// One of the reasons in docs/api.md, or the name of a check.
    pub reason: String,
    pub message: String,
    /// What to do; empty where the message says it.
    #[serde(rename = "whatToDo", skip_serializing_if = "String::is_empty")]
    pub what_to_do: String,
}

/// Everything that `status` tells of an instance.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    pub namespace: String,
    pub name: String,
    pub protected: Protected,
    /// Whether somebody has to do something. It decides the exit code.
    pub needs_attention: bool,
    pub findings: Vec<Finding>,
    pub state: Option<InstanceState>,
    pub recovery_points: i64,
    pub latest_point: Option<Timestamp>,
    pub last_backup: Option<Last>,
    pub next_backup: Option<Timestamp>,
}

/// The last job that ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Last {
    pub job: String,
    pub state: JobState,
    pub time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// Judges an instance by its status.
pub fn judge(instance: &BackupInstance) -> Verdict {
    let none = BackupInstanceStatus::default();
    let status = instance.status.as_ref().unwrap_or(&none);
    let points = status.recovery_points.unwrap_or(0);
    let protected = protected(instance, status, points);
    let mut findings = findings(instance, status);
    if protected == Protected::NotYet && findings.is_empty() {
        findings.push(no_point_yet(instance));
    }
    Verdict {
        namespace: instance.namespace().unwrap_or_default(),
        name: instance.name_any(),
        needs_attention: !findings.is_empty(),
        protected,
        findings,
        state: status.state,
        recovery_points: points,
        latest_point: status.latest_recovery_point.as_ref().map(|point| point.point_time.0),
        last_backup: status.last_backup.as_ref().map(|last| Last {
            job: last.job_name.clone(),
            state: last.state,
            time: last.completion_time.0,
            error_code: last.error_code.clone(),
        }),
        next_backup: status.next_backup_time.as_ref().map(|time| time.0),
    }
}

fn protected(instance: &BackupInstance, status: &BackupInstanceStatus, points: i64) -> Protected {
    let works = is_true(&status.conditions, ConditionType::Ready)
        && is_true(&status.conditions, ConditionType::BackupReady);
    let in_vain = [ConditionType::Ready, ConditionType::BackupReady]
        .iter()
        .any(|type_| find(&status.conditions, *type_).is_some_and(|held| held.status == "False"));
    let waits = is_true(&status.conditions, ConditionType::ResumeRequired);
    let protection = if waits { Protection::Stopped } else { instance.spec.protection };
    match (points > 0, protection) {
        (true, Protection::Suspended | Protection::Stopped) => Protected::Paused,
        (false, Protection::Suspended | Protection::Stopped) => Protected::No,
        (true, Protection::Enabled) if works || !in_vain => Protected::Yes,
        (true, Protection::Enabled) => Protected::Failing,
        (false, Protection::Enabled) if in_vain => Protected::No,
        (false, Protection::Enabled) => Protected::NotYet,
    }
}

/// What is wrong, the worst first.
fn findings(instance: &BackupInstance, status: &BackupInstanceStatus) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(unseen(instance, status));
    findings.extend(rest(instance, status));
    let wrong = |type_: ConditionType, status_when_wrong: &str| {
        let held = find(&status.conditions, type_).filter(|held| held.status == status_when_wrong);
        held.map(of_condition)
    };
    for type_ in [ConditionType::Ready, ConditionType::BackupReady] {
        findings.extend(wrong(type_, "False"));
    }
    findings.extend(last_backup(status));
    for type_ in [ConditionType::RecoveryPointFresh, ConditionType::CopiesHealthy] {
        findings.extend(wrong(type_, "False"));
    }
    for type_ in [ConditionType::PolicyMissing, ConditionType::ApproachingLimit] {
        findings.extend(wrong(type_, "True"));
    }
    let warned = status.checks.iter().filter(|check| check.result == CheckResult::Warning);
    findings.extend(warned.map(|check| Finding {
        reason: check.reason.clone().unwrap_or_else(|| check.name.clone()),
        message: check.message.clone().unwrap_or_else(|| format!("Check {} warns.", check.name)),
        what_to_do: check.reason.as_deref().map(action).unwrap_or_default(),
    }));
    findings
}

/// The operator has not looked, or not since the last change.
fn unseen(instance: &BackupInstance, status: &BackupInstanceStatus) -> Option<Finding> {
    let seen = status.observed_generation.filter(|generation| *generation >= 0);
    let message = match seen {
        None => "The operator has not looked at the instance yet.",
        Some(seen) if instance.metadata.generation.is_some_and(|generation| generation > seen) => {
            "The operator has not taken up the last change yet."
        }
        Some(_) => return None,
    };
    Some(Finding {
        reason: "NotSeen".to_owned(),
        message: message.to_owned(),
        what_to_do:
            "Wait a moment; if it stays so, look at the operator: `kubectl get pods -n coffer-system`."
                .to_owned(),
    })
}

/// Nothing is wrong; all the same nothing could be brought back.
fn no_point_yet(instance: &BackupInstance) -> Finding {
    let (namespace, name) = (instance.namespace().unwrap_or_default(), instance.name_any());
    Finding {
        reason: Reason::NoPointYet.to_string(),
        message: "There is no point yet.".to_owned(),
        what_to_do: format!(
            "Wait for the next slot, or make one now: `kubectl coffer backup {name} -n {namespace}`."
        ),
    }
}

/// Somebody asked for no new backups: that is easily forgotten.
fn rest(instance: &BackupInstance, status: &BackupInstanceStatus) -> Option<Finding> {
    if let Some(held) = find(&status.conditions, ConditionType::ResumeRequired) {
        return Some(of_condition(held));
    }
    let (reason, message) = match instance.spec.protection {
        Protection::Enabled => return None,
        Protection::Suspended => {
            (Reason::BackupsSuspended, "No new backups are made; points expire, and the newest stays.")
        }
        Protection::Stopped => (Reason::ProtectionStopped, "No new backups are made, and nothing expires."),
    };
    Some(Finding {
        reason: reason.to_string(),
        message: message.to_owned(),
        what_to_do: "Set `spec.protection` to Enabled when backups are to run again.".to_owned(),
    })
}

/// The condition says which job; its own words say why, and what to do.
fn last_backup(status: &BackupInstanceStatus) -> Option<Finding> {
    let held = find(&status.conditions, ConditionType::LastBackupSucceeded)?;
    if held.status != "False" {
        return None;
    }
    let mut finding = of_condition(held);
    let last = status.last_backup.as_ref()?;
    let code = last.error_code.as_deref().and_then(|code| code.parse::<crds::ErrorCode>().ok());
    if let Some(code) = code {
        finding.message = format!("{} {code}: {}", finding.message, code.meaning().what);
        finding.what_to_do = code.meaning().action.to_owned();
    }
    finding.what_to_do =
        format!("{} `kubectl describe bjob {}` has the rest.", finding.what_to_do, last.job_name);
    Some(finding)
}

fn of_condition(held: &Condition) -> Finding {
    let action = action(&held.reason);
    Finding {
        reason: held.reason.clone(),
        message: held.message.clone(),
        // Some messages end with what to do already.
        what_to_do: if held.message.ends_with(&action) { String::new() } else { action },
    }
}

/// What to do about a reason.
pub fn action(reason: &str) -> String {
    reason.parse::<Reason>().map(|reason| reason.explanation().action.to_owned()).unwrap_or_default()
}

/// The condition of this type, if it is there.
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|held| held.type_ == type_.as_str())
}
