//! What is promised for a run's point, once: read back from wherever it was written, else made from the policy. Pure.

use contract::{Decision, PolicyVersion, Trigger};
use crds::BackupJob;
use crds::backup_job::{CreatedBy, JobRetention};
use jiff::Timestamp;
use policy::Zone;
use policy::window::{WindowError, Windows};

use super::facts::{Facts, PolicySeen};
use crate::controller::policy::ParsedPolicy;

/// A job on demand must start within this many minutes of its acceptance, and be done within a week.
const START_MINUTES: u32 = 60;
const SLOT_START_MINUTES: u32 = 480;
const COMPLETION_MINUTES: u32 = 10_080;

/// By when a job must have started, and be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    pub start: Timestamp,
    pub completion: Timestamp,
}

/// The windows of a job, counted from its slot or from its acceptance.
pub fn deadlines(job: &BackupJob, policy: Option<&ParsedPolicy>, accepted: Timestamp) -> Deadlines {
    let (from, windows) = match &job.spec.slot {
        Some(slot) => {
            let rule = policy.and_then(|policy| policy.rule(&slot.rule)).map(|rule| rule.windows);
            (slot.time.0, rule.map_or_else(|| Windows::new(SLOT_START_MINUTES, COMPLETION_MINUTES), Ok))
        }
        None => (accepted, Windows::new(START_MINUTES, COMPLETION_MINUTES)),
    };
    let windows: Result<Windows, WindowError> = windows;
    let windows = windows.expect("the defaults of the windows are in order");
    Deadlines { start: windows.start_by(from), completion: windows.complete_by(from) }
}

/// The promise of the run's point: as an earlier attempt made it, else as the policy makes it now.
pub fn promise(job: &BackupJob, facts: &Facts, policy: &ParsedPolicy, seen: &PolicySeen) -> Decision {
    facts
        .attempts
        .iter()
        .find_map(|attempt| attempt.decision.clone())
        .or_else(|| recorded(job))
        .unwrap_or_else(|| made(job, policy, seen))
}

/// How a promise is shown in status.
pub fn shown(promise: &Decision, expiration: Option<Timestamp>) -> JobRetention {
    JobRetention {
        tag: promise.tag.clone(),
        keep: promise.keep.clone().unwrap_or_default(),
        time_zone: promise.time_zone.clone(),
        reason: promise.reason.chars().take(512).collect(),
        keep_at_least: i32::try_from(promise.keep_at_least).ok().filter(|count| *count > 0),
        expiration_time: expiration.map(crds::common::Time),
    }
}

/// Why there is the job, and under which policy.
pub fn created_by(job: &BackupJob, seen: &PolicySeen, own_namespace: &str) -> CreatedBy {
    CreatedBy {
        policy: seen.name.clone(),
        policy_namespace: (seen.namespace != own_namespace).then(|| seen.namespace.clone()),
        version: seen.version,
        rule: job.spec.slot.as_ref().map(|slot| slot.rule.clone()),
        slot: job.spec.slot.as_ref().map(|slot| slot.time.clone()),
        merged_rules: Vec::new(),
    }
}

/// The promise that the status has of an earlier attempt.
fn recorded(job: &BackupJob) -> Option<Decision> {
    let status = job.status.as_ref()?;
    let (retention, created_by) = (status.retention.as_ref()?, status.created_by.as_ref()?);
    let namespace = created_by.policy_namespace.clone().or_else(|| job.metadata.namespace.clone());
    Some(Decision {
        tag: retention.tag.clone(),
        keep: Some(retention.keep.clone()),
        time_zone: retention.time_zone.clone(),
        reason: retention.reason.clone(),
        keep_at_least: retention.keep_at_least.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        policy: Some(PolicyVersion {
            namespace: namespace.unwrap_or_default(),
            name: created_by.policy.clone(),
            version: created_by.version,
        }),
        trigger: trigger(job),
    })
}

fn made(job: &BackupJob, policy: &ParsedPolicy, seen: &PolicySeen) -> Decision {
    let rule = match &job.spec.slot {
        Some(slot) => policy.rule(&slot.rule),
        None => policy.rules.first(),
    };
    let zone = rule.map_or_else(Zone::utc, |rule| rule.schedule.zone().clone());
    let reason = match &job.spec.retention_tag {
        Some(tag) => format!("The job asked for the tag {tag}."),
        None => "No other retention rule applies.".to_owned(),
    };
    Decision {
        tag: policy.tag.clone(),
        keep: Some(policy.keep.to_string()),
        time_zone: zone.name().to_owned(),
        reason,
        keep_at_least: policy.keep_at_least,
        policy: Some(PolicyVersion {
            namespace: seen.namespace.clone(),
            name: seen.name.clone(),
            version: seen.version,
        }),
        trigger: trigger(job),
    }
}

fn trigger(job: &BackupJob) -> Trigger {
    match &job.spec.slot {
        Some(slot) => Trigger::Slot { rule: slot.rule.clone(), slot: slot.time.0 },
        None => Trigger::OnDemand {
            requested: job.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        },
    }
}
