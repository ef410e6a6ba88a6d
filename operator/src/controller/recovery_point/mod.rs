//! RecoveryPoint: views of a vault's catalogue, and the deletion of what has expired.
//!
//! One vault is one unit of work, since its keeper holds the catalogue:
//!
//! ```text
//! observe   catalogue, instances, namespaces, the objects that are there    (index)
//! decide    shown: which points appear where; expiry: which of them go      (pure)
//! act       tombstones, then objects, each status last                      (client, keeper)
//! ```

mod act;
mod deleted;
mod expiry;
mod facts;
mod observe;
mod shown;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crds::BackupVault;
use crds::common::{ConditionType, is_true};

use super::{Error, Wake};
use crate::context::Context;

pub use expiry::expire_by;

/// The catalogue is the operator's own memory: looking at it costs nothing and writes nothing.
const AGAIN: Wake = Wake::seconds(5);

fn is_rolled_back(vault: &BackupVault) -> bool {
    vault.status.as_ref().is_some_and(|status| is_true(&status.conditions, ConditionType::RolledBack))
}

/// Brings the points of one vault to where they should be.
///
/// # Errors
/// An object could not be written, or no call to the keeper be prepared. What the keeper refuses is told in the vault's
/// status.
pub async fn reconcile(vault: Arc<BackupVault>, context: Arc<Context>) -> Result<Wake, Error> {
    let Some(seen) = observe::observe(&vault, &context) else { return Ok(AGAIN) };
    let now = context.clock.now();
    let expiry = expiry::expiry(&seen.facts(&vault, &context), now.time);
    let next = expiry.next.map_or(AGAIN, Wake::At);
    // What is in storage now may not be what was promised: nothing is deleted until somebody has looked.
    if !is_rolled_back(&vault) {
        act::expire(&vault, &context, expiry).await?;
    }
    let changes = shown::changes(&seen.facts(&vault, &context), now.time);
    act::show(&context, changes).await?;
    Ok(AGAIN.or(next, now))
}
