//! A cluster with one vault and one instance, looked after by every driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::{BackupInstance, BackupJob, BackupPolicy, BackupVault, RecoveryPoint};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::keeper_site::KeeperSite;
use super::pods::{self, Play};
use crate::controller::scenario::World;
use crate::controller::{
    Error, backup_job, deleted_instance, instance, policy, recovery_point, vault, verification,
};

const VAULT_UID: &str = "7d0c1111-0000-4000-8000-000000000001";
/// Looks until nothing changes any more; one that needs more goes in circles.
const LOOKS: usize = 100;

/// Everything but the people.
pub struct Cluster {
    pub world: World,
    pub site: KeeperSite,
    /// What the movers of backups do, by the slot's time; the others succeed.
    pub script: BTreeMap<Timestamp, Play>,
}

impl Cluster {
    /// A vault and an instance of a policy, all ready, at a time that must be ahead of the machine's.
    pub async fn new(policy: &Value, begin: Timestamp) -> Self {
        let mut world = World::new();
        let token = world.context.vault_token(VAULT_UID).unwrap().to_secret();
        let site = KeeperSite::open(VAULT_UID, &token).await;
        world.serve_keeper(VAULT_UID, "vaults", "main", site.keeper.router(), token).await;
        let protected = json!({"coffer.dev/holds-backups": "true"});
        world.hold("namespaces", &json!({"metadata": {"name": "vaults", "uid": "n0", "labels": protected}}));
        world.hold("namespaces", &json!({"metadata": {"name": "shop", "uid": "n1"}}));
        world.hold(
            "secrets",
            &json!({"metadata": {"name": "login", "namespace": "shop"}, "data": {"username": "YXBw", "password": "cHc="}}),
        );
        world.hold("backupvaults", &vault_object());
        world.hold("backuppolicies", policy);
        world.hold("backupinstances", &instance_object());
        let mut cluster = Self { world, site, script: BTreeMap::new() };
        cluster.move_to(begin);
        cluster.settle().await;
        cluster
    }

    /// Puts the clock ahead, and looks at nothing yet.
    pub fn move_to(&self, time: Timestamp) {
        let clock = &self.world.context.clock;
        let ahead = time.duration_since(clock.now().wall).as_secs();
        assert!(clock.raise(ahead + 1), "time goes on");
    }

    /// Lets all drivers look, and all pods run, until nothing changes any more.
    pub async fn settle(&mut self) {
        for _ in 0..LOOKS {
            self.world.writes();
            self.look().await;
            let written = !self.world.writes().is_empty();
            let ran = self.run_pods().await;
            self.collect_garbage();
            if !written && !ran {
                return;
            }
        }
        self.look().await;
        panic!("still writing: {:?}", self.world.writes());
    }

    /// Every driver looks at every object of its kind once.
    async fn look(&self) {
        let context = &self.world.context;
        for object in self.list::<BackupVault>("backupvaults") {
            done(vault::reconcile(Arc::new(object), Arc::clone(context)).await);
        }
        self.world.watch();
        for object in self.list::<BackupPolicy>("backuppolicies") {
            done(policy::reconcile(Arc::new(object), Arc::clone(context)).await);
        }
        for object in self.list::<BackupInstance>("backupinstances") {
            done(instance::reconcile(Arc::new(object.clone()), Arc::clone(context)).await);
            done(verification::reconcile(Arc::new(object), Arc::clone(context)).await);
        }
        self.world.watch();
        for object in self.list::<BackupJob>("backupjobs") {
            done(backup_job::reconcile(Arc::new(object), Arc::clone(context)).await);
            self.world.watch();
        }
        for object in self.list::<BackupVault>("backupvaults") {
            done(recovery_point::reconcile(Arc::new(object.clone()), Arc::clone(context)).await);
            done(deleted_instance::reconcile(Arc::new(object), Arc::clone(context)).await);
        }
        self.world.watch();
    }

    fn list<K: serde::de::DeserializeOwned>(&self, resource: &str) -> Vec<K> {
        self.world.objects(resource)
    }

    /// Gives each Job that may run, and has no pod, one that has ended. Tells whether there was any.
    async fn run_pods(&self) -> bool {
        let mut ran = false;
        for job in self.list::<Job>("jobs") {
            let (namespace, name) = (job.namespace().unwrap(), job.name_any());
            let is_held = job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true);
            let pods: Vec<Value> = self.list("pods");
            if is_held || pods.iter().any(|pod| pod["metadata"]["name"] == format!("{name}-x")) {
                continue;
            }
            let assignment = pods::assignment(&self.world.object(&format!("secrets {namespace}/{name}")));
            let play = self.slot_of(&assignment.run.0).and_then(|slot| self.script.get(&slot));
            let pod = pods::play(&job, &assignment, play.copied().unwrap_or(Play::Succeeds), &self.site);
            self.world.hold("pods", &pod.await);
            ran = true;
        }
        ran
    }

    /// The slot of the BackupJob with this UID.
    fn slot_of(&self, uid: &str) -> Option<Timestamp> {
        let jobs = self.list::<BackupJob>("backupjobs");
        let job = jobs.into_iter().find(|job| job.uid().as_deref() == Some(uid))?;
        Some(job.spec.slot?.time.0)
    }

    /// Pods and Secrets go with their Job.
    fn collect_garbage(&self) {
        let jobs: Vec<String> = self.list::<Job>("jobs").iter().map(Job::name_any).collect();
        for pod in self.list::<Value>("pods") {
            let name = pod["metadata"]["name"].as_str().unwrap();
            if !jobs.iter().any(|job| name == format!("{job}-x")) {
                self.world.remove(&format!("pods vaults/{name}"));
            }
        }
        for secret in self.list::<Value>("secrets") {
            let owner = secret["metadata"]["ownerReferences"][0]["name"].as_str();
            if owner.is_some_and(|owner| !jobs.iter().any(|job| job == owner)) {
                self.world
                    .remove(&format!("secrets vaults/{}", secret["metadata"]["name"].as_str().unwrap()));
            }
        }
    }

    /// The objects of points.
    pub fn shown(&self) -> Vec<RecoveryPoint> {
        self.list("recoverypoints")
    }

    /// The instance.
    pub fn instance(&self) -> BackupInstance {
        self.world.object("backupinstances shop/orders")
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.world.context.clock.now().time
    }

    /// That much later.
    pub fn later(&self, by: SignedDuration) -> Timestamp {
        self.now().checked_add(by).unwrap()
    }
}

/// A conflict is looked at again, as it is in a cluster; anything else is a fault.
fn done<T>(looked: Result<T, Error>) {
    match looked {
        Ok(_) => {}
        Err(error) if error.class() == crate::cluster::Class::Stale => {}
        Err(error) => panic!("{}", mover::causes(&error)),
    }
}

fn vault_object() -> Value {
    json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
           "metadata": {"name": "main", "namespace": "vaults", "uid": VAULT_UID, "generation": 1},
           "spec": {"storage": {"s3": {"bucket": "backups", "credentialsSecretRef": {"name": "s3"}}},
                    "encryption": {"mode": "SystemManaged", "acceptKeyLoss": true},
                    "recoveryPointWindow": 50,
                    "access": {"allowedNamespaces": {"names": ["shop"]}}}})
}

fn instance_object() -> Value {
    json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
           "metadata": {"name": "orders", "namespace": "shop", "uid": "1a1a1a1a-0000-4000-8000-000000000002",
                        "generation": 1},
           "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "policyRef": {"name": "weekly"},
                    "postgresql": {"host": "db", "database": "orders", "credentialsSecretRef": {"name": "login"}}}})
}
