//! The two things that end a run from outside: SIGTERM, and its deadline.

use std::convert::Infallible;
use std::sync::OnceLock;
use std::time::Duration;

use ::mover::clock::Clock;
use contract::{Failure, FailureCode};
use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::command::signals;

/// Cancels a run and remembers why.
pub struct Stopping {
    cancel: CancellationToken,
    deadline: Timestamp,
    clock: Clock,
    why: OnceLock<Why>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Signal,
    Deadline,
}

impl Stopping {
    pub fn new(deadline: Timestamp, clock: Clock) -> Self {
        Self { cancel: CancellationToken::new(), deadline, clock, why: OnceLock::new() }
    }

    /// What the run listens to.
    pub fn token(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Drives `work` to its end. Signal and deadline do not drop it: they ask it to end its sessions and come back.
    pub async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        let signal = CancellationToken::new();
        let listening = signals::cancel_on_stop(signal.clone());
        let watching = async {
            let why = tokio::select! {
                // Without signals the deadline is still kept; Kubernetes then has SIGKILL.
                Ok(()) = listening => Why::Signal,
                () = self.deadline_passed() => Why::Deadline,
            };
            // The first reason stands.
            self.why.get_or_init(|| why);
            tracing::warn!(?why, "run asked to stop");
            self.cancel.cancel();
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            ended = work => ended,
            never = watching => match never {},
        }
    }

    /// A run that was cancelled because its time was over says so.
    pub fn explain(&self, failure: Failure) -> Failure {
        if failure.code != FailureCode::Cancelled || self.why.get() != Some(&Why::Deadline) {
            return failure;
        }
        let message = format!("the run was not finished by its deadline {}", self.deadline);
        Failure { code: FailureCode::DeadlineExceeded, message, ..failure }
    }

    async fn deadline_passed(&self) {
        // Looked at again and again: a machine that slept, or a clock that was set, must not make the run longer.
        const LONGEST: Duration = Duration::from_secs(30);
        loop {
            let left = self.deadline.duration_since(self.clock.now());
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => sleep(left.min(LONGEST)).await,
                Ok(_) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use contract::Stage;

    use super::*;

    fn cancelled() -> Failure {
        Failure {
            code: FailureCode::Cancelled,
            stage: Stage::Data,
            message: "the run was cancelled".into(),
            cause: None,
        }
    }

    #[tokio::test]
    async fn a_deadline_that_has_passed_cancels_and_is_named_as_the_cause() {
        let clock = Clock::manual("2026-11-21T06:00:00Z".parse().unwrap());
        let stopping = Stopping::new("2026-11-21T05:59:59Z".parse().unwrap(), clock);
        let token = stopping.token();
        stopping.watch(token.cancelled()).await;
        assert_eq!(stopping.explain(cancelled()).code, FailureCode::DeadlineExceeded);
    }

    #[tokio::test]
    async fn work_that_ends_by_itself_is_left_alone() {
        let clock = Clock::manual("2026-11-21T06:00:00Z".parse().unwrap());
        let stopping = Stopping::new("2026-11-21T07:00:00Z".parse().unwrap(), clock);
        assert_eq!(stopping.watch(async { 7 }).await, 7);
        assert!(!stopping.token().is_cancelled());
        assert_eq!(stopping.explain(cancelled()).code, FailureCode::Cancelled);
    }
}
