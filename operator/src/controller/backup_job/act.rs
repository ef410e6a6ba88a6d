//! Writes what was decided, in order, the status last and only when it says something new.

use crds::finalizers::STOP_RUN;
use crds::{BackupJob, BackupJobStatus};
use kube::ResourceExt as _;

use super::build;
use super::facts::{Decision, Facts, Start, Step};
use crate::cluster;
use crate::context::Context;
use crate::controller::run::{act, figures};
use crate::controller::{Error, Wake};
use crate::metrics::{InstanceLabels, JobKind};

/// Carries a decision out.
///
/// # Errors
/// The first write that failed; what was written before it is found again by the next look.
pub async fn act(
    job: &BackupJob,
    context: &Context,
    facts: &Facts,
    decision: Decision,
) -> Result<Wake, Error> {
    let Decision { steps, status, note, ask: _, wake } = decision;
    for step in steps {
        take(job, context, facts, step).await?;
    }
    if let Some(movement) = &facts.movement {
        context.metrics.progress(&labels(job), Some(figures::moved(movement)));
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
fn count(job: &BackupJob, context: &Context, status: &BackupJobStatus) {
    let Some(state) = status.state.filter(|state| state.is_terminal() && !job.is_terminal()) else { return };
    let times = (status.start_time.as_ref(), status.completion_time.as_ref());
    let namespace = job.namespace().unwrap_or_default();
    context.metrics.job_ended(&figures::end(JobKind::Backup, namespace, state, &status.conditions, times));
    if !status.attempts.is_empty() {
        context.metrics.progress(&labels(job), None);
    }
}

fn labels(job: &BackupJob) -> InstanceLabels {
    InstanceLabels {
        namespace: job.namespace().unwrap_or_default(),
        instance: job.spec.instance_ref.name.clone(),
    }
}

async fn take(job: &BackupJob, context: &Context, facts: &Facts, step: Step) -> Result<(), Error> {
    let client = &context.client;
    match step {
        Step::AddFinalizer => Ok(cluster::set_finalizer(client, job, STOP_RUN).await?),
        Step::RemoveFinalizer => Ok(cluster::remove_finalizer(client, job, STOP_RUN).await?),
        Step::Start(start) => begin(job, context, facts, &start).await,
        Step::Remove(attempt) => act::remove(client, &attempt).await,
        Step::KeepPoint(point) => {
            if let Some(vault) = &facts.vault {
                context.keepers.fold_point(&vault.uid().unwrap_or_default(), *point);
            }
            Ok(())
        }
        Step::TellLedger { state, message } => match (&facts.vault, &facts.keeper) {
            (Some(vault), Some(address)) => act::tell_end(job, context, vault, address, state, message).await,
            _ => Ok(()),
        },
    }
}

async fn begin(job: &BackupJob, context: &Context, facts: &Facts, start: &Start) -> Result<(), Error> {
    let Some(vault) = &facts.vault else { return Ok(()) };
    let token = context.vault_token(&vault.uid().unwrap_or_default())?;
    let offset = context.clock.offset_seconds();
    match build::plan(job, facts, start, &context.settings, &token, offset) {
        Some(plan) => act::start(&context.client, &plan).await,
        // The guards have seen every fact; one that vanished since is found missing by the next look.
        None => Ok(()),
    }
}
