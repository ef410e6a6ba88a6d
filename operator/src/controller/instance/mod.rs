//! BackupInstance: whether it can be backed up, and a job for each slot of its policy.
//!
//! ```text
//! observe   vault, policy, Secrets, the check's Job, the instance's jobs and points   (client, index)
//! claim     the datasource, once it is known; the keeper says whose it is             (keeper)
//! decide    references -> checks -> slots -> status                                   (pure)
//! act       the check's Job, slot jobs, what history no longer holds; status last     (client)
//! ```

mod act;
mod checks;
mod claim;
mod datasource;
mod decide;
mod freshness;
mod notes;
mod observe;
mod prospects;
mod readiness;
mod references;
mod resume;
mod slots;
mod status;
mod sync;

#[cfg(test)]
mod slot_tests;
#[cfg(test)]
mod status_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crds::BackupInstance;

use super::{Error, Wake};
use crate::context::Context;

/// Brings one instance to where it should be.
///
/// # Errors
/// What kept the reconcile from its end; see [`Error::class`].
pub async fn reconcile(instance: Arc<BackupInstance>, context: Arc<Context>) -> Result<Wake, Error> {
    if instance.metadata.deletion_timestamp.is_some() {
        act::forget(&instance, &context);
        return Ok(Wake::OnChange);
    }
    let mut seen = observe::observe(&instance, &context).await?;
    if let Some(wanted) = claim::wanted(&instance, &seen) {
        seen.claim = act::claim(&context, &seen, wanted.clone()).await?;
        if seen.claim == Some(claim::Claimed::Held) {
            claim::note(&mut seen, &wanted);
        }
    }
    let decision = decide::decide(&instance, &seen, &context.settings, context.clock.now());
    act::act(&instance, &context, &seen, decision).await
}
