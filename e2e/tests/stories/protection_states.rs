//! Suspended, stopped and enabled again, on a clock that moves by weeks: what is kept, what goes, and what is told before.

use std::time::Duration;

use crate::scene::{Kind, Scene, advance_clock, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn row_a12_a13_a14_a16_each_state_of_protection_keeps_what_it_promises() {
    let scene = scene(Kind::S3, 200);
    scene.protect();
    scene.back_up("one");
    scene.back_up("two");
    shows(&scene, &["one", "two"]);

    protection(&scene, "Suspended", "BackupsSuspended");
    // Both are kept for seven days, and the newest stays.
    advance_clock(8 * DAY);
    shows(&scene, &["two"]);

    protection(&scene, "Enabled", "ProtectionConfigured");
    scene.back_up("three");
    // `two` is past its end, and `three` stands for it now.
    shows(&scene, &["three"]);
    scene.back_up("four");
    shows(&scene, &["three", "four"]);

    protection(&scene, "Stopped", "ProtectionStopped");
    advance_clock(30 * DAY);
    refuses_a_backup(&scene);
    restores(&scene);
    shows(&scene, &["three", "four"]);

    protection(&scene, "Enabled", "ProtectionConfigured");
    is_told_before(&scene);
    shows(&scene, &["three", "four"]);
    advance_clock(DAY + 5 * MINUTE);
    shows(&scene, &["four"]);
    until("the day is over", MINUTE, || {
        condition(&scene.instance()?, "RetentionResumed").is_none().then_some(())
    });
}

/// Sets it, and waits for the state that it leads to.
fn protection(scene: &Scene, protection: &str, state: &str) {
    let object = format!("binst/{}", scene.shop.names.instance);
    scene.patch(&object, &format!(r#"{{"spec":{{"protection":"{protection}"}}}}"#));
    until(state, 3 * MINUTE, || (scene.instance()?["status"]["state"] == state).then_some(()));
}

/// These points are shown, by the jobs that made them, and no other.
fn shows(scene: &Scene, jobs: &[&str]) {
    until(&format!("the points are {jobs:?}"), 3 * MINUTE, || {
        let points = scene.shop.points().ok()?;
        let shown: Vec<&str> =
            points.iter().filter_map(|point| point["status"]["jobName"].as_str()).collect();
        (shown == jobs).then_some(())
    });
}

fn refuses_a_backup(scene: &Scene) {
    scene.shop.apply_backup("refused").expect("a backup on demand is accepted");
    scene.shop.wait_for("bjob/refused", "Failed", 2 * MINUTE).expect("the backup is refused");
    let job = scene.shop.kubectl.find("bjob", &scene.shop.names.tenant, "refused").expect("the job is read");
    assert_eq!(job.unwrap_or_default()["status"]["errors"][0]["code"], "UserErrorProtectionStopped");
}

/// A point that is past its end can be restored while it is there.
fn restores(scene: &Scene) {
    let point = scene.shop.point_of("three").expect("the job has made a point");
    scene.shop.apply_restore("back", &point, "back").expect("a restore is accepted");
    scene.shop.wait_for("rjob/back", "Complete", 5 * MINUTE).expect("the restore completes");
}

fn is_told_before(scene: &Scene) {
    let told = until("the end of the day is told", MINUTE, || {
        let held = scene.instance()?;
        held["status"]["retentionResumeTime"].as_str()?;
        condition(&held, "RetentionResumed")
    });
    let message = told["message"].as_str().unwrap_or_default();
    assert!(message.contains("1 of 2"), "{message}");
}
