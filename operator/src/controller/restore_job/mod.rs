//! RestoreJob: one restore of one point into a new or empty database.
//!
//! ```text
//! observe   point, vault, the run's Jobs and pods, what the ledger knows of the job     (client, index, keeper)
//! decide    whose point it is, guards, attempts, endings -> steps, status, wake         (pure)
//! act       Job, Secret, release, removal; status last                                  (client)
//! ```
//!
//! Once a restore has written anything it is never tried again by itself.

mod act;
mod build;
mod decide;
mod draft;
mod ended;
mod facts;
mod guards;
mod observe;
mod source;
mod targets;

#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crds::RestoreJob;

use super::run::finalizer;
use super::{Error, Wake};
use crate::context::Context;

/// Brings one restore a step further.
///
/// # Errors
/// What kept the reconcile from its end; see [`Error::class`].
pub async fn reconcile(job: Arc<RestoreJob>, context: Arc<Context>) -> Result<Wake, Error> {
    if finalizer::is_done(job.as_ref(), job.is_terminal()) {
        return Ok(Wake::OnChange);
    }
    let seen = observe::observe(&job, &context).await?;
    let decision = decide::decide(&job, &seen.facts, context.clock.now());
    act::act(&job, &context, &seen.facts, decision).await
}
