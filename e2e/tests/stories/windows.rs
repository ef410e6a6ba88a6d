//! What is due together is one backup, and one that does not end within its window is stopped and leaves nothing.

use std::time::Duration;

use e2e::world::{EACH_MINUTE, HARDLY_EVER};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, advance_clock, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_e08_e10_slots_that_meet_are_one_backup_and_one_beyond_its_window_leaves_nothing() {
    let scene = scene(Kind::S3, 200);
    scene.protect();
    two_rules_make_one_backup(&scene);
    is_stopped_when_its_window_closes(&scene);
}

/// Both are due each minute, in zones where the clocks on the wall differ by fourteen hours. The next minutes of the second
/// zone have a tag of their own, which lasts longer than what the first rule would give.
fn two_rules_make_one_backup(scene: &Scene) {
    const ELSEWHERE: &str = "Pacific/Kiritimati";
    let names = &scene.shop.names;
    let rule = |name: &str, zone: &str| {
        json!({"name": name, "schedule": {"cron": "* * * * *"}, "timeZone": zone,
               "startWindowMinutes": 10, "completionWindowMinutes": 60})
    };
    // The operator's clock, which stories move, as it was moments ago.
    let checked = scene.instance().expect("the instance is there")["status"]["lastCheck"]["time"].clone();
    let checked: Timestamp = checked.as_str().expect("a time").parse().expect("a time");
    let soon = (0..24).map(|minute| {
        let time = checked + SignedDuration::from_mins(minute);
        time.in_tz(ELSEWHERE).expect("a time zone").strftime("%H:%M").to_string()
    });
    let policy = json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
        "metadata": {"name": names.policy, "namespace": names.vault_namespace},
        "spec": {
            "rules": [rule("Here", "Etc/UTC"), rule("There", ELSEWHERE)],
            "retention": [
                {"name": "Long", "priority": 10, "criteria": [{"times": soon.collect::<Vec<_>>()}], "keep": "P30D"},
                {"name": "Default", "default": true, "keep": "P7D"},
            ],
            "keepAtLeast": 1,
        },
    });
    scene.shop.kubectl.apply(&policy.to_string()).expect("the policy is accepted");
    let job = scene.shop.wait_for_slot_job(3 * MINUTE).expect("a slot comes");
    // Decided once, at the first attempt, by the policy of then.
    until("its tag is decided", 3 * MINUTE, || {
        scene.job(&job)?["status"]["retention"]["tag"].is_string().then_some(())
    });
    scene.shop.apply_protection(HARDLY_EVER).expect("the schedule rests");
    scene.shop.wait_for(&format!("bjob/{job}"), "Complete", 5 * MINUTE).expect("the backup completes");
    let status = scene.job(&job).expect("the job is there")["status"].clone();
    assert_eq!(status["createdBy"]["rule"], "There", "{status}");
    assert_eq!(status["createdBy"]["mergedRules"], json!(["Here"]), "{status}");
    assert_eq!(status["retention"]["tag"], "Long", "{status}");
    let points = until("its point is shown", MINUTE, || {
        let points = scene.shop.points().ok()?;
        points.iter().any(|point| point["status"]["jobName"] == job.as_str()).then_some(points)
    });
    let of_the_slot = |point: &&Value| point["status"]["pointTime"] == status["recoveryPoint"]["pointTime"];
    assert_eq!(points.iter().filter(of_the_slot).count(), 1);
}

fn is_stopped_when_its_window_closes(scene: &Scene) {
    until("no other job is left to run", 5 * MINUTE, || {
        let jobs = scene.shop.kubectl.list("bjob", &scene.shop.names.tenant).ok()?;
        jobs.iter().all(|job| job["status"]["completionTime"].is_string()).then_some(())
    });
    settled(scene);
    scene.add_bulk(240);
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
    // The keeper's next round would be ten minutes away.
    advance_clock(2 * MINUTE);
    until("what it wrote goes", 2 * MINUTE, || (data(scene) == before).then_some(()));
    assert_eq!(scene.shop.points().expect("points are listed").len(), points);
}

/// Every backup that has completed is shown.
fn settled(scene: &Scene) {
    let jobs = scene.shop.kubectl.list("bjob", &scene.shop.names.tenant).expect("jobs are listed");
    let made = jobs.iter().filter(|job| job["status"]["recoveryPoint"].is_object()).count();
    until("every point is shown", MINUTE, || (scene.shop.points().ok()?.len() == made).then_some(()));
}

/// Objects of backups in the storage.
fn data(scene: &Scene) -> Vec<(String, u64)> {
    scene.objects().into_iter().filter(|(name, _)| name.contains("data/")).collect()
}
