//! Which calls the driver makes on the way from a deletion to the return, in which order, and that it makes none when nothing
//! has changed.

use std::sync::Arc;

use contract::{Appended, Head, Life, PointState, PointView, Points, Remains};
use crds::{BackupInstance, DeletedBackupInstance};
use serde_json::json;

use super::reconcile;
use super::tests::{RECORD, UID, deleted, instance, owner, point, vault, view};
use crate::controller::Wake;
use crate::controller::scenario::World;

const OBJECT: &str = "deletedbackupinstances vaults/shop-orders-0f8fad5b";
const STATUS: &str = "PATCH deletedbackupinstances/status vaults/shop-orders-0f8fad5b";
const LEDGER: &str = "keeper POST /v1/ledger";

/// A vault with a keeper that takes everything, and a ledger with one living instance of one point.
async fn world() -> World {
    let mut world = World::new();
    world.start_keeper("v1", "vaults", "main").await;
    world.answer("POST /v1/ledger", &Appended { head: head(9) });
    for (name, uid) in [("shop", "n1"), ("vaults", "n0")] {
        let namespace = json!({"metadata": {"name": name, "uid": uid}});
        world.context.known.namespaces.hold(serde_json::from_value(namespace).unwrap());
    }
    let own = owner(UID, "7/app");
    fold(&world, Life::Active, point(1, own, PointState::Available));
    world
}

fn head(sequence: u64) -> Head {
    Head { sequence, hash: "h".into() }
}

fn ledger(life: Life, point: PointView) -> Points {
    let own = owner(UID, "7/app");
    Points { head: Some(head(9)), points: vec![point], owners: vec![view(own, "Delete", life)] }
}

/// The ledger is so, as far as the operator knows.
fn fold(world: &World, life: Life, point: PointView) {
    world.context.keepers.fold("v1", ledger(life, point));
}

async fn look(world: &World) -> (Vec<String>, Wake) {
    let wake = reconcile(Arc::new(vault(json!(null))), Arc::clone(&world.context)).await.unwrap();
    (world.writes(), wake)
}

/// As the watch tells what the API server has.
fn watch(world: &World) {
    world.context.known.deleted_instances.hold(world.object::<DeletedBackupInstance>(OBJECT));
}

#[tokio::test]
async fn row_a20_a_deletion_is_told_to_the_ledger_then_shown_and_then_left_alone() {
    let world = world().await;
    let own = owner(UID, "7/app");
    let gone = ledger(deleted(Remains::Kept), point(1, own, PointState::Available));
    world.answer("GET /v1/points", &gone);
    let (writes, _) = look(&world).await;
    assert_eq!(writes, [LEDGER], "the ledger comes before the view of it");
    let told = world.told();
    assert_eq!(told[0]["owner"]["change"], "Deleted", "{told:?}");
    assert_eq!(told[0]["owner"]["points"]["kind"], "Purged", "{told:?}");
    let (writes, _) = look(&world).await;
    assert_eq!(writes, [format!("POST {OBJECT}"), STATUS.to_owned()]);
    watch(&world);
    for _ in 0..3 {
        assert_eq!(look(&world).await.0, [""; 0], "nothing is written while nothing changes");
    }
}

#[tokio::test]
async fn an_instance_that_the_watch_has_not_told_of_yet_is_not_taken_for_gone() {
    let world = world().await;
    world.hold("backupinstances", &instance(UID, Some("7/app")));
    assert_eq!(look(&world).await.0, [""; 0]);
    assert_eq!(world.told(), [json!(null); 0]);
}

/// Another instance of the ledger, of which the object is there.
fn with_another(world: &World) {
    let other = owner("kept", "8/app");
    let points = vec![point(2, other.clone(), PointState::Available)];
    let owners = vec![view(other, "Delete", Life::Active)];
    world.context.keepers.fold("v1", Points { head: Some(head(9)), points, owners });
}

#[tokio::test]
async fn an_instance_that_this_version_cannot_read_is_there_and_holds_nobody_else_up() {
    let world = world().await;
    with_another(&world);
    let metadata = json!({"name": "orders", "namespace": "shop", "uid": "kept"});
    world.hold("backupinstances", &json!({"metadata": metadata, "spec": {"of": "a later version"}}));
    assert_eq!(look(&world).await.0, [LEDGER]);
    let told = world.told();
    assert_eq!(told[0]["owner"]["change"], "Deleted", "{told:?}");
    assert_eq!(told[0]["owner"]["owner"]["instance"]["instanceUid"], UID, "{told:?}");
}

#[tokio::test]
async fn an_instance_of_which_the_api_server_says_nothing_is_left_for_the_next_look() {
    let world = world().await;
    with_another(&world);
    world.refuse("GET backupinstances shop/orders", 500, "InternalError");
    assert_eq!(look(&world).await.0, [LEDGER]);
    let told = world.told();
    assert_eq!(told[0]["owner"]["owner"]["instance"]["instanceUid"], "kept", "{told:?}");
}

#[tokio::test]
async fn row_a21_an_undelete_makes_the_instance_and_then_tells_the_ledger_whose_the_points_are() {
    let world = world().await;
    let own = owner(UID, "7/app");
    fold(&world, deleted(Remains::Kept), point(1, own, PointState::Available));
    look(&world).await;
    let mut record: DeletedBackupInstance = world.object(OBJECT);
    record.spec.undelete = true;
    world.hold("deletedbackupinstances", &record);
    watch(&world);
    let made = world.next_uid();
    let to = owner(&made, "7/app");
    let back = Points {
        head: Some(head(12)),
        points: vec![point(1, to.clone(), PointState::Available)],
        owners: vec![
            view(owner(UID, "7/app"), "Delete", Life::Released),
            view(to, "Delete", Life::ResumeRequired { record: RECORD.into() }),
        ],
    };
    world.answer("GET /v1/points", &back);
    let (writes, _) = look(&world).await;
    assert_eq!(writes, ["POST backupinstances shop/orders", LEDGER, STATUS]);
    let told = world.told();
    assert_eq!(told[0]["owner"]["change"], "Undeleted");
    assert_eq!(told[0]["owner"]["record"], RECORD);
    assert_eq!(told[0]["owner"]["to"]["instance"]["instanceUid"], made, "{told:?}");
    let instance: BackupInstance = world.object("backupinstances shop/orders");
    assert_eq!(instance.spec.protection, crds::instance::Protection::Stopped);
    world.context.known.instances.hold(instance);
    watch(&world);
    assert_eq!(look(&world).await.0, [format!("DELETE {OBJECT}")], "the record has done its work");
}

#[tokio::test]
async fn what_the_keeper_refuses_is_told_in_the_record_and_asked_for_later() {
    let world = world().await;
    let own = owner(UID, "7/app");
    fold(&world, deleted(Remains::Kept), point(1, own, PointState::Available));
    look(&world).await;
    let mut record: DeletedBackupInstance = world.object(OBJECT);
    record.spec.undelete = true;
    world.hold("deletedbackupinstances", &record);
    watch(&world);
    world.refuse("POST backupinstances shop/orders", 422, "Invalid");
    let (writes, wake) = look(&world).await;
    assert_eq!(writes, ["POST backupinstances shop/orders", STATUS]);
    assert_eq!(wake, Wake::seconds(60));
    let record: DeletedBackupInstance = world.object(OBJECT);
    let conditions = record.status.unwrap_or_default().conditions;
    let ready = conditions.iter().find(|held| held.type_ == "Ready").expect("Ready");
    assert_eq!(ready.reason, "UndeleteRefused");
}

#[tokio::test]
async fn a_vault_that_was_rolled_back_is_told_nothing() {
    let world = world().await;
    let mut rolled_back = vault(json!(null));
    let condition = json!({"type": "RolledBack", "status": "True", "reason": "RolledBack", "message": "m",
                           "lastTransitionTime": "2026-11-20T10:00:00Z"});
    rolled_back.status = Some(serde_json::from_value(json!({"conditions": [condition]})).unwrap());
    reconcile(Arc::new(rolled_back), Arc::clone(&world.context)).await.unwrap();
    assert_eq!(world.writes(), [""; 0]);
}
