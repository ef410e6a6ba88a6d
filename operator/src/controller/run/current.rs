//! Which attempt of a run everything is about. Pure.

use crds::common::Attempt;
use jiff::Timestamp;

use super::attempt::SeenAttempt;
use super::outcome;

/// The attempt that matters.
#[derive(Debug, Clone, PartialEq)]
pub enum Current {
    /// None was made, or all have ended and are recorded.
    Nothing,
    /// The status has it as running, and its Job is gone.
    Vanished(u32),
    Seen(Box<SeenAttempt>),
}

/// Finds it, and the Jobs of attempts that are recorded as ended, which are to be removed. A Job that the status does not
/// know was made before a status write was lost, and is taken up.
pub fn current(
    attempts: &mut Vec<Attempt>,
    seen: &[SeenAttempt],
    now: Timestamp,
) -> (Current, Vec<SeenAttempt>) {
    let mut found = None;
    let mut leftovers = Vec::new();
    for attempt in seen {
        let number = i32::try_from(attempt.number).unwrap_or(i32::MAX);
        let recorded = attempts.iter().find(|held| held.number == number);
        if recorded.is_some_and(|held| held.end_time.is_some()) {
            leftovers.push(attempt.clone());
            continue;
        }
        outcome::attempt(attempts, attempt.number, &attempt.job_name, attempt.created.unwrap_or(now));
        found = Some(attempt.clone());
    }
    let current = match (found, outcome::open_attempt(attempts)) {
        (Some(attempt), _) => Current::Seen(Box::new(attempt)),
        (None, Some(open)) => Current::Vanished(u32::try_from(open.number).unwrap_or(1)),
        (None, None) => Current::Nothing,
    };
    (current, leftovers)
}
