//! The two ways in which a run is ended from outside: somebody cancels it, or its time is over.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::BackupError;
use crate::clock::Clock;

/// Tells everything that works on a run to stop. Clones tell the same.
#[derive(Clone)]
pub struct Stop {
    cancel: CancellationToken,
    deadline: Instant,
}

impl Stop {
    pub fn new(cancel: CancellationToken, deadline: Timestamp, clock: &Clock) -> Self {
        let left = Duration::try_from(deadline.duration_since(clock.now())).unwrap_or(Duration::ZERO);
        let now = Instant::now();
        // A deadline that lies decades ahead may be more than a clock can hold.
        let deadline =
            now.checked_add(left).unwrap_or_else(|| now + Duration::from_secs(u64::from(u32::MAX)));
        Self { cancel, deadline }
    }

    /// Waits until the run is to stop, and tells why.
    pub async fn stopped(&self) -> BackupError {
        tokio::select! {
            () = self.cancel.cancelled() => BackupError::Cancelled,
            () = sleep_until(self.deadline) => BackupError::DeadlineExceeded,
        }
    }

    /// Works until it is done, or the run is to stop.
    pub async fn or<T>(&self, work: impl Future<Output = Result<T, BackupError>>) -> Result<T, BackupError> {
        tokio::select! {
            biased;
            reason = self.stopped() => Err(reason),
            done = work => done,
        }
    }
}
