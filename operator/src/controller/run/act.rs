//! What is written about a run: its Job, its Secret, the release of the one after the other, and their end.

use contract::{LedgerRequest, RunId};
use crds::BackupVault;
use k8s_openapi::api::batch::v1::Job;
use kube::{Client, Resource, ResourceExt as _};

use super::attempt::SeenAttempt;
use super::job::job;
use super::plan::Plan;
use super::secret::secret;
use crate::cluster::{self, is_already_exists};
use crate::context::Context;
use crate::controller::Error;
use crate::keeper_client::KeeperAddress;

/// Starts an attempt: a suspended Job, then its Secret, then the Job is released. Each step may be repeated after an
/// interruption; the pod is made last, and never without its Secret.
///
/// # Errors
/// The first step that failed.
pub async fn start(client: &Client, plan: &Plan<'_>) -> Result<(), Error> {
    let Some(uid) = create_job(client, plan).await? else {
        // Somebody deleted it between two of our calls; the next look begins again.
        return Ok(());
    };
    match cluster::create(client, &secret(plan, &uid)).await {
        Err(error) if !is_already_exists(error.cause()) => return Err(error.into()),
        Ok(_) | Err(_) => {}
    }
    Ok(cluster::unsuspend_job(client, &plan.namespace(), &plan.name).await?)
}

/// Writes a job's end into the ledger. That copy is for the day when the objects are gone: without an answer from the
/// keeper the job ends all the same.
///
/// # Errors
/// When no call to the keeper could be prepared.
pub async fn tell_end<K: Resource<DynamicType = ()>>(
    job: &K,
    context: &Context,
    vault: &BackupVault,
    address: &KeeperAddress,
    state: &'static str,
    message: String,
) -> Result<(), Error> {
    let request = LedgerRequest::JobEnded {
        run: RunId(job.uid().unwrap_or_default()),
        kind: K::kind(&()).into(),
        namespace: job.namespace().unwrap_or_default(),
        name: job.name_any(),
        state: state.into(),
        message,
    };
    let client = context.keeper(&vault.uid().unwrap_or_default(), address)?;
    if let Err(error) = client.append(&request).await {
        tracing::warn!(job = job.name_any(), %error, "failed to write a job's end into the ledger");
    }
    Ok(())
}

/// Notes that the status says now how far the run is, so that it is not told again in a moment.
pub fn told<K: Resource<DynamicType = ()>>(job: &K, context: &Context, vault: Option<&BackupVault>) {
    if let Some(vault) = vault {
        let run = RunId(job.uid().unwrap_or_default());
        context.keepers.told(&vault.uid().unwrap_or_default(), &run, context.clock.now().wall);
    }
}

/// Removes an attempt's Job with its pods and its Secret. What is gone stays gone.
///
/// # Errors
/// [`Error::Act`].
pub async fn remove(client: &Client, attempt: &SeenAttempt) -> Result<(), Error> {
    if attempt.going {
        return Ok(());
    }
    Ok(cluster::delete_job(client, &attempt.namespace, &attempt.job_name, attempt.job_uid.clone()).await?)
}

async fn create_job(client: &Client, plan: &Plan<'_>) -> Result<Option<String>, Error> {
    match cluster::create(client, &job(plan)).await {
        Ok(job) => Ok(job.uid()),
        Err(error) if is_already_exists(error.cause()) => {
            let held: Option<Job> = cluster::get(client, &plan.namespace(), &plan.name).await?;
            Ok(held.and_then(|job| job.uid()))
        }
        Err(error) => Err(error.into()),
    }
}
