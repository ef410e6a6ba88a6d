//! An instance with points is deleted: nothing of it expires nor restores. It is brought back, waits against everything that
//! Git says until its record is named, and is backed up again. Deleted with its data, it goes at the recorded time.

use std::time::Duration;

use e2e::world::{HARDLY_EVER, Names, Shop};
use serde_json::Value;

use crate::scene::{Kind, Scene, advance_clock, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn row_a08_a15_a20_a21_a_deleted_instance_is_kept_comes_back_and_goes_when_it_is_time() {
    let scene = scene(Kind::S3, 200);
    scene.protect();
    scene.back_up("first");
    let point = scene.shop.point_of("first").expect("the job has made a point");

    delete(&scene);
    let record = record(&scene, |status| status["state"] == "Retained" && status["recoveryPoints"] == 1);
    advance_clock(30 * DAY);
    refuses_a_restore(&scene, &point);
    let kept = find_record(&scene, &record).expect("the record stays");
    assert_eq!(kept["status"]["recoveryPoints"], 1, "nothing expires");

    is_refused_under_another_name(&scene, &record);
    // Git puts the instance back, under the same name: it is another one.
    scene.shop.apply_protection(HARDLY_EVER).expect("the instance is accepted");
    until("the deleted holder is named", 3 * MINUTE, || {
        let ready = condition(&scene.instance()?, "Ready")?;
        let says = ready["message"].as_str()?.contains(&record);
        (ready["reason"] == "DuplicateDatasource" && says).then_some(())
    });
    undelete(&scene, &record);
    stays_stopped(&scene, &record);
    resumes(&scene, &record);
    is_purged(&scene);
}

fn delete(scene: &Scene) {
    let names = &scene.shop.names;
    scene
        .shop
        .kubectl
        .run(&["delete", "binst", &names.instance, "-n", &names.tenant, "--timeout=60s"])
        .expect("nothing holds the deletion up");
}

/// The name of the record, once there is one of the instance that is so.
pub fn record(scene: &Scene, is_so: impl Fn(&Value) -> bool) -> String {
    let names = &scene.shop.names;
    until("the deleted instance has a record", 2 * MINUTE, || {
        let records = scene.shop.kubectl.list("dbinst", &names.vault_namespace).ok()?;
        let of_ours = |record: &&Value| {
            let owner = &record["status"]["owner"];
            owner["name"] == names.instance.as_str() && owner["namespace"] == names.tenant.as_str()
        };
        let found = records.iter().filter(of_ours).find(|record| is_so(&record["status"]))?;
        found["metadata"]["name"].as_str().map(str::to_owned)
    })
}

fn find_record(scene: &Scene, record: &str) -> Option<Value> {
    scene.shop.kubectl.find("dbinst", &scene.shop.names.vault_namespace, record).expect("records are read")
}

/// From the vault's own namespace, where the point is shown now and every other point could be restored.
fn refuses_a_restore(scene: &Scene, point: &str) {
    let names = &scene.shop.names;
    let of_vault = Names { tenant: names.vault_namespace.clone(), ..names.clone() };
    let beside =
        Shop { kubectl: scene.shop.kubectl.clone(), names: of_vault, postgres: scene.shop.postgres.clone() };
    until("the point is shown beside the vault", MINUTE, || {
        scene.shop.kubectl.find("rpoint", &names.vault_namespace, point).ok()?
    });
    beside.apply_restore("too-late", point, "back").expect("a restore is accepted");
    beside.wait_for("rjob/too-late", "Failed", 2 * MINUTE).expect("the restore is refused");
    let job = scene.shop.kubectl.find("rjob", &names.vault_namespace, "too-late").expect("the job is read");
    let job = job.unwrap_or_default();
    assert_eq!(condition(&job, "Ready").unwrap_or_default()["reason"], "OwnerDeleted");
    assert!(job["status"]["attempts"].is_null(), "no pod was needed to say so");
}

/// The database counts, whatever the object that protects it is called.
fn is_refused_under_another_name(scene: &Scene, record: &str) {
    let names = Names { instance: "renamed".into(), ..scene.shop.names.clone() };
    let renamed = Shop { kubectl: scene.shop.kubectl.clone(), names, postgres: scene.shop.postgres.clone() };
    renamed.apply_protection(HARDLY_EVER).expect("the instance is accepted");
    until("the deleted holder is named", 3 * MINUTE, || {
        let held = renamed.kubectl.find("binst", &renamed.names.tenant, "renamed").ok()??;
        let ready = condition(&held, "Ready")?;
        let says = ready["message"].as_str()?.contains(record);
        (ready["reason"] == "DuplicateDatasource" && says).then_some(())
    });
    renamed
        .kubectl
        .run(&["delete", "binst", "renamed", "-n", &renamed.names.tenant, "--timeout=60s"])
        .expect("it holds nothing and goes");
}

pub fn undelete(scene: &Scene, record: &str) {
    let names = &scene.shop.names;
    let object = format!("dbinst/{record}");
    let patch = r#"{"spec":{"undelete":true}}"#;
    scene
        .shop
        .kubectl
        .run(&["patch", &object, "-n", &names.vault_namespace, "--type=merge", "-p", patch])
        .expect("undelete is accepted");
    until("the record has done its work", 2 * MINUTE, || find_record(scene, record).is_none().then_some(()));
}

/// Whatever is applied: its points are back, and it does nothing.
fn stays_stopped(scene: &Scene, record: &str) {
    let waits = || {
        let held = scene.instance()?;
        let waiting = condition(&held, "ResumeRequired")?;
        let says = waiting["message"].as_str()?.contains(record);
        (held["status"]["state"] == "ProtectionStopped" && says).then_some(())
    };
    until("the instance waits to be resumed", 2 * MINUTE, waits);
    until("its point is shown beside it", MINUTE, || (scene.shop.points().ok()?.len() == 1).then_some(()));
    scene.shop.apply_protection(HARDLY_EVER).expect("Git says it again");
    scene.shop.apply_backup("refused").expect("a backup on demand is accepted");
    scene.shop.wait_for("bjob/refused", "Failed", 2 * MINUTE).expect("the backup is refused");
    let job = scene.shop.kubectl.find("bjob", &scene.shop.names.tenant, "refused").expect("the job is read");
    let reason = condition(&job.unwrap_or_default(), "Ready").unwrap_or_default()["reason"].clone();
    assert_eq!(reason, "ResumeRequired");
    until("it waits still", MINUTE, waits);
}

/// By the record's name. What is past its end stays for another day, and goes then.
fn resumes(scene: &Scene, record: &str) {
    resume(scene, record);
    until("protection goes on", 3 * MINUTE, || {
        let held = scene.instance()?;
        let goes_on = held["status"]["state"] == "ProtectionConfigured";
        (goes_on && condition(&held, "RetentionResumed").is_some()).then_some(())
    });
    scene.back_up("second");
    until("both points are there", MINUTE, || (scene.shop.points().ok()?.len() == 2).then_some(()));
    advance_clock(DAY + 5 * MINUTE);
    until("what is past its end goes after the day", 3 * MINUTE, || {
        let points = scene.shop.points().ok()?;
        (points.len() == 1 && points[0]["status"]["jobName"] == "second").then_some(())
    });
}

pub fn resume(scene: &Scene, record: &str) {
    let names = &scene.shop.names;
    let annotation = format!("coffer.dev/resume={record}");
    scene
        .shop
        .kubectl
        .run(&["annotate", "binst", &names.instance, "-n", &names.tenant, &annotation])
        .expect("the annotation is accepted");
}

fn is_purged(scene: &Scene) {
    let names = &scene.shop.names;
    let object = format!("binst/{}", names.instance);
    scene.patch(&object, r#"{"spec":{"deletionPolicy":"Delete"}}"#);
    until("the ledger knows the deletion policy", 2 * MINUTE, || {
        let held = scene.instance()?;
        (held["status"]["observedGeneration"] == held["metadata"]["generation"]).then_some(())
    });
    delete(scene);
    let record = record(scene, |status| status["state"] == "SoftDeleted");
    let purge = find_record(scene, &record).expect("the record")["status"]["scheduledPurgeTime"].clone();
    assert!(purge.is_string(), "it is told when: {purge}");
    advance_clock(13 * DAY);
    refuses_to_forget(scene, &record);
    advance_clock(DAY + 5 * MINUTE);
    until("the record goes with the last point", 5 * MINUTE, || {
        find_record(scene, &record).is_none().then_some(())
    });
    let left = scene.shop.kubectl.list("rpoint", &names.vault_namespace).expect("the points are listed");
    assert!(left.is_empty() && scene.shop.points().expect("the points are listed").is_empty());
}

/// A record that somebody deletes returns: the ledger is what counts.
fn refuses_to_forget(scene: &Scene, record: &str) {
    let namespace = &scene.shop.names.vault_namespace;
    let deleted = scene.shop.kubectl.run(&["delete", "dbinst", record, "-n", namespace]);
    let refusal = deleted.expect_err("people do not delete a view").to_string();
    assert!(refusal.contains("undelete"), "{refusal}");
    assert_eq!(find_record(scene, record).expect("it is there")["status"]["state"], "SoftDeleted");
}
