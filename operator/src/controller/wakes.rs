//! Which changes wake which objects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crds::{
    BackupInstance, BackupJob, BackupPolicy, BackupVault, DeletedBackupInstance, RecoveryPoint, RestoreJob,
    labels,
};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt as _};
use tokio::sync::mpsc::UnboundedReceiver;

use super::feeds::{Feeds, needed_by, seen_in, vault_address};
use crate::cluster::{Held, Index, JobOwner, Key};
use crate::context::Context;

pub type Wakes<K> = BoxStream<'static, ObjectRef<Held<K>>>;

pub fn of_vaults(feeds: &mut Feeds, context: &Arc<Context>) -> Wakes<BackupVault> {
    let own = itself(feeds.vaults.listen());
    let instances = mapped(feeds.instances.listen(), |held: &BackupInstance| vec![vault_address(held)]);
    let known = feeds.instances.index();
    let jobs = mapped(feeds.backup_jobs.listen(), move |job: &BackupJob| {
        let found = known.get(&job.namespace().unwrap_or_default(), &job.spec.instance_ref.name);
        found.as_deref().map(vault_address).into_iter().collect()
    });
    let restores = mapped(feeds.restore_jobs.listen(), |job: &RestoreJob| {
        let own = job.namespace().unwrap_or_default();
        vec![(job.spec.vault_ref.namespace_or(&own).to_owned(), job.spec.vault_ref.name.clone())]
    });
    let vaults = Arc::clone(&context.known.vaults);
    let namespaces = mapped(feeds.namespaces.listen(), move |namespace: &Namespace| {
        let name = namespace.name_any();
        let here = vaults.all().into_iter().filter(|vault| vault.namespace().as_ref() == Some(&name));
        here.map(|vault| (name.clone(), vault.name_any())).collect()
    });
    stream::select_all([own, instances, jobs, restores, namespaces]).boxed()
}

pub fn of_points(feeds: &mut Feeds) -> Wakes<BackupVault> {
    let own = itself(feeds.vaults.listen());
    let points = mapped(feeds.points.listen(), |point: &RecoveryPoint| match seen_in(point) {
        Key::Vault { namespace, name } => vec![(namespace, name)],
        Key::Policy { .. } | Key::Instance { .. } => Vec::new(),
    });
    stream::select_all([own, points]).boxed()
}

/// An instance that goes, a record that is edited or deleted.
pub fn of_deletions(feeds: &mut Feeds) -> Wakes<BackupVault> {
    let own = itself(feeds.vaults.listen());
    let instances = mapped(feeds.instances.listen(), |held: &BackupInstance| vec![vault_address(held)]);
    let records = mapped(feeds.deleted_instances.listen(), |record: &DeletedBackupInstance| {
        vec![(record.namespace().unwrap_or_default(), record.spec.vault_ref.name.clone())]
    });
    stream::select_all([own, instances, records]).boxed()
}

pub fn of_policies(feeds: &mut Feeds) -> Wakes<BackupPolicy> {
    let own = itself(feeds.policies.listen());
    let instances = mapped(feeds.instances.listen(), |held: &BackupInstance| {
        let namespace = held.namespace().unwrap_or_default();
        let reference = &held.spec.policy_ref;
        vec![(reference.namespace_or(&namespace).to_owned(), reference.name.clone())]
    });
    let deleted = mapped(feeds.deleted_instances.listen(), |record: &DeletedBackupInstance| {
        let policy = needed_by(record).into_iter().find_map(|key| match key {
            Key::Policy { namespace, name } => Some((namespace, name)),
            Key::Vault { .. } | Key::Instance { .. } => None,
        });
        policy.into_iter().collect()
    });
    stream::select_all([own, instances, deleted]).boxed()
}

pub fn of_instances(feeds: &mut Feeds, checks: UnboundedReceiver<JobOwner>) -> Wakes<BackupInstance> {
    let own = itself(feeds.instances.listen());
    let index = feeds.instances.index();
    let vaults = mapped(feeds.vaults.listen(), move |vault: &BackupVault| {
        addresses(&index.by(&Key::vault(&vault.namespace().unwrap_or_default(), &vault.name_any())))
    });
    let index = feeds.instances.index();
    let is_new = edited(feeds.policies.index());
    let policies = mapped(feeds.policies.listen(), move |policy: &BackupPolicy| {
        if !is_new(policy) {
            return Vec::new();
        }
        addresses(&index.by(&Key::policy(&policy.namespace().unwrap_or_default(), &policy.name_any())))
    });
    let jobs = mapped(feeds.backup_jobs.listen(), |job: &BackupJob| {
        vec![(job.namespace().unwrap_or_default(), job.spec.instance_ref.name.clone())]
    });
    let points = mapped(feeds.points.listen(), |point: &RecoveryPoint| {
        let name = point.labels().get(labels::INSTANCE).cloned();
        name.map(|name| (point.namespace().unwrap_or_default(), name)).into_iter().collect()
    });
    stream::select_all([own, vaults, policies, jobs, points, owners(checks, "BackupInstance")]).boxed()
}

/// Whether a policy has come, gone or been edited since this was last asked of it. Its status, which says what comes next,
/// is nothing to those who use it.
fn edited(policies: Arc<Index<BackupPolicy>>) -> impl Fn(&BackupPolicy) -> bool + Send + Sync {
    let told = Mutex::new(HashMap::new());
    move |policy| {
        let (namespace, name) = (policy.namespace().unwrap_or_default(), policy.name_any());
        let now = policies.get(&namespace, &name).map(|held| (held.uid(), held.metadata.generation));
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert((namespace, name), now.clone()) != Some(now)
    }
}

pub fn of_backups(feeds: &mut Feeds, owned: UnboundedReceiver<JobOwner>) -> Wakes<BackupJob> {
    let own = itself(feeds.backup_jobs.listen());
    let index = feeds.backup_jobs.index();
    let instances = mapped(feeds.instances.listen(), move |held: &BackupInstance| {
        let key = Key::instance(&held.namespace().unwrap_or_default(), &held.name_any());
        let waiting: Vec<_> = index.by(&key).into_iter().filter(|job| !job.is_terminal()).collect();
        addresses(&waiting)
    });
    stream::select_all([own, instances, owners(owned, "BackupJob")]).boxed()
}

pub fn of_restores(feeds: &mut Feeds, owned: UnboundedReceiver<JobOwner>) -> Wakes<RestoreJob> {
    let own = itself(feeds.restore_jobs.listen());
    stream::select_all([own, owners(owned, "RestoreJob")]).boxed()
}

fn itself<K>(receiver: UnboundedReceiver<Arc<K>>) -> Wakes<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    mapped(receiver, |object: &K| vec![(object.namespace().unwrap_or_default(), object.name_any())])
}

/// What `map` says is concerned by a change.
fn mapped<C, K, F>(receiver: UnboundedReceiver<Arc<C>>, map: F) -> Wakes<K>
where
    C: Send + Sync + 'static,
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
    F: Fn(&C) -> Vec<(String, String)> + Send + Sync + 'static,
{
    received(receiver).flat_map(move |change| stream::iter(map(&change).into_iter().map(reference))).boxed()
}

/// The objects of one kind for which a Job came, changed or went.
fn owners<K>(receiver: UnboundedReceiver<JobOwner>, kind: &'static str) -> Wakes<K>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    received(receiver)
        .filter_map(move |owner| {
            std::future::ready((owner.kind == kind).then(|| reference((owner.namespace, owner.name))))
        })
        .boxed()
}

fn received<T: Send + 'static>(receiver: UnboundedReceiver<T>) -> impl Stream<Item = T> + Send {
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
}

fn reference<K: Resource<DynamicType = ()> + Clone + 'static>(
    (namespace, name): (String, String),
) -> ObjectRef<Held<K>> {
    ObjectRef::new(&name).within(&namespace)
}

fn addresses<K: Resource<DynamicType = ()>>(objects: &[Arc<K>]) -> Vec<(String, String)> {
    objects.iter().map(|object| (object.namespace().unwrap_or_default(), object.name_any())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_a_policy_are_woken_by_an_edit_and_not_by_what_its_status_says() {
        let policy = |generation: i64| -> BackupPolicy {
            serde_json::from_value(serde_json::json!({
                "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
                "metadata": {"name": "daily", "namespace": "shop", "uid": "p1", "generation": generation},
                "spec": {"rules": []},
            }))
            .unwrap()
        };
        let policies = Feeds::default().policies.index();
        let is_new = edited(Arc::clone(&policies));
        let look = |generation: i64| {
            policies.hold(policy(generation));
            is_new(&policy(generation))
        };
        assert_eq!([look(1), look(1), look(2), look(2)], [true, false, true, false]);
    }
}
