//! How long to wait before an object whose reconcile failed is tried again: longer each time, not in step with others,
//! from the start again after a success.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Failures in a row, by object.
#[derive(Debug)]
pub struct Backoff<Key> {
    failures: Mutex<HashMap<Key, u32>>,
}

impl<Key> Default for Backoff<Key> {
    fn default() -> Self {
        Self { failures: Mutex::default() }
    }
}

impl<Key: Eq + Hash> Backoff<Key> {
    /// Counts a failure, and says how long to wait after it. `chance` is any random number.
    pub fn failed(&self, key: Key, chance: u64) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key).or_insert(0);
        *count = count.saturating_add(1);
        delay(*count, chance)
    }

    /// Forgets the failures of an object: it succeeded, or is gone.
    pub fn succeeded(&self, key: &Key) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// 1 s, doubled with each failure up to 5 min, and up to a quarter more by chance.
fn delay(failures: u32, chance: u64) -> Duration {
    let base = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(9)).min(LONGEST);
    let quarter = u64::try_from(base.as_millis() / 4).unwrap_or(u64::MAX).max(1);
    base + Duration::from_millis(chance % quarter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_delay_up_to_five_minutes() {
        let waits: Vec<u64> = (1..=12).map(|failures| delay(failures, 0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn chance_adds_at_most_a_quarter() {
        for chance in [0, 1, 249, 250, u64::MAX] {
            let wait = delay(1, chance);
            assert!((1000..1250).contains(&wait.as_millis()), "{wait:?}");
        }
    }

    #[test]
    fn objects_fail_apart_and_a_success_starts_over() {
        let backoff = Backoff::default();
        assert_eq!(backoff.failed("a", 0), Duration::from_secs(1));
        assert_eq!(backoff.failed("a", 0), Duration::from_secs(2));
        assert_eq!(backoff.failed("b", 0), Duration::from_secs(1));
        backoff.succeeded(&"a");
        assert_eq!(backoff.failed("a", 0), Duration::from_secs(1));
    }
}
