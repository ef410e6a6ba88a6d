//! The only place that reads the clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// Tells the time. Clones share it, so that raising the offset of one raises all.
///
/// Two times are kept apart. [`Clock::now`] moves slots, expiry, deadlines and waits; tests put it ahead, because
/// retention is counted in years. [`Clock::wall`] is the machine's, for heartbeats, signatures and comparisons with
/// other machines.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    /// Milliseconds that [`Clock::now`] is ahead of the machine.
    Machine(Arc<AtomicI64>),
    /// Milliseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock, and how far ahead of it this process is to live: 0 outside tests.
    pub fn system(offset: SignedDuration) -> Self {
        Self { source: Source::Machine(Arc::new(AtomicI64::new(millis(offset)))) }
    }

    /// A clock that stands still until it is advanced, for tests.
    pub fn manual(at: Timestamp) -> Self {
        Self { source: Source::Manual(Arc::new(AtomicI64::new(at.as_millisecond()))) }
    }

    /// The time that promises are judged by.
    pub fn now(&self) -> Timestamp {
        match &self.source {
            Source::Machine(offset) => {
                later(machine(), SignedDuration::from_millis(offset.load(Ordering::Relaxed)))
            }
            Source::Manual(at) => manual(at),
        }
    }

    /// The machine's time, without any offset.
    pub fn wall(&self) -> Timestamp {
        match &self.source {
            Source::Machine(_) => machine(),
            Source::Manual(at) => manual(at),
        }
    }

    /// Puts [`Clock::now`] ahead by `offset`. It only ever grows: a smaller one is ignored.
    pub fn raise_offset(&self, offset: SignedDuration) {
        if let Source::Machine(current) = &self.source {
            current.fetch_max(millis(offset), Ordering::Relaxed);
        }
    }

    /// Moves a manual clock; the machine's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(at) = &self.source {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            at.fetch_add(by, Ordering::Relaxed);
        }
    }
}

/// A time later by `duration`, or the last one that can be told.
pub fn later(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn manual(at: &AtomicI64) -> Timestamp {
    Timestamp::from_millisecond(at.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX)
}

#[expect(clippy::disallowed_methods, reason = "everything else takes the time from here")]
fn machine() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_now_and_leaves_the_wall_clock_and_only_grows() {
        let clock = Clock::system(SignedDuration::ZERO);
        clock.raise_offset(SignedDuration::from_hours(1_000));
        clock.raise_offset(SignedDuration::from_hours(1));
        let ahead = clock.now().duration_since(clock.wall());
        assert!(ahead >= SignedDuration::from_hours(999), "{ahead}");
        assert!(ahead <= SignedDuration::from_hours(1_001), "{ahead}");
    }

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let shared = clock.clone();
        clock.advance(Duration::from_secs(60));
        assert_eq!(shared.now(), Timestamp::from_second(60).unwrap());
    }
}
