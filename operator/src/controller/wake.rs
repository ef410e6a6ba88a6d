//! When an object is looked at again if nothing about it changes.

use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::controller::Action;

use crate::clock::Now;

/// Timers go by the wall clock and may be long; looking again twice a day costs a read.
const LONGEST: Duration = Duration::from_secs(12 * 3600);

/// When to look again. Waiting is a value like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Only when something changes.
    OnChange,
    /// After this long.
    After(Duration),
    /// At this time of the (possibly moved) clock.
    At(Timestamp),
}

impl Wake {
    pub const fn seconds(seconds: u64) -> Self {
        Self::After(Duration::from_secs(seconds))
    }

    /// The earlier of two.
    #[must_use]
    pub fn or(self, other: Self, now: Now) -> Self {
        match (self.delay(now), other.delay(now)) {
            (None, _) => other,
            (_, None) => self,
            (Some(left), Some(right)) => {
                if left <= right {
                    self
                } else {
                    other
                }
            }
        }
    }

    /// The same for kube's controller.
    pub fn action(self, now: Now) -> Action {
        self.delay(now).map_or_else(Action::await_change, |delay| Action::requeue(delay.min(LONGEST)))
    }

    fn delay(self, now: Now) -> Option<Duration> {
        match self {
            Self::OnChange => None,
            Self::After(delay) => Some(delay),
            // A moment later, so that the time has surely come.
            Self::At(time) => Some(now.until(time) + Duration::from_millis(50)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Now {
        let time = "2026-11-20T10:00:00Z".parse().unwrap();
        Now { time, wall: time }
    }

    #[test]
    fn the_earlier_wake_wins_and_no_wake_never_does() {
        let at = Wake::At("2026-11-20T10:00:30Z".parse().unwrap());
        assert_eq!(Wake::OnChange.or(at, now()), at);
        assert_eq!(at.or(Wake::seconds(10), now()), Wake::seconds(10));
        assert_eq!(at.or(Wake::seconds(60), now()), at);
        assert_eq!(Wake::OnChange.or(Wake::OnChange, now()), Wake::OnChange);
    }

    #[test]
    fn a_distant_time_is_looked_at_twice_a_day() {
        let far = Wake::At("2030-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(far.action(now()), Action::requeue(LONGEST));
    }
}
