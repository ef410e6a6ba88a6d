//! The parts of a status that backups and restores write alike: conditions, attempts, errors, durations. Pure.

use crds::Reason;
use crds::common::{Attempt, AttemptOutcome, Condition, ConditionType, JobError, JobState, JobWarning, Time};
use jiff::{SignedDuration, Timestamp};

use super::attempt::Ending;
use super::failure::{Verdict, shortened};
use super::pace::MOST_KEPT;
use crate::controller::Conditions;

/// Errors that a status keeps; the oldest go first.
const MOST_ERRORS: usize = 16;
const MOST_WARNINGS: usize = 64;

/// Where a job stands, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub state: JobState,
    pub reason: Reason,
    pub message: String,
}

impl Standing {
    pub fn new(state: JobState, reason: Reason, message: impl Into<String>) -> Self {
        Self { state, reason, message: message.into() }
    }
}

/// The conditions of a job: while it goes on Ready is Unknown beside Reconciling; at its end Ready and one of Complete
/// and Failed say how, and Stalled that nothing but a person changes a bad one.
pub fn conditions(
    before: &[Condition],
    generation: Option<i64>,
    standing: &Standing,
    now: Timestamp,
) -> Vec<Condition> {
    let mut conditions = Conditions::new(before, generation, now);
    let mut set = |type_, status| {
        let message: String = standing.message.chars().take(2048).collect();
        conditions.set(type_, status, standing.reason, message);
    };
    if !standing.state.is_terminal() {
        set(ConditionType::Ready, None);
        set(ConditionType::Reconciling, Some(true));
    } else if standing.state.is_success() {
        set(ConditionType::Ready, Some(true));
        set(ConditionType::Complete, Some(true));
    } else {
        set(ConditionType::Ready, Some(false));
        set(ConditionType::Failed, Some(true));
        set(ConditionType::Stalled, Some(true));
    }
    conditions.finish()
}

/// The attempt of this number, made if the status does not have it.
pub fn attempt<'a>(
    attempts: &'a mut Vec<Attempt>,
    number: u32,
    job_name: &str,
    started: Timestamp,
) -> &'a mut Attempt {
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    let index = attempts.iter().position(|held| held.number == number).unwrap_or_else(|| {
        if attempts.len() >= MOST_KEPT {
            attempts.remove(0);
        }
        attempts.push(Attempt {
            number,
            job_name: job_name.to_owned(),
            start_time: Time(started),
            end_time: None,
            outcome: None,
            exit_code: None,
            error_code: None,
            message: None,
        });
        attempts.len() - 1
    });
    &mut attempts[index]
}

/// The attempt that has not ended.
pub fn open_attempt(attempts: &[Attempt]) -> Option<&Attempt> {
    attempts.iter().find(|held| held.end_time.is_none())
}

/// The number that the next attempt gets.
pub fn next_number(attempts: &[Attempt]) -> u32 {
    let highest = attempts.iter().map(|held| held.number).max().unwrap_or(0);
    u32::try_from(highest).unwrap_or(0).saturating_add(1)
}

/// Records that an attempt ended without making anything.
pub fn close_badly(attempt: &mut Attempt, verdict: &Verdict, ending: Option<&Ending>, now: Timestamp) {
    attempt.end_time = Some(Time(now));
    attempt.outcome = Some(verdict.outcome);
    attempt.exit_code = exit_code(ending);
    attempt.error_code = Some(verdict.error.code.clone());
    attempt.message = Some(shortened(&verdict.error.message));
}

/// Records that an attempt did its work.
pub fn close_well(attempt: &mut Attempt, ending: Option<&Ending>, now: Timestamp) {
    attempt.end_time = Some(Time(now));
    attempt.outcome = Some(AttemptOutcome::Succeeded);
    attempt.exit_code = exit_code(ending);
}

/// Adds an error, unless the last one says the same.
pub fn push_error(errors: &mut Vec<JobError>, error: JobError) {
    if errors.last() == Some(&error) {
        return;
    }
    if errors.len() >= MOST_ERRORS {
        errors.remove(0);
    }
    errors.push(error);
}

/// The errors as a status had them.
pub fn errors(before: Option<&Vec<JobError>>) -> Vec<JobError> {
    before.cloned().unwrap_or_default()
}

/// Sentences as warnings.
pub fn warnings<'a>(code: &str, sentences: impl IntoIterator<Item = &'a String>) -> Vec<JobWarning> {
    sentences
        .into_iter()
        .take(MOST_WARNINGS)
        .map(|text| JobWarning { code: code.to_owned(), message: text.chars().take(2048).collect() })
        .collect()
}

/// How a job that reached its goal ended, and what is said of it.
pub fn completed(warnings: &[JobWarning], text: String) -> (JobState, Reason, String) {
    match warnings {
        [] => (JobState::Completed, Reason::Completed, text),
        [_, ..] => {
            let text = format!("{text} `status.warnings` tells what to know about it.");
            (JobState::CompletedWithWarnings, Reason::CompletedWithWarnings, text)
        }
    }
}

/// A time for people: its two largest units, such as `4m 12s`.
pub fn duration(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).max(SignedDuration::ZERO).as_secs();
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m {rest}s"),
        (0, _, _) => format!("{hours}h {minutes}m"),
        (_, _, _) => format!("{days}d {hours}h"),
    }
}

fn exit_code(ending: Option<&Ending>) -> Option<i32> {
    ending.and_then(|ending| ending.exit_code).filter(|code| (0..=255).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn types(state: JobState) -> Vec<(String, String)> {
        conditions(&[], Some(1), &Standing::new(state, Reason::InProgress, "text"), at(0))
            .into_iter()
            .map(|held| (held.type_, held.status))
            .collect()
    }

    #[test]
    fn conditions_follow_the_documented_table() {
        let pairs = |list: &[(&str, &str)]| {
            list.iter().map(|(type_, status)| ((*type_).to_owned(), (*status).to_owned())).collect::<Vec<_>>()
        };
        for state in JobState::ALL {
            let expected = if !state.is_terminal() {
                pairs(&[("Ready", "Unknown"), ("Reconciling", "True")])
            } else if state.is_success() {
                pairs(&[("Ready", "True"), ("Complete", "True")])
            } else {
                pairs(&[("Ready", "False"), ("Failed", "True"), ("Stalled", "True")])
            };
            assert_eq!(types(state), expected, "{state:?}");
        }
    }

    #[test]
    fn durations_read_in_two_units() {
        for (seconds, text) in [(5, "5s"), (252, "4m 12s"), (7_320, "2h 2m"), (90_000, "1d 1h")] {
            assert_eq!(duration(at(0), at(seconds)), text);
        }
        assert_eq!(duration(at(9), at(0)), "0s", "a clock that went back makes no negative time");
    }

    #[test]
    fn the_same_error_is_told_once_and_the_oldest_goes_first() {
        let mut errors = Vec::new();
        for number in 0..20 {
            for _ in 0..2 {
                push_error(&mut errors, JobError::new(crds::ErrorCode::MoverLost, number.to_string()));
            }
        }
        assert_eq!(errors.len(), 16);
        assert_eq!(errors.first().unwrap().message, "4");
    }

    #[test]
    fn numbers_of_attempts_only_grow() {
        let mut attempts = Vec::new();
        for number in 1..=40 {
            assert_eq!(next_number(&attempts), number);
            attempt(&mut attempts, number, "cj", at(0)).end_time = Some(Time(at(1)));
        }
        assert_eq!(attempts.len(), MOST_KEPT);
        assert!(open_attempt(&attempts).is_none());
    }
}
