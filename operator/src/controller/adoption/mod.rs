//! `access.adopt` of a vault: what instances of lost clusters and namespaces had, points and databases, goes to others.
//!
//! ```text
//! observe   the vault's entries, the ledger's owners, the instances of the vault   (index)
//! decide    for each entry whose what is taken over by whom, or what is waited for (pure)
//! act       the ledger is told, and people hear of it                              (keeper)
//! ```
//!
//! The ledger remembers what was done: an entry that is done, or removed, costs nothing and changes nothing.

mod act;
mod decide;
mod observe;
mod refusals;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crds::{BackupVault, Reason};

use super::{Error, Wake, vault};
use crate::context::Context;

pub use refusals::Refusals;

/// The ledger as it was last told is the operator's own memory: looking at it costs nothing and writes nothing.
const AGAIN: Wake = Wake::seconds(5);

/// Brings what the entries of one vault ask for into its ledger.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared. What the keeper refuses is told in the vault's status.
pub async fn reconcile(vault: Arc<BackupVault>, context: Arc<Context>) -> Result<Wake, Error> {
    if vault.metadata.deletion_timestamp.is_some() || observe::entries(&vault).is_empty() {
        return Ok(Wake::OnChange);
    }
    // What is in storage now may not be what was promised: nothing is added until somebody has looked.
    if vault::is_told_rolled_back(&vault) {
        return Ok(AGAIN);
    }
    let Some(seen) = observe::observe(&vault, &context) else { return Ok(AGAIN) };
    act::tell(&vault, &context, decide::decide(&seen.facts(&vault, &context))).await?;
    Ok(AGAIN)
}

/// What the entries of a vault ask for and is waited for, or cannot be; `None` when there is nothing, or the ledger was not read.
pub fn pending(vault: &BackupVault, context: &Context) -> Option<(Reason, String)> {
    if observe::entries(vault).is_empty() {
        return None;
    }
    let seen = observe::observe(vault, context)?;
    let facts = seen.facts(vault, context);
    decide::pending(&facts, &decide::decide(&facts))
}
