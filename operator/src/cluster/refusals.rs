//! How long a watch waits that was refused or found nobody.
//!
//! kube's own back-off counts each list that is tried as a success, so that an API server that is away would be asked
//! about every second by every watch of every operator.

use std::time::{Duration, Instant};

/// After so long without a refusal the next one is the first.
const QUIET: Duration = Duration::from_secs(300);
/// 2 to the power of this many seconds, 32, is the longest pause.
const DOUBLINGS: u32 = 5;

/// How often in a row a watch was refused.
#[derive(Debug, Default)]
pub struct Refusals {
    count: u32,
    last: Option<Instant>,
}

impl Refusals {
    /// How long to wait after one more: 1 s, doubled up to 32 s, from the start again after a quiet while.
    pub fn pause(&mut self, now: Instant) -> Duration {
        if self.last.is_some_and(|last| now.duration_since(last) > QUIET) {
            self.count = 0;
        }
        self.last = Some(now);
        let pause = Duration::from_secs(1 << self.count.min(DOUBLINGS));
        self.count = self.count.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_in_a_row_wait_longer_and_a_quiet_while_starts_over() {
        let (mut refusals, mut now) = (Refusals::default(), Instant::now());
        let waits: Vec<u64> = (0..8)
            .map(|_| {
                let pause = refusals.pause(now);
                now += pause;
                pause.as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 32, 32]);
        assert_eq!(refusals.pause(now + Duration::from_secs(301)).as_secs(), 1);
    }
}
