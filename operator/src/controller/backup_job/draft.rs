//! A decision in the making: the status as it will be, and the words for the ends that it can take. Pure.

use crds::common::{JobError, JobState, Time, VaultReference};
use crds::{BackupJob, BackupJobStatus, Reason};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::facts::{Decision, Facts, Question, Step};
use super::merged;
use super::promise::{self, Deadlines};
use crate::clock::Now;
use crate::cluster::Note;
use crate::controller::Wake;
use crate::controller::policy::{ParsedPolicy, PolicyFault};
use crate::controller::run::failure::Verdict;
use crate::controller::run::outcome::{self, Standing};
use crate::controller::run::progress::Pace;
use crate::controller::run::sub_tasks::{self, Whereabouts};

pub struct Draft<'a> {
    pub job: &'a BackupJob,
    pub facts: &'a Facts,
    pub now: Now,
    pub policy: Option<Result<ParsedPolicy, PolicyFault>>,
    pub deadlines: Deadlines,
    pub status: BackupJobStatus,
    pub steps: Vec<Step>,
    pub note: Option<Note>,
}

impl<'a> Draft<'a> {
    /// Takes up the job: when it was accepted, and by when it must have started and be finished. The windows are stamped
    /// once they are known, so that a policy that changes later moves nobody's deadline.
    pub fn new(job: &'a BackupJob, facts: &'a Facts, now: Now) -> Self {
        let mut status = job.status.clone().unwrap_or_default();
        if status.attempts.is_empty() {
            // They are of what was in the way then: whether it still is, this look finds out.
            status.errors.clear();
        }
        let policy = facts.policy.as_ref().map(|seen| ParsedPolicy::parse(&seen.spec));
        let accepted = status.accepted_time.get_or_insert(Time(now.time)).0;
        let parsed = policy.as_ref().and_then(|policy| policy.as_ref().ok());
        let computed = promise::deadlines(job, parsed, accepted);
        let deadlines = match (&status.start_deadline_time, &status.completion_deadline_time) {
            (Some(start), Some(completion)) => Deadlines { start: start.0, completion: completion.0 },
            _ => computed,
        };
        let slots = merged::slots(job);
        let others = slots.iter().skip(1).filter(|_| parsed.is_some() && status.start_time.is_none());
        let deadlines = others
            .map(|slot| promise::of_slot(slot, parsed))
            .fold(deadlines, |deadlines, other| deadlines.or_later(other));
        if parsed.is_some() || job.spec.slot.is_none() {
            status.start_deadline_time = Some(Time(deadlines.start));
            status.completion_deadline_time = Some(Time(deadlines.completion));
        }
        if status.created_by.is_none() {
            status.created_by = facts.policy.as_ref().map(|seen| promise::accepted_by(job, seen));
        }
        if let Some(created_by) = &mut status.created_by
            && let Some(rule) = &created_by.rule
        {
            // More of them may have come due while the job waited.
            created_by.merged_rules = merged::other_rules(&slots, rule);
        }
        if let Some(vault) = facts.vault.as_ref().filter(|_| status.vault_ref.is_none()) {
            status.vault_ref = Some(VaultReference { name: vault.name_any(), namespace: vault.namespace() });
        }
        status.observed_generation = job.metadata.generation;
        Self { job, facts, now, policy, deadlines, status, steps: Vec::new(), note: None }
    }

    /// When the run started; `None`: it has not.
    pub fn started(&self) -> Option<Timestamp> {
        self.status.start_time.as_ref().map(|time| time.0)
    }

    /// Notes that the run has started, the first time that this is known.
    pub fn mark_started(&mut self, started: Option<Timestamp>) {
        if self.status.start_time.is_none()
            && let Some(started) = started
        {
            self.status.start_time = Some(Time(started));
            self.note =
                Some(Note::normal(Reason::BackupStarted, "The snapshot is fixed; the backup has started."));
        }
    }

    /// How soon progress may be told again: with the news that the run has started the status is written anyway.
    pub fn pace(&self) -> Pace {
        if self.note.is_some() { Pace::Now } else { Pace::Rested(self.now.wall) }
    }

    /// The job goes on.
    pub fn wait(self, standing: &Standing, wake: Wake) -> Decision {
        self.finish(standing, None, wake)
    }

    /// The keeper must be asked before anything can be said.
    pub fn ask(self, question: Question) -> Decision {
        let standing =
            Standing::new(JobState::Running, Reason::Accepting, "The vault is asked for the run's point.");
        self.finish(&standing, Some(question), Wake::seconds(5))
    }

    /// The job ends badly. `error` decides; without one the standing says all.
    pub fn fail(mut self, standing: &Standing, error: Option<JobError>) -> Decision {
        if let Some(error) = error {
            outcome::push_error(&mut self.status.errors, error);
        }
        // Who never started is told apart from who failed.
        let told = if standing.state == JobState::Expired { standing.reason } else { Reason::BackupFailed };
        self.note = Some(Note::warning(told, standing.message.as_str()));
        self.end(standing)
    }

    /// The job ends, one way or the other.
    pub fn end(mut self, standing: &Standing) -> Decision {
        self.status.completion_time = Some(Time(self.now.time));
        let from = self.started().or(self.status.accepted_time.as_ref().map(|time| time.0));
        self.status.duration = from.map(|from| outcome::duration(from, self.now.time));
        self.steps.push(Step::TellLedger {
            state: standing.state.as_str(),
            message: standing.message.chars().take(1024).collect(),
        });
        self.finish(standing, None, Wake::OnChange)
    }

    /// The last attempt made nothing, and none follows.
    pub fn fail_by(self, verdict: &Verdict) -> Decision {
        let exhausted = verdict.may_pass();
        let reason = if exhausted { Reason::AttemptsExhausted } else { verdict.reason };
        let standing = Standing::new(JobState::Failed, reason, verdict.error.message.as_str());
        self.fail(&standing, Some(verdict.error.clone()))
    }

    fn finish(mut self, standing: &Standing, ask: Option<Question>, wake: Wake) -> Decision {
        let before = self.job.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        self.status.conditions =
            outcome::conditions(before, self.job.metadata.generation, standing, self.now.time);
        let stage = self.status.progress.as_ref().map(|progress| progress.stage);
        let at = Whereabouts { stage, state: standing.state, attempts: &self.status.attempts };
        sub_tasks::follow(&mut self.status.sub_tasks, &at, self.now.time);
        self.status.state = Some(standing.state);
        Decision { steps: self.steps, status: self.status, note: self.note, ask, wake }
    }
}
