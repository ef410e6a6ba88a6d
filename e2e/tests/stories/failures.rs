//! What users can get wrong: each is a typed reason within a minute, and mending the cause is enough.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scene::{Kind, Scene, Storage, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

/// Something that goes wrong with an instance that has a database, a Secret and a Service of its own, all of its name.
struct Mistake {
    instance: &'static str,
    /// What the check may say of it.
    reasons: &'static [&'static str],
    make: fn(&Scene, &str),
    mend: fn(&Scene, &str),
}

const MISTAKES: [Mistake; 4] = [
    Mistake {
        instance: "wrong-password",
        reasons: &["AuthenticationFailed"],
        make: |scene, name| {
            scene.patch(&format!("secret/{name}"), r#"{"stringData":{"password":"wrong"}}"#);
        },
        mend: |scene, name| apply(scene, &secret(scene, name)),
    },
    Mistake {
        instance: "missing-database",
        reasons: &["DatabaseNotFound"],
        make: |scene, name| sql(scene, &format!("ALTER DATABASE \"{name}\" RENAME TO elsewhere")),
        mend: |scene, name| sql(scene, &format!("ALTER DATABASE elsewhere RENAME TO \"{name}\"")),
    },
    Mistake {
        instance: "unreachable",
        reasons: &["ConnectionRefused", "ServerUnreachable"],
        make: |scene, name| apply(scene, &service(scene, name, "nobody")),
        mend: |scene, name| apply(scene, &service(scene, name, "postgres")),
    },
    Mistake {
        instance: "deleted-secret",
        reasons: &["SecretNotFound"],
        make: |scene, name| {
            let delete = ["delete", "secret", name, "-n", &scene.shop.names.tenant];
            scene.shop.kubectl.run(&delete).expect("the Secret goes");
        },
        mend: |scene, name| apply(scene, &secret(scene, name)),
    },
];

#[test]
fn what_is_wrong_with_server_or_secret_is_named_within_a_minute_and_heals_by_itself() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    for Mistake { instance, .. } in &MISTAKES {
        protect(&scene, instance);
    }
    for Mistake { instance, .. } in &MISTAKES {
        becomes_ready(&scene, instance, 2 * MINUTE);
    }
    let mut checked = Vec::new();
    for Mistake { instance, make, .. } in &MISTAKES {
        checked.push(last_check(&scene, instance));
        make(&scene, instance);
        revalidate(&scene, instance, "now");
    }
    let made = Instant::now();
    for (Mistake { instance, reasons, .. }, before) in MISTAKES.iter().zip(checked) {
        check_says_one_of(&scene, instance, reasons, before, MINUTE.saturating_sub(made.elapsed()));
    }
    for Mistake { instance, mend, .. } in &MISTAKES {
        mend(&scene, instance);
    }
    // Nobody touches the instances: the operator looks again by itself.
    for Mistake { instance, .. } in &MISTAKES {
        becomes_ready(&scene, instance, 4 * MINUTE);
    }
}

#[test]
fn a_missing_bucket_or_secret_of_the_store_is_named_and_heals() {
    let scene = scene(Kind::S3, 200);
    scene.protect();
    scene.in_storage("mv /data/buckets/backups /data/buckets/elsewhere");
    storage_says(&scene, "BucketNotFound");
    scene.in_storage("mv /data/buckets/elsewhere /data/buckets/backups");
    vault_heals(&scene);

    let secret = take_credentials(&scene);
    storage_says(&scene, "CredentialsMissing");
    scene.shop.kubectl.create(&secret.to_string()).expect("the Secret is brought back");
    vault_heals(&scene);
}

/// A keeper looks once a minute, a Secret that it mounts takes as long to change, and the operator asks once a minute.
fn storage_says(scene: &Scene, reason: &str) {
    let says = format!("jsonpath={{.status.conditions[?(@.type=='StorageReachable')].reason}}={reason}");
    let names = &scene.shop.names;
    let vault = format!("bvault/{}", names.vault);
    scene
        .shop
        .kubectl
        .wait(&says, &vault, &names.vault_namespace, 3 * MINUTE)
        .unwrap_or_else(|error| panic!("the vault does not say {reason}: {error}"));
}

fn vault_heals(scene: &Scene) {
    let names = &scene.shop.names;
    let vault = format!("bvault/{}", names.vault);
    scene
        .shop
        .kubectl
        .wait("condition=Ready", &vault, &names.vault_namespace, 2 * MINUTE)
        .expect("the vault is ready again by itself");
}

/// Deletes the Secret by which the keeper reaches the store, and gives what brings it back.
fn take_credentials(scene: &Scene) -> Value {
    let Storage::S3 { server, .. } = &scene.storage else { panic!("the vault lies in a bucket") };
    let (kubectl, namespace) = (&scene.shop.kubectl, &scene.shop.names.vault_namespace);
    let name = server.credentials_secret.as_str();
    let held = kubectl.find("secret", namespace, name).expect("the Secret is read");
    let held = held.expect("the Secret is there");
    kubectl.run(&["delete", "secret", name, "-n", namespace]).expect("the Secret goes");
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace}, "data": held["data"],
    })
}

/// A database, a Secret, a Service and an instance of that name.
fn protect(scene: &Scene, name: &str) {
    sql(scene, &format!("CREATE DATABASE \"{name}\""));
    apply(scene, &secret(scene, name));
    apply(scene, &service(scene, name, "postgres"));
    let names = &scene.shop.names;
    let instance = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": name, "namespace": names.tenant},
        "spec": {
            "vaultRef": {"name": names.vault, "namespace": names.vault_namespace},
            "policyRef": {"name": names.policy, "namespace": names.vault_namespace},
            "postgresql": {
                "host": format!("{name}.{}.svc", names.tenant), "database": name,
                "credentialsSecretRef": {"name": name},
                // The server's certificate is for its first Service.
                "tls": {"mode": "VerifyCa", "caSecretRef": {"name": "postgres-ca", "key": "ca.crt"}},
            },
        },
    });
    apply(scene, &instance);
}

fn secret(scene: &Scene, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": name, "namespace": scene.shop.names.tenant},
        "stringData": {"username": "postgres", "password": scene.password},
    })
}

fn service(scene: &Scene, name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": scene.shop.names.tenant},
        "spec": {"selector": {"app": app}, "ports": [{"name": "postgresql", "port": 5432}]},
    })
}

fn apply(scene: &Scene, object: &Value) {
    scene
        .shop
        .kubectl
        .run_with_input(&["apply", "-f", "-"], Some(&object.to_string()))
        .expect("it is applied");
}

fn sql(scene: &Scene, statement: &str) {
    scene.shop.postgres.sql("postgres", statement).expect("the statement runs");
}

/// As a user would who does not want to wait for the next look.
fn revalidate(scene: &Scene, instance: &str, token: &str) {
    let (object, again) = (format!("binst/{instance}"), format!("coffer.dev/revalidate={token}"));
    let annotate = ["annotate", &object, "-n", &scene.shop.names.tenant, "--overwrite", &again];
    scene.shop.kubectl.run(&annotate).expect("the annotation is set");
}

/// When the last check of an instance has ended.
fn last_check(scene: &Scene, instance: &str) -> Value {
    read(scene, instance)["status"]["lastCheck"]["time"].clone()
}

fn read(scene: &Scene, instance: &str) -> Value {
    let found = scene.shop.kubectl.find("binst", &scene.shop.names.tenant, instance);
    found.expect("the instance is read").expect("the instance is there")
}

/// A check that has passed all the same came before the mistake had reached the node: another one is asked for.
fn check_says_one_of(scene: &Scene, instance: &str, reasons: &[&str], mut before: Value, limit: Duration) {
    let begun = Instant::now();
    let ready = until(&format!("{instance} is told to be wrong: {reasons:?}"), limit, || {
        let object = read(scene, instance);
        let ready = condition(&object, "BackupReady").filter(|ready| ready["status"] == "False");
        let last = &object["status"]["lastCheck"]["time"];
        if ready.is_none() && *last != before {
            before = last.clone();
            revalidate(scene, instance, &format!("after-{}", begun.elapsed().as_millis()));
        }
        ready
    });
    let reason = ready["reason"].as_str().unwrap_or_default();
    assert!(reasons.contains(&reason), "{reason} is none of {reasons:?}: {}", ready["message"]);
}

fn becomes_ready(scene: &Scene, instance: &str, limit: Duration) {
    scene
        .shop
        .kubectl
        .wait("condition=BackupReady", &format!("binst/{instance}"), &scene.shop.names.tenant, limit)
        .unwrap_or_else(|error| panic!("it does not heal: {error}\n{}", describe(scene, instance)));
}

fn describe(scene: &Scene, instance: &str) -> String {
    let describe = ["describe", "binst", instance, "-n", &scene.shop.names.tenant];
    scene.shop.kubectl.run(&describe).unwrap_or_default()
}
