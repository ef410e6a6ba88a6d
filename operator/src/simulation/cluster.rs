//! A cluster with one vault, looked after by every driver.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::{BackupInstance, BackupJob, RecoveryPoint};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::keeper_site::KeeperSite;
use super::pods::{self, Play};
use crate::cluster::Index;
use crate::controller::scenario::World;
use crate::controller::{
    Error, adoption, backup_job, deleted_instance, instance, policy, recovery_point, vault, verification,
};

const VAULT_UID: &str = "7d0c1111-0000-4000-8000-000000000001";
/// Looks until nothing changes any more; one that needs more goes in circles.
const LOOKS: usize = 100;

/// Everything but the people.
pub struct Cluster {
    pub world: World,
    pub site: KeeperSite,
    /// What the movers of backups do, by the slot's time.
    pub script: BTreeMap<Timestamp, Play>,
    /// What the others do.
    pub otherwise: Play,
}

impl Cluster {
    /// A vault and an instance of a policy, all ready, at a time that must be ahead of the machine's.
    pub async fn new(policy: &Value, begin: Timestamp) -> Self {
        let mut cluster = Self::without_instances(vault_object()).await;
        cluster.world.hold("backuppolicies", policy);
        cluster.world.hold("backupinstances", &instance_object());
        cluster.move_to(begin);
        cluster.settle().await;
        cluster
    }

    /// A vault that nobody uses, and a namespace that may.
    pub async fn without_instances(vault: Value) -> Self {
        let world = World::new();
        let token = world.context.vault_token(VAULT_UID).unwrap().to_secret();
        let site = KeeperSite::open(VAULT_UID, &token).await;
        Self::of(world, site, vault).await
    }

    /// A new cluster of this id, whose vault has the storage and the keys of this one's. Everything in it has other UIDs.
    pub async fn elsewhere(&self, id: &str, policy: &Value, begin: Timestamp) -> Self {
        let world = World::elsewhere(id);
        let token = world.context.vault_token(VAULT_UID).unwrap().to_secret();
        let site = self.site.open_elsewhere(VAULT_UID, &token).await;
        let mut cluster = Self::of(world, site, vault_object()).await;
        cluster.world.hold("namespaces", &json!({"metadata": {"name": "shop", "uid": "n1 of another"}}));
        let mut instance = instance_object();
        instance["metadata"]["uid"] = json!("2b2b2b2b-0000-4000-8000-000000000002");
        cluster.world.hold("backuppolicies", policy);
        cluster.world.hold("backupinstances", &instance);
        cluster.move_to(begin);
        cluster.settle().await;
        cluster
    }

    async fn of(mut world: World, site: KeeperSite, vault: Value) -> Self {
        let token = world.context.vault_token(VAULT_UID).unwrap().to_secret();
        world.serve_keeper(VAULT_UID, "vaults", "main", site.keeper.router(), token).await;
        let protected = json!({"coffer.dev/holds-backups": "true"});
        world.hold("namespaces", &json!({"metadata": {"name": "vaults", "uid": "n0", "labels": protected}}));
        world.hold("namespaces", &json!({"metadata": {"name": "shop", "uid": "n1"}}));
        world.hold(
            "secrets",
            &json!({"metadata": {"name": "login", "namespace": "shop"}, "data": {"username": "YXBw", "password": "cHc="}}),
        );
        world.hold("backupvaults", &vault);
        Self { world, site, script: BTreeMap::new(), otherwise: Play::Succeeds }
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
            let head = self.site.keeper.vault().head();
            self.look().await;
            // What the keeper is asked changes nothing as long as its ledger stays as it is.
            let is_asked = |call: &String| call.starts_with("keeper ");
            let written =
                !self.world.writes().iter().all(is_asked) || self.site.keeper.vault().head() != head;
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
        let (context, known) = (&self.world.context, &self.world.context.known);
        self.world.watch();
        for object in in_order(&known.vaults) {
            done(vault::reconcile(object, Arc::clone(context)).await);
        }
        self.world.watch();
        for object in in_order(&known.policies) {
            done(policy::reconcile(object, Arc::clone(context)).await);
        }
        for object in in_order(&known.instances) {
            done(instance::reconcile(Arc::clone(&object), Arc::clone(context)).await);
            done(verification::reconcile(object, Arc::clone(context)).await);
        }
        self.world.watch();
        for object in in_order(&known.backup_jobs) {
            done(backup_job::reconcile(object, Arc::clone(context)).await);
            self.world.watch();
        }
        for object in in_order(&known.vaults) {
            done(recovery_point::reconcile(Arc::clone(&object), Arc::clone(context)).await);
            done(adoption::reconcile(Arc::clone(&object), Arc::clone(context)).await);
            done(deleted_instance::reconcile(object, Arc::clone(context)).await);
        }
        self.world.watch();
    }

    fn list<K: serde::de::DeserializeOwned>(&self, resource: &str) -> Vec<K> {
        self.world.objects(resource)
    }

    /// Gives each Job that may run, and has no pod, one that has ended. Tells whether there was any.
    pub async fn run_pods(&self) -> bool {
        let mut ran = false;
        for job in self.list::<Job>("jobs") {
            let (namespace, name) = (job.namespace().unwrap(), job.name_any());
            let is_held = job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true);
            if is_held || self.world.has(&format!("pods {namespace}/{name}-x")) {
                continue;
            }
            let assignment = pods::assignment(&self.world.object(&format!("secrets {namespace}/{name}")));
            let play = self.slot_of(&assignment.run.0).and_then(|slot| self.script.get(&slot));
            let pod = pods::play(&job, &assignment, play.copied().unwrap_or(self.otherwise), &self.site);
            self.world.hold("pods", &pod.await);
            ran = true;
        }
        ran
    }

    /// The slot of the BackupJob with this UID.
    fn slot_of(&self, uid: &str) -> Option<Timestamp> {
        let jobs = self.world.context.known.backup_jobs.all();
        let job = jobs.into_iter().find(|job| job.uid().as_deref() == Some(uid))?;
        Some(job.spec.slot.as_ref()?.time.0)
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

    /// Deletes an instance; what it owns goes with it, and nothing else.
    pub fn delete_instance(&self, name: &str) {
        let address = format!("backupinstances shop/{name}");
        if !self.world.has(&address) {
            return;
        }
        let uid = self.world.object::<BackupInstance>(&address).uid();
        self.world.remove(&address);
        for job in self.list::<BackupJob>("backupjobs") {
            if job.owner_references().iter().any(|owner| Some(&owner.uid) == uid.as_ref()) {
                assert!(job.is_terminal(), "a job that runs would be stopped first");
                self.world.remove(&format!("backupjobs shop/{}", job.name_any()));
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

/// By namespace and name, so that every run of a history is the same.
fn in_order<K: kube::Resource<DynamicType = ()>>(index: &Index<K>) -> Vec<Arc<K>> {
    let mut all = index.all();
    all.sort_by_key(|object| (object.namespace(), object.name_any()));
    all
}

/// A conflict is looked at again, as it is in a cluster; anything else is a fault.
fn done<T>(looked: Result<T, Error>) {
    match looked {
        Ok(_) => {}
        Err(error) if error.class() == crate::cluster::Class::Stale => {}
        Err(error) => panic!("{}", mover::causes(&error)),
    }
}

/// A vault that takes instances of namespace `shop`.
pub fn vault_object() -> Value {
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
