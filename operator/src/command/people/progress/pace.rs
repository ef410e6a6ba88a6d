//! How fast a run is, and how long it will still take at that pace.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back the rate looks: long enough for the pauses between tables, short enough to notice a change.
const WINDOW: Duration = Duration::from_secs(20);

/// Bytes done, as they were seen over the last seconds.
#[derive(Default)]
pub struct Pace {
    seen: VecDeque<(Duration, u64)>,
}

impl Pace {
    /// So many bytes were done so long after the run began. Neither number goes backwards.
    pub fn note(&mut self, elapsed: Duration, bytes_done: u64) {
        self.seen.push_back((elapsed, bytes_done));
        // The newest that has left the window stays: the rate is that of the whole window.
        while self.seen.get(1).is_some_and(|(at, _)| elapsed.saturating_sub(*at) >= WINDOW) {
            self.seen.pop_front();
        }
    }

    /// Over the window; 0 before anything was done.
    pub fn bytes_per_second(&self) -> u64 {
        let (Some((from, before)), Some((to, after))) = (self.seen.front(), self.seen.back()) else {
            return 0;
        };
        let milliseconds = to.saturating_sub(*from).as_millis();
        let bytes = u128::from(after.saturating_sub(*before)) * 1_000;
        bytes.checked_div(milliseconds).map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
    }

    /// For the bytes that are left; `None` where nothing is left, or nothing moves.
    pub fn seconds_left(&self, bytes_done: u64, bytes_total: u64) -> Option<u64> {
        let left = bytes_total.saturating_sub(bytes_done);
        let rate = self.bytes_per_second();
        if left == 0 || rate == 0 { None } else { Some(left.saturating_add(rate / 2) / rate) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paced(seen: &[(u64, u64)]) -> Pace {
        let mut pace = Pace::default();
        for (seconds, bytes) in seen {
            pace.note(Duration::from_secs(*seconds), *bytes);
        }
        pace
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds_and_not_of_the_whole_run() {
        let fast_then_slow: Vec<(u64, u64)> = (0..=100)
            .map(|second| (second, if second < 50 { second * 1_000 } else { 50_000 + second }))
            .collect();
        assert_eq!(paced(&fast_then_slow[..40]).bytes_per_second(), 1_000);
        assert_eq!(paced(&fast_then_slow).bytes_per_second(), 1);
        assert_eq!(paced(&fast_then_slow).seconds_left(100, 160), Some(60));
    }

    #[test]
    fn nothing_is_foretold_of_what_does_not_move() {
        assert_eq!(paced(&[]).bytes_per_second(), 0);
        assert_eq!(paced(&[(0, 0)]).seconds_left(0, 10), None);
        assert_eq!(paced(&[(0, 5), (60, 5)]).seconds_left(5, 10), None);
        assert_eq!(paced(&[(0, 0), (1, 10)]).seconds_left(10, 10), None);
    }

    #[test]
    fn a_pause_as_long_as_the_window_ends_the_promise() {
        let mut pace = paced(&[(0, 0), (10, 1_000)]);
        assert!(pace.seconds_left(1_000, 2_000).is_some());
        pace.note(Duration::from_secs(31), 1_000);
        assert_eq!(pace.seconds_left(1_000, 2_000), None);
    }
}
