//! Namespaces are deleted: a tenant's goes with everything in it, promptly and in the middle of a backup, and its points stay
//! beside the vault, until they are given to an instance of another namespace or purged. The vault and its own namespace are
//! refused, with what still needs them.

use std::time::Duration;

use e2e::world::{HARDLY_EVER, Names, Shop, TemporaryNamespace};
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, condition, scene, until};
use crate::soft_deleted::resume;

const MINUTE: Duration = Duration::from_secs(60);
const LABEL: &str = "coffer.dev/holds-backups";

#[test]
fn row_a15_a20_a_tenants_namespace_goes_at_once_and_takes_no_backup_with_it() {
    let scene = scene(Kind::Claim, 200_000);
    scene.protect();
    let (kubectl, names) = (&scene.shop.kubectl, &scene.shop.names);
    scene.shop.apply_backup("kept").expect("a backup on demand is accepted");
    scene.shop.wait_for("bjob/kept", "Complete", 3 * MINUTE).expect("the backup completes");
    let point = scene.shop.wait_for_point("kept", MINUTE).expect("the point is shown");
    kubectl
        .run(&["label", "namespace", &names.vault_namespace, &format!("{LABEL}=true")])
        .expect("the namespace is labelled, as the notes of the chart say");
    is_refused(&scene, &["namespace", &names.vault_namespace], "holds backups");
    is_refused(&scene, &["bvault", &names.vault, "-n", &names.vault_namespace], "is used by 1 instance");

    scene.leave_a_backup_running();
    kubectl
        .run(&["delete", "namespace", &names.tenant, "--timeout=120s"])
        .expect("nothing holds the namespace up");
    let record = until("the deleted instance has a record", 2 * MINUTE, || {
        let records = kubectl.list("dbinst", &names.vault_namespace).ok()?;
        records.into_iter().find(|record| record["status"]["recoveryPoints"] == 1)
    });
    assert_eq!(record["status"]["state"], "Retained", "{}", record["status"]);
    until("the point is shown beside the vault", 2 * MINUTE, || {
        let shown = kubectl.find("rpoint", &names.vault_namespace, &point).ok()??;
        (condition(&shown, "Ready")?["reason"] == "OwnerDeleted").then_some(())
    });
    until("the run that was under way is over", 2 * MINUTE, || {
        let pods = kubectl.list("pods", &names.vault_namespace).ok()?;
        let moves = |pod: &Value| pod["metadata"]["labels"]["coffer.dev/role"] == "mover";
        (!pods.iter().any(moves)).then_some(())
    });
    until("the vault counts it", 2 * MINUTE, || {
        let vault = kubectl.find("bvault", &names.vault_namespace, &names.vault).ok()??;
        let (living, deleted) = (&vault["status"]["instances"], &vault["status"]["deletedInstances"]);
        (living.as_u64().unwrap_or(0) == 0 && *deleted == 1).then_some(())
    });
    is_refused(
        &scene,
        &["bvault", &names.vault, "-n", &names.vault_namespace],
        "needed by 1 deleted instance",
    );

    let unlabel = ["label", "namespace", &names.vault_namespace, &format!("{LABEL}-")];
    kubectl.run(&unlabel).expect("the namespace may go with the story");
    may_go_once_it_was_purged(&scene, record["metadata"]["name"].as_str().expect("a name"));
}

/// Nobody is left who could bring the instance back: its points go when the vault's people say so, and the vault after them.
fn may_go_once_it_was_purged(scene: &Scene, record: &str) {
    let (kubectl, names) = (&scene.shop.kubectl, &scene.shop.names);
    let patch = |object: &str, patch: Value| {
        let line = ["patch", object, "-n", &names.vault_namespace, "--type=merge", "-p", &patch.to_string()];
        kubectl.run(&line).expect("the patch holds");
    };
    let vault = format!("bvault/{}", names.vault);
    patch(&vault, json!({"spec": {"softDelete": {"state": "Disabled"}}}));
    until("the operator knows that nothing is kept any longer", MINUTE, || {
        let vault = kubectl.find("bvault", &names.vault_namespace, &names.vault).ok()??;
        (vault["status"]["softDelete"]["state"] == "Disabled").then_some(())
    });
    patch(&format!("dbinst/{record}"), json!({"spec": {"purge": true}}));
    until("the record goes with its last point", 2 * MINUTE, || {
        kubectl.find("dbinst", &names.vault_namespace, record).ok()?.is_none().then_some(())
    });
    until("the vault counts nothing any more", 2 * MINUTE, || {
        let vault = kubectl.find("bvault", &names.vault_namespace, &names.vault).ok()??;
        (vault["status"]["deletedInstances"].as_u64().unwrap_or(0) == 0).then_some(())
    });
    kubectl
        .run(&["delete", &vault, "-n", &names.vault_namespace, "--timeout=60s"])
        .expect("an empty vault may go");
}

#[test]
fn what_a_namespace_has_left_is_given_to_an_instance_of_another_one() {
    let scene = scene(Kind::Claim, 200);
    let (kubectl, names) = (&scene.shop.kubectl, &scene.shop.names);
    let former = TemporaryNamespace::create(kubectl, "former").expect("another namespace");
    let shop = former_shop(&scene, former.name());
    shop.apply_protection(HARDLY_EVER).expect("policy and instance are accepted");
    shop.wait_until_protected().expect("vault and instance become ready");
    shop.apply_backup("kept").expect("a backup on demand is accepted");
    shop.wait_for("bjob/kept", "Complete", 3 * MINUTE).expect("the backup completes");
    let point = shop.wait_for_point("kept", MINUTE).expect("the point is shown");
    kubectl
        .run(&["delete", "namespace", former.name(), "--timeout=120s"])
        .expect("nothing holds the namespace up");

    scene.shop.apply_protection(HARDLY_EVER).expect("the instance is accepted");
    let ready = |reason: &str| {
        until(&format!("the instance is {reason}"), 3 * MINUTE, || {
            (condition(&scene.instance()?, "Ready")?["reason"] == reason).then_some(())
        });
    };
    ready("DuplicateDatasource");
    let cluster = kubectl.find("namespace", "", "kube-system").expect("it is read").expect("it is there");
    patch_vault(
        &scene,
        &json!({"adopt": [{
            "from": {"cluster": cluster["metadata"]["uid"], "namespace": former.name(), "instance": names.instance},
            "to": {"namespace": names.tenant, "instance": names.instance},
        }]}),
    );
    let record = until("the instance waits to be resumed", 2 * MINUTE, || {
        let waiting = condition(&scene.instance()?, "ResumeRequired")?;
        let message = waiting["message"].as_str()?.to_owned();
        let (_, rest) = message.split_once("coffer.dev/resume=")?;
        Some(rest.split(|end: char| !end.is_ascii_alphanumeric() && end != '-').next()?.to_owned())
    });
    resume(&scene, &record);
    ready("AsConfigured");
    until("nothing is left of the former one", 2 * MINUTE, || {
        kubectl.list("dbinst", &names.vault_namespace).ok()?.is_empty().then_some(())
    });
    until("the point is the instance's", 2 * MINUTE, || {
        let shown = kubectl.find("rpoint", &names.tenant, &point).ok()??;
        (condition(&shown, "Ready")?["status"] == "True").then_some(())
    });
    scene.shop.apply_restore("back", &point, "back").expect("a restore is accepted");
    scene.shop.wait_for("rjob/back", "Complete", 3 * MINUTE).expect("the restore completes");
}

/// The same database, protected from another namespace with the same login.
fn former_shop(scene: &Scene, namespace: &str) -> Shop {
    let (kubectl, names) = (&scene.shop.kubectl, &scene.shop.names);
    for secret in ["superuser", "ca"].map(|which| format!("{}-{which}", names.server)) {
        let held = kubectl.find("secret", &names.tenant, &secret).expect("it is read").expect("it is there");
        let copy = json!({"apiVersion": "v1", "kind": "Secret", "data": held["data"],
                          "metadata": {"name": secret, "namespace": namespace}});
        kubectl.apply(&copy.to_string()).expect("a copy of the Secret");
    }
    patch_vault(scene, &json!({"allowedNamespaces": {"names": [names.tenant, namespace]}}));
    let names = Names { tenant: namespace.to_owned(), ..names.clone() };
    Shop { kubectl: kubectl.clone(), names, postgres: scene.shop.postgres.clone() }
}

fn patch_vault(scene: &Scene, access: &Value) {
    let names = &scene.shop.names;
    let patch = json!({"spec": {"access": access}}).to_string();
    let vault = format!("bvault/{}", names.vault);
    let line = ["patch", &vault, "-n", &names.vault_namespace, "--type=merge", "-p", &patch];
    scene.shop.kubectl.run(&line).expect("the vault takes it");
}

fn is_refused(scene: &Scene, what: &[&str], why: &str) {
    let arguments = [&["delete", "--timeout=30s"], what].concat();
    let refusal = scene.shop.kubectl.run(&arguments).expect_err("it must not go").to_string();
    assert!(refusal.contains(why), "{refusal}");
}
