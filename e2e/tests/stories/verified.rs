//! `verifyEveryDays`: a day later every point has been read back. The one of which a byte was changed is Damaged, and one backup
//! is made in its place; the other is Verified.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::scene::{Kind, Scene, Storage, advance_clock, scene, until};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(25 * 3600);

#[test]
fn a_changed_byte_is_found_by_the_policys_verification_and_another_backup_is_made() {
    let scene = scene(Kind::Claim, 2_000);
    let shop = &scene.shop;
    scene.protect();
    let names = &shop.names;
    let patch = r#"{"spec":{"verifyEveryDays":1}}"#;
    shop.kubectl
        .run(&["patch", "bpol", &names.policy, "-n", &names.vault_namespace, "--type=merge", "-p", patch])
        .expect("the policy takes it");
    for job in ["whole", "changed"] {
        shop.apply_backup(job).expect("an on-demand backup is accepted");
        shop.wait_for(&format!("bjob/{job}"), "Complete", 3 * MINUTE).expect("the backup completes");
        shop.wait_for_point(job, MINUTE).expect("the point is shown");
    }
    change_a_byte(&scene, &point(&scene, "changed"));

    advance_clock(DAY);
    until("the changed point is Damaged", 3 * MINUTE, || {
        (point(&scene, "changed")["status"]["state"] == "Damaged").then_some(())
    });
    let id = point(&scene, "changed")["spec"]["pointId"].as_str().expect("a point's id").to_owned();
    let instead = format!("bjob/{}-instead-{}", names.instance, &id[..8]);
    // The point is told to be damaged a moment before.
    shop.kubectl.wait("create", &instead, &names.tenant, MINUTE).expect("another backup is asked for");
    shop.wait_for(&instead, "Complete", 3 * MINUTE).expect("another backup is made in its place");
    until("the whole point is Verified", 3 * MINUTE, || {
        let status = &point(&scene, "whole")["status"];
        let verified = condition(status, "Verified") == "True" && status["verified"]["fullTime"].is_string();
        verified.then_some(())
    });
    assert_eq!(condition(&point(&scene, "changed")["status"], "Ready"), "False");
    let told = shop.kubectl.run(&["get", "events", "-n", &names.tenant, "-o", "json"]).expect("the events");
    assert!(told.contains("VerificationFailed"), "an event tells of the damage");
}

/// The point that a job has made.
fn point(scene: &Scene, job: &str) -> Value {
    let points = scene.shop.points().expect("the points are listed");
    let own = points.into_iter().find(|point| point["status"]["jobName"] == job);
    own.unwrap_or_else(|| panic!("the point of {job} is shown"))
}

fn condition(status: &Value, type_: &str) -> String {
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = conditions.iter().find(|held| held["type"] == type_);
    own.and_then(|held| held["status"].as_str()).unwrap_or("absent").to_owned()
}

/// Changes the last byte of the first object that the point's writer has stored.
fn change_a_byte(scene: &Scene, point: &Value) {
    let Storage::Claim(claim) = &scene.storage else { panic!("the vault lies in a claim") };
    let writer = point["status"]["encryption"]["keyId"].as_str().expect("a key's id");
    let (name, _) = scene
        .objects()
        .into_iter()
        .find(|(name, size)| name.contains(writer) && name.contains("data/") && *size > 0)
        .expect("the writer has stored data");
    let path = claim.directory.join(name);
    let mut bytes = fs::read(&path).expect("an object of the vault");
    *bytes.last_mut().expect("it has bytes") ^= 1;
    fs::write(&path, bytes).expect("the object is changed");
}
