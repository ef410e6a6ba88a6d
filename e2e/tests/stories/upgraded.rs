//! `helm upgrade` to another image while a backup runs: the run goes on under the new operator and ends Completed at its
//! first attempt, the keeper follows when nothing runs any more, and the point restores. Whatever happens, the image is the
//! one before for the stories that follow.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Kind, Scene, scene, setting, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_backup_goes_on_through_an_upgrade_and_ends_completed() {
    // At 1 MiB/s for longer than two replicas need to be rolled, however busy the machine is.
    let scene = scene(Kind::Claim, 200_000);
    let shop = &scene.shop;
    scene.protect();
    let before = shop.digest("shop").expect("a digest of the source");
    let slowly = json!({"spec": {"postgresql": {"bytesPerSecond": 1 << 20}}}).to_string();
    scene.patch(&format!("binst/{}", shop.names.instance), &slowly);
    shop.apply_backup("running").expect("a backup is accepted");
    shop.kubectl
        .wait("jsonpath={.status.startTime}", "bjob/running", &shop.names.tenant, 2 * MINUTE)
        .expect("the backup starts");

    let before_it = ImageBefore;
    let setting = setting();
    setting.chart().install(&setting.next_image, &[], &[]).expect("the chart upgrades");
    assert!(
        job(&scene)["status"]["completionTime"].is_null(),
        "the backup was over before the upgrade, and nothing could break"
    );

    shop.wait_for("bjob/running", "Complete", 5 * MINUTE).expect("the backup completes");
    let status = &job(&scene)["status"];
    assert_eq!(status["state"], "Completed", "{status}");
    assert_eq!(status["attempts"].as_array().map(Vec::len), Some(1), "{status}");
    until("the keeper follows the operator", 2 * MINUTE, || {
        let names = &shop.names;
        let keeper = format!("{}-keeper", names.vault);
        let keeper = shop.kubectl.find("deployment", &names.vault_namespace, &keeper).expect("a read")?;
        let image = &keeper["spec"]["template"]["spec"]["containers"][0]["image"];
        let follows = *image == setting.next_image && keeper["status"]["readyReplicas"] == 1;
        follows.then_some(())
    });
    let point = shop.point_of("running").expect("the point of the backup");
    shop.apply_restore("back", &point, "back").expect("a restore is accepted");
    shop.wait_for("rjob/back", "Complete", 5 * MINUTE).expect("the restore completes");
    assert_eq!(shop.digest("back").expect("a digest of the restored database"), before);
    drop(before_it);
}

fn job(scene: &Scene) -> Value {
    let found = scene.shop.kubectl.find("bjob", &scene.shop.names.tenant, "running");
    found.expect("the job is read").expect("the job is there")
}

/// The release as every other story expects it.
struct ImageBefore;

impl Drop for ImageBefore {
    fn drop(&mut self) {
        let setting = setting();
        match setting.chart().install(&setting.image, &[], &[]) {
            Ok(_) => {}
            Err(error) if thread::panicking() => eprintln!("the image before is not back: {error}"),
            Err(error) => panic!("the image before is not back: {error}"),
        }
    }
}
