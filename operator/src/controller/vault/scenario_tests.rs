//! Which calls the driver makes on the way from a new vault to one that is ready, in which order, and that it makes none
//! when nothing has changed.

use std::sync::Arc;

use contract::{KeyState, PointState, Points};
use crds::common::{ConditionType, is_true};
use crds::{BackupInstanceStatus, BackupVault};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::reconcile;
use super::tests::{vault, view};
use crate::controller::deleted_instance::tests::{UID, instance, owner, point};
use crate::controller::scenario::World;

const VAULT: &str = "backupvaults vaults/main";
const STATUS: &str = "PATCH backupvaults/status vaults/main";

fn world() -> World {
    let world = World::new();
    world.hold("backupvaults", &vault());
    world.context.known.vaults.hold(vault());
    let labels = json!({"coffer.dev/holds-backups": "true"});
    let namespace = json!({"metadata": {"name": "vaults", "uid": "n0", "labels": labels}});
    world.context.known.namespaces.hold(serde_json::from_value(namespace).unwrap());
    world
}

/// Looks once, and tells what was written.
async fn look(world: &World) -> Vec<String> {
    reconcile(Arc::new(world.object(VAULT)), Arc::clone(&world.context)).await.unwrap();
    world.writes()
}

#[tokio::test]
async fn a_new_vault_gets_certificate_token_and_keeper_then_its_key_and_is_then_left_alone() {
    let mut world = world();
    assert_eq!(
        look(&world).await,
        ["POST secrets vaults/main-keeper-1", "PATCH configmaps vaults/main-keeper", STATUS],
        "the certificate is there before the pod that mounts it"
    );
    assert_eq!(
        look(&world).await,
        [
            "POST secrets vaults/main-keeper-token-12345678",
            "PATCH serviceaccounts vaults/main-keeper",
            "PATCH serviceaccounts vaults/main-mover",
            "PATCH networkpolicies vaults/main-keeper",
            "PATCH networkpolicies vaults/main-mover",
            "PATCH services vaults/main-keeper",
            "PATCH deployments vaults/main-keeper",
            STATUS,
        ],
        "identities and policies are there before the pod, the status comes last"
    );
    world.start_keeper("7d0c", "vaults", "main").await;
    world.answer("GET /v1/vault", &view(KeyState::Empty));
    assert_eq!(
        look(&world).await,
        ["POST secrets vaults/main-coffer-keys", "PATCH deployments vaults/main-keeper", STATUS]
    );
    world.answer("GET /v1/vault", &view(KeyState::Open));
    world.answer(
        "GET /v1/points",
        &Points { head: view(KeyState::Open).head, points: Vec::new(), owners: Vec::new() },
    );
    assert_eq!(look(&world).await, [STATUS]);
    let status = world.object::<BackupVault>(VAULT).status.unwrap_or_default();
    assert!(is_true(&status.conditions, ConditionType::Ready), "{:?}", status.conditions);
    assert_eq!(
        look(&world).await,
        ["PATCH configmaps vaults/main-keeper"],
        "a keeper that starts again must know the ledger's head"
    );
    for _ in 0..3 {
        assert_eq!(look(&world).await, [""; 0], "nothing is written while nothing changes");
    }
}

#[tokio::test]
async fn a_key_that_is_there_is_kept_and_has_no_owner_that_could_take_it_along() {
    let mut world = world();
    look(&world).await;
    look(&world).await;
    world.start_keeper("7d0c", "vaults", "main").await;
    world.answer("GET /v1/vault", &view(KeyState::Empty));
    look(&world).await;
    let made: Secret = world.object("secrets vaults/main-coffer-keys");
    assert_eq!(made.metadata.owner_references, None);
    assert_eq!(made.metadata.finalizers, Some(vec!["coffer.dev/vault-key".to_owned()]));
    let mut forgotten: BackupVault = world.object(VAULT);
    forgotten.status = None;
    world.hold("backupvaults", &forgotten);
    look(&world).await;
    assert_eq!(
        world.object::<Secret>("secrets vaults/main-coffer-keys"),
        made,
        "a lost status makes no new key"
    );
}

#[tokio::test]
async fn an_instance_that_is_no_longer_taken_uses_the_vault_while_it_has_points_there() {
    let world = world();
    world.context.known.instances.hold(instance(UID, Some("7/app")));
    let count = async || {
        look(&world).await;
        world.object::<BackupVault>(VAULT).status.unwrap_or_default().instances
    };
    assert_eq!(count().await, Some(0), "the vault takes no namespace but its own, and anybody can name it");
    for (state, expected) in [(PointState::Available, 1), (PointState::Expired, 0)] {
        let points = vec![point(1, owner(UID, "7/app"), state)];
        world.context.keepers.fold("7d0c", Points { head: None, points, owners: Vec::new() });
        assert_eq!(count().await, Some(expected), "{state:?}");
    }
    world.context.keepers.forget_catalogue("7d0c");
    let mut told = instance(UID, Some("7/app"));
    told.status = Some(BackupInstanceStatus { recovery_points: Some(1), ..told.status.unwrap_or_default() });
    world.context.known.instances.hold(told);
    assert_eq!(count().await, Some(1), "until the ledger was read it stays as it was");
}

#[tokio::test]
async fn a_namespace_that_is_not_bound_is_told_with_the_command_and_nothing_is_made() {
    let world = world();
    world.refuse("GET configmaps", 403, "Forbidden");
    assert_eq!(look(&world).await, [STATUS]);
    let status = world.object::<BackupVault>(VAULT).status.unwrap_or_default();
    let ready = status.conditions.iter().find(|held| held.type_ == "Ready").expect("Ready is always there");
    assert_eq!(ready.reason, "NotBound");
    assert!(ready.message.contains("kubectl create rolebinding coffer-vault -n vaults"), "{}", ready.message);
}
