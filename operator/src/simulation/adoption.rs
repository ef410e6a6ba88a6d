//! A cluster is lost with everything in it but the vault's storage and keys, and another one takes over what was protected
//! there.

use contract::{Owner, PointState, PointView};
use crds::common::{ConditionType, is_true};
use crds::{BackupInstance, BackupVault};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::cluster::Cluster;

const ENTRY: &str = "adopt: [{from: {cluster: c, namespace: shop, instance: orders}, to: {namespace: shop, instance: orders}}]";

/// Daily points for a week, of which two stay in any case.
fn policy() -> Value {
    json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
           "metadata": {"name": "weekly", "namespace": "shop", "uid": "p1", "generation": 1},
           "spec": {"rules": [{"name": "Daily", "schedule": {"cron": "0 20 * * *"}, "timeZone": "UTC",
                               "startWindowMinutes": 480}],
                    "retention": [{"name": "Default", "default": true, "keep": "P7D"}],
                    "keepAtLeast": 2}})
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl Cluster {
    async fn look_at(&mut self, time: &str) {
        self.move_to(at(time));
        self.settle().await;
    }

    /// What the instance says of itself: state, and reason and message of its condition Ready.
    fn standing(&self) -> (String, String, String) {
        let status = self.instance().status.unwrap_or_default();
        let ready = status.conditions.into_iter().find(|held| held.type_ == "Ready").expect("Ready");
        (format!("{:?}", status.state.expect("a state")), ready.reason, ready.message)
    }

    /// Every point of the ledger, as this cluster's keeper knows it.
    fn all(&self) -> Vec<PointView> {
        self.site.keeper.vault().points(0)
    }

    /// When the points were made that are there, oldest first.
    fn there(&self) -> Vec<Timestamp> {
        let mut times: Vec<Timestamp> = self
            .all()
            .iter()
            .filter(|point| point.state == PointState::Available)
            .map(|point| point.point_time.round(jiff::Unit::Hour).unwrap())
            .collect();
        times.sort_unstable();
        times
    }

    fn vault(&self) -> BackupVault {
        self.world.object("backupvaults vaults/main")
    }

    /// What the vault says of adoptions that are not done.
    fn pending(&self) -> Option<(String, String)> {
        let conditions = self.vault().status.unwrap_or_default().conditions;
        let pending = conditions.into_iter().find(|held| held.type_ == "AdoptionPending")?;
        Some((pending.reason, pending.message))
    }

    /// Somebody writes `access.adopt`: what an instance `orders` of a cluster had is this one's.
    fn adopt(&self, cluster: &str) {
        let mut vault: Value = self.world.object("backupvaults vaults/main");
        let orders = json!({"namespace": "shop", "instance": "orders"});
        let from = json!({"cluster": cluster, "namespace": "shop", "instance": "orders"});
        vault["spec"]["access"]["adopt"] = json!([{"from": from, "to": orders}]);
        vault["metadata"]["generation"] = json!(2);
        self.world.hold("backupvaults", &vault);
    }

    /// Namespaces in which points are shown.
    fn shown_in(&self) -> Vec<String> {
        let mut namespaces: Vec<String> =
            self.shown().iter().map(|point| point.namespace().unwrap_or_default()).collect();
        namespaces.sort();
        namespaces
    }
}

fn cluster_of(point: &PointView) -> &str {
    match &point.owner {
        Owner::Instance { cluster_id, .. } => cluster_id,
        Owner::Cli { .. } => "none",
    }
}

/// A cluster with three points, and two weeks after its loss another one with the same storage.
async fn lost_and_new() -> (Cluster, Cluster) {
    let mut lost = Cluster::new(&policy(), at("2031-01-06T00:00:00Z")).await;
    for day in ["2031-01-06T20:00:00Z", "2031-01-07T20:00:00Z", "2031-01-08T20:00:00Z"] {
        lost.look_at(day).await;
    }
    assert_eq!(lost.there().len(), 3);
    let new = lost.elsewhere("d", &policy(), at("2031-01-20T10:00:00Z")).await;
    (lost, new)
}

#[tokio::test]
async fn what_a_lost_cluster_protected_is_taken_over_with_its_points() {
    let (lost, mut new) = lost_and_new().await;
    drop(lost);
    let (_, reason, message) = new.standing();
    assert_eq!(reason, "DuplicateDatasource");
    assert!(message.contains(ENTRY), "{message}");
    assert!(message.contains("BackupVault main in namespace vaults"), "{message}");
    assert_eq!(new.shown_in(), ["vaults", "vaults", "vaults"]);
    assert_eq!(new.there().len(), 3, "what ended meanwhile is nobody's to let go");

    new.adopt("c");
    new.settle().await;
    let (state, reason, message) = new.standing();
    assert_eq!((state.as_str(), reason.as_str()), ("ProtectionConfigured", "AsConfigured"), "{message}");
    assert_eq!(new.shown_in(), ["shop", "shop", "shop"]);
    assert!(new.all().iter().all(|point| cluster_of(point) == "d"));
    assert_eq!(new.pending(), None);
    let status = new.instance().status.unwrap_or_default();
    assert_eq!(status.recovery_points, Some(3));
    let events: Vec<Value> = new.world.objects("events");
    let told = |kind: &str| {
        let is_it =
            |event: &&Value| event["reason"] == "InstanceAdopted" && event["regarding"]["kind"] == kind;
        events.iter().filter(is_it).count()
    };
    assert_eq!((told("BackupInstance"), told("BackupVault")), (1, 1), "{events:?}");

    // All of them had come to their end without a cluster, and stay for a day.
    new.look_at("2031-01-20T20:00:00Z").await;
    assert_eq!(new.there().len(), 4, "a backup, and nothing has gone");
    // From then on they go, and the backup counts with them: two stay.
    new.look_at("2031-01-21T11:00:00Z").await;
    assert_eq!(new.there(), [at("2031-01-08T20:00:00Z"), at("2031-01-20T20:00:00Z")]);
    let again = new.site.keeper.vault().head();
    new.move_to(new.later(SignedDuration::from_mins(2)));
    new.settle().await;
    assert_eq!(new.site.keeper.vault().head(), again, "what is done is not done again");
}

#[tokio::test]
async fn an_entry_is_waited_for_or_refused_in_a_condition_of_the_vault() {
    let (_lost, mut new) = lost_and_new().await;
    // The old cluster's id, misspelt.
    new.adopt("cc");
    new.settle().await;
    let (reason, message) = new.pending().expect("AdoptionPending");
    assert_eq!(reason, "AdoptionRefused");
    assert!(message.contains("shop/orders of cluster cc") && message.contains("never heard"), "{message}");
    // The instance is not there yet.
    let instance: BackupInstance = new.instance();
    new.world.remove("backupinstances shop/orders");
    new.adopt("c");
    new.settle().await;
    let (reason, message) = new.pending().expect("AdoptionPending");
    assert_eq!(reason, "AdoptionWaiting");
    assert!(message.contains("no BackupInstance shop/orders"), "{message}");
    assert!(is_true(&new.vault().status.unwrap_or_default().conditions, ConditionType::Ready));
    // It comes, with nothing known of its database.
    let instance = BackupInstance { status: None, ..instance };
    new.world.hold("backupinstances", &instance);
    new.settle().await;
    assert_eq!(new.pending(), None);
    assert_eq!(new.standing().0, "ProtectionConfigured");
}

#[tokio::test]
async fn a_cluster_that_was_not_lost_makes_no_further_backup_and_lets_none_of_the_points_go() {
    let (mut old, mut new) = lost_and_new().await;
    new.adopt("c");
    new.settle().await;
    // It is there again. Its keeper has not heard of anything, and by its clock three points are to go.
    old.look_at("2031-01-21T20:00:00Z").await;
    let (_, reason, message) = old.standing();
    assert_eq!(reason, "DuplicateDatasource", "{message}");
    let is_there = |point: &PointView| point.state == PointState::Available && cluster_of(point) == "d";
    assert!(old.all().len() >= 3 && old.all().iter().all(is_there), "{:?}", old.all());
    assert!(old.shown_in().iter().all(|namespace| namespace == "vaults"), "{:?}", old.shown_in());
    let made = old.all().len();
    old.look_at("2031-01-22T20:00:00Z").await;
    assert_eq!(old.all().len(), made, "the next slot is not its own");
    // Nor does it take anything back, whatever its people write.
    old.adopt("d");
    old.settle().await;
    let (reason, message) = old.pending().expect("AdoptionPending");
    assert_eq!(reason, "AdoptionRefused");
    assert!(message.contains("make it anew"), "{message}");
    let events: Vec<Value> = old.world.objects("events");
    let refused = events.iter().filter(|event| event["reason"] == "AdoptionRefused");
    let kinds: Vec<&str> = refused.filter_map(|event| event["regarding"]["kind"].as_str()).collect();
    assert_eq!(kinds, ["BackupVault"], "it may name what is not for the instance's people to know");
    // The other one goes on as if nothing had been.
    new.look_at("2031-01-22T21:00:00Z").await;
    assert_eq!(new.standing().0, "ProtectionConfigured");
    assert!(new.all().iter().all(|point| cluster_of(point) == "d"));
}
