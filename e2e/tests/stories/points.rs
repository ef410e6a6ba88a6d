//! One recovery point: who may write it, how its end is moved, how it is removed early and had back, and that it is gone in the
//! end.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, advance_clock, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn row_a22_a46_e20_a_point_is_the_operators_its_end_moves_and_its_removal_is_soft() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    let [one, two, newest] = ["one", "two", "newest"].map(|job| {
        scene.back_up(job);
        scene.shop.wait_for_point(job, MINUTE).expect("the point is shown")
    });
    tells_what_it_is(&scene, &one);
    only_the_operator_writes_it(&scene, &one);
    its_end_is_moved_within_the_vaults_range(&scene, &one);
    is_removed_softly_and_had_back(&scene, &one);
    the_last_good_ones_stay(&scene, &newest, &two);
    is_gone_when_its_days_are_over(&scene, &two);
}

fn tells_what_it_is(scene: &Scene, point: &str) {
    let names = &scene.shop.names;
    let shown = read(scene, point);
    let status = &shown["status"];
    let policy = json!({"name": names.policy, "version": 1});
    assert_eq!((&status["state"], &status["policy"]), (&json!("Available"), &policy));
    assert_eq!((&status["tag"], &status["jobName"]), (&json!("Default"), &json!("one")));
    assert!(status["tagReason"].is_string(), "{status}");
    let store = &status["dataStores"][0];
    assert_eq!((&store["tier"], &store["database"]), (&json!("Vault"), &json!(names.database)));
    assert_eq!(store["expirationTime"], status["expirationTime"]);
    // The scene's policy keeps for seven days.
    assert_eq!(time(&status["expirationTime"]), time(&status["pointTime"]) + days(7));
    let list = ["get", "rpoint", "-n", &names.tenant, "-l", "coffer.dev/instance=shop", "-o", "wide"];
    let table = scene.shop.kubectl.run(&list).expect("points are listed");
    for word in ["TAKEN", "SIZE", "TAG", "EXPIRES", "Available", point] {
        assert!(table.contains(word), "{word}: {table}");
    }
}

/// Its spec cannot be changed, what a person writes into its status does not last, and who may edit everything else in the
/// namespace may not even write it. Its object is not deleted by hand.
fn only_the_operator_writes_it(scene: &Scene, point: &str) {
    let kubectl = &scene.shop.kubectl;
    let namespace = scene.shop.names.tenant.as_str();
    let before = read(scene, point);
    let patch = |patch: &str, more: &[&str]| {
        let line = ["patch", "rpoint", point, "-n", namespace, "--type=merge", "-p", patch];
        kubectl.run(&[&line[..], more].concat())
    };
    let refusal = patch(r#"{"spec":{"pointId":"another"}}"#, &[]).expect_err("another point").to_string();
    assert!(refusal.contains("pointId"), "{refusal}");
    let later = r#"{"status":{"expirationTime":"2099-01-01T00:00:00Z"}}"#;
    patch(later, &["--subresource=status"]).expect("an administrator may do what he likes");
    until("the operator has put it right", MINUTE, || {
        (read(scene, point)["status"]["expirationTime"] == before["status"]["expirationTime"]).then_some(())
    });
    let bind =
        ["create", "rolebinding", "developer", "-n", namespace, "--clusterrole=edit", "--user=developer"];
    kubectl.run(&bind).expect("a developer");
    until("a developer may look", MINUTE, || {
        kubectl.run(&["get", "rpoint", point, "-n", namespace, "--as=developer"]).ok()
    });
    let refusal = patch(later, &["--subresource=status", "--as=developer"]).expect_err("not a developer's");
    assert!(refusal.to_string().contains("forbidden"), "{refusal}");
    let refusal = kubectl.run(&["delete", "rpoint", point, "-n", namespace]).expect_err("a view").to_string();
    assert!(refusal.contains("deletes no data") && refusal.contains("deletionRequest"), "{refusal}");
}

fn its_end_is_moved_within_the_vaults_range(scene: &Scene, point: &str) {
    let taken = time(&read(scene, point)["status"]["pointTime"]);
    // Nobody set the vault's range: seven days to ten years.
    let later = taken + days(30);
    ends(scene, point, later, "an audit");
    until("the end has moved", MINUTE, || {
        let status = read(scene, point)["status"].clone();
        let why = &status["retentionOverride"]["reason"];
        (time(&status["expirationTime"]) == later && *why == "an audit").then_some(())
    });
    ends(scene, point, taken + days(1), "it is in the way");
    let blocked = until("too early an end is refused", MINUTE, || {
        condition(&read(scene, point), "OverrideBlocked").filter(|held| held["status"] == "True")
    });
    assert_eq!(blocked["reason"], "OverrideOutsideVault", "{blocked}");
    assert_eq!(time(&read(scene, point)["status"]["expirationTime"]), later);
}

/// Everything of it stays in the storage, it restores, and another end has it back.
fn is_removed_softly_and_had_back(scene: &Scene, point: &str) {
    let before = data(scene);
    remove(scene, point);
    let removed = until("the point is soft-deleted", MINUTE, || {
        let status = read(scene, point)["status"].clone();
        (status["state"] == "SoftDeleted").then_some(status)
    });
    assert!(time(&removed["scheduledPurgeTime"]) > time(&removed["pointTime"]) + days(13), "{removed}");
    assert_eq!(data(scene), before);
    scene.shop.apply_restore("back", point, "back").expect("a restore is accepted");
    scene.shop.wait_for("rjob/back", "Complete", 5 * MINUTE).expect("the restore completes");
    let digest = |database| scene.shop.digest(database).expect("a digest");
    assert_eq!(digest("back"), digest("shop"));

    let until_then = time(&removed["pointTime"]) + days(60);
    ends(scene, point, until_then, "it is needed after all");
    until("the point is back", MINUTE, || {
        let status = read(scene, point)["status"].clone();
        let back = status["state"] == "Available" && status["scheduledPurgeTime"].is_null();
        (back && time(&status["expirationTime"]) == until_then).then_some(())
    });
}

/// The newest good one is asked for in vain; the one before it goes.
fn the_last_good_ones_stay(scene: &Scene, newest: &str, other: &str) {
    remove(scene, newest);
    let blocked = until("the deletion is blocked", MINUTE, || {
        condition(&read(scene, newest), "DeletionBlocked").filter(|held| held["status"] == "True")
    });
    assert_eq!(blocked["reason"], "LastGood", "{blocked}");
    assert_eq!(read(scene, newest)["status"]["state"], "Available");
    remove(scene, other);
    until("the other one is soft-deleted", MINUTE, || {
        (read(scene, other)["status"]["state"] == "SoftDeleted").then_some(())
    });
}

/// Fourteen days, since nobody set the vault's soft delete.
fn is_gone_when_its_days_are_over(scene: &Scene, point: &str) {
    let before = writers(scene);
    advance_clock(15 * DAY);
    until("the point is gone", 3 * MINUTE, || {
        let found = scene.shop.kubectl.find("rpoint", &scene.shop.names.tenant, point).ok()?;
        found.is_none().then_some(())
    });
    // Whoever read it when it was given up has an hour to end.
    advance_clock(61 * MINUTE);
    until("its data are gone", 2 * MINUTE, || (writers(scene).len() + 1 == before.len()).then_some(()));
    assert!(writers(scene).is_subset(&before));
    let left = scene.shop.points().expect("points are listed");
    let left: Vec<&str> = left.iter().filter_map(|point| point["status"]["jobName"].as_str()).collect();
    assert_eq!(left, ["one", "newest"]);
}

/// Objects of backups in the storage.
fn data(scene: &Scene) -> Vec<(String, u64)> {
    scene.objects().into_iter().filter(|(name, _)| name.contains("data/")).collect()
}

/// Each point's data lie below the name of the run that wrote them.
fn writers(scene: &Scene) -> BTreeSet<String> {
    let writer = |(name, _): (String, u64)| name.split("data/").nth(1)?.split('/').next().map(str::to_owned);
    data(scene).into_iter().filter_map(writer).collect()
}

fn ends(scene: &Scene, point: &str, until: Timestamp, reason: &str) {
    let end = json!({"spec": {"retentionOverride": {"until": until.to_string(), "reason": reason}}});
    scene.patch(&format!("rpoint/{point}"), &end.to_string());
}

fn remove(scene: &Scene, point: &str) {
    let request = json!({"spec": {"deletionRequest": {"reason": "a subject's right"}}});
    scene.patch(&format!("rpoint/{point}"), &request.to_string());
}

fn read(scene: &Scene, point: &str) -> Value {
    let found = scene.shop.kubectl.find("rpoint", &scene.shop.names.tenant, point).expect("a point is read");
    found.unwrap_or_else(|| panic!("point {point} is shown"))
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("{value} is no time")).parse().expect("a time")
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}
