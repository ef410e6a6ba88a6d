//! What the operator watches, and by what it finds the objects that it knows.

use crds::{
    BackupInstance, BackupJob, BackupPolicy, BackupVault, DeletedBackupInstance, RecoveryPoint, RestoreJob,
};
use futures::FutureExt as _;
use futures::future::{self, BoxFuture, Shared};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::reflector::Store;
use kube::{Api, Client, Resource, ResourceExt as _};
use tokio::task::JoinSet;

use crate::cluster::{Feed, Held, Key};
use crate::context::Known;

/// Deleted instances of which it is known what they were: those of the largest namespace, until the ledger has heard of them.
const DEPARTED: usize = 1_000;

/// A watch for each kind, not yet begun.
pub struct Feeds {
    pub(super) vaults: Feed<BackupVault>,
    pub(super) policies: Feed<BackupPolicy>,
    pub(super) instances: Feed<BackupInstance>,
    pub(super) backup_jobs: Feed<BackupJob>,
    pub(super) restore_jobs: Feed<RestoreJob>,
    pub(super) points: Feed<RecoveryPoint>,
    pub(super) deleted_instances: Feed<DeletedBackupInstance>,
    pub(super) namespaces: Feed<Namespace>,
}

impl Default for Feeds {
    fn default() -> Self {
        Self {
            vaults: Feed::new(|_| Vec::new(), |_| {}),
            policies: Feed::new(|_| Vec::new(), |_| {}),
            instances: Feed::new(|held| vec![vault_of(held), policy_of(held)], |_| {}).remembering(DEPARTED),
            backup_jobs: Feed::new(|job| vec![instance_of(job)], |_| {}),
            restore_jobs: Feed::new(|job| vec![restored_from(job)], |_| {}),
            points: Feed::new(|point| vec![seen_in(point)], |_| {}),
            deleted_instances: Feed::new(needed_by, |_| {}),
            namespaces: Feed::new(|_| Vec::new(), |namespace| namespace.spec = None),
        }
    }
}

impl Feeds {
    /// What they know, now and later.
    pub fn known(&self) -> Known {
        Known {
            vaults: self.vaults.index(),
            policies: self.policies.index(),
            instances: self.instances.index(),
            departed_instances: self.instances.departed(),
            backup_jobs: self.backup_jobs.index(),
            restore_jobs: self.restore_jobs.index(),
            points: self.points.index(),
            deleted_instances: self.deleted_instances.index(),
            namespaces: self.namespaces.index(),
        }
    }

    /// Ends when every kind was listed once. Until then, what an index lacks may only not have been heard of yet: a run
    /// whose vault seems to be gone must not be given up for that.
    pub fn listed(&self) -> Listed {
        let kinds: [BoxFuture<'static, bool>; 8] = [
            listed(self.vaults.store()),
            listed(self.policies.store()),
            listed(self.instances.store()),
            listed(self.backup_jobs.store()),
            listed(self.restore_jobs.store()),
            listed(self.points.store()),
            listed(self.deleted_instances.store()),
            listed(self.namespaces.store()),
        ];
        future::join_all(kinds).map(|kinds| kinds.into_iter().all(|listed| listed)).boxed().shared()
    }

    /// Begins every watch, each as a task of `watches`.
    pub fn begin(self, watches: &mut JoinSet<()>, client: &Client) {
        let Feeds {
            vaults,
            policies,
            instances,
            backup_jobs,
            restore_jobs,
            points,
            deleted_instances,
            namespaces,
        } = self;
        watches.spawn(vaults.run(Api::all(client.clone())));
        watches.spawn(policies.run(Api::all(client.clone())));
        watches.spawn(instances.run(Api::all(client.clone())));
        watches.spawn(backup_jobs.run(Api::all(client.clone())));
        watches.spawn(restore_jobs.run(Api::all(client.clone())));
        watches.spawn(points.run(Api::all(client.clone())));
        watches.spawn(deleted_instances.run(Api::all(client.clone())));
        watches.spawn(namespaces.run(Api::all(client.clone())));
    }
}

/// Whether every kind was listed; `false` when the watches ended before that.
pub type Listed = Shared<BoxFuture<'static, bool>>;

fn listed<K>(store: Store<Held<K>>) -> BoxFuture<'static, bool>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    async move { store.wait_until_ready().await.is_ok() }.boxed()
}

pub fn vault_address(held: &BackupInstance) -> (String, String) {
    let namespace = held.namespace().unwrap_or_default();
    (held.spec.vault_ref.namespace_or(&namespace).to_owned(), held.spec.vault_ref.name.clone())
}

pub fn vault_of(held: &BackupInstance) -> Key {
    let (namespace, name) = vault_address(held);
    Key::Vault { namespace, name }
}

pub fn policy_of(held: &BackupInstance) -> Key {
    let namespace = held.namespace().unwrap_or_default();
    Key::policy(held.spec.policy_ref.namespace_or(&namespace), &held.spec.policy_ref.name)
}

pub fn instance_of(job: &BackupJob) -> Key {
    Key::instance(&job.namespace().unwrap_or_default(), &job.spec.instance_ref.name)
}

pub fn restored_from(job: &RestoreJob) -> Key {
    let namespace = job.namespace().unwrap_or_default();
    Key::vault(job.spec.vault_ref.namespace_or(&namespace), &job.spec.vault_ref.name)
}

pub fn seen_in(point: &RecoveryPoint) -> Key {
    let namespace = point.namespace().unwrap_or_default();
    Key::vault(point.spec.vault_ref.namespace_or(&namespace), &point.spec.vault_ref.name)
}

/// The vault that has its points, and the policy that it would follow again.
pub fn needed_by(record: &DeletedBackupInstance) -> Vec<Key> {
    let vault = Key::vault(&record.namespace().unwrap_or_default(), &record.spec.vault_ref.name);
    let status = record.status.as_ref();
    let policy = status.and_then(|status| {
        let (owner, saved) = (status.owner.as_ref()?, status.saved_spec.as_ref()?);
        Some(Key::policy(saved.policy_ref.namespace_or(&owner.namespace), &saved.policy_ref.name))
    });
    std::iter::once(vault).chain(policy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_wait_for_the_first_list_of_every_kind() {
        let feeds = Feeds::default();
        let listed = feeds.listed();
        assert_eq!(listed.clone().now_or_never(), None);
        drop(feeds);
        assert_eq!(listed.now_or_never(), Some(false), "watches that ended have listed nothing");
    }
}
