//! Which changes wake which objects, and how all controllers are run together.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use crds::{
    BackupInstance, BackupJob, BackupPolicy, BackupVault, DeletedBackupInstance, RecoveryPoint, RestoreJob,
    labels,
};
use futures::future::{self, BoxFuture, Shared};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Api, Client, Resource, ResourceExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Error, Wake, adoption, backup_job, deleted_instance, instance, policy, recovery_point, restore_job,
    run_controller, vault, verification,
};
use crate::cluster::{Feed, Held, Index, JobOwner, Key, watch_jobs};
use crate::context::{Context, Known};

/// A watch for each kind, not yet begun.
pub struct Feeds {
    vaults: Feed<BackupVault>,
    policies: Feed<BackupPolicy>,
    instances: Feed<BackupInstance>,
    backup_jobs: Feed<BackupJob>,
    restore_jobs: Feed<RestoreJob>,
    points: Feed<RecoveryPoint>,
    deleted_instances: Feed<DeletedBackupInstance>,
    namespaces: Feed<Namespace>,
}

type Wakes<K> = BoxStream<'static, ObjectRef<Held<K>>>;

impl Default for Feeds {
    fn default() -> Self {
        Self {
            vaults: Feed::new(|_| Vec::new(), |_| {}),
            policies: Feed::new(|_| Vec::new(), |_| {}),
            instances: Feed::new(|held| vec![vault_of(held), policy_of(held)], |_| {}),
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
            backup_jobs: self.backup_jobs.index(),
            restore_jobs: self.restore_jobs.index(),
            points: self.points.index(),
            deleted_instances: self.deleted_instances.index(),
            namespaces: self.namespaces.index(),
        }
    }

    /// Ends when every kind was listed once. Until then, what an index lacks may only not have been heard of yet: a run
    /// whose vault seems to be gone must not be given up for that.
    fn listed(&self) -> Listed {
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
}

/// Whether every kind was listed; `false` when the watches ended before that.
type Listed = Shared<BoxFuture<'static, bool>>;

fn listed<K>(store: Store<Held<K>>) -> BoxFuture<'static, bool>
where
    K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static,
{
    async move { store.wait_until_ready().await.is_ok() }.boxed()
}

/// Runs every controller until `stop`, and lets reconciles that have begun come to their end. `clock_moved` looks at
/// everything again.
pub async fn run_all(
    mut feeds: Feeds,
    context: Arc<Context>,
    clock_moved: watch::Receiver<()>,
    stop: CancellationToken,
) {
    let client = context.client.clone();
    let mut watches = JoinSet::new();
    let [backups, restores, checks] = [(); 3].map(|()| unbounded_channel());
    let listeners = vec![backups.0, restores.0, checks.0];
    watches.spawn(watch_jobs(client.clone(), feeds.vaults.index(), feeds.vaults.listen(), listeners));

    let every = Every { clock_moved, stop };
    let mut controllers = Controllers {
        context: Arc::clone(&context),
        listed: feeds.listed(),
        stop: every.stop.clone(),
        running: JoinSet::new(),
    };
    let wakes = every.stream(&feeds.vaults.store(), vault_wakes(&mut feeds, &context));
    controllers.start("BackupVault", feeds.vaults.store(), wakes, vault::reconcile);
    let wakes = every.stream(&feeds.vaults.store(), point_wakes(&mut feeds));
    controllers.start("RecoveryPoint", feeds.vaults.store(), wakes, recovery_point::reconcile);
    let wakes = every.stream(&feeds.vaults.store(), deletion_wakes(&mut feeds));
    controllers.start("DeletedBackupInstance", feeds.vaults.store(), wakes, look_after_owners);
    let wakes = every.stream(&feeds.policies.store(), policy_wakes(&mut feeds));
    controllers.start("BackupPolicy", feeds.policies.store(), wakes, policy::reconcile);
    let wakes = every.stream(&feeds.instances.store(), instance_wakes(&mut feeds, checks.1));
    controllers.start("BackupInstance", feeds.instances.store(), wakes, protect);
    let wakes = every.stream(&feeds.backup_jobs.store(), backup_wakes(&mut feeds, backups.1));
    controllers.start("BackupJob", feeds.backup_jobs.store(), wakes, backup_job::reconcile);
    let wakes = every.stream(&feeds.restore_jobs.store(), restore_wakes(&mut feeds, restores.1));
    controllers.start("RestoreJob", feeds.restore_jobs.store(), wakes, restore_job::reconcile);

    begin(&mut watches, feeds, &client);
    while controllers.running.join_next().await.is_some() {}
}

/// An instance is backed up, and its points are read back. The two know nothing of each other.
async fn protect(instance: Arc<BackupInstance>, context: Arc<Context>) -> Result<Wake, Error> {
    let next = instance::reconcile(Arc::clone(&instance), Arc::clone(&context)).await?;
    let now = context.clock.now();
    Ok(next.or(verification::reconcile(instance, context).await?, now))
}

/// Whose the points of a vault are: instances of lost clusters have heirs, and those that are gone leave what they had.
async fn look_after_owners(vault: Arc<BackupVault>, context: Arc<Context>) -> Result<Wake, Error> {
    let next = adoption::reconcile(Arc::clone(&vault), Arc::clone(&context)).await?;
    let now = context.clock.now();
    Ok(next.or(deleted_instance::reconcile(vault, context).await?, now))
}

/// The controllers, each of which begins when everything was listed.
struct Controllers {
    context: Arc<Context>,
    listed: Listed,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Controllers {
    fn start<K, F, R>(&mut self, kind: &'static str, store: Store<Held<K>>, wakes: Wakes<K>, reconcile: F)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
        F: Fn(Arc<K>, Arc<Context>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Wake, Error>> + Send + 'static,
    {
        let (listed, stop, context) = (self.listed.clone(), self.stop.clone(), Arc::clone(&self.context));
        self.running.spawn(async move {
            let listed = tokio::select! {
                listed = listed => listed,
                () = stop.cancelled() => false,
            };
            if listed {
                run_controller(kind, store, wakes, context, reconcile).await;
            }
        });
    }
}

fn begin(watches: &mut JoinSet<()>, feeds: Feeds, client: &Client) {
    let Feeds {
        vaults,
        policies,
        instances,
        backup_jobs,
        restore_jobs,
        points,
        deleted_instances,
        namespaces,
    } = feeds;
    watches.spawn(vaults.run(Api::all(client.clone())));
    watches.spawn(policies.run(Api::all(client.clone())));
    watches.spawn(instances.run(Api::all(client.clone())));
    watches.spawn(backup_jobs.run(Api::all(client.clone())));
    watches.spawn(restore_jobs.run(Api::all(client.clone())));
    watches.spawn(points.run(Api::all(client.clone())));
    watches.spawn(deleted_instances.run(Api::all(client.clone())));
    watches.spawn(namespaces.run(Api::all(client.clone())));
}

/// What concerns the objects of every kind.
struct Every {
    clock_moved: watch::Receiver<()>,
    stop: CancellationToken,
}

impl Every {
    /// The wakes of a kind, and all its objects whenever the clock was moved; ends with `stop`.
    fn stream<K>(&self, store: &Store<Held<K>>, wakes: Wakes<K>) -> Wakes<K>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Send + Sync + 'static,
    {
        let store = store.clone();
        let moved = stream::unfold(self.clock_moved.clone(), |mut moved| async move {
            // The clock of a shipped build never moves: its sender stays and says nothing.
            moved.changed().await.ok()?;
            Some(((), moved))
        });
        let all = moved.flat_map(move |()| {
            stream::iter(store.state().into_iter().map(|held| ObjectRef::from_obj(held.as_ref())))
        });
        stream::select(wakes, all).take_until(stopped(self.stop.clone())).boxed()
    }
}

async fn stopped(stop: CancellationToken) {
    stop.cancelled().await;
}

fn vault_wakes(feeds: &mut Feeds, context: &Arc<Context>) -> Wakes<BackupVault> {
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

fn point_wakes(feeds: &mut Feeds) -> Wakes<BackupVault> {
    let own = itself(feeds.vaults.listen());
    let points = mapped(feeds.points.listen(), |point: &RecoveryPoint| match seen_in(point) {
        Key::Vault { namespace, name } => vec![(namespace, name)],
        Key::Policy { .. } | Key::Instance { .. } => Vec::new(),
    });
    stream::select_all([own, points]).boxed()
}

/// An instance that goes, a record that is edited or deleted.
fn deletion_wakes(feeds: &mut Feeds) -> Wakes<BackupVault> {
    let own = itself(feeds.vaults.listen());
    let instances = mapped(feeds.instances.listen(), |held: &BackupInstance| vec![vault_address(held)]);
    let records = mapped(feeds.deleted_instances.listen(), |record: &DeletedBackupInstance| {
        vec![(record.namespace().unwrap_or_default(), record.spec.vault_ref.name.clone())]
    });
    stream::select_all([own, instances, records]).boxed()
}

fn policy_wakes(feeds: &mut Feeds) -> Wakes<BackupPolicy> {
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

fn instance_wakes(feeds: &mut Feeds, checks: UnboundedReceiver<JobOwner>) -> Wakes<BackupInstance> {
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

fn backup_wakes(feeds: &mut Feeds, owned: UnboundedReceiver<JobOwner>) -> Wakes<BackupJob> {
    let own = itself(feeds.backup_jobs.listen());
    let index = feeds.backup_jobs.index();
    let instances = mapped(feeds.instances.listen(), move |held: &BackupInstance| {
        let key = Key::instance(&held.namespace().unwrap_or_default(), &held.name_any());
        let waiting: Vec<_> = index.by(&key).into_iter().filter(|job| !job.is_terminal()).collect();
        addresses(&waiting)
    });
    stream::select_all([own, instances, owners(owned, "BackupJob")]).boxed()
}

fn restore_wakes(feeds: &mut Feeds, owned: UnboundedReceiver<JobOwner>) -> Wakes<RestoreJob> {
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

fn vault_address(held: &BackupInstance) -> (String, String) {
    let namespace = held.namespace().unwrap_or_default();
    (held.spec.vault_ref.namespace_or(&namespace).to_owned(), held.spec.vault_ref.name.clone())
}

fn vault_of(held: &BackupInstance) -> Key {
    let (namespace, name) = vault_address(held);
    Key::Vault { namespace, name }
}

fn policy_of(held: &BackupInstance) -> Key {
    let namespace = held.namespace().unwrap_or_default();
    Key::policy(held.spec.policy_ref.namespace_or(&namespace), &held.spec.policy_ref.name)
}

fn instance_of(job: &BackupJob) -> Key {
    Key::instance(&job.namespace().unwrap_or_default(), &job.spec.instance_ref.name)
}

fn restored_from(job: &RestoreJob) -> Key {
    let namespace = job.namespace().unwrap_or_default();
    Key::vault(job.spec.vault_ref.namespace_or(&namespace), &job.spec.vault_ref.name)
}

fn seen_in(point: &RecoveryPoint) -> Key {
    let namespace = point.namespace().unwrap_or_default();
    Key::vault(point.spec.vault_ref.namespace_or(&namespace), &point.spec.vault_ref.name)
}

/// The vault that has its points, and the policy that it would follow again.
fn needed_by(record: &DeletedBackupInstance) -> Vec<Key> {
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

    #[test]
    fn controllers_wait_for_the_first_list_of_every_kind() {
        let feeds = Feeds::default();
        let listed = feeds.listed();
        assert_eq!(listed.clone().now_or_never(), None);
        drop(feeds);
        assert_eq!(listed.now_or_never(), Some(false), "watches that ended have listed nothing");
    }
}
