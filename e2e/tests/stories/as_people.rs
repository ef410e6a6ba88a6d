//! What people ask of an instance, its jobs and its points, with kubectl alone: each question is a row's own, and the answer is
//! looked for where the row says it is.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Kind, Scene, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_a07_a09_a11_a19_a47_b06_b09_e12_e17_questions_of_people_are_answered_by_kubectl() {
    let scene = scene(Kind::Claim, 200);
    a_dry_run_fills_in_and_stores_nothing(&scene);
    scene.protect();
    the_source_is_known_by_its_server(&scene);
    a_name_is_used_once(&scene);
    let point = scene.shop.wait_for_point("first", MINUTE).expect("the point is shown");
    the_instance_tells_of_its_policy_and_backups(&scene);
    the_point_remembers(&scene, &point);
    points_are_listed_by_vault(&scene, &point);
    another_password_needs_no_restart(&scene);
    what_failed_is_tried_again_on_request(&scene);
    a_restore_looks_before_it_writes(&scene, &point);
}

/// The instance as people write it.
fn manifest(scene: &Scene, name: &str) -> Value {
    let names = &scene.shop.names;
    json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": name, "namespace": names.tenant},
        "spec": {
            "vaultRef": {"name": names.vault, "namespace": names.vault_namespace},
            "policyRef": {"name": names.policy, "namespace": names.vault_namespace},
            "postgresql": {
                "host": scene.shop.postgres.host(), "database": names.database,
                "credentialsSecretRef": {"name": format!("{}-superuser", names.server)},
            },
        },
    })
}

fn a_dry_run_fills_in_and_stores_nothing(scene: &Scene) {
    let dry_run = ["apply", "--dry-run=server", "-o", "json", "-f", "-"];
    let mut instance = manifest(scene, "preview");
    let answer = scene.shop.kubectl.run_with_input(&dry_run, Some(&instance.to_string()));
    let answer: Value = serde_json::from_str(&answer.expect("it is accepted")).expect("an object");
    let spec = &answer["spec"];
    assert_eq!((&spec["protection"], &spec["deletionPolicy"]), (&json!("Enabled"), &json!("Retain")));
    assert_eq!((&spec["postgresql"]["port"], &spec["postgresql"]["lanes"]), (&json!(5432), &json!(4)));
    instance["spec"]["protection"] = json!("Sometimes");
    let refusal = scene.shop.kubectl.run_with_input(&dry_run, Some(&instance.to_string()));
    let refusal = refusal.expect_err("a value that there is not").to_string();
    assert!(refusal.contains("spec.protection") && refusal.contains("Suspended"), "{refusal}");
    let stored = scene.shop.kubectl.find("binst", &scene.shop.names.tenant, "preview");
    assert_eq!(stored.expect("instances are read"), None);
}

fn the_source_is_known_by_its_server(scene: &Scene) {
    let asked = "SELECT system_identifier FROM pg_control_system()";
    let server = scene.shop.postgres.sql("postgres", asked).expect("the server's own identity");
    let told = instance(scene)["status"]["datasourceId"].clone();
    assert_eq!(told, format!("{server}/{}", scene.shop.names.database));
}

fn a_name_is_used_once(scene: &Scene) {
    scene.shop.apply_backup("first").expect("a backup on demand is accepted");
    scene.shop.wait_for("bjob/first", "Complete", 3 * MINUTE).expect("the backup completes");
    scene.shop.apply_backup("first").expect("the same again is no error");
    let jobs = scene.shop.kubectl.list("bjob", &scene.shop.names.tenant).expect("the jobs are listed");
    assert_eq!(jobs.len(), 1, "and no second backup");
}

fn the_instance_tells_of_its_policy_and_backups(scene: &Scene) {
    let names = &scene.shop.names;
    let told = until("the instance tells of its backup", MINUTE, || {
        let told = instance(scene)["status"].clone();
        (told["recoveryPoints"] == 1).then_some(told)
    });
    let policy = scene.shop.kubectl.find("bpol", &names.vault_namespace, &names.policy);
    let policy = policy.expect("the policy is read").expect("the policy is there");
    assert_eq!(told["policyVersion"], policy["metadata"]["generation"]);
    assert_eq!(told["lastBackup"]["jobName"], "first", "{}", told["lastBackup"]);
    assert!(told["nextBackupTime"].is_string(), "{told}");
    let table = scene.shop.kubectl.run(&["get", "binst", "-n", &names.tenant, "-o", "wide"]);
    let table = table.expect("the table");
    for column in ["STATE", "POLICY", "LAST BACKUP", "LAST RESULT", "NEXT"] {
        assert!(table.lines().next().unwrap_or_default().contains(column), "{column}: {table}");
    }
}

fn the_point_remembers(scene: &Scene, point: &str) {
    let found =
        scene.shop.kubectl.find("rpoint", &scene.shop.names.tenant, point).expect("the point is read");
    let source = &found.expect("the point is shown")["status"]["source"];
    assert_eq!(source["role"], "postgres");
    assert!(source["program"].as_str().is_some_and(|said| said.contains("pg_dump")), "{source}");
    let version = scene.shop.postgres.sql("postgres", "SHOW server_version").expect("the server's version");
    assert_eq!(source["serverVersion"], version);
}

fn points_are_listed_by_vault(scene: &Scene, point: &str) {
    let names = &scene.shop.names;
    let label = format!("coffer.dev/vault={}", names.vault);
    let listed = scene.shop.kubectl.run(&["get", "rpoint", "-A", "-l", &label, "--no-headers"]);
    let listed = listed.expect("the points are listed");
    // Other stories' vaults have this name, too; each of them has namespaces of its own.
    let cells = listed.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>());
    let own = [&names.tenant, &names.vault_namespace].map(String::as_str);
    let own: Vec<_> = cells.filter(|cells| own.contains(&cells[0])).collect();
    assert_eq!(own, [[names.tenant.as_str(), point]]);
}

fn another_password_needs_no_restart(scene: &Scene) {
    scene.shop.postgres.sql("postgres", "ALTER ROLE postgres PASSWORD 'another'").expect("another password");
    let secret = format!("secret/{}-superuser", scene.shop.names.server);
    scene.patch(&secret, r#"{"stringData":{"password":"another"}}"#);
    scene.shop.apply_backup("rotated").expect("a backup on demand is accepted");
    scene.shop.wait_for("bjob/rotated", "Complete", 3 * MINUTE).expect("it is made with the new password");
}

fn what_failed_is_tried_again_on_request(scene: &Scene) {
    let names = &scene.shop.names;
    let annotate = ["annotate", "binst", &names.instance, "-n", &names.tenant, "coffer.dev/sync=ForceResync"];
    scene.shop.kubectl.run(&annotate).expect("the annotation is accepted");
    until("the round that was asked for has been made", 2 * MINUTE, || {
        (instance(scene)["status"]["synced"] == "ForceResync").then_some(())
    });
}

/// A role that may not create databases, and a database that is there: both are told, and nothing is written.
fn a_restore_looks_before_it_writes(scene: &Scene, point: &str) {
    let names = &scene.shop.names;
    scene.shop.postgres.sql("postgres", "CREATE ROLE modest LOGIN PASSWORD 'modest'").expect("a modest role");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "modest", "namespace": names.tenant},
        "stringData": {"username": "modest", "password": "modest"},
    });
    scene.shop.kubectl.apply(&secret.to_string()).expect("its Secret");
    let cases = [("modest", "modest", "back", "CREATEDB"), ("taken", "postgres-superuser", "shop", "shop")];
    let before = scene.shop.digest("shop").expect("a digest of the source");
    for (job, credentials, database, named) in cases {
        let restore = json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "RestoreJob",
            "metadata": {"name": job, "namespace": names.tenant},
            "spec": {
                "vaultRef": {"name": names.vault, "namespace": names.vault_namespace},
                "source": {"recoveryPointRef": {"name": point}},
                "target": {"database": {
                    "host": scene.shop.postgres.host(), "name": database,
                    "credentialsSecretRef": {"name": credentials},
                    "tls": {"mode": "VerifyFull", "caSecretRef": {"name": "postgres-ca", "key": "ca.crt"}},
                }},
                "ifExists": "Fail",
            },
        });
        scene.shop.kubectl.apply(&restore.to_string()).expect("the restore is accepted");
        scene.shop.wait_for(&format!("rjob/{job}"), "Failed", 3 * MINUTE).expect("the restore is refused");
        let ended = scene.shop.kubectl.find("rjob", &names.tenant, job).expect("the job is read");
        let errors = ended.unwrap_or_default()["status"]["errors"].to_string();
        assert!(errors.contains(named), "{errors}");
    }
    let asked = "SELECT count(*) FROM pg_database WHERE datname ~ '^back'";
    assert_eq!(scene.shop.postgres.sql("postgres", asked).expect("the databases"), "0");
    assert_eq!(scene.shop.digest("shop").expect("a digest of the source"), before);
}

fn instance(scene: &Scene) -> Value {
    let names = &scene.shop.names;
    let found =
        scene.shop.kubectl.find("binst", &names.tenant, &names.instance).expect("the instance is read");
    found.expect("the instance is there")
}
