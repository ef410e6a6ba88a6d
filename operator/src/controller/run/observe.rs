//! What is read about a run: its Jobs and pods, the tenant's Secrets, the way to the keeper.

use crds::common::{DatabaseCredentialsRef, Tls};
use crds::{BackupVault, labels};
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret};
use kube::{Client, ResourceExt as _};

use super::attempt::{SeenAttempt, seen};
use super::connection::{Found, Material};
use crate::cluster::{ReadError, get, get_global, is_forbidden, list_by_label};
use crate::context::Context;
use crate::controller::vault;
use crate::keeper_client::KeeperAddress;
use crate::names;

/// Every attempt of a run that the cluster still knows, oldest first.
///
/// # Errors
/// [`ReadError`].
pub async fn attempts(
    client: &Client,
    namespace: &str,
    run: &str,
    wall: Timestamp,
) -> Result<Vec<SeenAttempt>, ReadError> {
    let selector = format!("{}={run}", labels::RUN);
    let jobs: Vec<Job> = list_by_label(client, namespace, &selector).await?;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let pods: Vec<Pod> = list_by_label(client, namespace, &selector).await?;
    let mut attempts: Vec<SeenAttempt> = jobs
        .iter()
        .map(|job| {
            let name = job.name_any();
            let own: Vec<Pod> = pods.iter().filter(|pod| is_of(pod, &name)).cloned().collect();
            seen(job, &own, wall)
        })
        .collect();
    attempts.sort_by_key(|attempt| attempt.number);
    Ok(attempts)
}

/// Those that a vault that is gone has left behind in its namespace. Where the operator has no rights any more, nothing of
/// its own can be told from here.
///
/// # Errors
/// [`ReadError`] for every answer but a list and a refusal.
pub async fn orphaned_attempts(
    client: &Client,
    namespace: &str,
    run: &str,
    wall: Timestamp,
) -> Result<Vec<SeenAttempt>, ReadError> {
    match attempts(client, namespace, run, wall).await {
        Err(error) if is_forbidden(error.cause()) => Ok(Vec::new()),
        other => other,
    }
}

/// Every attempt of a run; none, and a sentence that says what to do, where the operator's rights in the vault's namespace
/// were taken away.
///
/// # Errors
/// [`ReadError`] for every answer but a list and a refusal.
pub async fn attempts_or_why_not(
    context: &Context,
    vault: &BackupVault,
    run: &str,
) -> Result<(Vec<SeenAttempt>, Option<String>), ReadError> {
    let namespace = vault.namespace().unwrap_or_default();
    match attempts(&context.client, &namespace, run, context.clock.now().wall).await {
        Ok(attempts) => Ok((attempts, None)),
        Err(error) if is_forbidden(error.cause()) => {
            let command = context.settings.bind_command(&namespace);
            let why =
                format!("The operator may not work in the vault's namespace {namespace}. Run: {command}");
            Ok((Vec::new(), Some(why)))
        }
        Err(error) => Err(error),
    }
}

/// The Jobs of one kind of run in a vault, for its limits.
///
/// # Errors
/// [`ReadError`].
pub async fn jobs_of_vault(client: &Client, vault: &BackupVault, kind: &str) -> Result<Vec<Job>, ReadError> {
    let namespace = vault.namespace().unwrap_or_default();
    let selector = format!("{}={},{}={kind}", labels::VAULT, vault.name_any(), labels::JOB_KIND);
    list_by_label(client, &namespace, &selector).await
}

/// The UID of a namespace as it is now. Points belong to the namespace that had the UID: what a watch told some seconds ago
/// could be of another tenant's, under the same name.
///
/// # Errors
/// [`ReadError`].
pub async fn namespace_uid(client: &Client, name: &str) -> Result<Option<String>, ReadError> {
    let namespace: Option<Namespace> = get_global(client, name).await?;
    Ok(namespace.and_then(|namespace| namespace.metadata.uid))
}

/// The Secrets that a connection refers to.
///
/// # Errors
/// [`ReadError`] for every answer but a Secret, its absence and a refusal.
pub async fn material(
    client: &Client,
    namespace: &str,
    credentials: &DatabaseCredentialsRef,
    tls: &Tls,
) -> Result<Material, ReadError> {
    Ok(Material {
        credentials: secret(client, namespace, &credentials.name).await?,
        authority: match &tls.ca_secret_ref {
            Some(reference) => Some(secret(client, namespace, &reference.name).await?),
            None => None,
        },
        client_certificate: match &tls.client_certificate_secret_ref {
            Some(reference) => Some(secret(client, namespace, &reference.name).await?),
            None => None,
        },
    })
}

/// How to reach the vault's keeper; `None` until the vault has made its ConfigMap.
///
/// # Errors
/// [`ReadError`].
pub async fn keeper_address(
    client: &Client,
    vault: &BackupVault,
) -> Result<Option<KeeperAddress>, ReadError> {
    let (namespace, name) = (vault.namespace().unwrap_or_default(), vault.name_any());
    let map: Option<ConfigMap> = get(client, &namespace, &names::keeper(&name)).await?;
    Ok(map.and_then(|map| vault::address(&map, &namespace, &name)))
}

/// Whether movers must be on the keeper's node: the vault is a claim that is not known to be mountable on several.
///
/// # Errors
/// [`ReadError`].
pub async fn beside_keeper(client: &Client, vault: &BackupVault) -> Result<bool, ReadError> {
    let Some(filesystem) = &vault.spec.storage.filesystem else { return Ok(false) };
    let namespace = vault.namespace().unwrap_or_default();
    let claim: Option<PersistentVolumeClaim> = match get(client, &namespace, &filesystem.claim_name).await {
        Err(error) if is_forbidden(error.cause()) => None,
        other => other?,
    };
    let modes = claim.and_then(|claim| claim.status).and_then(|status| status.access_modes);
    Ok(!modes.iter().flatten().any(|mode| mode == "ReadWriteMany"))
}

async fn secret(client: &Client, namespace: &str, name: &str) -> Result<Found, ReadError> {
    match get::<Secret>(client, namespace, name).await {
        Ok(Some(secret)) => Ok(Found::Secret(Box::new(secret))),
        Ok(None) => Ok(Found::Absent),
        Err(error) if is_forbidden(error.cause()) => Ok(Found::Forbidden),
        Err(error) => Err(error),
    }
}

fn is_of(pod: &Pod, job: &str) -> bool {
    pod.labels().get("batch.kubernetes.io/job-name").is_some_and(|held| held == job)
}
