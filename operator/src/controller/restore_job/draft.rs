//! A decision in the making: the status as it will be, and the words for the ends that it can take. Pure.

use crds::common::{JobError, Time};
use crds::{Reason, RestoreJob, RestoreJobStatus};
use jiff::{SignedDuration, Timestamp};

use super::facts::{Decision, Facts, Step};
use super::targets;
use crate::clock::Now;
use crate::cluster::Note;
use crate::controller::Wake;
use crate::controller::run::failure::Verdict;
use crate::controller::run::outcome::{self, Standing};
use crate::controller::run::pace;
use crate::controller::run::sub_tasks::{self, Whereabouts};

/// What keeps a restore from starting must be mended within this.
const START: SignedDuration = SignedDuration::from_mins(60);
/// A restore that runs is stopped after this.
const COMPLETION: SignedDuration = SignedDuration::from_hours(7 * 24);

pub struct Draft<'a> {
    pub job: &'a RestoreJob,
    pub facts: &'a Facts,
    pub now: Now,
    pub accepted: Timestamp,
    pub status: RestoreJobStatus,
    pub steps: Vec<Step>,
    pub note: Option<Note>,
}

impl<'a> Draft<'a> {
    /// Takes up the job.
    pub fn new(job: &'a RestoreJob, facts: &'a Facts, now: Now) -> Self {
        let mut status = job.status.clone().unwrap_or_default();
        if status.attempts.is_empty() {
            // They are of what was in the way then: whether it still is, this look finds out.
            status.errors.clear();
        }
        let accepted = status.accepted_time.get_or_insert(Time(now.time)).0;
        status.observed_generation = job.metadata.generation;
        if status.target.is_none() {
            status.target = targets::described(job, None);
        }
        Self { job, facts, now, accepted, status, steps: Vec::new(), note: None }
    }

    pub fn start_deadline(&self) -> Timestamp {
        pace::later(self.accepted, START)
    }

    pub fn completion_deadline(&self) -> Timestamp {
        pace::later(self.accepted, COMPLETION)
    }

    /// Whether anything was written to the target.
    pub fn has_written(&self) -> bool {
        self.status.start_time.is_some()
    }

    /// Notes that the first write is being made, the first time that this is known.
    pub fn mark_started(&mut self, started: Option<Timestamp>) {
        if self.status.start_time.is_none()
            && let Some(started) = started
        {
            self.status.start_time = Some(Time(started));
            self.note = Some(Note::normal(
                Reason::RestoreStarted,
                "The target was checked; the restore has started.",
            ));
        }
    }

    /// The job goes on.
    pub fn wait(self, standing: &Standing, wake: Wake) -> Decision {
        self.finish(standing, wake)
    }

    /// The job ends badly.
    pub fn fail(mut self, standing: &Standing, error: Option<JobError>) -> Decision {
        if let Some(error) = error {
            outcome::push_error(&mut self.status.errors, error);
        }
        self.note = Some(Note::warning(Reason::RestoreFailed, standing.message.as_str()));
        self.end(standing)
    }

    /// The job ends badly, by what an attempt met.
    pub fn fail_by(self, verdict: &Verdict) -> Decision {
        let standing =
            Standing::new(crds::common::JobState::Failed, verdict.reason, verdict.error.message.as_str());
        self.fail(&standing, Some(verdict.error.clone()))
    }

    /// The job ends, one way or the other.
    pub fn end(mut self, standing: &Standing) -> Decision {
        self.status.completion_time = Some(Time(self.now.time));
        let from = self.status.start_time.as_ref().map_or(self.accepted, |time| time.0);
        self.status.duration = Some(outcome::duration(from, self.now.time));
        self.steps.push(Step::TellLedger {
            state: standing.state.as_str(),
            message: standing.message.chars().take(1024).collect(),
        });
        self.finish(standing, Wake::OnChange)
    }

    fn finish(mut self, standing: &Standing, wake: Wake) -> Decision {
        let before = self.job.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        self.status.conditions =
            outcome::conditions(before, self.job.metadata.generation, standing, self.now.time);
        let stage = self.status.progress.as_ref().map(|progress| progress.stage);
        let at = Whereabouts { stage, state: standing.state, attempts: &self.status.attempts };
        sub_tasks::follow(&mut self.status.sub_tasks, &at, self.now.time);
        self.status.state = Some(standing.state);
        Decision { steps: self.steps, status: self.status, note: self.note, wake }
    }
}
