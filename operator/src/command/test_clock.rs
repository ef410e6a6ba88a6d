//! What a program for tests can do and the shipped one cannot: put its clocks ahead of the wall clock, so that retention
//! of years can be watched in minutes.
//!
//! The library knows how to be ahead. Only the program `coffer-test-clock` knows whom to ask how far, and only a process
//! that was started with it believes what an operator's header or a run's assignment says about it.

use futures::future::BoxFuture;
use kube::Client;

/// Puts the operator's clock this many seconds ahead. A smaller number than the last is ignored: what has expired stays
/// expired.
pub type Raise = Box<dyn Fn(i64) + Send + Sync>;

/// How the operator of such a program learns how far to be ahead.
#[derive(Debug, Clone, Copy)]
pub struct TestClock {
    /// Follows what the namespace of the operator says, until the process ends.
    pub follow: fn(Client, String, Raise) -> BoxFuture<'static, ()>,
}
