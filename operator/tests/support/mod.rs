//! What the tests of keeper, mover and command line share: real processes of the built binary, a real PostgreSQL server, a
//! vault in a temporary directory.
#![allow(dead_code, reason = "each test program uses its own part of this")]

#[path = "../../mover/tests/integration/support/installation.rs"]
mod installation;
pub mod keeper;
#[path = "../../mover/tests/integration/support/ports.rs"]
mod ports;
#[path = "../../mover/tests/integration/support/server.rs"]
mod server;

use std::time::{Duration, Instant};

pub use installation::Installation;
pub use ports::free_port;
pub use server::Server;

/// No condition that a test waits for takes this long unless something is broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` finds something; fails the test with what was waited for.
pub async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
