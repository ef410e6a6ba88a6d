//! A role with too few rights is found out before the first backup, by the names of what it cannot read; the script that
//! `kubectl coffer grants` prints is enough, and one grant that is taken away again is found out, too.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Kind, Scene, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_a10_b07_b08_what_a_role_may_not_read_is_named_and_a_script_grants_it() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    let shop = &scene.shop;
    shop.postgres
        .sql("shop", "CREATE ROLE reader LOGIN PASSWORD 'a reader''s'")
        .expect("a role without rights");
    // A database has one instance in a vault: this one goes on under the other role.
    shop.kubectl.apply(&secret(&scene)).expect("its Secret");
    let patch = r#"{"spec":{"postgresql":{"credentialsSecretRef":{"name":"reader"}}}}"#;
    scene.patch("binst/shop", patch);
    is_denied(&scene, "shop.customers");

    let script = grants(&scene);
    assert!(script.contains("TO \"reader\""), "{script}");
    shop.postgres.sql("shop", &script).expect("the script runs");
    revalidate(&scene, "granted");
    shop.kubectl
        .wait("condition=BackupReady", "binst/shop", &shop.names.tenant, 2 * MINUTE)
        .expect("the script was enough");
    shop.apply_backup("granted").expect("a backup on demand is accepted");
    shop.wait_for("bjob/granted", "Complete", 3 * MINUTE).expect("the role can read everything");

    let hidden = "CREATE TABLE shop.plans (plan text); ALTER TABLE shop.plans ENABLE ROW LEVEL SECURITY";
    shop.postgres.sql("shop", hidden).expect("a table whose rows are hidden");
    revalidate(&scene, "hidden");
    is_denied(&scene, "shop.plans");
    // Nothing is called a backup that lacks rows: who asks for one waits, and is told for what.
    shop.apply_backup("waits").expect("a backup on demand is accepted");
    until("the job says what it waits for", MINUTE, || {
        let job = shop.kubectl.find("bjob", &shop.names.tenant, "waits").ok()??;
        let conditions = job["status"]["conditions"].as_array()?;
        let waits = conditions.iter().any(|held| held["reason"] == "RowSecurityActive");
        (waits && job["status"]["state"] == "Pending").then_some(())
    });
    shop.postgres.sql("shop", "ALTER ROLE reader BYPASSRLS").expect("the role may see every row");
    shop.wait_for("bjob/waits", "Complete", 4 * MINUTE).expect("the operator looks again by itself");
}

fn secret(scene: &Scene) -> String {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "reader", "namespace": scene.shop.names.tenant},
        "stringData": {"username": "reader", "password": "a reader's"},
    })
    .to_string()
}

/// The instance is not ready for backups, and its status names the relation.
fn is_denied(scene: &Scene, relation: &str) {
    until(&format!("{relation} is named"), 2 * MINUTE, || {
        let instance = scene.shop.kubectl.find("binst", &scene.shop.names.tenant, "shop").ok()??;
        let conditions = instance["status"]["conditions"].as_array()?;
        let ready = conditions.iter().find(|held| held["type"] == "BackupReady")?;
        let failed: Vec<&Value> = instance["status"]["checks"]
            .as_array()?
            .iter()
            .filter(|check| check["result"] == "Failed")
            .collect();
        let named =
            failed.iter().any(|check| check["message"].as_str().is_some_and(|said| said.contains(relation)));
        (ready["status"] == "False" && named).then_some(())
    });
}

fn grants(scene: &Scene) -> String {
    let output = scene.plugin(&["grants", "shop"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("SQL")
}

fn revalidate(scene: &Scene, why: &str) {
    let annotation = format!("coffer.dev/revalidate={why}");
    let annotate = ["annotate", "binst/shop", "-n", &scene.shop.names.tenant, "--overwrite", &annotation];
    scene.shop.kubectl.run(&annotate).expect("the annotation is set");
}
