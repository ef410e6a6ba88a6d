//! The whole decision about an instance: references, then checks, then slots, then what the status says. Pure.

use contract::{Connection, Owner};
use crds::instance::Protection;
use crds::policy::JobHistory;
use crds::{BackupInstance, BackupInstanceStatus, BackupJob, Reason};
use jiff::SignedDuration;
use kube::ResourceExt as _;

use super::checks::{Checked, checked, stale};
use super::claim::{self, Claimed};
use super::datasource;
use super::freshness::interval;
use super::observe::Seen;
use super::references::references;
use super::resume;
use super::slots::{Join, slots};
use super::status::{Parts, status};
use super::sync;
use crate::clock::Now;
use crate::cluster::Note;
use crate::controller::Wake;
use crate::controller::backup_job::history::surplus;
use crate::controller::run::SeenAttempt;
use crate::settings::Settings;

/// One thing to write, in the order of the list.
#[expect(clippy::large_enum_variant, reason = "a list of them has a handful of entries")]
pub enum Step {
    RemoveCheck(SeenAttempt),
    StartCheck {
        name: String,
        connection: Box<Connection>,
    },
    /// The job of a slot.
    CreateJob(Box<BackupJob>),
    /// A job that waits, and stands for other slots as well.
    JoinJob(Join),
    /// The object of a job that the operator made and that history no longer holds.
    RemoveJob {
        name: String,
        uid: Option<String>,
    },
    /// The ledger is told that these, brought back before, are protected again.
    Resume(Vec<Owner>),
    Tell(Note),
}

/// Steps, status, and when to look again.
pub struct Decision {
    pub steps: Vec<Step>,
    pub status: Option<BackupInstanceStatus>,
    /// The longest time between two slots; `None` while nothing is scheduled. For metrics.
    pub interval: Option<SignedDuration>,
    pub wake: Wake,
}

/// What was just asked for is looked at after this.
const SOON: Wake = Wake::seconds(5);
/// Credentials that cannot be read are looked for this often.
const MINUTE: Wake = Wake::seconds(60);
/// Secrets are looked at this often while all is well.
const QUARTER: Wake = Wake::seconds(900);

/// Decides.
pub fn decide(instance: &BackupInstance, seen: &Seen, settings: &Settings, now: Now) -> Decision {
    if seen.namespace_ending {
        return Decision { steps: Vec::new(), status: None, interval: None, wake: Wake::OnChange };
    }
    let found = references(instance, seen, now);
    let protection = seen.protection(instance);
    let mut steps = Vec::new();
    steps.extend(resume::step(instance, seen));
    let (checked, mut wake) = match &found {
        Ok(_) if protection == Protection::Stopped => {
            steps.extend(stale(seen, None).into_iter().cloned().map(Step::RemoveCheck));
            (None, if steps.is_empty() { QUARTER } else { SOON })
        }
        Ok(_) => {
            let checked = checked(instance, seen, settings, now);
            let wake = check_steps(seen, &checked, &mut steps, now);
            steps.extend(datasource_note(instance, seen, &checked).map(Step::Tell));
            (Some(checked), wake)
        }
        Err(_) => (None, QUARTER),
    };
    // One claim is told with each look.
    let is_claiming = seen.claim == Some(Claimed::Held) && !claim::is_known(instance, seen);
    if is_claiming || resume::is_named(instance, seen) {
        wake = wake.or(SOON, now);
    }
    let mut slots_found = None;
    let enabled = protection == Protection::Enabled;
    if let (Ok(references), true) = (&found, enabled && may_schedule(instance)) {
        let due = slots(instance, references, seen, now);
        if let Some(job) = &due.job {
            let message = format!("Job {} was made for rule {}.", job.name_any(), rule(job));
            steps.push(Step::CreateJob(Box::new(job.clone())));
            steps.push(Step::Tell(Note::normal(Reason::BackupScheduled, message)));
        }
        steps.extend(due.join.clone().map(Step::JoinJob));
        wake = wake.or(due.wake, now);
        slots_found = Some(due);
    }
    if let Ok(references) = &found {
        history(seen, &references.spec.job_history, &mut steps);
    }
    let parts = Parts {
        instance,
        seen,
        found: &found,
        protection,
        checked: checked.as_ref(),
        slots: slots_found.as_ref(),
    };
    let (status, fresh_until) = status(&parts, now);
    steps.extend(resume::note(&parts, now).map(Step::Tell));
    steps.extend(sync::note(instance).map(Step::Tell));
    for time in fresh_until.into_iter().chain(status.retention_resume_time.as_ref().map(|time| time.0)) {
        wake = wake.or(Wake::At(time), now);
    }
    let interval = found.as_ref().ok().filter(|_| enabled).and_then(|found| interval(&found.policy, now));
    Decision { steps, status: Some(status), interval, wake }
}

/// Nothing is planned before the first time that all checks passed; after it the schedule keeps trying.
fn may_schedule(instance: &BackupInstance) -> bool {
    let Some(status) = &instance.status else { return false };
    let ready = crds::common::is_true(&status.conditions, crds::common::ConditionType::BackupReady);
    ready || status.last_slot_time.is_some()
}

fn rule(job: &BackupJob) -> &str {
    job.spec.slot.as_ref().map(|slot| slot.rule.as_str()).unwrap_or_default()
}

fn check_steps(seen: &Seen, checked: &Checked, steps: &mut Vec<Step>, now: Now) -> Wake {
    let wanted = match checked {
        Checked::Due { name, .. } => Some(name.as_str()),
        Checked::Ended { remove, .. } => Some(remove.job_name.as_str()),
        Checked::Running { .. } => seen.checks.last().map(|attempt| attempt.job_name.as_str()),
        Checked::Fault(_) | Checked::Standing { .. } => None,
    };
    steps.extend(stale(seen, wanted).into_iter().cloned().map(Step::RemoveCheck));
    match checked {
        Checked::Fault(_) => MINUTE,
        Checked::Due { name, connection } => {
            steps.push(Step::StartCheck { name: name.clone(), connection: connection.clone() });
            Wake::seconds(15)
        }
        Checked::Running { .. } => Wake::seconds(10),
        // Its Job goes with the next look, when the status has what it found.
        Checked::Ended { .. } => MINUTE,
        // Weekly when it passed: until then the Secrets are looked at.
        Checked::Standing { again } => QUARTER.or(Wake::At(*again), now),
    }
}

fn datasource_note(instance: &BackupInstance, seen: &Seen, checked: &Checked) -> Option<Note> {
    let Checked::Ended { result, .. } = checked else { return None };
    let changed = datasource::changed(instance, seen, result)?;
    Some(Note::warning(Reason::DatasourceChanged, changed.message.unwrap_or_default()))
}

/// Removes the oldest jobs that the operator made, beyond what the policy keeps of each ending. Data is not touched, and
/// a job that still holds its finalizer has something left to do.
fn history(seen: &Seen, limits: &JobHistory, steps: &mut Vec<Step>) {
    let done = surplus(seen.jobs.iter().map(AsRef::as_ref), limits);
    let done = done.into_iter().filter(|job| job.finalizers().is_empty());
    steps.extend(done.map(|job| Step::RemoveJob { name: job.name_any(), uid: job.uid() }));
}
