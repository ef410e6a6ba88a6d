//! DeletedBackupInstance: instances whose objects are gone, and the way back.
//!
//! One vault is one unit of work, since its ledger knows every instance that was ever protected in it. Nothing has to be
//! watched at the moment of a deletion, and nothing holds one up:
//!
//! ```text
//! observe   the ledger's owners, instances, records; of those that seem gone the API server itself   (index, client)
//! decide    gone: whose end is to be told; undelete: who comes back and how                          (pure)
//! act       instances that come back, then the ledger, then the records, each status last            (client, keeper)
//! ```

mod act;
mod decide;
mod facts;
mod gone;
mod observe;
mod remains;
mod undelete;
mod view;

#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
pub mod tests;

use std::sync::Arc;

use crds::BackupVault;

use super::{Error, Wake, vault};
use crate::context::Context;

/// The ledger as it was last told is the operator's own memory: looking at it costs nothing and writes nothing.
const AGAIN: Wake = Wake::seconds(5);
/// What the ledger or the cluster refused is asked for again after this.
const REFUSED: Wake = Wake::seconds(60);

/// Brings the records of one vault's deleted instances to where they should be.
///
/// # Errors
/// The API server could not be written to, or no call to the keeper be prepared. What the keeper refuses is told in
/// the record.
pub async fn reconcile(vault: Arc<BackupVault>, context: Arc<Context>) -> Result<Wake, Error> {
    if vault.metadata.deletion_timestamp.is_some() {
        return Ok(Wake::OnChange);
    }
    let Some(seen) = observe::observe(&vault, &context).await else { return Ok(AGAIN) };
    let now = context.clock.now();
    // What is in storage now may not be what was promised: nothing is added until somebody has looked.
    let told = if vault::is_told_rolled_back(&vault) {
        act::Told::default()
    } else {
        act::tell(&vault, &context, decide::decide(&seen.facts(), now.time)).await?
    };
    let facts = seen.facts();
    let wake = if told.refused.is_empty() { AGAIN } else { REFUSED };
    // What has changed in the ledger is seen with the next look.
    let changes = view::changes(&facts, &told.refused, now.time);
    act::show(&context, changes).await?;
    Ok(wake)
}
