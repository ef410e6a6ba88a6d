//! BackupJob: one backup of one instance, from its acceptance to the point that the vault has accepted, or not.
//!
//! ```text
//! observe   instance, policy, vault, the run's Jobs and pods, whose turn it is     (client, index)
//! decide    windows, guards, attempts, endings -> steps, status, wake              (pure)
//! settle    what became of the run's point, when a decision depends on it          (keeper)
//! act       Job, Secret, release, removal; status last                             (client)
//! ```

mod act;
mod build;
mod decide;
mod draft;
mod ended;
mod facts;
mod guards;
pub mod history;
pub mod merged;
mod observe;
pub mod promise;
mod settle;
mod start;
mod tagging;

#[cfg(test)]
mod scenario_tests;
#[cfg(test)]
mod tagging_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod writes_tests;

use std::sync::Arc;

use crds::BackupJob;

use super::run::finalizer;
use super::{Error, Wake};
use crate::context::Context;

/// Brings one backup a step further.
///
/// # Errors
/// What kept the reconcile from its end; see [`Error::class`].
pub async fn reconcile(job: Arc<BackupJob>, context: Arc<Context>) -> Result<Wake, Error> {
    if finalizer::is_done(job.as_ref(), job.is_terminal()) {
        return Ok(Wake::OnChange);
    }
    let mut seen = observe::observe(&job, &context).await?;
    let now = context.clock.now();
    let mut decision = decide::decide(&job, &seen.facts, now);
    if let Some(question) = decision.ask {
        seen.give_way();
        seen.facts.settled = Some(settle::settle(&job, &context, &seen.facts, question).await?);
        decision = decide::decide(&job, &seen.facts, now);
    }
    act::act(&job, &context, &seen.facts, decision).await
}
