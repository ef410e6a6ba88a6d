//! What is due together is one backup, and one that does not end within its window is stopped and leaves nothing.

use std::time::Duration;

use e2e::world::{EACH_MINUTE, HARDLY_EVER};
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, advance_clock, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_e08_e10_slots_that_meet_are_one_backup_and_one_beyond_its_window_leaves_nothing() {
    let scene = scene(Kind::S3, 200_000);
    scene.protect();
    two_rules_make_one_backup(&scene);
    is_stopped_when_its_window_closes(&scene);
}

/// Both are due each minute; on one of them points of midnight would be kept for a month, on neither do they match now. The
/// schedules differ in their zone alone, so that the rule whose tag lasts longest decides, else the first.
fn two_rules_make_one_backup(scene: &Scene) {
    let names = &scene.shop.names;
    let rule = |name: &str, zone: &str| {
        json!({"name": name, "schedule": {"cron": "* * * * *"}, "timeZone": zone,
               "startWindowMinutes": 10, "completionWindowMinutes": 60})
    };
    let policy = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
        "metadata": {"name": names.policy, "namespace": names.vault_namespace},
        "spec": {
            "rules": [rule("Here", "Etc/UTC"), rule("There", "Pacific/Kiritimati")],
            "retention": [
                {"name": "Daily", "priority": 10, "criteria": [{"first": "Day"}], "keep": "P1M"},
                {"name": "Default", "default": true, "keep": "P7D"},
            ],
            "keepAtLeast": 1,
        },
    });
    scene.shop.kubectl.apply(&policy.to_string()).expect("the policy is accepted");
    let job = scene.shop.wait_for_slot_job(3 * MINUTE).expect("a slot comes");
    scene.shop.apply_protection(HARDLY_EVER).expect("the schedule rests");
    scene.shop.wait_for(&format!("bjob/{job}"), "Complete", 5 * MINUTE).expect("the backup completes");
    let job = scene.job(&job).expect("the job is there");
    let status = &job["status"];
    assert_eq!(status["createdBy"]["rule"], "Here", "of two that last as long the first: {status}");
    assert_eq!(status["createdBy"]["mergedRules"], json!(["There"]), "{status}");
    assert_eq!(status["retention"]["tag"], "Daily", "{status}");
    let jobs = scene.shop.kubectl.list("bjob", &names.tenant).expect("jobs are listed");
    let of_its_slot = |other: &&Value| other["spec"]["slot"]["time"] == job["spec"]["slot"]["time"];
    assert_eq!(jobs.iter().filter(of_its_slot).count(), 1);
}

fn is_stopped_when_its_window_closes(scene: &Scene) {
    until("no other job is left to run", 5 * MINUTE, || {
        let jobs = scene.shop.kubectl.list("bjob", &scene.shop.names.tenant).ok()?;
        jobs.iter().all(|job| job["status"]["completionTime"].is_string()).then_some(())
    });
    let before = data(scene);
    let points = scene.shop.points().expect("points are listed").len();
    scene.patch("binst/shop", r#"{"spec":{"postgresql":{"bytesPerSecond":1048576}}}"#);
    scene.shop.apply_protection(EACH_MINUTE).expect("the schedule is on");
    let slot = until("a backup of a slot runs", 3 * MINUTE, || {
        let jobs = scene.shop.kubectl.list("bjob", &scene.shop.names.tenant).ok()?;
        let running = jobs.iter().find(|job| job["status"]["state"] == "Running")?;
        running["metadata"]["name"].as_str().map(str::to_owned)
    });
    scene.shop.apply_protection(HARDLY_EVER).expect("the schedule rests");
    until("it has written", 2 * MINUTE, || (data(scene).len() > before.len()).then_some(()));
    // An hour is the scene's window.
    advance_clock(61 * MINUTE);
    scene.shop.wait_for(&format!("bjob/{slot}"), "Failed", 3 * MINUTE).expect("the window closes");
    let job = scene.job(&slot).expect("the job is there");
    assert_eq!(job["status"]["state"], "Failed", "{}", job["status"]);
    let failed = condition(&job, "Failed").expect("it is told why");
    assert_eq!(failed["reason"], "CompletionWindowExceeded", "{failed}");
    assert!(job["status"]["recoveryPoint"].is_null());
    until("its sessions end", MINUTE, || {
        let asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'coffer%'";
        (scene.shop.postgres.sql("postgres", asked).ok()? == "0").then_some(())
    });
    until("what it wrote goes", 2 * MINUTE, || (data(scene) == before).then_some(()));
    assert_eq!(scene.shop.points().expect("points are listed").len(), points);
}

/// Objects of backups in the storage.
fn data(scene: &Scene) -> Vec<(String, u64)> {
    scene.objects().into_iter().filter(|(name, _)| name.contains("data/")).collect()
}
