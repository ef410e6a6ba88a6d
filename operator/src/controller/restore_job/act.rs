//! Writes what was decided, in order, the status last and only when it says something new.

use crds::finalizers::STOP_RUN;
use crds::{RestoreJob, RestoreJobStatus};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::build;
use super::facts::{Decision, Facts, Step};
use crate::cluster;
use crate::context::Context;
use crate::controller::run::{act, figures};
use crate::controller::{Error, Wake};
use crate::metrics::JobKind;

/// Carries a decision out.
///
/// # Errors
/// The first write that failed; what was written before it is found again by the next look.
pub async fn act(
    job: &RestoreJob,
    context: &Context,
    facts: &Facts,
    decision: Decision,
) -> Result<Wake, Error> {
    let Decision { steps, status, note, wake } = decision;
    for step in steps {
        take(job, context, facts, step).await?;
    }
    if !cluster::same(job.status.as_ref(), &status) {
        cluster::apply_status(&context.client, job, &status).await?;
        let before = job.status.as_ref().and_then(|held| held.progress.as_ref());
        if before != status.progress.as_ref() {
            act::told(job, context, facts.vault.as_deref());
        }
        count(job, context, &status);
        if let Some(note) = note {
            context.notes.publish(job, &note).await;
        }
    }
    Ok(wake)
}

/// Counts the job if it has just ended.
fn count(job: &RestoreJob, context: &Context, status: &RestoreJobStatus) {
    let Some(state) = status.state.filter(|state| state.is_terminal() && !job.is_terminal()) else { return };
    let times = (status.start_time.as_ref(), status.completion_time.as_ref());
    let namespace = job.namespace().unwrap_or_default();
    context.metrics.job_ended(&figures::end(JobKind::Restore, namespace, state, &status.conditions, times));
}

async fn take(job: &RestoreJob, context: &Context, facts: &Facts, step: Step) -> Result<(), Error> {
    let client = &context.client;
    match step {
        Step::AddFinalizer => Ok(cluster::set_finalizer(client, job, STOP_RUN).await?),
        Step::RemoveFinalizer => Ok(cluster::remove_finalizer(client, job, STOP_RUN).await?),
        Step::Start { number, deadline } => begin(job, context, facts, (number, deadline)).await,
        Step::Remove(attempt) => act::remove(client, &attempt).await,
        Step::TellLedger { state, message } => match (&facts.vault, &facts.keeper) {
            (Some(vault), Some(address)) => act::tell_end(job, context, vault, address, state, message).await,
            _ => Ok(()),
        },
    }
}

async fn begin(
    job: &RestoreJob,
    context: &Context,
    facts: &Facts,
    start: (u32, Timestamp),
) -> Result<(), Error> {
    let Some(vault) = &facts.vault else { return Ok(()) };
    let token = context.vault_token(&vault.uid().unwrap_or_default())?;
    let offset = context.clock.offset_seconds();
    match build::plan(job, facts, start, &context.settings, &token, offset) {
        Some(plan) => act::start(&context.client, &plan).await,
        // The guards have seen every fact; one that vanished since is found missing by the next look.
        None => Ok(()),
    }
}
