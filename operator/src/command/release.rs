//! `coffer release`: what the chart's pre-delete hook runs, so that nothing hangs once no operator is left.
//!
//! The operator is stopped first, lest it undo the rest. Keepers and running Jobs go, then every finalizer of ours.
//! Backups, claims and key Secrets stay as they are. Each step may be repeated.

use std::fmt::Debug;
use std::process::ExitCode;
use std::time::Duration;

use crds::{BackupInstance, BackupJob, BackupVault, RestoreJob, finalizers, labels};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PropagationPolicy};
use kube::runtime::wait::{self, await_condition, conditions};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Stops everything of Coffer in the cluster and takes its finalizers away; deletes no data.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The operator's namespace.
    #[arg(long)]
    namespace: String,
    /// The operator's Deployment.
    #[arg(long, default_value = "coffer")]
    deployment: String,
    /// How long to wait for the operator's pods to be gone, seconds.
    #[arg(long, default_value_t = 60)]
    wait_seconds: u64,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to connect to the API server: {0}")]
    Connect(kube::Error),
    #[error("failed to scale deployment {name} to 0: {source}")]
    Scale { name: String, source: kube::Error },
    #[error("failed to watch the operator's pods: {0}")]
    Watch(wait::Error),
    #[error("the operator's pods were still there after {0} s; run the command again")]
    StillThere(u64),
    #[error("failed to list {what}: {source}")]
    List { what: &'static str, source: kube::Error },
    #[error("failed to delete {what} in namespace {namespace}: {source}")]
    Delete { what: &'static str, namespace: String, source: kube::Error },
    #[error("failed to take the finalizer from {what} {namespace}/{name}: {source}")]
    Release { what: &'static str, namespace: String, name: String, source: kube::Error },
}

pub async fn run(arguments: Arguments) -> ExitCode {
    match release(&arguments).await {
        Ok(released) => {
            tracing::info!(
                released,
                "nothing of Coffer runs any more; backups, claims and key Secrets are left as they are"
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "coffer was not released");
            ExitCode::FAILURE
        }
    }
}

/// Gives how many finalizers were taken away.
async fn release(arguments: &Arguments) -> Result<usize, Error> {
    let client = Client::try_default().await.map_err(Error::Connect)?;
    stop_operator(&client, arguments).await?;
    let vaults = list::<BackupVault>(&client, "backup vaults").await?;
    let mut namespaces: Vec<String> = vaults.iter().filter_map(|vault| vault.namespace()).collect();
    namespaces.sort();
    namespaces.dedup();
    for namespace in &namespaces {
        stop_workloads(&client, namespace).await?;
    }
    let mut released = release_all::<BackupJob>(&client, "backup job").await?;
    released += release_all::<RestoreJob>(&client, "restore job").await?;
    released += release_all::<BackupInstance>(&client, "backup instance").await?;
    for vault in &vaults {
        released += usize::from(release_key(&client, vault).await?);
    }
    Ok(released)
}

async fn stop_operator(client: &Client, arguments: &Arguments) -> Result<(), Error> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &arguments.namespace);
    let nothing = Patch::Merge(json!({"spec": {"replicas": 0}}));
    match deployments.patch_scale(&arguments.deployment, &PatchParams::default(), &nothing).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        Err(source) => return Err(Error::Scale { name: arguments.deployment.clone(), source }),
    }
    let gone = until_pods_are_gone(client, &arguments.namespace);
    match tokio::time::timeout(Duration::from_secs(arguments.wait_seconds), gone).await {
        Ok(gone) => gone,
        Err(_) => Err(Error::StillThere(arguments.wait_seconds)),
    }
}

async fn until_pods_are_gone(client: &Client, namespace: &str) -> Result<(), Error> {
    const OPERATOR: &str = "app.kubernetes.io/name=coffer,app.kubernetes.io/component=operator";
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let listed = pods.list(&ListParams::default().labels(OPERATOR)).await;
    for pod in listed.map_err(|source| Error::List { what: "the operator's pods", source })? {
        let uid = pod.uid().unwrap_or_default();
        let deleted = conditions::is_deleted(&uid);
        await_condition(pods.clone(), &pod.name_any(), deleted).await.map_err(Error::Watch)?;
    }
    Ok(())
}

/// Ends keepers and running Jobs of a vault's namespace. Their pods go in the background.
async fn stop_workloads(client: &Client, namespace: &str) -> Result<(), Error> {
    let ours = ListParams::default().labels(&format!("{}={}", labels::MANAGED_BY, labels::MANAGED_BY_COFFER));
    let how =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    delete_each::<Deployment>(client, namespace, "keeper deployments", &ours, &how).await?;
    delete_each::<Job>(client, namespace, "jobs", &ours, &how).await
}

/// One by one: the operator's rights in a vault's namespace do not include deleting collections.
async fn delete_each<K>(
    client: &Client,
    namespace: &str,
    what: &'static str,
    which: &ListParams,
    how: &DeleteParams,
) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    for object in api.list(which).await.map_err(|source| Error::List { what, source })? {
        match api.delete(&object.name_any(), how).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(source) => return Err(Error::Delete { what, namespace: namespace.to_owned(), source }),
        }
    }
    Ok(())
}

/// Takes our finalizers from every object of a kind, and gives how many objects had any.
async fn release_all<K>(client: &Client, what: &'static str) -> Result<usize, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let mut released = 0;
    for object in list::<K>(client, what).await? {
        let kept: Vec<&String> = object.finalizers().iter().filter(|one| !is_ours(one)).collect();
        if kept.len() == object.finalizers().len() {
            continue;
        }
        let namespace = object.namespace().unwrap_or_default();
        let api: Api<K> = Api::namespaced(client.clone(), &namespace);
        let patch = json!({"metadata": {"finalizers": kept, "resourceVersion": object.resource_version()}});
        patched(api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await)
            .map_err(|source| Error::Release { what, namespace, name: object.name_any(), source })?;
        released += 1;
    }
    Ok(released)
}

/// The key Secret is never read: its finalizers are emptied, and ours is the only one that it is made with.
async fn release_key(client: &Client, vault: &BackupVault) -> Result<bool, Error> {
    let namespace = vault.namespace().unwrap_or_default();
    let name = format!("{}-coffer-keys", vault.name_any());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    patched(secrets.patch_metadata(&name, &PatchParams::default(), &patch).await)
        .map_err(|source| Error::Release { what: "key secret", namespace, name, source })
}

/// Whether there was something to patch: what is gone meanwhile needs no release.
fn patched<T>(outcome: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match outcome {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

async fn list<K>(client: &Client, what: &'static str) -> Result<Vec<K>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
{
    let all: Api<K> = Api::all(client.clone());
    match all.list(&ListParams::default()).await {
        Ok(list) => Ok(list.items),
        // The kind itself is gone, and so are its objects.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Vec::new()),
        Err(source) => Err(Error::List { what, source }),
    }
}

fn is_ours(finalizer: &str) -> bool {
    finalizers::ALL.contains(&finalizer)
}
