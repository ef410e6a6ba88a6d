//! Decisions about instances that are gone, over a small scene: one vault, one instance, a handful of points.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{
    Decision as Promise, Life, Owner, OwnerChange, OwnerView, Pledges, PointId, PointState, PointView,
    Remains, RunId, SourceServer, Trigger, WriterId,
};
use crds::deleted_instance::DeletedState;
use crds::instance::Protection;
use crds::{BackupInstance, BackupVault, DeletedBackupInstance};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::decide::{Way, decide};
use super::facts::Facts;
use super::undelete::{self, Return};
use super::view::changes;
use crate::keeper_client::Catalogue;

pub const UID: &str = "0f8fad5b-d9cb";
pub const RECORD: &str = "shop-orders-0f8fad5b";

struct Scene {
    vault: BackupVault,
    catalogue: Catalogue,
    pledges: Pledges,
    clock_skewed: bool,
    instances: BTreeMap<String, Arc<BackupInstance>>,
    namespaces: BTreeMap<String, String>,
    records: Vec<Arc<DeletedBackupInstance>>,
    gone: BTreeSet<String>,
    departed: BTreeMap<String, Arc<BackupInstance>>,
}

pub fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

pub fn vault(soft_delete: Value) -> BackupVault {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
        "metadata": {"name": "main", "namespace": "vaults", "uid": "v1"},
        "spec": {"storage": {"s3": {"bucket": "backups"}}, "encryption": {"mode": "SystemManaged"},
                 "softDelete": soft_delete},
    }))
    .unwrap()
}

pub fn owner(uid: &str, datasource: &str) -> Owner {
    Owner::Instance {
        cluster_id: "c".into(),
        namespace: "shop".into(),
        namespace_uid: "n1".into(),
        instance: "orders".into(),
        instance_uid: uid.into(),
        datasource_id: datasource.into(),
    }
}

fn spec(deletion_policy: &str) -> Value {
    json!({"vaultRef": {"name": "main", "namespace": "vaults"}, "policyRef": {"name": "daily"},
           "postgresql": {"host": "db", "database": "app", "credentialsSecretRef": {"name": "db"}},
           "deletionPolicy": deletion_policy})
}

pub fn view(owner: Owner, deletion_policy: &str, life: Life) -> OwnerView {
    OwnerView { sequence: 3, owner, spec: spec(deletion_policy).to_string(), life, adopted_by: None }
}

pub fn point(number: u8, owner: Owner, state: PointState) -> PointView {
    PointView {
        id: PointId(format!("{number:032x}")),
        run: RunId(format!("run-{number}")),
        writer: WriterId("cd".repeat(16)),
        sequence: 2,
        owner,
        decision: Promise {
            tag: "Default".into(),
            keep: Some("P30D".into()),
            time_zone: "UTC".into(),
            reason: "No other retention rule applies.".into(),
            keep_at_least: 1,
            policy: None,
            trigger: Trigger::Cli,
        },
        point_time: now(),
        commit_time: now(),
        expiration_time: None,
        overridden: None,
        removal: None,
        state,
        verified: contract::Verified::default(),
        source: SourceServer {
            server_version: "17.2".into(),
            system_identifier: None,
            size_bytes: 1,
            standby: false,
            role: None,
            program: None,
        },
        data_stores: Vec::new(),
        stored_bytes: 1,
        objects: 1,
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}

/// A living instance of the scene's namespace and name.
pub fn instance(uid: &str, datasource: Option<&str>) -> BackupInstance {
    let mut instance: BackupInstance = serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": "orders", "namespace": "shop", "uid": uid}, "spec": spec("Retain"),
    }))
    .unwrap();
    instance.status = Some(crds::BackupInstanceStatus {
        datasource_id: datasource.map(str::to_owned),
        ..crds::BackupInstanceStatus::default()
    });
    instance
}

pub fn deleted(points: Remains) -> Life {
    Life::Deleted { time: now(), points, reason: "BackupInstance shop/orders was deleted".into() }
}

fn days(number: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * number)
}

impl Scene {
    /// Instance `orders` of `shop` with one point, as the ledger has it; its object is gone.
    fn new(deletion_policy: &str, life: Life) -> Self {
        let own = owner(UID, "7/app");
        let mut catalogue = Catalogue::default();
        catalogue.owners.insert(own.clone(), view(own.clone(), deletion_policy, life));
        let point = point(1, own, PointState::Available);
        catalogue.points.insert(point.id.clone(), point);
        Self {
            vault: vault(json!(null)),
            catalogue,
            pledges: Pledges::default(),
            clock_skewed: false,
            instances: BTreeMap::new(),
            namespaces: BTreeMap::from([("shop".into(), "n1".into()), ("vaults".into(), "n0".into())]),
            records: Vec::new(),
            gone: BTreeSet::from([UID.to_owned()]),
            departed: BTreeMap::new(),
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            vault: &self.vault,
            catalogue: &self.catalogue,
            pledges: self.pledges,
            clock_skewed: self.clock_skewed,
            instances: &self.instances,
            namespaces: &self.namespaces,
            records: &self.records,
            gone: &self.gone,
            departed: &self.departed,
            cluster_id: "c",
        }
    }

    fn told(&self) -> Vec<OwnerChange> {
        decide(&self.facts(), now()).changes
    }

    fn remains(&self) -> Remains {
        match self.told().as_slice() {
            [OwnerChange::Deleted { points, .. }] => *points,
            other => panic!("{other:?}"),
        }
    }

    fn with(mut self, instance: BackupInstance) -> Self {
        self.instances.insert(instance.uid().unwrap_or_default(), Arc::new(instance));
        self
    }

    /// Somebody wants it back.
    fn asked(self) -> Self {
        self.with_record(json!({"undelete": true}))
    }

    /// The record, as somebody has written it.
    fn with_record(mut self, mut spec: Value) -> Self {
        spec["vaultRef"] = json!({"name": "main"});
        let mut record = DeletedBackupInstance::new(RECORD, serde_json::from_value(spec).unwrap());
        record.metadata.namespace = Some("vaults".into());
        record.metadata.generation = Some(2);
        self.records.push(Arc::new(record));
        self
    }

    fn without_points(mut self) -> Self {
        for point in self.catalogue.points.values_mut() {
            point.state = PointState::Expired;
        }
        self
    }

    /// What is to be done about the one deleted instance.
    fn back(&self) -> Return {
        let facts = self.facts();
        let gone = facts.deleted().into_values().next().expect("a deleted instance");
        undelete::undelete(&facts, &gone)
    }
}

#[test]
fn row_a15_a20_what_becomes_of_the_points_follows_from_deletion_policy_and_soft_delete() {
    let disabled = json!({"state": "Disabled"});
    let thirty = json!({"state": "Enabled", "retentionDays": 30});
    let none = Pledges::default();
    let forty = Pledges { soft_delete_days: Some(40) };
    let cases = [
        ("Retain", json!(null), none, Remains::Kept),
        ("Retain", disabled.clone(), none, Remains::Kept),
        ("RetainPerPolicy", json!(null), none, Remains::AsStamped),
        ("RetainPerPolicy", disabled.clone(), none, Remains::AsStamped),
        ("Delete", json!(null), none, Remains::Purged { at: days(14) }),
        ("Delete", thirty, none, Remains::Purged { at: days(30) }),
        ("Delete", disabled.clone(), none, Remains::Purged { at: now() }),
        ("Delete", disabled, forty, Remains::Purged { at: days(40) }),
    ];
    for (policy, soft_delete, pledges, expected) in cases {
        let mut scene = Scene::new(policy, Life::Active);
        (scene.vault, scene.pledges) = (vault(soft_delete.clone()), pledges);
        assert_eq!(scene.remains(), expected, "{policy} and {soft_delete}");
    }
}

#[test]
fn an_edit_that_the_ledger_had_not_heard_of_counts_where_it_keeps_more() {
    let last = |claimed: &str, last: &str| {
        let mut scene = Scene::new(claimed, Life::Active);
        let mut instance = instance(UID, Some("7/app"));
        instance.spec = serde_json::from_value(spec(last)).unwrap();
        scene.departed.insert(UID.to_owned(), Arc::new(instance));
        scene.remains()
    };
    assert_eq!(last("Delete", "Retain"), Remains::Kept);
    assert_eq!(last("Delete", "RetainPerPolicy"), Remains::AsStamped);
    assert_eq!(last("Retain", "Delete"), Remains::Kept);
    assert_eq!(last("Delete", "Delete"), Remains::Purged { at: days(14) });
}

#[test]
fn points_of_a_server_that_was_never_claimed_follow_what_the_instance_was_protected_as() {
    let mut scene = Scene::new("Delete", Life::Active);
    let met = owner(UID, "8/app");
    let point = point(2, met.clone(), PointState::Available);
    scene.catalogue.points.insert(point.id.clone(), point);
    let purged = Remains::Purged { at: days(14) };
    let told = scene.told();
    let ends = told.iter().map(|change| match change {
        OwnerChange::Deleted { owner, points, .. } => (owner.clone(), *points),
        other => panic!("{other:?}"),
    });
    assert_eq!(ends.collect::<Vec<_>>(), [(owner(UID, "7/app"), purged), (met.clone(), purged)]);

    // Brought back, it is made from what it was claimed with.
    let mut scene = Scene::new("Retain", deleted(Remains::Kept)).asked();
    let unclaimed =
        OwnerView { spec: String::new(), sequence: 9, ..view(met.clone(), "Retain", deleted(Remains::Kept)) };
    scene.catalogue.owners.insert(met.clone(), unclaimed);
    let of_met = self::point(2, met, PointState::Available);
    scene.catalogue.points.insert(of_met.id.clone(), of_met);
    assert!(matches!(scene.back(), Return::Make(_)), "{:?}", scene.back());
}

#[test]
fn what_was_to_stay_goes_once_its_record_says_so_and_the_time_of_soft_delete_has_passed() {
    let kept = || Scene::new("Retain", deleted(Remains::Kept));
    assert_eq!(kept().with_record(json!({})).told(), [], "nobody has asked");
    let purge = || json!({"purge": true});
    for promised in [Remains::Kept, Remains::AsStamped] {
        let scene = Scene::new("Retain", deleted(promised)).with_record(purge());
        assert_eq!(scene.remains(), Remains::Purged { at: days(14) });
    }
    let mut at_once = kept().with_record(purge());
    at_once.vault = vault(json!({"state": "Disabled"}));
    assert_eq!(at_once.remains(), Remains::Purged { at: now() });
    let mut skewed = kept().with_record(purge());
    skewed.clock_skewed = true;
    assert_eq!(skewed.told(), []);
    // What was promised once is not put off by another look.
    let before = Scene::new("Retain", deleted(Remains::Purged { at: days(3) })).with_record(purge());
    assert_eq!(before.told(), []);
    // Who comes back takes the points with them; where nobody can, they go.
    let both = || kept().with_record(json!({"purge": true, "undelete": true}));
    assert_eq!(both().told(), []);
    let mut nowhere = both();
    nowhere.namespaces.insert("shop".into(), "another".into());
    assert_eq!((nowhere.back(), nowhere.remains()), (Return::NotAsked, Remains::Purged { at: days(14) }));
}

#[test]
fn no_purge_is_promised_by_a_clock_that_others_do_not_agree_with() {
    let mut scene = Scene::new("Delete", Life::Active);
    scene.clock_skewed = true;
    assert_eq!(scene.told(), [], "it would be over too early, for ever");
    scene.clock_skewed = false;
    assert_eq!(scene.remains(), Remains::Purged { at: days(14) });
    for policy in ["Retain", "RetainPerPolicy"] {
        let mut scene = Scene::new(policy, Life::Active);
        scene.clock_skewed = true;
        assert_eq!(scene.told().len(), 1, "{policy} promises no time");
    }
}

#[test]
fn a_spec_that_cannot_be_read_keeps_the_points() {
    let mut scene = Scene::new("Delete", Life::Active);
    for view in scene.catalogue.owners.values_mut() {
        view.spec = "{}".into();
    }
    assert_eq!(scene.remains(), Remains::Kept);
    scene.catalogue.owners.clear();
    assert_eq!(scene.remains(), Remains::Kept, "nor do points that nobody has claimed go");
}

#[test]
fn only_what_the_api_server_itself_has_lost_is_told() {
    let mut unsure = Scene::new("Delete", Life::Active);
    unsure.gone.clear();
    assert_eq!(unsure.told(), [], "the watch alone may be late");
    let there = Scene::new("Delete", Life::Active).with(instance(UID, Some("7/app")));
    assert_eq!(there.told(), []);
    let mut elsewhere = Scene::new("Delete", Life::Active);
    let views = std::mem::take(&mut elsewhere.catalogue.owners);
    for (owner, view) in views {
        let Owner::Instance { namespace, namespace_uid, instance, instance_uid, datasource_id, .. } = owner
        else {
            continue;
        };
        let cluster_id = "another".to_owned();
        let owner =
            Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, datasource_id };
        elsewhere.catalogue.owners.insert(owner.clone(), OwnerView { owner, ..view });
    }
    elsewhere.catalogue.points.clear();
    assert_eq!(elsewhere.told(), [], "another cluster's instances are not ours to miss");
}

#[test]
fn one_that_was_made_again_under_the_name_is_another() {
    let scene = Scene::new("Delete", Life::Active).with(instance("another", Some("7/app")));
    assert_eq!(scene.remains(), Remains::Purged { at: days(14) });
}

#[test]
fn the_reason_tells_whether_the_namespace_went() {
    let reason = |scene: &Scene| match scene.told().as_slice() {
        [OwnerChange::Deleted { reason, .. }] => reason.clone(),
        other => panic!("{other:?}"),
    };
    let mut scene = Scene::new("Retain", Life::Active);
    assert_eq!(reason(&scene), "BackupInstance shop/orders was deleted");
    scene.namespaces.insert("shop".into(), "made again".into());
    assert_eq!(reason(&scene), "namespace shop was deleted");
}

#[test]
fn a_claim_without_points_is_given_up_at_once_and_no_record_is_made() {
    let scene = Scene::new("Retain", Life::Active).without_points();
    assert_eq!(scene.told(), [OwnerChange::Released { owner: owner(UID, "7/app") }]);
    let purged = Scene::new("Delete", deleted(Remains::Purged { at: now() })).without_points();
    assert_eq!(purged.told(), [OwnerChange::Released { owner: owner(UID, "7/app") }]);
    assert_eq!(changes(&purged.facts(), &BTreeMap::new(), now()).create, []);
}

#[test]
fn what_a_living_instance_has_left_behind_is_given_up_once_it_is_empty() {
    let moved = |scene: Scene| scene.with(instance(UID, Some("8/app"))).told();
    let empty = moved(Scene::new("Retain", Life::Active).without_points());
    assert_eq!(empty, [OwnerChange::Released { owner: owner(UID, "7/app") }]);
    assert_eq!(moved(Scene::new("Retain", Life::Active)), [], "its points are still its own");
    let unknown = Scene::new("Retain", Life::Active).without_points().with(instance(UID, None)).told();
    assert_eq!(unknown, [], "nobody knows yet what it protects");
}

#[test]
fn row_a20_a_record_tells_what_when_and_how_many() {
    let cases = [
        (Remains::Kept, DeletedState::Retained, None, "PointsRetained"),
        (Remains::AsStamped, DeletedState::RetainedPerPolicy, None, "PointsExpire"),
        (Remains::Purged { at: days(14) }, DeletedState::SoftDeleted, Some(days(14)), "PurgeScheduled"),
        (Remains::Purged { at: now() }, DeletedState::Purging, Some(now()), "Purging"),
    ];
    for (remains, state, purge, reason) in cases {
        let scene = Scene::new("Delete", deleted(remains));
        let made = changes(&scene.facts(), &BTreeMap::new(), now());
        let [(object, status)] = made.create.as_slice() else { panic!("{made:?}") };
        assert_eq!((object.name_any(), object.namespace()), (RECORD.to_owned(), Some("vaults".to_owned())));
        assert_eq!(status.state, Some(state));
        assert_eq!(status.scheduled_purge_time.as_ref().map(|time| time.0), purge);
        assert_eq!(status.recovery_points, Some(1));
        assert_eq!(status.conditions[0].reason, reason);
        let saved = status.saved_spec.as_ref().expect("the saved spec");
        assert_eq!(saved.postgresql.host, "db");
        assert_eq!(status.owner.as_ref().map(|owner| owner.uid.as_str()), Some(UID));
    }
}

#[test]
fn a_record_goes_when_nothing_is_left_and_is_not_written_while_nothing_changes() {
    let mut scene = Scene::new("Retain", deleted(Remains::Kept));
    let made = changes(&scene.facts(), &BTreeMap::new(), now());
    for (mut object, status) in made.create {
        object.metadata.generation = Some(1);
        object.status = Some(status);
        scene.records.push(Arc::new(object));
    }
    assert_eq!(changes(&scene.facts(), &BTreeMap::new(), days(1)), super::view::Changes::default());
    let scene = scene.without_points();
    assert_eq!(changes(&scene.facts(), &BTreeMap::new(), now()).remove.len(), 1);
}

#[test]
fn row_a21_undelete_makes_a_stopped_instance_of_the_saved_spec_where_none_is() {
    let scene = Scene::new("RetainPerPolicy", deleted(Remains::AsStamped));
    assert_eq!(scene.back(), Return::NotAsked);
    let scene = scene.asked();
    let Return::Make(made) = scene.back() else { panic!("{:?}", scene.back()) };
    assert_eq!((made.name_any(), made.namespace()), ("orders".to_owned(), Some("shop".to_owned())));
    assert_eq!(made.spec.protection, Protection::Stopped);
    assert_eq!(made.spec.postgresql.database.as_deref(), Some("app"));
    let decision = decide(&scene.facts(), now());
    assert!(matches!(decision.returns[0].way, Way::Make(_)));
    assert_eq!(decision.changes, [], "its end was told before");
}

#[test]
fn row_a21_undelete_takes_an_instance_of_the_same_name_and_database_and_no_other() {
    let asked = || Scene::new("Retain", deleted(Remains::Kept)).asked();
    assert_eq!(asked().with(instance("new", Some("7/app"))).back(), Return::To("new".into()));
    assert_eq!(asked().with(instance("new", None)).back(), Return::To("new".into()), "by what its spec says");
    let mut other = instance("new", None);
    other.spec.postgresql.host = "elsewhere".into();
    assert!(matches!(asked().with(other).back(), Return::Waits(_)), "a check will tell");
    let in_the_way = asked().with(instance("new", Some("9/other"))).back();
    assert!(matches!(in_the_way, Return::Blocked(crds::Reason::InstanceInTheWay, _)), "{in_the_way:?}");
}

#[test]
fn row_a21_points_come_back_only_to_an_instance_of_their_own_vault() {
    let asked = || Scene::new("Retain", deleted(Remains::Kept)).asked();
    for datasource in [Some("7/app"), None] {
        for (name, namespace) in [("other", Some("vaults")), ("main", Some("elsewhere")), ("main", None)] {
            let mut held = instance("new", datasource);
            (held.spec.vault_ref.name, held.spec.vault_ref.namespace) =
                (name.into(), namespace.map(str::to_owned));
            let Return::Blocked(reason, message) = asked().with(held).back() else {
                panic!("{name} {namespace:?}")
            };
            assert_eq!(reason, crds::Reason::InstanceInTheWay);
            assert!(message.contains("another vault"), "{message}");
        }
    }
    let mut moved = asked();
    for view in moved.catalogue.owners.values_mut() {
        view.spec = view.spec.replace("vaults", "elsewhere");
    }
    let Return::Make(made) = moved.back() else { panic!("{:?}", moved.back()) };
    let made = made.spec.vault_ref;
    assert_eq!((made.name.as_str(), made.namespace.as_deref()), ("main", Some("vaults")));
}

#[test]
fn undelete_into_a_namespace_that_is_gone_says_what_to_do_and_makes_nothing() {
    let mut scene = Scene::new("Retain", deleted(Remains::Kept)).asked();
    scene.namespaces.insert("shop".into(), "made again".into());
    assert!(decide(&scene.facts(), now()).returns.is_empty());
    let told = changes(&scene.facts(), &BTreeMap::new(), now());
    let (_, status) = &told.update[0];
    let ready = status.conditions.iter().find(|held| held.type_ == "Ready").expect("Ready");
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "NamespaceGone"));
    assert!(
        ready.message.contains("`access.adopt`") && ready.message.contains("`purge: true`"),
        "{}",
        ready.message
    );
}

#[test]
fn row_a20_of_several_databases_the_record_tells_the_end_that_comes_first() {
    let cases = [
        (Remains::Purged { at: days(14) }, Remains::Kept, DeletedState::SoftDeleted),
        (Remains::Kept, Remains::Purged { at: days(14) }, DeletedState::SoftDeleted),
        (Remains::AsStamped, Remains::Kept, DeletedState::RetainedPerPolicy),
        (Remains::Purged { at: days(20) }, Remains::Purged { at: days(14) }, DeletedState::SoftDeleted),
        (Remains::Kept, Remains::Kept, DeletedState::Retained),
    ];
    for (earlier, newest, state) in cases {
        let mut scene = Scene::new("Retain", deleted(newest));
        let left = owner(UID, "6/app");
        let before = OwnerView { sequence: 1, ..view(left.clone(), "Delete", deleted(earlier)) };
        scene.catalogue.owners.insert(left.clone(), before);
        let old = point(2, left, PointState::Available);
        scene.catalogue.points.insert(old.id.clone(), old);
        let made = changes(&scene.facts(), &BTreeMap::new(), now());
        let (_, status) = &made.create[0];
        assert_eq!(status.state, Some(state), "{earlier:?} and {newest:?}");
        let purge = (state == DeletedState::SoftDeleted).then(|| days(14));
        assert_eq!(status.scheduled_purge_time.as_ref().map(|time| time.0), purge);
        let message = &status.conditions[0].message;
        assert_eq!(message.contains("another database"), earlier != newest, "{message}");
    }
}

#[test]
fn the_points_of_every_database_that_it_had_come_back_together() {
    let mut scene = Scene::new("Retain", deleted(Remains::Kept));
    let earlier = owner(UID, "6/app");
    let mut before = view(earlier.clone(), "Retain", deleted(Remains::Kept));
    before.sequence = 1;
    scene.catalogue.owners.insert(earlier.clone(), before);
    let old = point(2, earlier.clone(), PointState::Available);
    scene.catalogue.points.insert(old.id.clone(), old);
    let facts = scene.facts();
    let deleted = facts.deleted();
    assert_eq!(deleted.len(), 1, "it is one record");
    let gone = deleted.into_values().next().expect("one");
    assert_eq!(gone.points, 2);
    let told = undelete::changes(&gone, "new");
    let expected = |datasource: &str| OwnerChange::Undeleted {
        owner: owner(UID, datasource),
        to: owner("new", datasource),
        record: RECORD.into(),
    };
    assert_eq!(told, [expected("6/app"), expected("7/app")]);
}
