//! Namespaces are deleted: a tenant's goes with everything in it, promptly and in the middle of a backup, and its points stay
//! beside the vault. The vault and its own namespace are refused, with what still needs them.

use std::time::Duration;

use serde_json::Value;

use crate::scene::{Kind, Scene, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);
const LABEL: &str = "coffer.dev/holds-backups";

#[test]
fn a_tenants_namespace_goes_at_once_and_takes_no_backup_with_it() {
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
}

fn is_refused(scene: &Scene, what: &[&str], why: &str) {
    let arguments = [&["delete", "--timeout=30s"], what].concat();
    let refusal = scene.shop.kubectl.run(&arguments).expect_err("it must not go").to_string();
    assert!(refusal.contains(why), "{refusal}");
}
