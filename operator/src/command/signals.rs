//! Signals that ask a process to stop.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Waits for SIGTERM or SIGINT and then cancels `stop`. Signals that come later are without effect: the caller is
/// already stopping, and Kubernetes has SIGKILL for those that do not.
///
/// # Errors
/// When the process may not listen to signals.
pub async fn cancel_on_stop(stop: CancellationToken) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    Ok(())
}
