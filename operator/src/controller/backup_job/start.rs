//! Before and between attempts: windows, pauses, guards, and the next attempt. Pure.

use crds::Reason;
use crds::common::{JobError, JobState, Stage, Time};

use super::decide::overdue;
use super::draft::Draft;
use super::ended::{self, Ended};
use super::facts::{Decision, Start, Step};
use super::guards::{Objection, guards};
use super::{promise, tagging};
use crate::controller::Wake;
use crate::controller::run::outcome::{self, Standing};
use crate::controller::run::{SeenAttempt, pace, progress};
use crate::names;

/// Nothing runs. Begins the next attempt, or says what it waits for.
pub fn decide(draft: Draft<'_>) -> Decision {
    if let Some(verdict) = overdue(&draft) {
        if draft.status.attempts.is_empty() {
            return ended::missed(draft);
        }
        let last = outcome::next_number(&draft.status.attempts).saturating_sub(1);
        return ended::decide(draft, &Ended::new(last, verdict));
    }
    if let Some(at) = pause(&draft) {
        return still(draft, at);
    }
    let number = outcome::next_number(&draft.status.attempts);
    attempt(draft, number)
}

/// The Job of an attempt is there and has not been released: its Secret may be missing. Its steps are repeated.
pub fn resume(draft: Draft<'_>, held: &SeenAttempt) -> Decision {
    attempt(draft, held.number)
}

fn attempt(mut draft: Draft<'_>, number: u32) -> Decision {
    let promise = match guards(&draft).and_then(|ready| tagging::promise(&draft, &ready)) {
        Ok(promise) => promise,
        Err(objection) => return object(draft, objection),
    };
    let uid = draft.job.metadata.uid.clone().unwrap_or_default();
    outcome::attempt(&mut draft.status.attempts, number, &names::attempt(&uid, number), draft.now.time);
    draft.status.retention = Some(promise::shown(&promise, None));
    draft.status.created_by = promise::created_by(draft.job, &promise).or(draft.status.created_by);
    draft.status.progress = Some(progress::at(Stage::Starting, None));
    let deadline = draft.deadlines.completion;
    draft.steps.push(Step::Start(Start { number, promise, deadline }));
    let state = if draft.started().is_some() { JobState::Running } else { JobState::Pending };
    let standing = Standing::new(state, Reason::InProgress, starting(number));
    draft.wait(&standing, Wake::seconds(5))
}

/// What is said from the making of an attempt's Job until its mover is heard: the steps between are no news.
pub fn starting(number: u32) -> String {
    format!("Attempt {number} is being started.")
}

fn object(mut draft: Draft<'_>, objection: Objection) -> Decision {
    let error = objection.code.map(|code| JobError::new(code, objection.message.as_str()));
    if objection.is_fatal {
        return draft.fail(&Standing::new(JobState::Failed, objection.reason, objection.message), error);
    }
    if draft.status.attempts.is_empty() {
        // Errors that last are those of attempts.
        draft.status.errors.extend(error);
    }
    let state = if draft.started().is_some() { JobState::Running } else { JobState::Pending };
    let seconds = if objection.reason == Reason::Queued { 10 } else { 30 };
    draft.wait(&Standing::new(state, objection.reason, objection.message), Wake::seconds(seconds))
}

/// Until when the last attempt's end keeps the next one waiting.
fn pause(draft: &Draft<'_>) -> Option<jiff::Timestamp> {
    let last = draft.status.attempts.last()?;
    let Time(end) = last.end_time.as_ref()?;
    let started = draft.started();
    let failures = match started {
        Some(started) => draft
            .status
            .attempts
            .iter()
            .filter(|held| held.end_time.as_ref().is_none_or(|held| held.0 >= started))
            .count(),
        None => draft.status.attempts.len(),
    };
    let at = pace::later(*end, pace::pause(failures, started.is_some()));
    (draft.now.time < at).then_some(at)
}

/// Says again what it said, until the pause is over.
fn still(draft: Draft<'_>, at: jiff::Timestamp) -> Decision {
    let before = draft.job.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let ready = before.iter().find(|held| held.type_ == "Ready").cloned();
    let (reason, message) = match ready {
        Some(ready) => (ready.reason.parse().unwrap_or(Reason::AttemptFailed), ready.message),
        None => (Reason::AttemptFailed, format!("It is tried again at {at:.0}.")),
    };
    let state = if draft.started().is_some() { JobState::Running } else { JobState::Pending };
    draft.wait(&Standing::new(state, reason, message), Wake::At(at))
}
