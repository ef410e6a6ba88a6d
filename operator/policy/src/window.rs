//! What is due: start and completion windows, missed slots, and rules that fall together.

use jiff::{SignedDuration, Timestamp};

use crate::keep::Keep;
use crate::schedule::Schedule;
use crate::zone::Zone;

/// The two windows of a rule, both counted from the slot (of an on-demand job: from its acceptance).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    start: SignedDuration,
    completion: SignedDuration,
}

/// Why a pair of windows was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// A start window of nothing.
    #[error("`startWindowMinutes` must be at least 1: no backup can start in no time")]
    NoStart,
    /// The run would have to end before it may start.
    #[error(
        "`completionWindowMinutes` {completion} must be above `startWindowMinutes` {start}: \
         both count from the slot, and a backup that starts last must still have time to finish"
    )]
    CompletionNotAboveStart {
        /// The start window in minutes.
        start: u32,
        /// The completion window in minutes.
        completion: u32,
    },
}

impl Windows {
    /// Windows of so many minutes.
    ///
    /// # Errors
    ///
    /// [`WindowError`] unless 1 <= `start_minutes` < `completion_minutes`.
    pub fn new(start_minutes: u32, completion_minutes: u32) -> Result<Self, WindowError> {
        if start_minutes == 0 {
            return Err(WindowError::NoStart);
        }
        if completion_minutes <= start_minutes {
            return Err(WindowError::CompletionNotAboveStart {
                start: start_minutes,
                completion: completion_minutes,
            });
        }
        let minutes = |count: u32| SignedDuration::from_mins(i64::from(count));
        Ok(Self { start: minutes(start_minutes), completion: minutes(completion_minutes) })
    }

    /// How long after its slot a run must be finished.
    pub fn completion(&self) -> SignedDuration {
        self.completion
    }

    /// The instant from which a run of this slot may not start any more.
    pub fn start_by(&self, slot: Timestamp) -> Timestamp {
        later(slot, self.start)
    }

    /// The instant by which a run of this slot must be finished.
    pub fn complete_by(&self, slot: Timestamp) -> Timestamp {
        later(slot, self.completion)
    }

    /// Where a run of this slot stands at `now`. It has started when a mover has fixed its snapshot.
    pub fn standing(&self, slot: Timestamp, started: bool, now: Timestamp) -> Standing {
        let closed = if started { now >= self.complete_by(slot) } else { now >= self.start_by(slot) };
        match (started, closed) {
            (false, false) => Standing::MayStart { until: self.start_by(slot) },
            (false, true) => Standing::StartMissed,
            (true, false) => Standing::MayRun { until: self.complete_by(slot) },
            (true, true) => Standing::CompletionMissed,
        }
    }
}

/// The answer of [`Windows::standing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not started, and it still may.
    MayStart {
        /// When it no longer may.
        until: Timestamp,
    },
    /// Not started, and too late: the job is Expired, or Failed if an attempt met an error (protocol of a run).
    StartMissed,
    /// Started, and it may go on.
    MayRun {
        /// When it no longer may.
        until: Timestamp,
    },
    /// Started, and not finished in time: it is stopped and nothing of it is kept.
    CompletionMissed,
}

/// Older slots that nothing was done for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// How many.
    pub count: u64,
    /// The oldest of them.
    pub since: Timestamp,
}

/// What one rule of one instance asks for at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing since the last handled slot.
    Nothing {
        /// When to ask again: the next slot and its delay; none when the schedule has ended.
        wake: Option<Timestamp>,
    },
    /// The slot's start window is open: make its job and run it.
    Run {
        /// The slot.
        slot: Timestamp,
        /// Slots before it that were missed.
        missed: Option<Missed>,
    },
    /// The newest slot was missed and its start window has closed: make its job, Expired.
    Expired {
        /// The slot.
        slot: Timestamp,
        /// Slots before it that were missed as well.
        missed: Option<Missed>,
    },
}

/// Decides what a rule asks for: the newest slot after `last_handled` that is due, and how many older ones
/// nothing was done for. However long nobody looked, at most one job comes of it.
///
/// - `last_handled`: the newest slot that has a job, or when the rule began to apply to the instance.
/// - `delay`: the instance's share of the spread ([`crate::spread::delay`]); a slot is due that much later,
///   its windows count from the slot itself.
pub fn due(
    schedule: &Schedule,
    windows: Windows,
    delay: SignedDuration,
    last_handled: Timestamp,
    now: Timestamp,
) -> Due {
    let reached = now.checked_sub(delay).unwrap_or(Timestamp::MIN);
    let mut missed: Option<Missed> = None;
    let mut newest = None;
    for slot in schedule.slots_between(last_handled, reached) {
        if let Some(older) = newest.replace(slot) {
            let before = missed.unwrap_or(Missed { count: 0, since: older });
            missed = Some(Missed { count: before.count + 1, ..before });
        }
    }
    match newest {
        None => {
            let next = schedule.next_after(last_handled.max(reached));
            Due::Nothing { wake: next.map(|slot| later(slot, delay)) }
        }
        Some(slot) if now < windows.start_by(slot) => Due::Run { slot, missed },
        Some(slot) => Due::Expired { slot, missed },
    }
}

/// A rule of an instance that has a slot to run, as [`merge`] compares it.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// Its slot.
    pub slot: Timestamp,
    /// How long the tag that the slot would get keeps the point.
    pub keep: Keep,
    /// The rule's zone.
    pub zone: &'a Zone,
}

/// The outcome of [`merge`]: places in the list it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The one that runs.
    pub winner: usize,
    /// The others, whose slots are done with its job: `createdBy.mergedRules`.
    pub others: Vec<usize>,
}

/// Merges rules of one instance whose slots are due at the same instant or wait at the same time into one job,
/// under the rule whose tag expires last; of equals the first in the list, which is in the policy's order.
/// Nothing comes of an empty list.
pub fn merge(waiting: &[Waiting<'_>]) -> Option<Merged> {
    let expires = |rule: &Waiting<'_>| rule.keep.expires(rule.slot, rule.zone);
    // `max_by_key` takes the last of equals, so the list is read from its end.
    let (winner, _) = waiting.iter().enumerate().rev().max_by_key(|(_, rule)| expires(rule))?;
    let others = (0..waiting.len()).filter(|index| *index != winner).collect();
    Some(Merged { winner, others })
}

fn later(slot: Timestamp, by: SignedDuration) -> Timestamp {
    slot.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
