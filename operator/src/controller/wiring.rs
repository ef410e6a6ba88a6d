//! All controllers, run together: each begins when everything was listed, and is woken by what concerns it.

use std::fmt::Debug;
use std::sync::Arc;

use crds::{BackupInstance, BackupVault};
use futures::StreamExt as _;
use futures::stream;
use kube::Resource;
use kube::runtime::reflector::{ObjectRef, Store};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::feeds::{Feeds, Listed};
use super::wakes::{self, Wakes};
use super::{
    Error, Wake, adoption, backup_job, deleted_instance, instance, policy, recovery_point, restore_job,
    run_controller, vault, verification,
};
use crate::cluster::{Held, watch_jobs};
use crate::context::Context;

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
    let wakes = every.stream(&feeds.vaults.store(), wakes::of_vaults(&mut feeds, &context));
    controllers.start("BackupVault", feeds.vaults.store(), wakes, vault::reconcile);
    let wakes = every.stream(&feeds.vaults.store(), wakes::of_points(&mut feeds));
    controllers.start("RecoveryPoint", feeds.vaults.store(), wakes, recovery_point::reconcile);
    let wakes = every.stream(&feeds.vaults.store(), wakes::of_deletions(&mut feeds));
    controllers.start("DeletedBackupInstance", feeds.vaults.store(), wakes, look_after_owners);
    let wakes = every.stream(&feeds.policies.store(), wakes::of_policies(&mut feeds));
    controllers.start("BackupPolicy", feeds.policies.store(), wakes, policy::reconcile);
    let wakes = every.stream(&feeds.instances.store(), wakes::of_instances(&mut feeds, checks.1));
    controllers.start("BackupInstance", feeds.instances.store(), wakes, protect);
    let wakes = every.stream(&feeds.backup_jobs.store(), wakes::of_backups(&mut feeds, backups.1));
    controllers.start("BackupJob", feeds.backup_jobs.store(), wakes, backup_job::reconcile);
    let wakes = every.stream(&feeds.restore_jobs.store(), wakes::of_restores(&mut feeds, restores.1));
    controllers.start("RestoreJob", feeds.restore_jobs.store(), wakes, restore_job::reconcile);

    feeds.begin(&mut watches, &client);
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
    // What keeps the one from its end is no reason to leave the other.
    let adopted = adoption::reconcile(Arc::clone(&vault), Arc::clone(&context)).await;
    let now = context.clock.now();
    let next = deleted_instance::reconcile(vault, context).await?;
    Ok(next.or(adopted?, now))
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
