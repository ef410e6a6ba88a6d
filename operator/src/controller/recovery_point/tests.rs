//! Decisions about points, as tables of sentences over a small scene: one vault, two instances, a handful of points.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{
    DataStore, Decision, Life, Owner, OwnerView, Pledges, PointId, PointState, PointView, PolicyVersion,
    Remains, RunId, SourceServer, Trigger, WriterId,
};
use crds::recovery_point::PointState as State;
use crds::{BackupInstance, BackupVault, RecoveryPoint};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::expiry::{Expiry, expiry};
use super::facts::Facts;
use super::memory::Answer;
use super::ranges::Ranges;
use super::shown::{Changes, changes};
use super::view;
use crate::keeper_client::Catalogue;

const CLUSTER: &str = "cluster-1";

struct Scene {
    vault: BackupVault,
    catalogue: Catalogue,
    pledges: Pledges,
    instances: Vec<Arc<BackupInstance>>,
    namespaces: BTreeMap<String, String>,
    objects: Vec<Arc<RecoveryPoint>>,
    jobs: BTreeMap<RunId, String>,
    in_use: BTreeSet<PointId>,
    answers: BTreeMap<String, Answer>,
    ranges: Ranges,
    undeleted: BTreeMap<PointId, String>,
    clock_skewed: bool,
}

impl Scene {
    /// Vault `main` in `backups`, instance `orders` in `shop`, nothing in the catalogue.
    fn new() -> Self {
        let vault = "{apiVersion: coffer.dev/v1alpha1, kind: BackupVault, metadata: {name: main, namespace: backups, uid: v1}, \
                     spec: {storage: {filesystem: {claimName: c}}, encryption: {mode: SystemManaged}, recoveryPointWindow: 2}}";
        Self {
            vault: serde_yaml::from_str(vault).expect("a vault"),
            catalogue: Catalogue::default(),
            pledges: Pledges::default(),
            instances: vec![Arc::new(instance("Enabled"))],
            namespaces: BTreeMap::from([("shop".into(), "ns1".into()), ("backups".into(), "ns0".into())]),
            objects: Vec::new(),
            jobs: BTreeMap::new(),
            in_use: BTreeSet::new(),
            answers: BTreeMap::new(),
            ranges: Ranges::new(),
            undeleted: BTreeMap::new(),
            clock_skewed: false,
        }
    }

    fn with(mut self, points: impl IntoIterator<Item = PointView>) -> Self {
        self.catalogue.points = points.into_iter().map(|point| (point.id.clone(), point)).collect();
        self
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            vault: &self.vault,
            catalogue: &self.catalogue,
            pledges: self.pledges,
            instances: &self.instances,
            namespaces: &self.namespaces,
            objects: &self.objects,
            jobs: &self.jobs,
            in_use: &self.in_use,
            answers: &self.answers,
            ranges: &self.ranges,
            undeleted: &self.undeleted,
            clock_skewed: self.clock_skewed,
            cluster_id: CLUSTER,
        }
    }

    fn changes(&self) -> Changes {
        changes(&self.facts(), day(100))
    }

    fn expiry(&self, at: Timestamp) -> Expiry {
        expiry(&self.facts(), at)
    }

    /// Does what the changes ask for.
    fn apply(&mut self) {
        let changes = self.changes();
        for (mut object, status) in changes.create {
            object.metadata.generation = Some(1);
            object.status = Some(status);
            self.objects.push(Arc::new(object));
        }
        self.objects.retain(|held| !changes.remove.contains(held));
    }
}

pub(super) fn instance(protection: &str) -> BackupInstance {
    let text = format!(
        "{{apiVersion: coffer.dev/v1alpha1, kind: BackupInstance, metadata: {{name: orders, namespace: shop, uid: i1}}, \
         spec: {{vaultRef: {{name: main, namespace: backups}}, policyRef: {{name: daily}}, protection: {protection}, \
         postgresql: {{host: db, database: orders, credentialsSecretRef: {{name: s}}}}}}}}"
    );
    serde_yaml::from_str(&text).expect("an instance")
}

pub(super) fn day(number: i64) -> Timestamp {
    let first: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    first + SignedDuration::from_hours(24 * number)
}

/// A good point of `orders`, taken on that day and kept for thirty.
pub(super) fn point(number: i64) -> PointView {
    let id = format!("{number:032x}");
    PointView {
        id: PointId(id.clone()),
        run: RunId(format!("run-{number}")),
        writer: WriterId(id),
        sequence: 1,
        owner: Owner::Instance {
            cluster_id: CLUSTER.into(),
            namespace: "shop".into(),
            namespace_uid: "ns1".into(),
            instance: "orders".into(),
            instance_uid: "i1".into(),
            datasource_id: "7/orders".into(),
        },
        decision: Decision {
            tag: "Default".into(),
            keep: Some("P30D".into()),
            time_zone: "UTC".into(),
            reason: "no other rule matches".into(),
            keep_at_least: 1,
            policy: Some(PolicyVersion { namespace: "shop".into(), name: "daily".into(), version: 3 }),
            trigger: Trigger::OnDemand { requested: day(number) },
        },
        point_time: day(number),
        commit_time: day(number),
        expiration_time: Some(day(number + 30)),
        overridden: None,
        removal: None,
        state: PointState::Available,
        verified: contract::Verified::default(),
        source: SourceServer {
            server_version: "17.4".into(),
            system_identifier: Some("7".into()),
            size_bytes: 10,
            standby: false,
            role: None,
            program: None,
        },
        data_stores: vec![DataStore {
            database: "orders".into(),
            snapshot_time: day(number),
            tables: 1,
            rows: 2,
            large_objects: 0,
            plain_bytes: 30,
        }],
        stored_bytes: 2048,
        objects: 5,
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}

fn ids(expiry: &Expiry) -> Vec<String> {
    expiry.tombstones.iter().map(|(id, _)| id.0.trim_start_matches('0').to_owned()).collect()
}

mod preview_tests;
mod request_tests;

#[test]
fn the_newest_points_of_the_window_are_shown_beside_their_instance() {
    let scene = Scene::new().with([point(1), point(2), point(3)]);
    let changes = scene.changes();
    let shown: Vec<(String, String)> = changes
        .create
        .iter()
        .map(|(object, _)| (object.namespace().expect("one"), object.name_any()))
        .collect();
    assert_eq!(shown.len(), 2, "the window is two: {shown:?}");
    assert_eq!(shown[0], ("shop".into(), "orders-20260104t000000z-000000".into()));
    let (object, status) = &changes.create[0];
    assert_eq!(object.labels()["coffer.dev/instance"], "orders");
    assert_eq!(status.size.as_deref(), Some("2.0 KiB"));
    assert!(object.owner_references().is_empty(), "a point outlives its instance");
}

#[test]
fn row_a46_a_point_tells_its_policy_tag_end_and_state() {
    let scene = Scene::new();
    let held = point(1);
    let status = view::status(&scene.facts(), &held, None, day(2));
    assert_eq!(status.tag, Some(held.decision.tag.clone()));
    assert_eq!(status.expiration_time.map(|time| time.0), held.expiration_time);
    let policy = status.policy.map(|policy| (policy.name, policy.version));
    assert_eq!(policy, held.decision.policy.map(|policy| (policy.name, policy.version)));
    assert_eq!(status.state, Some(State::Available));
    assert_eq!(status.point_time.map(|time| time.0), Some(held.point_time));
}

#[test]
fn a_second_look_changes_nothing() {
    let mut scene = Scene::new().with([point(1), point(2)]);
    scene.apply();
    assert_eq!(scene.changes(), Changes::default());
}

#[test]
fn row_a19_an_object_that_somebody_deleted_returns_and_one_whose_point_is_gone_goes() {
    let mut scene = Scene::new().with([point(1), point(2)]);
    scene.apply();
    scene.objects.remove(0);
    assert_eq!(scene.changes().create.len(), 1);
    scene.catalogue.points.values_mut().for_each(|point| point.state = PointState::Expired);
    let changes = scene.changes();
    assert_eq!((changes.create.len(), changes.remove.len()), (0, 1));
}

#[test]
fn row_e18_an_expired_point_stays_shown_with_what_storage_says_until_it_is_gone() {
    let mut scene = Scene::new().with([point(1), point(2)]);
    scene.apply();
    let old = point(1).id;
    scene.catalogue.points.get_mut(&old).expect("the point").state = PointState::Expired;
    scene.undeleted.insert(old.clone(), "delete data/x: AccessDenied".into());
    let changes = scene.changes();
    assert_eq!((changes.create.len(), changes.update.len(), changes.remove.len()), (0, 1, 0));
    let (object, status) = &changes.update[0];
    assert_eq!((&object.spec.point_id, status.state), (&old.0, Some(State::Expired)));
    let ready = status.conditions.iter().find(|held| held.type_ == "Ready").expect("Ready");
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "StorageKeepsPoints"));
    assert!(ready.message.contains("delete data/x: AccessDenied"), "{}", ready.message);
    // Once storage has let it go, nothing is said of it any more.
    scene.undeleted.clear();
    let changes = scene.changes();
    assert_eq!((changes.update.len(), changes.remove.len()), (0, 1));
}

#[test]
fn an_object_that_leads_to_another_point_goes() {
    let mut scene = Scene::new().with([point(1), point(2)]);
    scene.apply();
    let mut planted = (*scene.objects[0]).clone();
    planted.spec.point_id = point(1).id.0;
    scene.objects[0] = Arc::new(planted);
    let changes = scene.changes();
    assert_eq!((changes.create.len(), changes.remove.len()), (0, 1));
    assert_eq!(changes.remove[0].name_any(), scene.objects[0].name_any());
}

#[test]
fn without_their_living_instance_points_are_shown_beside_the_vault() {
    let elsewhere = |scene: &Scene| -> Vec<String> {
        scene.changes().create.iter().filter_map(|(object, _)| object.namespace()).collect()
    };
    let mut gone = Scene::new().with([point(1)]);
    gone.instances.clear();
    assert_eq!(elsewhere(&gone), ["backups"], "the instance was deleted");
    let mut successor = Scene::new().with([point(1)]);
    successor.namespaces.insert("shop".into(), "another".into());
    assert_eq!(
        elsewhere(&successor),
        ["backups"],
        "a namespace of the same name sees nothing of the old one"
    );
    let mut foreign = Scene::new().with([point(1)]);
    for point in foreign.catalogue.points.values_mut() {
        if let Owner::Instance { cluster_id, .. } = &mut point.owner {
            *cluster_id = "cluster-2".into();
        }
    }
    assert_eq!(elsewhere(&foreign), ["backups"], "the point is of another cluster");
}

#[test]
fn what_has_expired_goes_but_never_the_newest_good_point() {
    let scene = Scene::new().with([point(1), point(2), point(3)]);
    let now = scene.expiry(day(31));
    assert_eq!(ids(&now), ["1"]);
    assert_eq!(now.next, Some(day(32)));
    let later = scene.expiry(day(400));
    assert_eq!(ids(&later), ["1", "2"], "keepAtLeast holds the newest for ever");
    assert_eq!(later.held_back.count, 1);
}

#[test]
fn a_server_that_was_made_anew_is_no_floor_for_the_points_of_the_old_one() {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    if let Some(newest) = scene.catalogue.points.values_mut().last()
        && let Owner::Instance { datasource_id, .. } = &mut newest.owner
    {
        "another/orders".clone_into(datasource_id);
    }
    let expiry = scene.expiry(day(400));
    assert_eq!((ids(&expiry), expiry.held_back.count), (vec!["1".to_owned()], 2));
}

#[test]
fn a_damaged_point_is_no_floor_for_the_others() {
    let mut scene = Scene::new().with([point(1), point(2)]);
    if let Some(newest) = scene.catalogue.points.values_mut().last() {
        newest.state = PointState::Damaged;
    }
    assert_eq!(ids(&scene.expiry(day(400))), ["2"], "the good one stays, though it is older");
}

#[test]
fn nothing_expires_of_an_instance_that_is_gone_nor_what_is_being_read() {
    let mut gone = Scene::new().with([point(1), point(2)]);
    gone.instances.clear();
    assert_eq!(gone.expiry(day(400)), Expiry::default());
    let mut read = Scene::new().with([point(1), point(2)]);
    read.in_use.insert(point(1).id);
    let expiry = read.expiry(day(400));
    assert_eq!((ids(&expiry).len(), expiry.held_back.count), (0, 2));
}

#[test]
fn points_of_a_suspended_instance_expire_but_for_the_newest() {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    scene.instances = vec![Arc::new(instance("Suspended"))];
    assert_eq!(ids(&scene.expiry(day(400))), ["1", "2"]);
}

#[test]
fn while_the_clocks_of_keeper_and_storage_differ_nothing_is_deleted() {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    scene.clock_skewed = true;
    let expiry = scene.expiry(day(400));
    assert_eq!((ids(&expiry).len(), expiry.held_back.count), (0, 3));
}

#[test]
fn row_b02_a_server_is_whole_without_what_no_backup_holds_and_partial_without_what_was_meant() {
    let scene = Scene::new();
    let told = format!("{}\"template1\" (a template)", contract::NEVER_STORED);
    let mut whole = point(1);
    whole.coverage = vec![told.clone()];
    let status = view::status(&scene.facts(), &whole, None, day(2));
    assert_eq!(status.state, Some(State::Available));
    let coverage = status.coverage.expect("it is told all the same");
    assert_eq!((coverage.missing, coverage.names), (0, vec![told]));
    whole.coverage.push("table app.secrets".into());
    let status = view::status(&scene.facts(), &whole, None, day(2));
    assert_eq!((status.state, status.coverage.map(|held| held.missing)), (Some(State::Partial), Some(1)));
}

#[test]
fn every_database_of_the_largest_point_is_shown_and_the_object_stays_small() {
    let scene = Scene::new();
    let mut largest = point(1);
    let store = largest.data_stores[0].clone();
    largest.data_stores = (0..100)
        .map(|number| contract::DataStore { database: format!("{number:ü>31}x"), ..store.clone() })
        .collect();
    largest.coverage = vec!["ü".repeat(255); 100];
    let status = view::status(&scene.facts(), &largest, None, day(2));
    assert_eq!(status.data_stores.len(), 100);
    assert_eq!(status.source.as_ref().map(|source| source.databases.len()), Some(100));
    // etcd refuses objects beyond 1.5 MiB; a window of 50 such points of one instance is still far from that each.
    let size = serde_json::to_vec(&status).unwrap().len();
    assert!(size < 64 * 1024, "{size} bytes");
}

/// The scene's instance is gone, and the ledger says what becomes of its points.
fn gone(points: Remains) -> Scene {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    scene.instances.clear();
    let owner = point(1).owner;
    let life = Life::Deleted { time: day(5), points, reason: "it was deleted".into() };
    let view = OwnerView { sequence: 9, owner: owner.clone(), spec: String::new(), life, adopted_by: None };
    scene.catalogue.owners.insert(owner, view);
    scene
}

#[test]
fn row_a20_points_of_a_deleted_instance_go_as_its_end_in_the_ledger_says() {
    assert_eq!(gone(Remains::Kept).expiry(day(4000)), Expiry::default(), "nothing of it expires");
    let stamped = gone(Remains::AsStamped);
    assert_eq!(ids(&stamped.expiry(day(31))), ["1"]);
    assert_eq!(ids(&stamped.expiry(day(400))), ["1", "2"], "the newest stays");
    let purged = gone(Remains::Purged { at: day(19) });
    let before = purged.expiry(day(18));
    assert_eq!((ids(&before).len(), before.next), (0, Some(day(19))));
    let after = purged.expiry(day(19));
    assert_eq!(ids(&after), ["1", "2", "3"], "the last good one goes too");
    assert!(after.tombstones.iter().all(|(_, request)| request.keep_at_least == 0));
}

#[test]
fn a_purge_waits_for_who_reads_and_for_clocks_that_agree() {
    let mut read = gone(Remains::Purged { at: day(19) });
    read.in_use.insert(point(1).id);
    let expiry = read.expiry(day(19));
    assert_eq!((ids(&expiry), expiry.held_back.count), (vec!["2".to_owned(), "3".to_owned()], 1));
    let mut skewed = gone(Remains::Purged { at: day(19) });
    skewed.clock_skewed = true;
    let expiry = skewed.expiry(day(19));
    assert_eq!((ids(&expiry).len(), expiry.held_back.count), (0, 3));
}

#[test]
fn row_a13_nothing_of_a_stopped_instance_expires_and_nobody_is_told_that_it_stays() {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    scene.instances = vec![Arc::new(instance("Stopped"))];
    assert_eq!(scene.expiry(day(4000)), Expiry::default());
}

#[test]
fn row_a16_points_expire_again_a_day_after_the_stop() {
    let mut scene = Scene::new().with([point(1), point(2), point(3)]);
    let mut resumed = instance("Enabled");
    let status = serde_json::json!({"retentionResumeTime": day(101).to_string()});
    resumed.status = Some(serde_json::from_value(status).expect("a status"));
    assert_eq!(super::expire_by(&resumed, &[point(1), point(2), point(3)], day(101)), 2);
    scene.instances = vec![Arc::new(resumed)];
    let grace = scene.expiry(day(100));
    assert_eq!((ids(&grace).len(), grace.next), (0, Some(day(101))));
    assert_eq!(ids(&scene.expiry(day(101))), ["1", "2"]);
}

#[test]
fn row_a21_nothing_expires_of_an_instance_that_was_brought_back_until_it_is_resumed() {
    let mut scene = gone(Remains::Kept);
    scene.instances = vec![Arc::new(instance("Enabled"))];
    for view in scene.catalogue.owners.values_mut() {
        view.life = Life::ResumeRequired { record: "shop-orders-1".into() };
    }
    assert_eq!(scene.expiry(day(4000)), Expiry::default());
}

#[test]
fn row_a20_a_point_of_a_deleted_instance_says_that_it_cannot_be_restored_and_why() {
    let scene = gone(Remains::Kept);
    let ready = |scene: &Scene| {
        let status = view::status(&scene.facts(), &point(1), None, day(6));
        status.conditions.into_iter().find(|held| held.type_ == "Ready").expect("Ready")
    };
    assert_eq!((ready(&scene).status.as_str(), ready(&scene).reason.as_str()), ("False", "OwnerDeleted"));
    assert_eq!(ready(&Scene::new()).reason, "PointAvailable");
}
