//! The operator's clock: the only file of the control plane that asks what time it is.
//!
//! A program for tests can move the clock ahead (`command::TestClock`). That moves slots, windows and expiry.
//! Certificates, tokens, leases and back-off follow the wall clock: other machines, which know nothing of the offset,
//! judge them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// One reading of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What slots, windows and expiry are judged by, and what is written into status. Equal to `wall` outside tests.
    pub time: Timestamp,
    /// What certificates, tokens and back-off are judged by.
    pub wall: Timestamp,
}

impl Now {
    /// How long until `time` of the moved clock; zero when it has passed.
    pub fn until(self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.time)).unwrap_or(Duration::ZERO)
    }
}

/// A clock that can be shared. Clones show the same time.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Now {
        let wall = Timestamp::now();
        let ahead = SignedDuration::from_secs(self.offset_seconds());
        Now { time: wall.checked_add(ahead).unwrap_or(Timestamp::MAX), wall }
    }

    /// How far the clock is ahead of the wall clock; 0 outside tests.
    pub fn offset_seconds(&self) -> i64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// Moves the clock ahead to `seconds` before the wall clock, and says whether that moved it. It never goes back:
    /// what has expired stays expired.
    pub fn raise(&self, seconds: i64) -> bool {
        self.offset.fetch_max(seconds, Ordering::Relaxed) < seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_raised_and_never_lowered() {
        let clock = Clock::default();
        assert_eq!(clock.offset_seconds(), 0);
        assert!(clock.raise(3600));
        assert!(!clock.raise(60), "a smaller offset is ignored");
        let now = clock.clone().now();
        assert_eq!(
            now.time.duration_since(now.wall),
            SignedDuration::from_hours(1),
            "clones share the offset"
        );
    }

    #[test]
    fn what_has_passed_is_due_at_once() {
        let now = Now {
            time: "2026-11-21T10:00:00Z".parse().unwrap(),
            wall: "2026-11-20T10:00:00Z".parse().unwrap(),
        };
        assert_eq!(now.until("2026-11-21T10:05:00Z".parse().unwrap()), Duration::from_secs(300));
        assert_eq!(now.until(now.wall), Duration::ZERO);
    }
}
