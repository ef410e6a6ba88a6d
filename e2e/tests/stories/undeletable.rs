//! Storage that refuses to delete: an expired point stays shown with what storage says, the vault counts it, and it goes once
//! deletion is allowed again.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::scene::{Kind, Scene, Storage, advance_clock, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn row_e18_e19_a_refused_deletion_is_told_at_point_and_vault_and_made_good_later() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    let (first, second) = (back_up(&scene, "first"), back_up(&scene, "second"));
    let data = data_of(&scene, &first);
    let locked = Locked::new(&data);

    // Both are kept for seven days, and the newer one stays as the last good one. Data go an hour after the promise does.
    advance_clock(8 * 24 * HOUR);
    until("the deletion of the first is decided", 2 * MINUTE, || {
        scene.shop.kubectl.find("rpoint", &scene.shop.names.tenant, &first).ok()?.is_none().then_some(())
    });
    advance_clock(2 * HOUR);
    until("the vault says that storage keeps a point", 3 * MINUTE, || {
        let blocked = condition(&vault(&scene)?, "RetentionBlocked")?;
        let says = blocked["message"].as_str()?.contains("1 expired point");
        (blocked["reason"] == "StorageKeepsPoints" && says).then_some(())
    });
    until("the point says why it is still there", 3 * MINUTE, || {
        let point = scene.shop.kubectl.find("rpoint", &scene.shop.names.tenant, &first).ok()??;
        let ready = condition(&point, "Ready")?;
        let says = ready["message"].as_str()?.contains("delete data/");
        (point["status"]["state"] == "Expired" && ready["reason"] == "StorageKeepsPoints" && says)
            .then_some(())
    });
    assert!(data.exists(), "nothing was deleted");

    locked.unlock();
    // Whoever was refused waits longer each time; a keeper that starts asks at once.
    let names = &scene.shop.names;
    let keeper = ["delete", "pod", "-n", &names.vault_namespace, "-l", "coffer.dev/role=keeper"];
    scene.shop.kubectl.run(&keeper).expect("the keeper starts anew");
    until("the point and its data are gone", 3 * MINUTE, || {
        let shown: Vec<Value> = scene.shop.points().ok()?;
        let left = shown.iter().filter_map(|point| point["metadata"]["name"].as_str());
        (left.eq([second.as_str()]) && is_empty(&data)).then_some(())
    });
    until("the vault has nothing to say any more", 3 * MINUTE, || {
        condition(&vault(&scene)?, "RetentionBlocked")
            .is_none_or(|held| held["reason"] == "PointsHeldBack")
            .then_some(())
    });
}

fn back_up(scene: &Scene, job: &str) -> String {
    scene.shop.apply_backup(job).expect("a backup on demand is accepted");
    scene.shop.wait_for(&format!("bjob/{job}"), "Complete", 3 * MINUTE).expect("the backup completes");
    scene.shop.wait_for_point(job, MINUTE).expect("the point is shown")
}

/// The folder of the objects that a point's writer has stored.
fn data_of(scene: &Scene, point: &str) -> PathBuf {
    let Storage::Claim(claim) = &scene.storage else { panic!("the vault lies in a claim") };
    let found =
        scene.shop.kubectl.find("rpoint", &scene.shop.names.tenant, point).expect("the point is read");
    let status = found.expect("the point is shown")["status"].clone();
    let writer = status["encryption"]["keyId"].as_str().expect("a key's id");
    let objects = scene.objects();
    let name =
        objects.iter().map(|(name, _)| name).find(|name| name.contains(writer) && name.contains("data/"));
    claim.directory.join(name.expect("the writer has stored data")).parent().expect("a folder").to_path_buf()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// A folder of which the vault's user may delete nothing, until it is dropped.
struct Locked {
    folder: PathBuf,
    owner: (u32, u32),
    mode: u32,
}

impl Locked {
    fn new(folder: &Path) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let before = fs::metadata(folder).expect("the folder");
        chown(folder, Some(0), Some(0)).expect("the folder is ours");
        fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("nobody else writes to it");
        Self { folder: folder.to_path_buf(), owner: (before.uid(), before.gid()), mode: before.mode() }
    }

    fn unlock(&self) {
        chown(&self.folder, Some(self.owner.0), Some(self.owner.1)).expect("the folder is the vault's again");
        fs::set_permissions(&self.folder, Permissions::from_mode(self.mode)).expect("its mode");
    }
}

fn vault(scene: &Scene) -> Option<Value> {
    scene.shop.kubectl.find("bvault", &scene.shop.names.vault_namespace, &scene.shop.names.vault).ok()?
}
