//! Keeps all lanes together below so many bytes per second.

use std::{sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep_until};

/// How much may be read at once after a pause.
const BURST: Duration = Duration::from_millis(500);

/// Shared by all lanes. Whoever has read bytes waits until they were due.
pub struct Throttle {
    bytes_per_second: Option<u64>,
    /// When the next byte is due.
    due: Mutex<Instant>,
}

impl Throttle {
    /// `None`: unlimited.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second: bytes_per_second.map(|rate| rate.max(1)), due: Mutex::new(Instant::now()) }
    }

    /// Waits until so many bytes may be read.
    pub async fn take(&self, bytes: usize) {
        if let Some(rate) = self.bytes_per_second {
            sleep_until(self.book(bytes, rate, Instant::now())).await;
        }
    }

    /// Books bytes and tells when they are due.
    fn book(&self, bytes: usize, rate: u64, now: Instant) -> Instant {
        let nanoseconds = u128::try_from(bytes).unwrap_or(u128::MAX) * 1_000_000_000 / u128::from(rate);
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let mut due = self.due.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        *due = (*due).max(earliest) + cost;
        *due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lanes_share_the_rate_and_a_pause_gives_only_a_short_burst() {
        let throttle = Throttle::new(Some(1_000_000));
        let start = Instant::now();
        let (first, second) = (throttle.take(2_000_000), throttle.take(3_000_000));
        tokio::join!(first, second);
        assert_eq!(start.elapsed().as_millis(), 5_000, "five million bytes by two lanes");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        throttle.take(1_500_000).await;
        assert_eq!(start.elapsed().as_millis(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        let start = Instant::now();
        Throttle::new(None).take(usize::MAX).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
