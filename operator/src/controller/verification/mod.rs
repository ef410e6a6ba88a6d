//! `verifyEveryDays`: every point of an instance is read back in full, one at a time, and a damaged one is replaced.
//!
//! ```text
//! observe   policy, points, the Job that reads one            (client, index)
//! decide    which point is due, and what an end means         (pure)
//! act       the Job, the ledger's entry, the substitute       (client, keeper)
//! ```
//!
//! Nothing is remembered but in the ledger: when a point was last found whole, and that it is damaged. A run that did not come
//! to its end says nothing about the point, which is tried again after a day; the others are read meanwhile.

mod act;
mod decide;
mod observe;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crds::BackupInstance;

use super::{Error, Wake};
use crate::context::Context;

/// Brings the verification of one instance's points to where it should be.
///
/// # Errors
/// What kept the reconcile from its end; see [`Error::class`].
pub async fn reconcile(instance: Arc<BackupInstance>, context: Arc<Context>) -> Result<Wake, Error> {
    if instance.metadata.deletion_timestamp.is_some() {
        return Ok(Wake::OnChange);
    }
    let Some(seen) = observe::observe(&instance, &context).await? else { return Ok(Wake::OnChange) };
    let decision = decide::decide(&instance, &seen, context.clock.now());
    act::act(&instance, &context, &seen, decision).await
}
