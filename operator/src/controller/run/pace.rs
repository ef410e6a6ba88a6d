//! When a run is tried again. Pure.

use jiff::{SignedDuration, Timestamp};

/// A run that has started is tried at most this often in all.
pub const MOST_STARTED: usize = 3;
/// A run whose bytes do not move for this long is ended.
pub const SILENCE: SignedDuration = SignedDuration::from_mins(10);
/// A job keeps at most this many attempts in its status; the oldest go first.
pub const MOST_KEPT: usize = 32;

/// How long after the end of an attempt the next one follows. `failures` counts attempts so far, from 1.
pub fn pause(failures: usize, started: bool) -> SignedDuration {
    match (started, failures) {
        (true, 0 | 1) => SignedDuration::from_secs(30),
        (true, _) => SignedDuration::from_mins(2),
        (false, 0 | 1) => SignedDuration::from_mins(1),
        (false, 2) => SignedDuration::from_mins(2),
        (false, 3) => SignedDuration::from_mins(5),
        (false, _) => SignedDuration::from_mins(10),
    }
}

/// `time` and a pause.
pub fn later(time: Timestamp, pause: SignedDuration) -> Timestamp {
    time.checked_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_start_pauses_grow_to_ten_minutes() {
        let minutes: Vec<i64> = (1..=6).map(|failures| pause(failures, false).as_mins()).collect();
        assert_eq!(minutes, [1, 2, 5, 10, 10, 10]);
    }

    #[test]
    fn after_the_start_pauses_are_short() {
        assert_eq!([pause(1, true).as_secs(), pause(2, true).as_secs()], [30, 120]);
    }
}
