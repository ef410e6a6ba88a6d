//! An attempt that has ended, by itself or by our hand: what became of the run's point, and whether another follows. Pure.

use contract::{PointView, Settled};
use crds::backup_job::JobPoint;
use crds::common::{AttemptOutcome, JobError, JobState, Stage, Time};
use crds::{ErrorCode, Reason};

use super::draft::Draft;
use super::facts::{Decision, Question, Step};
use super::promise;
use crate::cluster::Note;
use crate::controller::Wake;
use crate::controller::run::failure::{self, Verdict};
use crate::controller::run::outcome::{self, Standing};
use crate::controller::run::{Ending, SeenAttempt, finalizer, pace, progress};
use crate::keeper_client::Trouble;
use crate::names;
use crate::words::bytes;

/// The end of an attempt.
pub struct Ended {
    number: u32,
    /// What it means if the vault has nothing of it.
    verdict: Verdict,
    ending: Option<Ending>,
    /// Its Job, if it has to be removed now.
    remove: Option<SeenAttempt>,
    /// Asked for by somebody: the job ends Cancelled and not Failed.
    cancelled: bool,
}

impl Ended {
    pub fn new(number: u32, verdict: Verdict) -> Self {
        Self { number, verdict, ending: None, remove: None, cancelled: false }
    }

    /// Its pod ended by itself.
    pub fn of(attempt: &SeenAttempt, ending: &Ending) -> Self {
        Self { ending: Some(ending.clone()), ..Self::new(attempt.number, failure::verdict(ending)) }
    }

    /// Says why its pod was stopped, if the pod itself could say no more than that it was.
    pub fn explain_loss(&mut self, why: Verdict) {
        if self.verdict.outcome == AttemptOutcome::Lost {
            self.verdict = why;
        }
    }

    /// We end it.
    pub fn stopped(attempt: &SeenAttempt, verdict: Verdict) -> Self {
        Self { remove: Some(attempt.clone()), ..Self::new(attempt.number, verdict) }
    }

    /// Somebody wants it ended.
    pub fn cancelled(number: u32, verdict: Verdict) -> Self {
        Self { cancelled: true, ..Self::new(number, verdict) }
    }
}

/// What follows. Only a point that the vault has accepted completes the job; whether the point is closed for good is
/// decided before the keeper is asked, so that one answer is enough.
pub fn decide(mut draft: Draft<'_>, ended: &Ended) -> Decision {
    draft.steps.extend(ended.remove.clone().map(|held| Step::Remove(Box::new(held))));
    let is_given_up = finalizer::is_given_up(draft.job, &draft.facts.attempts, draft.now.wall);
    let next = if ended.cancelled { None } else { next_time(&draft, &ended.verdict) };
    if draft.facts.vault.is_none() {
        // Nobody is left who could accept anything.
        return badly(draft, ended);
    }
    match draft.facts.settled.clone() {
        None => accepting(draft, ended).ask(Question { void: next.is_none() }),
        Some(Ok(Settled::Accepted(point))) => well(draft, ended, &point),
        Some(Ok(Settled::Rejected(why))) => {
            let verdict = failure::of_failure(&why);
            close(&mut draft, ended, &verdict);
            draft.fail_by(&Verdict { outcome: AttemptOutcome::PermanentFailure, ..verdict })
        }
        Some(Ok(Settled::Voided)) if next.is_none() => badly(draft, ended),
        Some(Ok(Settled::Voided)) => {
            let text = "The run was closed for good before it could commit a point.";
            let verdict = Verdict::stopped(Reason::PermanentFailure, ErrorCode::RunVoided, text);
            close(&mut draft, ended, &verdict);
            draft.fail_by(&verdict)
        }
        Some(Ok(Settled::Undecided)) => match next {
            Some(at) => again(draft, ended, at),
            None => unsettled(draft, ended, "The vault has not closed the run yet."),
        },
        Some(Err(_)) if is_given_up => badly(draft, ended),
        Some(Err(trouble)) => unsettled(draft, ended, sentence(&trouble)),
    }
}

/// When another attempt follows; `None`: none does.
fn next_time(draft: &Draft<'_>, verdict: &Verdict) -> Option<jiff::Timestamp> {
    let started = draft.started();
    let failures = match started {
        // Attempts before the start do not count against the few after it.
        Some(started) => {
            let before =
                |held: &&crds::common::Attempt| held.end_time.as_ref().is_some_and(|end| end.0 < started);
            draft.status.attempts.len() - draft.status.attempts.iter().filter(before).count()
        }
        None => draft.status.attempts.len(),
    };
    let at = pace::later(draft.now.time, pace::pause(failures, started.is_some()));
    let follows = match started {
        Some(_) => verdict.may_pass() && failures < pace::MOST_STARTED && at < draft.deadlines.completion,
        // Before the start every error waits for somebody to mend it, until the window closes.
        None => !is_window(verdict) && at < draft.deadlines.start,
    };
    follows.then_some(at)
}

fn is_window(verdict: &Verdict) -> bool {
    verdict.reason == Reason::StartWindowMissed
}

/// The keeper cannot say yet.
fn unsettled(draft: Draft<'_>, ended: &Ended, why: &str) -> Decision {
    let draft = accepting(draft, ended);
    let (state, reason) = if ended.cancelled {
        (JobState::Cancelling, Reason::Cancelling)
    } else {
        (JobState::Running, Reason::Accepting)
    };
    draft.wait(&Standing::new(state, reason, why), Wake::seconds(10))
}

fn accepting<'a>(mut draft: Draft<'a>, ended: &Ended) -> Draft<'a> {
    if !ended.cancelled {
        draft.status.progress = Some(progress::at(Stage::Accepting, draft.status.progress.as_ref()));
    }
    draft
}

fn again(mut draft: Draft<'_>, ended: &Ended, at: jiff::Timestamp) -> Decision {
    close(&mut draft, ended, &ended.verdict);
    outcome::push_error(&mut draft.status.errors, ended.verdict.error.clone());
    let (state, reason) = match draft.started() {
        Some(_) => (JobState::Running, Reason::AttemptFailed),
        None => (JobState::Pending, ended.verdict.reason),
    };
    let text = format!("{} It is tried again at {at:.0}.", sentence_of(&ended.verdict.error.message));
    draft.wait(&Standing::new(state, reason, text), Wake::At(at))
}

fn badly(mut draft: Draft<'_>, ended: &Ended) -> Decision {
    close(&mut draft, ended, &ended.verdict);
    if ended.cancelled {
        let standing =
            Standing::new(JobState::Cancelled, Reason::Cancelled, ended.verdict.error.message.as_str());
        return draft.end(&standing);
    }
    if is_window(&ended.verdict) {
        return missed(draft);
    }
    draft.fail_by(&ended.verdict)
}

/// The start window has closed. Who was refused by source or storage has Failed with that error; who never got that far
/// is Expired.
pub fn missed(mut draft: Draft<'_>) -> Decision {
    const NEVER_ARRIVED: [ErrorCode; 4] = [
        ErrorCode::MoverLost,
        ErrorCode::UserErrorPodBlocked,
        ErrorCode::KeeperUnavailable,
        ErrorCode::BadAssignment,
    ];
    let last = draft.status.errors.last().cloned();
    if draft.status.attempts.is_empty() {
        // What was in the way all the time has a code.
        draft.status.errors = outcome::errors(draft.job.status.as_ref().map(|status| &status.errors));
    }
    match last.filter(|error| !NEVER_ARRIVED.iter().any(|code| code.as_str() == error.code)) {
        Some(error) => {
            let text = format!("The start window closed; the last attempt failed: {}", error.message);
            draft.fail(&Standing::new(JobState::Failed, Reason::AttemptsExhausted, text), None)
        }
        None => {
            let before =
                draft.job.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            let why = before.iter().find(|held| held.type_ == "Ready").map(|held| held.message.clone());
            let text = match why {
                Some(why) => format!("The start window closed before the backup could start. Last: {why}"),
                None => "The start window closed before the backup could start.".to_owned(),
            };
            let error = JobError::new(ErrorCode::StartWindowMissed, text.as_str());
            draft.fail(&Standing::new(JobState::Expired, Reason::StartWindowMissed, text), Some(error))
        }
    }
}

fn close(draft: &mut Draft<'_>, ended: &Ended, verdict: &Verdict) {
    let now = draft.now.time;
    let name = names::attempt(&uid(draft), ended.number);
    let attempt = outcome::attempt(&mut draft.status.attempts, ended.number, &name, now);
    if attempt.end_time.is_none() {
        outcome::close_badly(attempt, verdict, ended.ending.as_ref(), now);
    }
}

/// The vault has the point.
fn well(mut draft: Draft<'_>, ended: &Ended, point: &PointView) -> Decision {
    let now = draft.now.time;
    draft.mark_started(Some(point.point_time));
    let name = names::attempt(&uid(&draft), ended.number);
    let attempt = outcome::attempt(&mut draft.status.attempts, ended.number, &name, now);
    outcome::close_well(attempt, ended.ending.as_ref(), now);
    let instance = &draft.job.spec.instance_ref.name;
    let plain = point.data_stores.iter().fold(0_u64, |sum, store| sum.saturating_add(store.plain_bytes));
    draft.status.recovery_point = Some(JobPoint {
        name: names::recovery_point(instance, point.point_time, &point.id),
        id: point.id.0.clone(),
        point_time: Time(point.point_time),
    });
    draft.status.retention = Some(promise::shown(&point.decision, point.expiration_time));
    draft.status.data_transferred_bytes = Some(progress::signed(plain));
    draft.status.stored_bytes = Some(progress::signed(point.stored_bytes));
    draft.status.size = Some(bytes(point.stored_bytes));
    draft.status.warnings = outcome::warnings("NotReadable", point.missing());
    draft.status.warnings.extend(outcome::warnings("Noticed", &point.warnings));
    let mut done = progress::at(Stage::Accepting, draft.status.progress.as_ref());
    (done.bytes_done, done.bytes_total, done.percent) =
        (progress::signed(plain), Some(progress::signed(plain)), Some(100));
    done.bytes_per_second = draft.started().and_then(|started| progress::mean(plain, started, now));
    draft.status.progress = Some(done);
    let text = stored_text(point);
    let (state, reason, text) = outcome::completed(&draft.status.warnings, text);
    draft.note = Some(Note::normal(Reason::BackupCompleted, text.as_str()));
    draft.steps.push(Step::KeepPoint(Box::new(point.clone())));
    draft.end(&Standing::new(state, reason, text))
}

fn stored_text(point: &PointView) -> String {
    let tables: u64 = point.data_stores.iter().map(|store| store.tables).sum();
    let what = match point.data_stores.len() {
        0 | 1 => format!("{tables} tables"),
        databases => format!("{databases} databases with {tables} tables"),
    };
    format!("{what}, {} stored as point {}.", bytes(point.stored_bytes), point.id)
}

fn uid(draft: &Draft<'_>) -> String {
    draft.job.metadata.uid.clone().unwrap_or_default()
}

fn sentence(trouble: &Trouble) -> &str {
    trouble.message()
}

/// Messages of movers have no full stop.
fn sentence_of(message: &str) -> String {
    if message.ends_with('.') { message.to_owned() } else { format!("{message}.") }
}
