//! The one seam where work that keeps a core busy leaves the runtime's hands.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs work of a millisecond or more without starving the tasks that share the thread. In a runtime with one thread there is
/// nobody to hand them to, and the work runs as it is.
pub fn cpu<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) { tokio::task::block_in_place(work) } else { work() }
}
