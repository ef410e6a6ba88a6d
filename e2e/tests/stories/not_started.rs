//! A backup that cannot start within its window is Expired: another thing than one that failed, and nothing was written for it.

use std::time::Duration;

use e2e::world::{EACH_MINUTE, HARDLY_EVER};
use serde_json::Value;

use crate::scene::{Kind, advance_clock, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_e07_without_room_for_a_pod_a_slot_expires_and_leaves_nothing() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    let namespace = &scene.shop.names.vault_namespace;
    let kubectl = &scene.shop.kubectl;
    let quota = ["create", "quota", "no-room", "-n", namespace, "--hard=pods=0"];
    kubectl.run(&quota).expect("the quota holds");
    until("the quota counts", MINUTE, || {
        let quota = kubectl.find("resourcequota", namespace, "no-room").ok()??;
        quota["status"]["hard"]["pods"].is_string().then_some(())
    });
    scene.shop.apply_protection(EACH_MINUTE).expect("the schedule is on");
    let slot = scene.shop.wait_for_slot_job(3 * MINUTE).expect("a slot comes");
    scene.shop.apply_protection(HARDLY_EVER).expect("the schedule rests");
    until("the job has its Kubernetes Job, and no pod", 2 * MINUTE, || {
        let attempts = scene.job(&slot)?["status"]["attempts"].as_array()?.len();
        (attempts > 0).then_some(())
    });

    advance_clock(11 * MINUTE);
    scene.shop.wait_for(&format!("bjob/{slot}"), "Failed", 3 * MINUTE).expect("the window closes");
    let ended = scene.job(&slot).expect("the job is there");
    assert_eq!(ended["status"]["state"], "Expired", "{}", ended["status"]);
    assert_eq!(ended["status"]["errors"][0]["code"], "StartWindowMissed");
    let written: Vec<String> = scene.objects().into_iter().map(|(name, _)| name).collect();
    // Beside the decision that nobody writes this point any more there is nothing of it.
    let of_a_backup = |name: &&String| name.contains("data/") || name.starts_with("attempts/");
    assert_eq!(written.iter().filter(of_a_backup).count(), 0, "{written:?}");
    assert_eq!(scene.shop.points().expect("the points are listed").len(), 0);
    until("an event tells of it", MINUTE, || {
        let events = kubectl.list("events", &scene.shop.names.tenant).ok()?;
        let told = |event: &Value| {
            event["reason"] == "StartWindowMissed" && event["involvedObject"]["name"] == slot.as_str()
        };
        events.iter().any(told).then_some(())
    });

    kubectl.run(&["delete", "quota", "no-room", "-n", namespace]).expect("the quota goes");
    scene.shop.apply_backup("now").expect("a backup on demand is accepted");
    scene.shop.wait_for("bjob/now", "Complete", 5 * MINUTE).expect("with room the next one completes");
}
