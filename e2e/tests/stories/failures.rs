//! What users can get wrong: each is a typed reason within a minute, and mending the cause is enough.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use e2e::world::Authority;

use crate::beside::{apply, becomes_ready, protect, read, secret, service, sql};
use crate::scene::{Kind, Scene, Storage, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

/// Something that goes wrong with an instance that has a database, a Secret and a Service of its own, all of its name.
struct Mistake {
    instance: &'static str,
    /// The check that fails: those before it pass, and those that stand on it are left out. Unset: no pod is needed to find it out.
    check: Option<&'static str>,
    /// What the check may say of it.
    reasons: &'static [&'static str],
    make: fn(&Scene, &str),
    mend: fn(&Scene, &str),
}

/// A server of a version to come is not to be had. This one says that it is one, to whoever asks in the database.
const OF_TOMORROW: &str = "SET allow_system_table_mods = on;
    ALTER FUNCTION pg_catalog.current_setting(text) RENAME TO setting_of_today;
    CREATE FUNCTION pg_catalog.current_setting(text) RETURNS text STABLE STRICT LANGUAGE sql
    AS $$ SELECT CASE $1 WHEN 'server_version_num' THEN '990001' ELSE pg_catalog.setting_of_today($1) END $$";
const OF_TODAY: &str = "SET allow_system_table_mods = on;
    DROP FUNCTION pg_catalog.current_setting(text);
    ALTER FUNCTION pg_catalog.setting_of_today(text) RENAME TO current_setting";

const MISTAKES: [Mistake; 7] = [
    Mistake {
        instance: "wrong-password",
        check: Some("LogIn"),
        reasons: &["AuthenticationFailed"],
        make: |scene, name| {
            scene.patch(&format!("secret/{name}"), r#"{"stringData":{"password":"wrong"}}"#);
        },
        mend: |scene, name| apply(scene, &secret(scene, name)),
    },
    Mistake {
        instance: "missing-database",
        check: Some("Database"),
        reasons: &["DatabaseNotFound"],
        make: |scene, name| sql(scene, &format!("ALTER DATABASE \"{name}\" RENAME TO elsewhere")),
        mend: |scene, name| sql(scene, &format!("ALTER DATABASE elsewhere RENAME TO \"{name}\"")),
    },
    Mistake {
        instance: "unreachable",
        check: Some("Connect"),
        reasons: &["ConnectionRefused", "ServerUnreachable"],
        make: |scene, name| apply(scene, &service(scene, name, "nobody")),
        mend: |scene, name| apply(scene, &service(scene, name, "postgres")),
    },
    Mistake {
        instance: "no-name",
        check: Some("Resolve"),
        reasons: &["HostNotFound"],
        make: |scene, name| {
            set(scene, name, &json!({"host": format!("nobody.{}.svc", scene.shop.names.tenant)}))
        },
        mend: |scene, name| {
            set(scene, name, &json!({"host": format!("{name}.{}.svc", scene.shop.names.tenant)}))
        },
    },
    Mistake {
        instance: "strange-authority",
        check: Some("Tls"),
        reasons: &["TlsFailed"],
        make: |scene, name| {
            let stranger = Authority::new("a stranger").expect("an authority");
            let object = json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "stranger", "namespace": scene.shop.names.tenant},
                "stringData": {"ca.crt": stranger.certificate()},
            });
            apply(scene, &object);
            set(scene, name, &json!({"tls": {"caSecretRef": {"name": "stranger"}}}));
        },
        mend: |scene, name| set(scene, name, &json!({"tls": {"caSecretRef": {"name": "postgres-ca"}}})),
    },
    Mistake {
        instance: "of-tomorrow",
        check: Some("Version"),
        reasons: &["ServerVersionUnsupported"],
        make: |scene, name| drop(scene.shop.postgres.sql(name, OF_TOMORROW).expect("another version")),
        mend: |scene, name| drop(scene.shop.postgres.sql(name, OF_TODAY).expect("the server's own version")),
    },
    Mistake {
        instance: "deleted-secret",
        check: None,
        reasons: &["SecretNotFound"],
        make: |scene, name| {
            let delete = ["delete", "secret", name, "-n", &scene.shop.names.tenant];
            scene.shop.kubectl.run(&delete).expect("the Secret goes");
        },
        mend: |scene, name| apply(scene, &secret(scene, name)),
    },
];

#[test]
fn row_b03_b18_what_is_wrong_with_server_or_secret_is_named_within_a_minute_and_heals_by_itself() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    for Mistake { instance, .. } in &MISTAKES {
        protect(&scene, instance);
    }
    for Mistake { instance, .. } in &MISTAKES {
        becomes_ready(&scene, instance, 2 * MINUTE);
    }
    for mistakes in MISTAKES.chunks(4) {
        are_named(&scene, mistakes);
    }
    for Mistake { instance, mend, .. } in &MISTAKES {
        mend(&scene, instance);
    }
    // Where the instance itself was right nobody touches it: the operator looks again by itself.
    for Mistake { instance, .. } in &MISTAKES {
        becomes_ready(&scene, instance, 4 * MINUTE);
    }
}

/// Made at once, and each told within a minute.
fn are_named(scene: &Scene, mistakes: &[Mistake]) {
    let mut checked = Vec::new();
    for Mistake { instance, make, .. } in mistakes {
        checked.push(last_check(scene, instance));
        make(scene, instance);
        revalidate(scene, instance, "now");
    }
    let made = Instant::now();
    for (Mistake { instance, check, reasons, .. }, before) in mistakes.iter().zip(checked) {
        check_says_one_of(scene, instance, reasons, before, MINUTE.saturating_sub(made.elapsed()));
        fails_at(scene, instance, *check);
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

/// As a user would who does not want to wait for the next look.
fn revalidate(scene: &Scene, instance: &str, token: &str) {
    let (object, again) = (format!("binst/{instance}"), format!("coffer.dev/revalidate={token}"));
    let annotate = ["annotate", &object, "-n", &scene.shop.names.tenant, "--overwrite", &again];
    scene.shop.kubectl.run(&annotate).expect("the annotation is set");
}

/// A part of what the instance says of its server.
fn set(scene: &Scene, instance: &str, postgresql: &Value) {
    let patch = json!({"spec": {"postgresql": postgresql}});
    scene.patch(&format!("binst/{instance}"), &patch.to_string());
}

/// One check after the other up to the one that fails, and what stands on that one is left out.
fn fails_at(scene: &Scene, instance: &str, check: Option<&str>) {
    let Some(check) = check else { return };
    let object = read(scene, instance);
    let checks = object["status"]["checks"].as_array().expect("its checks");
    // The others are of the vault, and of what earlier backups have shown.
    let of_server = |(name, _): &(&str, &str)| !["Storage", "Key", "Size"].contains(name);
    let results: Vec<(&str, &str)> = checks
        .iter()
        .filter_map(|held| Some((held["name"].as_str()?, held["result"].as_str()?)))
        .filter(of_server)
        .collect();
    let at = results.iter().position(|(name, _)| *name == check);
    let at = at.unwrap_or_else(|| panic!("{instance}: no check {check} among {results:?}"));
    assert!(results[..at].iter().all(|(_, result)| *result == "Passed"), "{instance}: {results:?}");
    assert_eq!(results[at].1, "Failed", "{instance}: {results:?}");
    let (next, rest) = results[at + 1..].split_first().expect("others stand on it");
    assert_eq!(next.1, "Skipped", "{instance}: {results:?}");
    assert!(rest.iter().all(|(_, result)| *result != "Failed"), "{instance}: {results:?}");
}

/// When the last check of an instance has ended.
fn last_check(scene: &Scene, instance: &str) -> Value {
    read(scene, instance)["status"]["lastCheck"]["time"].clone()
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
