//! BackupVault: its keeper, its key, and what the keeper says of storage and ledger.
//!
//! ```text
//! observe   claim, ConfigMap, Deployment, Service and the rest; the keeper's own account   (client, keeper)
//! decide    what is to be made or changed, and the status                                  (pure)
//! act       certificates and tokens before the pod that mounts them; status last           (client)
//! ```

mod act;
mod certificate;
mod config;
mod decide;
mod findings;
mod known_head;
mod observe;
mod pace;
pub mod soft_delete;
mod status;
mod workload;

#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crds::BackupVault;

use super::{Error, Wake};
use crate::context::Context;

pub use config::address;
pub use findings::is_told_rolled_back;
pub use workload::keeper_selector;

/// Brings one vault to where it should be.
///
/// # Errors
/// What kept the reconcile from its end; see [`Error::class`].
pub async fn reconcile(vault: Arc<BackupVault>, context: Arc<Context>) -> Result<Wake, Error> {
    if vault.metadata.deletion_timestamp.is_some() {
        act::forget(&vault, &context);
        return Ok(Wake::OnChange);
    }
    let seen = observe::observe(&vault, &context).await?;
    let decision = decide::decide(&vault, &seen, &context.settings, context.clock.now());
    act::act(&vault, &context, decision).await
}
