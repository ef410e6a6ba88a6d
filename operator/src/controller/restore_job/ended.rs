//! An attempt of a restore that has ended: whether the database is there, and whether another attempt may follow. Pure.

use contract::{Outcome, RestoreOutcome, Summary};
use crds::common::{AttemptOutcome, JobState, Stage};
use crds::restore_job::RestoredObjects;
use crds::{ErrorCode, Reason};

use super::draft::Draft;
use super::facts::{Decision, Step};
use crate::cluster::Note;
use crate::controller::Wake;
use crate::controller::run::failure::{self, Verdict};
use crate::controller::run::outcome::{self, Standing};
use crate::controller::run::{Ending, SeenAttempt, finalizer, pace, progress};
use crate::names;

/// The end of an attempt.
pub struct Ended {
    number: u32,
    verdict: Verdict,
    ending: Ending,
    remove: Option<SeenAttempt>,
    cancelled: bool,
}

impl Ended {
    /// Its pod ended by itself, or vanished.
    pub fn of(number: u32, ending: &Ending) -> Self {
        let verdict = failure::verdict(ending);
        Self { number, verdict, ending: ending.clone(), remove: None, cancelled: false }
    }

    /// We end it.
    pub fn stopped(attempt: &SeenAttempt, verdict: Verdict) -> Self {
        let ending = Ending::default();
        Self { number: attempt.number, verdict, ending, remove: Some(attempt.clone()), cancelled: false }
    }

    /// Somebody wants it ended.
    pub fn cancelled(number: u32, verdict: Verdict) -> Self {
        Self { number, verdict, ending: Ending::default(), remove: None, cancelled: true }
    }
}

/// What follows: a report speaks for itself; without one the ledger says whether anything was written.
pub fn decide(mut draft: Draft<'_>, ended: &Ended) -> Decision {
    draft.steps.extend(ended.remove.clone().map(|held| Step::Remove(Box::new(held))));
    let is_given_up = finalizer::is_given_up(draft.job, &draft.facts.attempts, draft.now.wall);
    if let Some(report) = &ended.ending.report {
        return match &report.outcome {
            Outcome::Restored { summary } => well(draft, ended, Some(summary), &report.warnings),
            Outcome::Failed(_) | Outcome::Stored { .. } | Outcome::Checked(_) | Outcome::Verified(_) => {
                badly(draft, ended)
            }
        };
    }
    let run = draft.job.metadata.uid.clone().unwrap_or_default();
    match draft.facts.ledger.clone() {
        Some(Ok(Some(held))) if held.run.0 == run => {
            draft.mark_started(Some(held.started));
            match held.outcome {
                Some(RestoreOutcome::Completed | RestoreOutcome::CompletedWithWarnings) => {
                    well(draft, ended, None, &[])
                }
                Some(RestoreOutcome::Failed) | None => badly(draft, ended),
            }
        }
        // It never announced a write, so there was none.
        Some(Ok(_)) => badly(draft, ended),
        // Nobody is left to ask.
        Some(Err(_)) | None if draft.facts.vault.is_none() => badly(draft, ended),
        Some(Err(_)) | None if is_given_up => badly(draft, ended),
        Some(Err(trouble)) => unsettled(draft, ended, trouble.message()),
        None => unsettled(draft, ended, "The vault's ledger is being asked what became of the restore."),
    }
}

fn unsettled(draft: Draft<'_>, ended: &Ended, why: &str) -> Decision {
    let (state, reason) = match (ended.cancelled, draft.has_written()) {
        (true, _) => (JobState::Cancelling, Reason::Cancelling),
        (false, true) => (JobState::Running, Reason::KeeperUnavailable),
        (false, false) => (JobState::Pending, Reason::KeeperUnavailable),
    };
    draft.wait(&Standing::new(state, reason, why), Wake::seconds(10))
}

fn badly(mut draft: Draft<'_>, ended: &Ended) -> Decision {
    let now = draft.now.time;
    let name = names::attempt(&draft.job.metadata.uid.clone().unwrap_or_default(), ended.number);
    let attempt = outcome::attempt(&mut draft.status.attempts, ended.number, &name, now);
    outcome::close_badly(attempt, &ended.verdict, Some(&ended.ending), now);
    if ended.cancelled {
        let text = if draft.has_written() {
            cancelled_text(&draft)
        } else {
            "The job was cancelled; nothing was written."
        };
        return draft.end(&Standing::new(JobState::Cancelled, Reason::Cancelled, text));
    }
    let may_pass = ended.verdict.may_pass() && ended.verdict.reason != Reason::StartWindowMissed;
    let at = pace::later(now, pace::pause(draft.status.attempts.len(), false));
    if !draft.has_written() && may_pass && at < draft.start_deadline() {
        outcome::push_error(&mut draft.status.errors, ended.verdict.error.clone());
        let text =
            format!("{}. It is tried again at {at:.0}.", ended.verdict.error.message.trim_end_matches('.'));
        return draft.wait(&Standing::new(JobState::Pending, ended.verdict.reason, text), Wake::At(at));
    }
    if draft.has_written() && ended.verdict.outcome == AttemptOutcome::Lost {
        let text = "The mover vanished after it had begun to write. An unfinished database may be left; it carries a \
                    comment with the job's name.";
        let verdict = Verdict { reason: Reason::RestoreIncomplete, ..ended.verdict.clone() };
        let error = crds::common::JobError::new(ErrorCode::MoverLost, text);
        return draft.fail_by(&Verdict { error, ..verdict });
    }
    draft.fail_by(&ended.verdict)
}

/// The database is there, checked, under its own name.
fn well(mut draft: Draft<'_>, ended: &Ended, summary: Option<&Summary>, warnings: &[String]) -> Decision {
    let now = draft.now.time;
    let name = names::attempt(&draft.job.metadata.uid.clone().unwrap_or_default(), ended.number);
    let attempt = outcome::attempt(&mut draft.status.attempts, ended.number, &name, now);
    outcome::close_well(attempt, Some(&ended.ending), now);
    draft.status.warnings = outcome::warnings("Noticed", warnings);
    let mut done = progress::at(Stage::Finishing, draft.status.progress.as_ref());
    done.percent = Some(100);
    let text = match summary {
        Some(summary) => {
            draft.status.restored = Some(RestoredObjects {
                tables: progress::signed(summary.tables),
                rows: progress::signed(summary.rows),
                large_objects: progress::signed(summary.large_objects),
            });
            draft.status.data_transferred_bytes = Some(progress::signed(summary.plain_bytes));
            done.bytes_done = progress::signed(summary.plain_bytes);
            done.bytes_total = Some(done.bytes_done);
            let started = draft.status.start_time.as_ref().map(|time| time.0);
            done.bytes_per_second =
                started.and_then(|started| progress::mean(summary.plain_bytes, started, now));
            done_text(&draft, summary)
        }
        None => "The ledger has the restore as completed; its own report was lost.".to_owned(),
    };
    draft.status.progress = Some(done);
    draft.note = Some(Note::normal(Reason::RestoreCompleted, text.as_str()));
    let (state, reason, text) = outcome::completed(&draft.status.warnings, text);
    draft.end(&Standing::new(state, reason, text))
}

fn done_text(draft: &Draft<'_>, summary: &Summary) -> String {
    let what = format!("{} tables with {} rows", summary.tables, summary.rows);
    match (&draft.job.spec.target.databases, &draft.status.target) {
        (Some(_), Some(target)) => format!("{what} were restored and checked, in {target}."),
        (Some(_), None) | (None, _) => format!("{what} were restored and checked."),
    }
}

fn cancelled_text(draft: &Draft<'_>) -> &'static str {
    match draft.job.spec.target.databases {
        Some(_) => {
            "The job was cancelled while it ran; no database got its name. Those that it had made were dropped, roles \
             that it had made stay."
        }
        None => {
            "The job was cancelled while it ran; an unfinished database that it had not made itself was left."
        }
    }
}
