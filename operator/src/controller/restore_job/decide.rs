//! What is to be done about a restore: a total function of the job, the facts and the time. Pure.

use contract::{PointId, PointView, RestoreOutcome, RestoreSeen};
use crds::backup_job::JobPoint;
use crds::common::{JobError, JobState, Stage, Time};
use crds::{ErrorCode, Reason, RestoreJob};

use super::draft::Draft;
use super::ended::{self, Ended};
use super::facts::{Decision, Facts, Step};
use super::guards::guards;
use super::source::{self, NoPoint};
use super::targets;
use crate::clock::Now;
use crate::controller::Wake;
use crate::controller::run::failure::{self, Verdict};
use crate::controller::run::outcome::{self, Standing};
use crate::controller::run::progress::Pace;
use crate::controller::run::{
    AttemptState, Current, Ending, SeenAttempt, current, finalizer, heard, pace, progress,
};
use crate::names;

/// What to do now.
pub fn decide(job: &RestoreJob, facts: &Facts, now: Now) -> Decision {
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
        Current::Nothing => nothing_runs(draft),
        Current::Vanished(number) => ended::decide(draft, &Ended::of(number, &Ending::default())),
        Current::Seen(attempt) => seen(draft, &attempt),
    }
}

/// Nothing runs: it was done before, it is too late, it pauses, or it begins.
fn nothing_runs(draft: Draft<'_>) -> Decision {
    match &draft.facts.ledger {
        Some(Ok(Some(held)))
            if held.spec_hash == draft.facts.spec_hash
                && matches!(
                    held.outcome,
                    Some(RestoreOutcome::Completed | RestoreOutcome::CompletedWithWarnings)
                ) =>
        {
            return already_done(draft, held.clone());
        }
        Some(Err(trouble)) => {
            let text = trouble.message().to_owned();
            return pending(draft, Reason::KeeperUnavailable, text, 10);
        }
        Some(Ok(_)) | None => {}
    }
    if draft.now.time >= draft.start_deadline() {
        return missed(draft);
    }
    if let Some(at) = pause(&draft) {
        let before = draft.job.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let ready = before.iter().find(|held| held.type_ == "Ready");
        let reason = ready.and_then(|held| held.reason.parse().ok()).unwrap_or(Reason::AttemptFailed);
        let text =
            ready.map_or_else(|| format!("It is tried again at {at:.0}."), |held| held.message.clone());
        return draft.wait(&Standing::new(JobState::Pending, reason, text), Wake::At(at));
    }
    let number = outcome::next_number(&draft.status.attempts);
    attempt(draft, number)
}

/// The point is shown as it was read then, also when a newer one is the latest by now.
fn already_done(mut draft: Draft<'_>, held: RestoreSeen) -> Decision {
    let catalogue = draft.facts.catalogue.as_ref();
    let known = |id: &PointId| catalogue.and_then(|catalogue| catalogue.points.get(id));
    draft.status.recovery_point = held.point.as_ref().and_then(known).map(job_point);
    let of = held.point.map(|id| format!(" of point {id}")).unwrap_or_default();
    let text = format!("The vault's ledger has this restore{of} as completed; nothing was written again.");
    draft.end(&Standing::new(JobState::Completed, Reason::AlreadyDone, text))
}

fn job_point(point: &PointView) -> JobPoint {
    JobPoint {
        name: names::recovery_point(instance_of(point), point.point_time, &point.id),
        id: point.id.0.clone(),
        point_time: Time(point.point_time),
    }
}

fn attempt(mut draft: Draft<'_>, number: u32) -> Decision {
    let point = match guards(&draft) {
        Ok(ready) => ready.point,
        Err(objection) => return object(draft, objection),
    };
    if draft.facts.ledger.is_none() {
        return pending(draft, Reason::InProgress, "The vault's ledger is being asked.", 5);
    }
    let uid = draft.job.metadata.uid.clone().unwrap_or_default();
    outcome::attempt(&mut draft.status.attempts, number, &names::attempt(&uid, number), draft.now.time);
    draft.status.recovery_point = Some(job_point(point));
    draft.status.target = targets::described(draft.job, Some(point));
    draft.status.progress = Some(progress::at(Stage::Starting, None));
    draft.steps.push(Step::Start { number, deadline: draft.completion_deadline() });
    let text = format!("Attempt {number} is being started.");
    draft.wait(&Standing::new(JobState::Pending, Reason::InProgress, text), Wake::seconds(5))
}

/// An attempt whose start was not written into the status, or was overwritten by a look at an older object, is of the
/// point that the job names all the same.
fn recover_point(draft: &mut Draft<'_>) {
    if draft.status.recovery_point.is_none()
        && let Some(vault) = &draft.facts.vault
        && let Ok(point) = source::point(draft.job, draft.facts, vault)
    {
        draft.status.recovery_point = Some(job_point(point));
    }
}

fn instance_of(point: &PointView) -> &str {
    match &point.owner {
        contract::Owner::Instance { instance, .. } => instance,
        contract::Owner::Cli { .. } => "cli",
    }
}

fn object(mut draft: Draft<'_>, objection: NoPoint) -> Decision {
    let error = objection.code.map(|code| JobError::new(code, objection.message.as_str()));
    if objection.is_fatal {
        return draft.fail(&Standing::new(JobState::Failed, objection.reason, objection.message), error);
    }
    if draft.status.attempts.is_empty() {
        // Errors that last are those of attempts.
        draft.status.errors.extend(error);
    }
    let seconds = if objection.reason == Reason::Queued { 10 } else { 30 };
    pending(draft, objection.reason, objection.message, seconds)
}

fn pending(draft: Draft<'_>, reason: Reason, message: impl Into<String>, seconds: u64) -> Decision {
    draft.wait(&Standing::new(JobState::Pending, reason, message), Wake::seconds(seconds))
}

/// Nothing was written, and what keeps the job from starting was not mended in time.
fn missed(mut draft: Draft<'_>) -> Decision {
    let before = draft.job.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if draft.status.attempts.is_empty() {
        draft.status.errors = outcome::errors(draft.job.status.as_ref().map(|status| &status.errors));
    }
    let last = draft.status.errors.last().map(|error| error.message.clone());
    let why =
        last.or_else(|| before.iter().find(|held| held.type_ == "Ready").map(|held| held.message.clone()));
    let text = format!("The restore could not start within an hour. Last: {}", why.unwrap_or_default());
    let standing = Standing::new(JobState::Expired, Reason::StartWindowMissed, text.as_str());
    draft.fail(&standing, Some(JobError::new(ErrorCode::StartWindowMissed, text)))
}

/// Nothing can be looked at, so nothing is judged but a start that is too late before anything was made.
fn unseen(draft: Draft<'_>, why: &str) -> Decision {
    if draft.status.attempts.is_empty() && overdue(&draft).is_some() {
        return missed(draft);
    }
    let state = if draft.has_written() { JobState::Running } else { JobState::Pending };
    draft.wait(&Standing::new(state, Reason::NotBound, why), Wake::seconds(30))
}

/// An attempt that the cluster has.
fn seen(mut draft: Draft<'_>, attempt: &SeenAttempt) -> Decision {
    recover_point(&mut draft);
    let movement = draft.facts.movement.as_ref();
    let started = heard::of(movement, attempt).and_then(|held| held.view.progress.started);
    if let AttemptState::Ended(ending) = &attempt.state {
        let reported = ending.report.as_ref().and_then(|report| report.started);
        draft.mark_started(started.or(reported));
        return ended::decide(draft, &Ended::of(attempt.number, ending));
    }
    draft.mark_started(started);
    let windows = heard::Windows {
        start: draft.start_deadline(),
        completion: draft.completion_deadline(),
        listening: draft.facts.listening,
    };
    let late = overdue(&draft).filter(|_| !heard::may_have_begun(movement, attempt, &windows, draft.now));
    if let Some(verdict) = late.or_else(|| heard::stalled(movement, attempt)) {
        return ended::decide(draft, &Ended::stopped(attempt, verdict));
    }
    match &attempt.state {
        AttemptState::Suspended => self::attempt(draft, attempt.number),
        AttemptState::Waiting { blocked: Some(why) } => pending(draft, Reason::PodBlocked, why.as_str(), 15),
        AttemptState::Waiting { blocked: None } => {
            draft.status.progress = Some(progress::at(Stage::Starting, None));
            let text = format!("Attempt {}: the pod is being started.", attempt.number);
            pending(draft, Reason::InProgress, text, 15)
        }
        AttemptState::Running | AttemptState::Ended(_) => running(draft, attempt),
    }
}

fn running(mut draft: Draft<'_>, attempt: &SeenAttempt) -> Decision {
    let movement = draft.facts.movement.as_ref();
    // With the news that the run has started the status is written anyway.
    let pace = if draft.note.is_some() { Pace::Now } else { Pace::Rested(draft.now.wall) };
    heard::follow(&mut draft.status.progress, movement, attempt, pace);
    if draft.has_written() {
        let standing = Standing::new(JobState::Running, Reason::Running, "The restore is running.");
        return draft.wait(&standing, Wake::seconds(30));
    }
    let text =
        format!("Attempt {} is connecting and checking the target; nothing was written yet.", attempt.number);
    pending(draft, Reason::InProgress, text, 5)
}

fn overdue(draft: &Draft<'_>) -> Option<Verdict> {
    if draft.has_written() {
        return (draft.now.time >= draft.completion_deadline()).then(|| {
            let text = "The restore was not finished within a week and was stopped.";
            Verdict::stopped(Reason::CompletionWindowExceeded, ErrorCode::CompletionWindowExceeded, text)
        });
    }
    (draft.now.time >= draft.start_deadline()).then(|| {
        let text = "The restore could not start within an hour.";
        Verdict::stopped(Reason::StartWindowMissed, ErrorCode::StartWindowMissed, text)
    })
}

/// Until when the last attempt's end keeps the next one waiting.
fn pause(draft: &Draft<'_>) -> Option<jiff::Timestamp> {
    let Time(end) = draft.status.attempts.last()?.end_time.as_ref()?;
    let at = pace::later(*end, pace::pause(draft.status.attempts.len(), false));
    (draft.now.time < at).then_some(at)
}

/// Stops the run. A database that it had made and not finished is dropped by the mover on its way out.
fn cancel(mut draft: Draft<'_>, current: Current) -> Decision {
    let verdict =
        failure::Verdict::stopped(Reason::Cancelled, ErrorCode::Cancelled, "The job was cancelled.");
    match current {
        Current::Seen(attempt) if !attempt.going && !matches!(attempt.state, AttemptState::Ended(_)) => {
            draft.steps.push(Step::Remove(attempt));
            let standing =
                Standing::new(JobState::Cancelling, Reason::Cancelling, "The mover is being stopped.");
            draft.wait(&standing, Wake::seconds(2))
        }
        Current::Seen(attempt) => ended::decide(draft, &Ended::cancelled(attempt.number, verdict)),
        Current::Vanished(number) => ended::decide(draft, &Ended::cancelled(number, verdict)),
        Current::Nothing => draft.end(&Standing::new(
            JobState::Cancelled,
            Reason::Cancelled,
            "The job was cancelled; nothing was written.",
        )),
    }
}

/// Nothing is made for a job that could vanish before it is stopped. The next look sees that it is held.
fn hold(job: &RestoreJob) -> Decision {
    let status = job.status.clone().unwrap_or_default();
    Decision { steps: vec![Step::AddFinalizer], status, note: None, wake: Wake::OnChange }
}

/// After the end: what the run left in the cluster goes, then the finalizer.
fn tidy(job: &RestoreJob, facts: &Facts, now: Now) -> Decision {
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
    Decision { steps, status, note: None, wake }
}
