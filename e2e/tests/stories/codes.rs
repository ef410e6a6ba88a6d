//! What goes wrong with a server after it was last checked: a code that people know, what lay behind it, whose it is and what to
//! do, in the job's status. Nothing that was there is touched by it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::beside::{apply, becomes_ready, protect, secret, service, sql};
use crate::scene::{Kind, Scene, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

/// Something that goes wrong after the last check of an instance has passed, so that the backup meets it.
struct Mishap {
    instance: &'static str,
    code: &'static str,
    /// What the server itself calls it.
    sqlstate: Option<&'static str>,
    /// Whether it may pass by itself.
    retryable: bool,
    make: fn(&Scene, &str),
    mend: fn(&Scene, &str),
}

const MISHAPS: [Mishap; 4] = [
    Mishap {
        instance: "closed",
        code: "UserErrorMissingNetworkSecurityPermissions",
        sqlstate: None,
        retryable: true,
        make: |scene, name| {
            apply(scene, &service(scene, name, "nobody"));
            // The node learns of it some moments later.
            let host = format!("{name}.{}.svc", scene.shop.names.tenant);
            until("nothing answers at the Service", MINUTE, || {
                scene.shop.postgres.exec(&["pg_isready", "-q", "-t", "5", "-h", &host]).err()
            });
        },
        mend: |scene, name| apply(scene, &service(scene, name, "postgres")),
    },
    Mishap {
        instance: "other-password",
        code: "UserErrorDBUserAuthFailed",
        sqlstate: Some("28P01"),
        retryable: false,
        make: |scene, name| sql(scene, &format!("ALTER ROLE \"{name}\" PASSWORD 'another'")),
        mend: |scene, name| sql(scene, &format!("ALTER ROLE \"{name}\" PASSWORD '{}'", scene.password)),
    },
    Mishap {
        instance: "renamed",
        code: "UserErrorDBNotFound",
        sqlstate: Some("3D000"),
        retryable: false,
        make: |scene, name| sql(scene, &format!("ALTER DATABASE \"{name}\" RENAME TO elsewhere")),
        mend: |scene, name| sql(scene, &format!("ALTER DATABASE elsewhere RENAME TO \"{name}\"")),
    },
    Mishap {
        instance: "revoked",
        code: "UserErrorMissingDBPermissions",
        sqlstate: None,
        retryable: false,
        make: |scene, name| sql(scene, &format!("ALTER ROLE \"{name}\" NOSUPERUSER")),
        mend: |scene, name| sql(scene, &format!("ALTER ROLE \"{name}\" SUPERUSER")),
    },
];

#[test]
fn row_a45_a49_b17_what_goes_wrong_has_a_code_that_people_know_and_costs_no_point() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    for Mishap { instance, .. } in &MISHAPS {
        protect(&scene, instance);
        scene.shop.postgres.sql(instance, "CREATE TABLE kept (what text)").expect("something to back up");
        logs_in_by_itself(&scene, instance);
    }
    for Mishap { instance, .. } in &MISHAPS {
        becomes_ready(&scene, instance, 2 * MINUTE);
        back_up(&scene, instance, "before");
    }
    for Mishap { instance, .. } in &MISHAPS {
        completes(&scene, instance, "before");
    }
    let points = scene.shop.points().expect("points are listed").len();
    for Mishap { instance, make, .. } in &MISHAPS {
        make(&scene, instance);
    }
    for Mishap { instance, .. } in &MISHAPS {
        back_up(&scene, instance, "after");
    }
    for mishap in &MISHAPS {
        is_told(&scene, mishap);
    }
    assert_eq!(scene.shop.points().expect("points are listed").len(), points, "nothing is deleted for it");
    for Mishap { instance, mend, .. } in &MISHAPS {
        mend(&scene, instance);
    }
    // Nothing was read yet, so that each is tried again by itself until its window closes.
    for Mishap { instance, .. } in &MISHAPS {
        completes(&scene, instance, "after");
    }
    a_lost_connection_is_tried_again(&scene);
}

/// By a role of the instance's own name.
fn logs_in_by_itself(scene: &Scene, name: &str) {
    let password = &scene.password;
    sql(scene, &format!("CREATE ROLE \"{name}\" LOGIN SUPERUSER PASSWORD '{password}'"));
    let mut held = secret(scene, name);
    held["stringData"]["username"] = json!(name);
    apply(scene, &held);
}

fn back_up(scene: &Scene, instance: &str, when: &str) {
    let job = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
        "metadata": {"name": format!("{instance}-{when}"), "namespace": scene.shop.names.tenant},
        "spec": {"instanceRef": {"name": instance}, "retentionTag": "Default"},
    });
    apply(scene, &job);
}

/// And its point is shown.
fn completes(scene: &Scene, instance: &str, when: &str) {
    let job = format!("{instance}-{when}");
    scene.shop.wait_for(&format!("bjob/{job}"), "Complete", 8 * MINUTE).expect("the backup completes");
    scene.shop.wait_for_point(&job, MINUTE).expect("the point is shown");
}

fn is_told(scene: &Scene, mishap: &Mishap) {
    let Mishap { instance, code, sqlstate, retryable, .. } = mishap;
    let mut last = Value::Null;
    let error = until(&format!("{instance} is told as {code}"), 3 * MINUTE, || {
        last = scene.job(&format!("{instance}-after"))?["status"].clone();
        last["errors"].as_array()?.last().cloned()
    });
    assert_eq!(error["code"], *code, "{last}");
    assert_eq!((&error["userError"], &error["retryable"]), (&json!(true), &json!(retryable)), "{error}");
    assert!(error["recommendedAction"].as_str().is_some_and(|action| !action.is_empty()), "{error}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    if let Some(sqlstate) = sqlstate {
        assert_eq!(error["inner"]["code"], *sqlstate, "{error}");
        assert!(error["inner"]["message"].as_str().is_some_and(|said| said.contains(instance)), "{error}");
    }
    assert!(!error.to_string().contains(&scene.password), "{error}");
    assert!(last["recoveryPoint"].is_null(), "{last}");
}

/// The sessions of a running backup are ended by somebody: the attempt has its code, and the next one completes.
fn a_lost_connection_is_tried_again(scene: &Scene) {
    scene.add_bulk(120);
    scene.leave_a_backup_running();
    let job = scene.job("running").expect("the job is there");
    let run = job["metadata"]["uid"].as_str().expect("its UID");
    // All of them, once rows are read: a single one would be made again, as long as the session with the snapshot lives.
    let of_run = format!("pg_stat_activity WHERE application_name LIKE 'coffer {run}%'");
    let end = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM {of_run} AND EXISTS (SELECT FROM {of_run} AND query ~ '^COPY')"
    );
    until("its sessions are ended", 2 * MINUTE, || {
        let ended: u32 = scene.shop.postgres.sql("postgres", &end).ok()?.parse().ok()?;
        (ended > 0).then_some(())
    });
    let attempt = until("the attempt has failed", 2 * MINUTE, || {
        let attempt = scene.job("running")?["status"]["attempts"][0].clone();
        attempt["endTime"].is_string().then_some(attempt)
    });
    assert_eq!(attempt["errorCode"], "UserErrorServerConnectionClosed", "{attempt}");
    assert_eq!(attempt["outcome"], "RetryableFailure", "{attempt}");
    scene.patch("binst/shop", r#"{"spec":{"postgresql":{"bytesPerSecond":null}}}"#);
    scene.shop.wait_for("bjob/running", "Complete", 5 * MINUTE).expect("the next attempt completes");
}
