//! How long a failing call is repeated.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep};

use super::{StoreError, StoreErrorKind};

/// Repeats what may work the next time, at growing distances.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// No further try is begun after this long.
    pub total: Duration,
    /// The first pause; each further one is twice as long, up to [`Patience::longest`].
    pub first: Duration,
    pub longest: Duration,
}

impl Default for Patience {
    /// Three minutes: a store that restarts, not one that is gone. What lasts longer is for the next attempt.
    fn default() -> Self {
        Self {
            total: Duration::from_secs(180),
            first: Duration::from_millis(200),
            longest: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// For questions to which "no answer" is an answer: is the store there?
    pub const NONE: Self = Self { total: Duration::ZERO, first: Duration::ZERO, longest: Duration::ZERO };

    pub(super) async fn run<T, F, R>(&self, mut call: F) -> Result<T, StoreError>
    where
        F: FnMut() -> R,
        R: Future<Output = Result<T, StoreError>>,
    {
        let start = Instant::now();
        let mut attempt = 0;
        loop {
            match call().await {
                Err(error) if may_work_later(error.kind) && start.elapsed() < self.total => {
                    tracing::debug!(%error, attempt, "storage call is repeated");
                    self.pause(attempt).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Waits before the try after `attempt`, half of the time for certain and half at random, so that many movers do not
    /// come back together.
    pub(super) async fn pause(&self, attempt: usize) {
        let doubled = 1u32.checked_shl(u32::try_from(attempt).unwrap_or(31)).unwrap_or(u32::MAX);
        let pause = self.first.saturating_mul(doubled.max(1)).min(self.longest);
        let mut random = [0; 1];
        if aws_lc_rs::rand::fill(&mut random).is_err() {
            random = [128];
        }
        sleep(pause / 2 + (pause / 2).mul_f32(f32::from(random[0]) / 255.0)).await;
    }
}

fn may_work_later(kind: StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::Unreachable | StoreErrorKind::Throttled)
}
