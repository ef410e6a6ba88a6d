//! Which calls the driver makes when somebody asks something of a point, and that it makes none when nothing has changed.

use std::sync::Arc;

use contract::{Appended, Head, Owner, PointState, PointView, Points, Removal};
use crds::common::{ConditionType, is_true};
use crds::recovery_point::{DeletionRequest, PointState as State};
use crds::{BackupVault, RecoveryPoint, annotations};
use kube::ResourceExt as _;
use serde_json::json;

use super::reconcile;
use super::tests::{instance, point};
use crate::controller::scenario::World;

/// The point of this number, as the cluster of the scenario owns it and its clock sees it.
fn owned(number: i64) -> PointView {
    let mut point = point(number);
    if let Owner::Instance { cluster_id, .. } = &mut point.owner {
        "c".clone_into(cluster_id);
    }
    point.expiration_time = None;
    point
}

fn vault() -> Arc<BackupVault> {
    let vault = "{apiVersion: coffer.dev/v1alpha1, kind: BackupVault, metadata: {name: main, namespace: backups, uid: v1}, \
                 spec: {storage: {filesystem: {claimName: c}}, encryption: {mode: SystemManaged}, recoveryPointWindow: 2}}";
    Arc::new(serde_yaml::from_str(vault).unwrap())
}

fn answer(points: Vec<PointView>) -> Points {
    Points { head: None, points, owners: Vec::new() }
}

async fn world() -> World {
    let mut world = World::new();
    world.start_keeper("v1", "backups", "main").await;
    for (name, uid) in [("shop", "ns1"), ("backups", "ns0")] {
        let namespace = json!({"metadata": {"name": name, "uid": uid}});
        world.context.known.namespaces.hold(serde_json::from_value(namespace).unwrap());
    }
    world.context.known.instances.hold(instance("Enabled"));
    world.context.keepers.fold("v1", answer(vec![owned(1), owned(2)]));
    world
}

/// Looks once, as if the watch had told all that was written, and tells what was written.
async fn look(world: &World) -> Vec<String> {
    reconcile(vault(), Arc::clone(&world.context)).await.unwrap();
    let writes = world.writes();
    for write in &writes {
        if let Some(name) = write.strip_prefix("PATCH recoverypoints/status ") {
            world.context.known.points.hold(world.object(&format!("recoverypoints {name}")));
        }
    }
    writes
}

/// Lets somebody ask for the deletion of a shown point.
fn request(world: &World, number: i64) -> String {
    let id = point(number).id.0;
    let all = world.context.known.points.all();
    let found = all.iter().find(|held| held.spec.point_id == id).unwrap();
    let mut object: RecoveryPoint = RecoveryPoint::clone(found);
    object.spec.deletion_request = Some(DeletionRequest { reason: "a subject's right".into() });
    object.metadata.generation = Some(2);
    object.metadata.uid = Some(format!("p{number}"));
    world.hold("recoverypoints", &object);
    let name = format!("shop/{}", object.name_any());
    // As the watch tells it, with the version that the API server gave it.
    world.context.known.points.hold(shown(world, &name));
    name
}

fn shown(world: &World, name: &str) -> RecoveryPoint {
    world.object(&format!("recoverypoints {name}"))
}

#[tokio::test]
async fn a_request_to_delete_goes_to_the_keeper_once_and_is_told_with_what_it_then_says() {
    let world = world().await;
    assert_eq!(look(&world).await.len(), 4, "two objects, each with its status");
    let name = request(&world, 1);
    let remove = format!("POST /v1/points/{}/remove", point(1).id);
    let head = Head { sequence: 9, hash: "h9".into() };
    world.answer(&remove, &Appended { head });
    let purge = "2099-01-01T00:00:00Z".parse().unwrap();
    let removed = PointView {
        state: PointState::SoftDeleted,
        expiration_time: Some(purge),
        removal: Some(Removal { purge, reason: "a subject's right".into() }),
        ..owned(1)
    };
    world.answer("GET /v1/points", &answer(vec![removed]));
    assert_eq!(
        look(&world).await,
        [format!("keeper {remove}"), format!("PATCH recoverypoints/status {name}")]
    );
    let status = shown(&world, &name).status.unwrap();
    assert_eq!((status.state, status.observed_generation), (Some(State::SoftDeleted), Some(2)));
    assert!(status.answered.is_some_and(|answered| answered.deletion_request.is_some()));
    assert_eq!(look(&world).await, [""; 0], "nothing has changed since");
}

#[tokio::test]
async fn what_the_keeper_would_not_is_told_and_not_asked_for_with_every_look() {
    let world = world().await;
    look(&world).await;
    let name = request(&world, 1);
    let remove = format!("keeper POST /v1/points/{}/remove", point(1).id);
    assert_eq!(look(&world).await, [remove, format!("PATCH recoverypoints/status {name}")]);
    let status = shown(&world, &name).status.unwrap();
    assert!(is_true(&status.conditions, ConditionType::DeletionBlocked), "{:?}", status.conditions);
    assert_eq!(look(&world).await, [""; 0]);
    // The newest is not even asked for.
    let last = request(&world, 2);
    assert_eq!(look(&world).await, [format!("PATCH recoverypoints/status {last}")]);
    let status = shown(&world, &last).status.unwrap();
    assert!(status.conditions.iter().any(|held| held.reason == "LastGood"), "{:?}", status.conditions);
}

#[tokio::test]
async fn an_annotation_shows_points_of_its_time_and_a_wrong_one_shows_none() {
    let world = world().await;
    world.context.keepers.fold("v1", answer(vec![owned(3), owned(4)]));
    assert_eq!(look(&world).await.len(), 4, "the window is two");
    let annotated = |value: &str| {
        let mut instance = instance("Enabled");
        instance.annotations_mut().insert(annotations::SHOW_POINTS.into(), value.into());
        world.context.known.instances.hold(instance);
    };
    annotated("yesterday");
    assert_eq!(look(&world).await, [""; 0]);
    annotated("2026-01-01/2026-01-02");
    let writes = look(&world).await;
    assert_eq!(writes.len(), 2, "{writes:?}");
    assert_eq!(look(&world).await, [""; 0]);
    world.context.known.instances.hold(instance("Enabled"));
    let writes = look(&world).await;
    assert!(writes.len() == 1 && writes[0].starts_with("DELETE recoverypoints shop/"), "{writes:?}");
}
