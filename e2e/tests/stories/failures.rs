//! What users can get wrong: each is a typed reason within a minute, and mending the cause is enough.

use std::time::Duration;

use crate::scene::{Kind, Scene, scene};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_wrong_password_is_named_and_heals() {
    let scene = protected();
    let secret = "secret/postgres-superuser";
    scene.patch(secret, r#"{"stringData":{"password":"wrong"}}"#);
    revalidate(&scene, "wrong-password");
    check_says(&scene, "AuthenticationFailed");
    scene.patch(secret, &format!(r#"{{"stringData":{{"password":"{}"}}}}"#, scene.password));
    becomes_ready(&scene);
}

#[test]
fn a_missing_database_is_named_and_heals() {
    let scene = protected();
    scene
        .shop
        .postgres
        .sql("postgres", "ALTER DATABASE shop RENAME TO elsewhere")
        .expect("the database is renamed");
    revalidate(&scene, "missing-database");
    check_says(&scene, "DatabaseNotFound");
    scene
        .shop
        .postgres
        .sql("postgres", "ALTER DATABASE elsewhere RENAME TO shop")
        .expect("the database is back");
    becomes_ready(&scene);
}

#[test]
fn an_unreachable_host_is_named_and_heals() {
    let scene = protected();
    let service = "service/postgres";
    scene.patch(service, r#"{"spec":{"selector":{"app":"nobody"}}}"#);
    revalidate(&scene, "unreachable");
    check_says_one_of(&scene, &["ConnectionRefused", "ServerUnreachable", "ConnectionTimedOut"]);
    scene.patch(service, r#"{"spec":{"selector":{"app":"postgres"}}}"#);
    becomes_ready(&scene);
}

#[test]
fn a_deleted_secret_is_named_and_heals() {
    let scene = protected();
    let shop = &scene.shop;
    shop.kubectl
        .run(&["delete", "secret", "postgres-superuser", "-n", &shop.names.tenant])
        .expect("the Secret goes");
    revalidate(&scene, "deleted-secret");
    check_says(&scene, "SecretNotFound");
    let again = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: postgres-superuser, namespace: {}}}\nstringData: {{username: postgres, password: {}}}\n",
        shop.names.tenant, scene.password
    );
    shop.kubectl.apply(&again).expect("the Secret is back");
    becomes_ready(&scene);
}

#[test]
fn a_missing_bucket_is_named_and_heals() {
    let scene = scene(Kind::S3, 200);
    let shop = &scene.shop;
    scene.protect();
    scene.in_storage("mv /data/buckets/backups /data/buckets/elsewhere");
    let vault = format!("bvault/{}", shop.names.vault);
    let says = "jsonpath={.status.conditions[?(@.type=='StorageReachable')].reason}=BucketNotFound";
    shop.kubectl
        .wait(says, &vault, &shop.names.vault_namespace, 2 * MINUTE)
        .expect("the vault says what is missing");
    scene.in_storage("mv /data/buckets/elsewhere /data/buckets/backups");
    shop.kubectl
        .wait("condition=Ready", &vault, &shop.names.vault_namespace, 2 * MINUTE)
        .expect("the vault is ready again by itself");
}

/// A small shop whose vault and instance are ready and whose schedule rests.
fn protected() -> Scene {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    scene
}

/// As a user would who does not want to wait for the next look.
fn revalidate(scene: &Scene, token: &str) {
    let names = &scene.shop.names;
    let (instance, annotation) =
        (format!("binst/{}", names.instance), format!("coffer.dev/revalidate={token}"));
    scene
        .shop
        .kubectl
        .run(&["annotate", &instance, "-n", &names.tenant, "--overwrite", &annotation])
        .expect("the annotation is set");
}

fn check_says(scene: &Scene, reason: &str) {
    let instance = format!("binst/{}", scene.shop.names.instance);
    let says = format!("jsonpath={{.status.conditions[?(@.type=='BackupReady')].reason}}={reason}");
    scene
        .shop
        .kubectl
        .wait(&says, &instance, &scene.shop.names.tenant, MINUTE)
        .unwrap_or_else(|error| panic!("{reason}: {error}\n{}", describe(scene)));
}

fn check_says_one_of(scene: &Scene, reasons: &[&str]) {
    let names = &scene.shop.names;
    let instance = format!("binst/{}", names.instance);
    scene
        .shop
        .kubectl
        .wait("condition=BackupReady=False", &instance, &names.tenant, MINUTE)
        .unwrap_or_else(|error| panic!("{reasons:?}: {error}\n{}", describe(scene)));
    let object =
        scene.shop.kubectl.find("binst", &names.tenant, &names.instance).expect("the instance is read");
    let object = object.expect("the instance is there");
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready =
        conditions.iter().find(|condition| condition["type"] == "BackupReady").expect("the condition");
    let reason = ready["reason"].as_str().unwrap_or_default();
    assert!(reasons.contains(&reason), "{reason} is none of {reasons:?}: {}", ready["message"]);
}

/// Nobody touches the instance: the operator looks again by itself.
fn becomes_ready(scene: &Scene) {
    let instance = format!("binst/{}", scene.shop.names.instance);
    scene
        .shop
        .kubectl
        .wait("condition=BackupReady", &instance, &scene.shop.names.tenant, 4 * MINUTE)
        .unwrap_or_else(|error| panic!("it does not heal: {error}\n{}", describe(scene)));
}

fn describe(scene: &Scene) -> String {
    let names = &scene.shop.names;
    scene.shop.kubectl.run(&["describe", "binst", &names.instance, "-n", &names.tenant]).unwrap_or_default()
}
