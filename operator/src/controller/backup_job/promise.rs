//! What was promised for a run's point, read back from wherever it was written, and how it is shown; and by when a run
//! must have started and be finished. Pure.

use contract::{Decision, PolicyVersion, Trigger};
use crds::backup_job::{CreatedBy, JobRetention, Slot};
use crds::common::Time;
use crds::{BackupJob, BackupJobStatus};
use jiff::Timestamp;
use policy::window::{WindowError, Windows};

use super::facts::{Facts, PolicySeen};
use super::merged;
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

/// The windows of a job on demand, counted from its acceptance; of another those of its own slot.
pub fn deadlines(job: &BackupJob, policy: Option<&ParsedPolicy>, accepted: Timestamp) -> Deadlines {
    match &job.spec.slot {
        Some(slot) => of_slot(slot, policy),
        None => Deadlines::new(accepted, Windows::new(START_MINUTES, COMPLETION_MINUTES)),
    }
}

/// The windows of a slot. One that a job stands for besides its own lets the job wait for as long as it may itself.
pub fn of_slot(slot: &Slot, policy: Option<&ParsedPolicy>) -> Deadlines {
    let rule = policy.and_then(|policy| policy.rule(&slot.rule)).map(|rule| rule.windows);
    let windows = rule.map_or_else(|| Windows::new(SLOT_START_MINUTES, COMPLETION_MINUTES), Ok);
    Deadlines::new(slot.time.0, windows)
}

impl Deadlines {
    fn new(from: Timestamp, windows: Result<Windows, WindowError>) -> Self {
        let windows = windows.expect("the defaults of the windows are in order");
        Self { start: windows.start_by(from), completion: windows.complete_by(from) }
    }

    /// The later of each.
    pub fn or_later(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), completion: self.completion.max(other.completion) }
    }
}

/// The promise of the run's point as an earlier attempt made it.
pub fn held(job: &BackupJob, facts: &Facts) -> Option<Decision> {
    facts.attempts.iter().find_map(|attempt| attempt.decision.clone()).or_else(|| recorded(job))
}

/// How a promise is shown in status.
pub fn shown(promise: &Decision, expiration: Option<Timestamp>) -> JobRetention {
    JobRetention {
        tag: promise.tag.clone(),
        keep: promise.keep.clone().unwrap_or_default(),
        time_zone: promise.time_zone.clone(),
        reason: promise.reason.chars().take(512).collect(),
        keep_at_least: i32::try_from(promise.keep_at_least).ok().filter(|count| *count > 0),
        expiration_time: expiration.map(Time),
    }
}

/// Why there is the job, and under which policy, before anything was promised.
pub fn accepted_by(job: &BackupJob, seen: &PolicySeen) -> CreatedBy {
    let policy =
        PolicyVersion { namespace: seen.namespace.clone(), name: seen.name.clone(), version: seen.version };
    described(job, &policy, job.spec.slot.as_ref())
}

/// The same as it was promised: of several slots the one whose tag the point gets.
pub fn created_by(job: &BackupJob, promise: &Decision) -> Option<CreatedBy> {
    let slot = match &promise.trigger {
        Trigger::Slot { rule, slot } => Some(Slot { rule: rule.clone(), time: Time(*slot) }),
        Trigger::OnDemand { .. } | Trigger::Cli => None,
    };
    Some(described(job, promise.policy.as_ref()?, slot.as_ref()))
}

fn described(job: &BackupJob, policy: &PolicyVersion, slot: Option<&Slot>) -> CreatedBy {
    let is_own = job.metadata.namespace.as_ref() == Some(&policy.namespace);
    CreatedBy {
        policy: policy.name.clone(),
        policy_namespace: (!is_own).then(|| policy.namespace.clone()),
        version: policy.version,
        rule: slot.map(|slot| slot.rule.clone()),
        slot: slot.map(|slot| slot.time.clone()),
        merged_rules: slot
            .map(|slot| merged::other_rules(&merged::slots(job), &slot.rule))
            .unwrap_or_default(),
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
        trigger: trigger(job, status, created_by),
    })
}

fn trigger(job: &BackupJob, status: &BackupJobStatus, created_by: &CreatedBy) -> Trigger {
    match (&created_by.rule, &created_by.slot) {
        (Some(rule), Some(slot)) => Trigger::Slot { rule: rule.clone(), slot: slot.0 },
        (_, _) => {
            let created = job.metadata.creation_timestamp.as_ref();
            let requested = status.accepted_time.as_ref().or(created);
            Trigger::OnDemand { requested: requested.map_or(Timestamp::UNIX_EPOCH, |time| time.0) }
        }
    }
}
