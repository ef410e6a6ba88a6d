//! Watches the Jobs in the namespaces that have vaults. The operator's rights there are granted namespace by namespace, so
//! there is one watch for each, begun with the first vault and ended with the last.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use crds::{BackupVault, labels};
use futures::StreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use kube::core::PartialObjectMeta;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{AbortHandle, JoinSet};

use super::index::Index;
use super::refusals::Refusals;

/// What a Job works for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobOwner {
    /// `BackupJob`, `RestoreJob` or `BackupInstance`.
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// Watches until dropped, and tells each listener for whom a Job came, changed or went.
pub async fn watch_jobs(
    client: Client,
    vaults: Arc<Index<BackupVault>>,
    mut changes: UnboundedReceiver<Arc<BackupVault>>,
    listeners: Vec<UnboundedSender<JobOwner>>,
) {
    let mut tasks = JoinSet::new();
    let mut watched: HashMap<String, AbortHandle> = HashMap::new();
    loop {
        let namespaces: std::collections::HashSet<String> =
            vaults.all().iter().filter_map(|vault| vault.namespace()).collect();
        watched.retain(|namespace, task| {
            let wanted = namespaces.contains(namespace);
            if !wanted {
                task.abort();
            }
            wanted
        });
        for namespace in namespaces {
            watched.entry(namespace.clone()).or_insert_with(|| {
                tasks.spawn(watch_namespace(client.clone(), namespace, listeners.clone()))
            });
        }
        tokio::select! {
            change = changes.recv() => if change.is_none() { return },
            Some(_ended) = tasks.join_next() => {}
        }
    }
}

async fn watch_namespace(client: Client, namespace: String, listeners: Vec<UnboundedSender<JobOwner>>) {
    let config = watcher::Config::default().labels(labels::JOB_KIND);
    let api = Api::<PartialObjectMeta<Job>>::namespaced(client, &namespace);
    let objects = watcher(api, config).default_backoff().touched_objects();
    let mut objects = pin!(objects);
    let mut refusals = Refusals::default();
    while let Some(object) = objects.next().await {
        match object {
            Ok(job) => {
                if let Some(owner) = owner(&job) {
                    for listener in &listeners {
                        // A listener that is gone belongs to a controller that has ended.
                        let _ = listener.send(owner.clone());
                    }
                }
            }
            // Among others while the namespace is not bound to the operator; the vault's status says so.
            Err(error) => {
                tracing::debug!(namespace, %error, "the watch of Jobs was interrupted");
                tokio::time::sleep(refusals.pause(Instant::now())).await;
            }
        }
    }
}

fn owner(job: &PartialObjectMeta<Job>) -> Option<JobOwner> {
    let label = |key: &str| job.labels().get(key).cloned();
    Some(JobOwner {
        kind: label(labels::JOB_KIND)?,
        namespace: label(labels::TENANT_NAMESPACE)?,
        name: label(labels::JOB)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_names_its_owner_by_its_labels() {
        let mut job = PartialObjectMeta::<Job>::default();
        assert_eq!(owner(&job), None, "a Job of somebody else is nobody's");
        for (key, value) in
            [(labels::JOB_KIND, "BackupJob"), (labels::TENANT_NAMESPACE, "shop"), (labels::JOB, "orders-now")]
        {
            job.labels_mut().insert(key.into(), value.into());
        }
        let expected =
            JobOwner { kind: "BackupJob".into(), namespace: "shop".into(), name: "orders-now".into() };
        assert_eq!(owner(&job), Some(expected));
    }
}
