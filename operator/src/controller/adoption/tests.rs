//! Decisions about entries of `access.adopt`, over a small scene: one vault, a ledger that tells of another cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Life, Owner, OwnerView, PointState, Remains};
use crds::vault::{Access, AdoptFrom, AdoptTo, Adoption, AllowedNamespaces};
use crds::{BackupInstance, BackupVault, Reason};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Refusals;
use super::decide::{Change, Facts, Obstacle, Standing, decide, pending};
use crate::controller::deleted_instance::tests::{self as deleted, UID, now, point, view};
use crate::keeper_client::Catalogue;

struct Scene {
    vault: BackupVault,
    catalogue: Catalogue,
    instances: Vec<Arc<BackupInstance>>,
    namespaces: BTreeMap<String, String>,
    refused: BTreeMap<Owner, String>,
    clock_skewed: bool,
}

/// Instance `orders` of namespace `shop` in another cluster.
fn lost(uid: &str, datasource: &str) -> Owner {
    lost_in("n9", uid, datasource)
}

/// The same of a namespace that had this UID.
fn lost_in(namespace_uid: &str, uid: &str, datasource: &str) -> Owner {
    Owner::Instance {
        cluster_id: "old".into(),
        namespace: "shop".into(),
        namespace_uid: namespace_uid.into(),
        instance: "orders".into(),
        instance_uid: uid.into(),
        datasource_id: datasource.into(),
    }
}

fn entry(cluster: &str, instance: &str) -> Adoption {
    let (namespace, instance) = ("shop".to_owned(), instance.to_owned());
    Adoption {
        from: AdoptFrom { cluster: cluster.into(), namespace: namespace.clone(), instance },
        to: AdoptTo { namespace, instance: "orders".into() },
    }
}

impl Scene {
    /// One entry, for the instance that is there.
    fn new() -> Self {
        let mut vault = deleted::vault(json!(null));
        let names = Some(vec!["shop".to_owned()]);
        vault.spec.access = Some(Access {
            allowed_namespaces: Some(AllowedNamespaces { names, selector: None }),
            rules: None,
            adopt: Some(vec![entry("old", "orders")]),
        });
        Self {
            vault,
            catalogue: Catalogue::default(),
            instances: vec![Arc::new(deleted::instance(UID, Some("7/app")))],
            namespaces: BTreeMap::from([("shop".into(), "n1".into())]),
            refused: BTreeMap::new(),
            clock_skewed: false,
        }
    }

    fn knows(mut self, owner: Owner, life: Life) -> Self {
        self.catalogue.owners.insert(owner.clone(), view(owner, "Retain", life));
        self
    }

    fn has(mut self, number: u8, owner: Owner, state: PointState) -> Self {
        let point = point(number, owner, state);
        self.catalogue.points.insert(point.id.clone(), point);
        self
    }

    fn asks(mut self, entries: Vec<Adoption>) -> Self {
        self.vault.spec.access.as_mut().unwrap().adopt = Some(entries);
        self
    }

    fn with_instance(mut self, change: impl FnOnce(&mut BackupInstance)) -> Self {
        let mut instance = deleted::instance(UID, Some("7/app"));
        change(&mut instance);
        self.instances = vec![Arc::new(instance)];
        self
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            vault: &self.vault,
            catalogue: &self.catalogue,
            instances: &self.instances,
            namespaces: &self.namespaces,
            refused: &self.refused,
            clock_skewed: self.clock_skewed,
            cluster_id: "c",
        }
    }

    /// Whose what is taken over by the first entry, and that its heir is the instance as the owner of the same database.
    fn taken(&self) -> Vec<Owner> {
        let Standing::Take { changes, .. } = decide(&self.facts()).into_iter().next().unwrap().standing
        else {
            panic!("nothing is taken")
        };
        let mut taken = Vec::new();
        for Change { from, to } in changes {
            let Owner::Instance { datasource_id, .. } = &from else { panic!("{from:?}") };
            assert_eq!(to, deleted::owner(UID, datasource_id));
            taken.push(from);
        }
        taken.sort();
        taken
    }

    /// Its owner was taken over by this one.
    fn given(mut self, owner: Owner, heir: Owner) -> Self {
        let view = OwnerView { adopted_by: Some(heir), ..view(owner.clone(), "Retain", Life::Released) };
        self.catalogue.owners.insert(owner, view);
        self
    }

    fn pending(&self) -> Option<(Reason, String)> {
        let facts = self.facts();
        pending(&facts, &decide(&facts))
    }
}

#[test]
fn what_an_instance_had_goes_to_the_one_that_is_there_database_by_database() {
    let gone = deleted::deleted(Remains::Kept);
    let scene = Scene::new()
        .knows(lost("a", "7/app"), Life::Active)
        .knows(lost("a", "9/app"), Life::Active)
        .knows(lost("released", "7/app"), Life::Released)
        .knows(lost("deleted", "8/app"), gone.clone())
        .has(1, lost("deleted", "8/app"), PointState::Available)
        .knows(lost("spent", "7/app"), gone)
        .has(2, lost("spent", "7/app"), PointState::Expired)
        .has(3, lost("unclaimed", "6/app"), PointState::SoftDeleted)
        .knows(deleted::owner("of this cluster", "7/app"), Life::Active);
    let mut expected = [lost("a", "7/app"), lost("a", "9/app"), lost("unclaimed", "6/app")];
    expected.sort();
    assert_eq!(scene.taken(), expected, "what was deleted stays as it was promised then");
    assert_eq!(scene.pending(), None, "it is done in a moment");
}

#[test]
fn what_was_deleted_is_taken_only_where_it_holds_the_database() {
    let gone = |datasource: &str| {
        let owner = lost("deleted", datasource);
        Scene::new().knows(owner.clone(), deleted::deleted(Remains::Kept)).has(
            1,
            owner,
            PointState::Available,
        )
    };
    assert_eq!(gone("7/app").taken(), [lost("deleted", "7/app")]);
    let (reason, message) = gone("8/app").pending().expect("pending");
    assert_eq!(reason, Reason::AdoptionRefused);
    assert!(message.contains("was deleted there"), "{message}");
}

#[test]
fn two_namespaces_that_had_one_name_are_not_taken_for_one() {
    let scene = Scene::new()
        .knows(lost_in("n8", "a", "7/app"), deleted::deleted(Remains::Kept))
        .has(1, lost_in("n8", "a", "7/app"), PointState::Available)
        .knows(lost_in("n9", "b", "9/app"), Life::Active);
    let (reason, message) = scene.pending().expect("pending");
    assert_eq!(reason, Reason::AdoptionRefused);
    assert!(message.contains("several namespaces") && message.contains("n8 and n9"), "{message}");
    let scene = Scene::new()
        .knows(lost_in("n8", "a", "8/app"), deleted::deleted(Remains::Kept))
        .has(1, lost_in("n8", "a", "8/app"), PointState::Available)
        .knows(lost_in("n9", "b", "9/app"), Life::Active);
    assert_eq!(scene.taken(), [lost_in("n9", "b", "9/app")], "of the other nothing is taken");
}

#[test]
fn what_somebody_else_has_taken_is_told() {
    let own = Scene::new().given(lost("a", "7/app"), deleted::owner("of an earlier object", "7/app"));
    assert_eq!(decide(&own.facts())[0].standing, Standing::Done, "the instance was made anew since");
    let other = Scene::new().given(lost("a", "7/app"), lost("another", "7/app"));
    let (reason, message) = other.pending().expect("pending");
    assert_eq!(reason, Reason::AdoptionRefused);
    assert!(message.contains("shop/orders of cluster old has taken over"), "{message}");
}

#[test]
fn nothing_is_taken_while_no_end_can_be_promised() {
    let mut scene = Scene::new().knows(lost("a", "7/app"), Life::Active);
    scene.clock_skewed = true;
    let (reason, message) = scene.pending().expect("pending");
    assert_eq!(reason, Reason::AdoptionWaiting);
    assert!(message.contains("five minutes"), "{message}");
}

#[test]
fn what_is_refused_is_told_before_what_is_waited_for() {
    let waiting = (0..4).map(|number| entry("old", &format!("i{number}")));
    let entries: Vec<Adoption> = waiting.chain([entry("c", "orders")]).collect();
    let mut scene = Scene::new().asks(entries);
    for number in 0..4 {
        let owner = Owner::Instance {
            cluster_id: "old".into(),
            namespace: "shop".into(),
            namespace_uid: "n9".into(),
            instance: format!("i{number}"),
            instance_uid: "a".into(),
            datasource_id: "7/app".into(),
        };
        scene = scene.knows(owner, Life::Active);
    }
    scene.instances.clear();
    let (reason, message) = scene.pending().expect("pending");
    assert_eq!(reason, Reason::AdoptionRefused);
    assert!(message.starts_with("BackupInstance shop/orders of cluster c"), "{message}");
}

#[test]
fn an_entry_whose_instance_has_nothing_left_is_done() {
    let scene = Scene::new().knows(lost("a", "7/app"), Life::Released);
    assert_eq!(decide(&scene.facts())[0].standing, Standing::Done);
    assert_eq!(scene.pending(), None);
    let without = Scene::new().asks(Vec::new());
    assert_eq!((decide(&without.facts()).len(), without.pending()), (0, None));
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let known = || Scene::new().knows(lost("a", "7/app"), Life::Active);
    let mut closed = known();
    closed.vault.spec.access.as_mut().unwrap().allowed_namespaces = None;
    let mut refused = known();
    refused.refused.insert(lost("a", "7/app"), "somebody else has it".into());
    let cases = [
        (Scene::new(), "never heard of it"),
        (
            known().asks(vec![entry("old", "other")]),
            "shop/other of cluster old: the vault's ledger has never heard",
        ),
        (known().asks(vec![entry("c", "orders")]), "never heard of it"),
        (closed, "`access.allowedNamespaces.names`"),
        (refused, "somebody else has it"),
    ];
    for (scene, text) in cases {
        let (reason, message) = scene.pending().expect("pending");
        assert_eq!(reason, Reason::AdoptionRefused, "{message}");
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn what_was_left_by_a_namespace_of_this_cluster_is_taken_once_it_was_deleted() {
    let of = |namespace_uid: &str, uid: &str| match lost_in(namespace_uid, uid, "7/app") {
        Owner::Instance { namespace, namespace_uid, instance, instance_uid, datasource_id, .. } => {
            let cluster_id = "c".to_owned();
            Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, datasource_id }
        }
        owner @ Owner::Cli { .. } => owner,
    };
    let asks = || Scene::new().asks(vec![entry("c", "orders")]);
    let gone = of("n0", "a");
    let deleted = || deleted::deleted(Remains::Kept);
    let left = asks().knows(gone.clone(), deleted()).has(1, gone.clone(), PointState::Available);
    assert_eq!(left.taken(), std::slice::from_ref(&gone));
    // Beside one of the namespace that is there, which is its own people's to bring back.
    let beside = left.knows(of("n1", "b"), deleted()).has(2, of("n1", "b"), PointState::Available);
    assert_eq!(beside.taken(), std::slice::from_ref(&gone));

    // All that the one instance ever was goes with it, also once a part of it has gone.
    let former = |uid: &str| match of("n0", uid) {
        Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, .. } => {
            let datasource_id = "6/app".to_owned();
            Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, datasource_id }
        }
        owner @ Owner::Cli { .. } => owner,
    };
    let both = || asks().knows(former("a"), deleted()).has(3, former("a"), PointState::Available);
    let whole = both().knows(gone.clone(), deleted()).has(1, gone.clone(), PointState::Available);
    assert_eq!(whole.taken(), [former("a"), gone.clone()]);
    let heir = deleted::owner(UID, "7/app");
    assert_eq!(both().given(gone.clone(), heir).taken(), [former("a")]);
    let mut strayed = both().given(gone.clone(), deleted::owner(UID, "7/app"));
    strayed.catalogue.owners.get_mut(&former("a")).expect("an owner").spec.clear();
    assert_eq!(strayed.pending(), None, "it was never protected as that, and nothing else is left");
    let other = asks().knows(former("z"), deleted()).has(3, former("z"), PointState::Available);
    assert_eq!(other.pending().expect("pending").0, Reason::AdoptionRefused, "another instance's");

    let living = asks().knows(of("n1", "b"), deleted()).has(2, of("n1", "b"), PointState::Available);
    let (reason, message) = living.pending().expect("pending");
    assert_eq!(reason, Reason::AdoptionRefused);
    assert!(message.contains("its namespace is there"), "{message}");
    let unheard = asks().knows(gone.clone(), Life::Active).has(1, gone, PointState::Available);
    assert_eq!(unheard.pending().expect("pending").0, Reason::AdoptionWaiting);
}

#[test]
fn an_instance_that_is_not_there_or_not_checked_is_waited_for() {
    let known = || Scene::new().knows(lost("a", "7/app"), Life::Active);
    let mut nowhere = known();
    nowhere.instances.clear();
    let mut ending = known();
    ending.namespaces.clear();
    let going = known().with_instance(|held| {
        held.metadata.deletion_timestamp =
            Some(serde_json::from_value(json!("2026-11-20T10:00:00Z")).unwrap());
    });
    let unchecked = known().with_instance(|held| held.status = None);
    for scene in [nowhere, ending, going, unchecked] {
        assert!(matches!(decide(&scene.facts())[0].standing, Standing::Open(Obstacle::Waits(_))));
        assert_eq!(scene.pending().expect("pending").0, Reason::AdoptionWaiting);
    }
}

#[test]
fn of_many_entries_the_first_are_told_and_the_others_counted() {
    let entries = (0..9).map(|number| entry("old", &format!("i{number}"))).collect();
    let (_, message) = Scene::new().asks(entries).pending().expect("pending");
    assert!(message.contains("shop/i2") && !message.contains("shop/i3"), "{message}");
    assert!(message.ends_with("And 6 more."), "{message}");
    assert!(message.chars().count() < 1024, "a condition holds no more");
}

#[test]
fn what_was_refused_is_told_once_and_asked_again_after_a_minute() {
    let refusals = Refusals::default();
    let from = lost("a", "7/app");
    let say = |message: &str, wall: Timestamp| refusals.refused("v1", &from, message.into(), wall);
    assert!(say("no", now()));
    let later = |seconds| now() + SignedDuration::from_secs(seconds);
    assert!(!refusals.may_ask("v1", &from, later(59)) && refusals.may_ask("v1", &from, later(60)));
    assert!(refusals.may_ask("v2", &from, now()));
    assert_eq!(refusals.of("v1").get(&from).map(String::as_str), Some("no"), "until it is taken");
    assert!(!say("no", later(60)), "it was told");
    assert!(say("another no", later(120)));
    refusals.taken("v1", &from);
    assert!(refusals.of("v1").is_empty() && refusals.may_ask("v1", &from, later(120)));
}
