//! What is to be done about a backup: a total function of the job, the facts and the time. Pure.

use crds::common::{JobState, Stage};
use crds::{BackupJob, ErrorCode, Reason};

use super::draft::Draft;
use super::ended::{self, Ended};
use super::facts::{Decision, Facts, Step};
use super::start;
use crate::clock::Now;
use crate::controller::Wake;
use crate::controller::run::failure::{self, Verdict};
use crate::controller::run::outcome::{self, Standing};
use crate::controller::run::{
    AttemptState, Current, Ending, SeenAttempt, current, finalizer, heard, progress,
};

/// What to do now.
pub fn decide(job: &BackupJob, facts: &Facts, now: Now) -> Decision {
    if job.is_terminal() {
        return tidy(job, facts, now);
    }
    if finalizer::is_missing(job) {
        return hold(job);
    }
    let mut draft = Draft::new(job, facts, now);
    let (current, leftovers) = current(&mut draft.status.attempts, &facts.attempts, now.time);
    draft.steps.extend(leftovers.into_iter().map(|held| Step::Remove(Box::new(held))));
    if job.spec.cancel || job.metadata.deletion_timestamp.is_some() {
        return cancel(draft, current);
    }
    if let Some(why) = &facts.forbidden {
        return unseen(draft, why);
    }
    match current {
        Current::Nothing => start::decide(draft),
        Current::Vanished(number) => {
            // Its Job goes by our own hand as well, when a window has closed and nobody could write down so.
            let verdict = overdue(&draft).unwrap_or_else(|| failure::verdict(&Ending::default()));
            ended::decide(draft, &Ended::new(number, verdict))
        }
        Current::Seen(attempt) => seen(draft, &attempt),
    }
}

/// Nothing can be looked at, so nothing is judged but a window that closed before anything was made.
fn unseen(draft: Draft<'_>, why: &str) -> Decision {
    if draft.status.attempts.is_empty() && overdue(&draft).is_some() {
        return ended::missed(draft);
    }
    let state = if draft.started().is_some() { JobState::Running } else { JobState::Pending };
    draft.wait(&Standing::new(state, Reason::NotBound, why), Wake::seconds(30))
}

/// An attempt that the cluster has.
fn seen(mut draft: Draft<'_>, attempt: &SeenAttempt) -> Decision {
    let movement = draft.facts.movement.as_ref();
    let mut started = heard::of(movement, attempt).and_then(|held| held.view.progress.started);
    if let AttemptState::Ended(ending) = &attempt.state {
        started = started.or_else(|| ending.report.as_ref().and_then(|report| report.started));
        draft.mark_started(started);
        let mut ended = Ended::of(attempt, ending);
        if let Some(late) = overdue(&draft).filter(|_| attempt.going) {
            ended.explain_loss(late);
        }
        return ended::decide(draft, &ended);
    }
    draft.mark_started(started);
    let windows = heard::Windows {
        start: draft.deadlines.start,
        completion: draft.deadlines.completion,
        listening: draft.facts.listening,
    };
    let late = overdue(&draft).filter(|_| !heard::may_have_begun(movement, attempt, &windows, draft.now));
    if let Some(verdict) = late.or_else(|| heard::stalled(movement, attempt)) {
        return ended::decide(draft, &Ended::stopped(attempt, verdict));
    }
    match &attempt.state {
        AttemptState::Suspended => start::resume(draft, attempt),
        AttemptState::Waiting { blocked: Some(why) } => {
            let standing = Standing::new(JobState::Pending, Reason::PodBlocked, why.as_str());
            waiting(draft, &standing)
        }
        AttemptState::Waiting { blocked: None } => {
            draft.status.progress = Some(progress::at(Stage::Starting, None));
            let text = start::starting(attempt.number);
            waiting(draft, &Standing::new(JobState::Pending, Reason::InProgress, text))
        }
        AttemptState::Running | AttemptState::Ended(_) => running(draft, attempt),
    }
}

/// A pod that is not there yet, before the start or between two attempts.
fn waiting(draft: Draft<'_>, standing: &Standing) -> Decision {
    let state = if draft.started().is_some() { JobState::Running } else { JobState::Pending };
    draft.wait(&Standing { state, ..standing.clone() }, Wake::seconds(15))
}

fn running(mut draft: Draft<'_>, attempt: &SeenAttempt) -> Decision {
    let movement = draft.facts.movement.as_ref();
    let pace = draft.pace();
    heard::follow(&mut draft.status.progress, movement, attempt, pace);
    if draft.started().is_some() {
        let standing = Standing::new(JobState::Running, Reason::Running, "The backup is running.");
        return draft.wait(&standing, Wake::seconds(30));
    }
    let is_shown = draft.status.progress.as_ref().is_some_and(|shown| shown.stage != Stage::Starting);
    let text = if is_shown {
        format!("Attempt {} is connecting and locking; its snapshot is not fixed yet.", attempt.number)
    } else {
        // A pod that has only begun to run is not worth a write of its own.
        start::starting(attempt.number)
    };
    draft.wait(&Standing::new(JobState::Pending, Reason::InProgress, text), Wake::seconds(5))
}

/// The window that has closed, if one has.
pub fn overdue(draft: &Draft<'_>) -> Option<Verdict> {
    let (closed, reason, code, text) = if draft.started().is_some() {
        (
            draft.now.time >= draft.deadlines.completion,
            Reason::CompletionWindowExceeded,
            ErrorCode::CompletionWindowExceeded,
            "The completion window closed before the backup was finished; nothing of it is kept.",
        )
    } else {
        (
            draft.now.time >= draft.deadlines.start,
            Reason::StartWindowMissed,
            ErrorCode::StartWindowMissed,
            "The start window closed before the backup could start.",
        )
    };
    closed.then(|| Verdict::stopped(reason, code, text))
}

/// Stops the run. What it has committed before stays: the keeper says which came first.
fn cancel(mut draft: Draft<'_>, current: Current) -> Decision {
    let cancelled =
        Standing::new(JobState::Cancelled, Reason::Cancelled, "The job was cancelled; nothing was kept.");
    let verdict = Verdict::stopped(Reason::Cancelled, ErrorCode::Cancelled, cancelled.message.as_str());
    match current {
        Current::Seen(attempt) if !attempt.going => {
            draft.steps.push(Step::Remove(attempt));
            let standing =
                Standing::new(JobState::Cancelling, Reason::Cancelling, "The mover is being stopped.");
            draft.wait(&standing, Wake::seconds(2))
        }
        Current::Seen(attempt) => ended::decide(draft, &Ended::cancelled(attempt.number, verdict)),
        Current::Vanished(number) => ended::decide(draft, &Ended::cancelled(number, verdict)),
        Current::Nothing if draft.status.attempts.is_empty() => draft.end(&cancelled),
        Current::Nothing => {
            let number = outcome::next_number(&draft.status.attempts).saturating_sub(1);
            ended::decide(draft, &Ended::cancelled(number, verdict))
        }
    }
}

/// Nothing is made for a job that could vanish before it is stopped. The next look sees that it is held.
fn hold(job: &BackupJob) -> Decision {
    let status = job.status.clone().unwrap_or_default();
    Decision { steps: vec![Step::AddFinalizer], status, note: None, ask: None, wake: Wake::OnChange }
}

/// After the end: what the run left in the cluster goes, then the finalizer.
fn tidy(job: &BackupJob, facts: &Facts, now: Now) -> Decision {
    let status = job.status.clone().unwrap_or_default();
    let mut steps: Vec<Step> =
        facts.attempts.iter().cloned().map(|held| Step::Remove(Box::new(held))).collect();
    let ended = status.completion_time.as_ref().map(|time| time.0);
    let is_unseen = facts.forbidden.is_some() && !finalizer::is_let_go(ended, now.time);
    let wake = if is_unseen {
        Wake::seconds(30)
    } else if steps.is_empty() {
        steps.push(Step::RemoveFinalizer);
        Wake::OnChange
    } else {
        Wake::seconds(5)
    };
    Decision { steps, status, note: None, ask: None, wake }
}
