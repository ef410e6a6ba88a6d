//! A mover dies half-way, and a mover is started twice: each time one point, and nothing of the loser stays.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Kind, Scene, advance_clock, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

/// What there is to read. How much of it a run may read per second decides how long there is to disturb it, on any
/// machine.
const BULK_MIB: u64 = 96;
/// A pack of rows that do not compress; smaller objects of a writer are schema, lists and inventory.
const PACK: u64 = 8 << 20;

#[test]
fn a_backup_whose_mover_is_killed_half_way_is_made_by_the_next_and_the_first_ones_data_go() {
    let scene = slow_scene(Kind::Claim, 6 << 20);
    let shop = &scene.shop;
    shop.apply_backup("killed").expect("an on-demand backup is accepted");
    until("two packs of the first mover", 2 * MINUTE, || (packs(&scene) >= 2).then_some(()));
    assert!(written(&scene, "points/").is_empty(), "the run was over before it could be disturbed");
    let first = only(written(&scene, "data/"));
    let pod = until("the mover's pod", MINUTE, || mover_pods(&scene).into_iter().next());
    kill(&scene, &pod);

    shop.wait_for("bjob/killed", "Complete", 4 * MINUTE).expect("the next attempt completes");
    let attempts = attempts(&scene, "killed");
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    assert_eq!((attempts[0].as_str(), attempts[1].as_str()), ("Lost", "Succeeded"));
    let winner = only(written(&scene, "data/").into_iter().filter(|writer| *writer != first).collect());
    one_point_and_nothing_of(&scene, "killed", &winner, &first);
}

#[test]
fn of_two_movers_of_one_job_one_wins_and_the_other_leaves_nothing() {
    // The second mover is asked for when the first is seen to run, and has to begin before that one ends.
    let scene = slow_scene(Kind::S3, 2 << 20);
    let shop = &scene.shop;
    shop.apply_backup("twice").expect("an on-demand backup is accepted");
    let pod = until("the mover's pod", 2 * MINUTE, || mover_pods(&scene).into_iter().next());
    start_twin(&scene, &pod);
    let writers = until("both movers write", 2 * MINUTE, || {
        let writers = written(&scene, "data/");
        (writers.len() == 2).then_some(writers)
    });
    assert!(written(&scene, "points/").is_empty(), "one run was over before the other began");

    shop.wait_for("bjob/twice", "Complete", 4 * MINUTE).expect("the backup completes");
    assert_eq!(attempts(&scene, "twice"), ["Succeeded"]);
    let code = until("the twin ends", 2 * MINUTE, || {
        let twin =
            shop.kubectl.find("pod", &shop.names.vault_namespace, "twin").expect("the twin is read")?;
        twin["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"].as_i64()
    });
    assert!([0, 30].contains(&code), "won, or lost the race, and nothing else: {code}");

    advance_clock(2 * MINUTE);
    let winner = only(until("one writer's data go", MINUTE, || {
        let left = written(&scene, "data/");
        (left.len() == 1).then_some(left)
    }));
    let loser = only(writers.into_iter().filter(|writer| *writer != winner).collect());
    one_point_and_nothing_of(&scene, "twice", &winner, &loser);
}

/// A shop with much to read, slowly, and no backup yet.
fn slow_scene(kind: Kind, bytes_per_second: u64) -> Scene {
    let scene = scene(kind, 200);
    let bulk = format!(
        "CREATE TABLE shop.bulk (id int, noise bytea);
         ALTER TABLE shop.bulk ALTER noise SET STORAGE EXTERNAL;
         INSERT INTO shop.bulk SELECT mib, (SELECT string_agg(sha512((mib * 16384 + i)::text::bytea), '')
             FROM generate_series(1, 16384) AS i) FROM generate_series(1, {BULK_MIB}) AS mib;
         ANALYZE shop.bulk;"
    );
    scene.shop.postgres.sql("shop", &bulk).expect("a large table");
    scene.protect();
    scene.patch(
        &format!("binst/{}", scene.shop.names.instance),
        &json!({"spec": {"postgresql": {"bytesPerSecond": bytes_per_second}}}).to_string(),
    );
    scene
}

/// The point restores to what the source holds; of the loser nothing is left, once its deadline has passed and nobody can
/// write for it any more not even its intent.
fn one_point_and_nothing_of(scene: &Scene, job: &str, winner: &str, loser: &str) {
    let shop = &scene.shop;
    assert_eq!(written(scene, "points/").len(), 1, "one decision");
    // A job is told that its point is made, and the object that shows the point follows.
    until("the point is shown", MINUTE, || {
        (!shop.points().expect("the points are listed").is_empty()).then_some(())
    });
    assert_eq!(shop.points().expect("the points are listed").len(), 1, "one point");
    // The janitor makes a pass when the clock has moved; data are garbage as soon as the point is decided.
    advance_clock(2 * MINUTE);
    until("the loser's data are swept", MINUTE, || {
        (!written(scene, "data/").contains(loser) && !written(scene, "keys/").contains(loser)).then_some(())
    });
    // The deadline of a run on demand is a week away, and credentials live an hour more. The point would expire then, but
    // the last one stays.
    advance_clock(8 * 24 * 60 * MINUTE);
    until("the loser's intent is swept", MINUTE, || {
        let left: Vec<String> = scene.objects().into_iter().map(|(name, _)| name).collect();
        (!left.iter().any(|name| name.contains(loser))).then_some(())
    });
    assert_eq!(written(scene, "data/"), BTreeSet::from([winner.to_owned()]), "the winner's data stay");

    let before = digest(scene, "shop");
    let point = shop.point_of(job).expect("the point of the backup");
    shop.apply_restore("back", &point, "back").expect("a restore is accepted");
    shop.wait_for("rjob/back", "Complete", 4 * MINUTE).expect("the restore completes");
    assert_eq!(digest(scene, "back"), before);
}

fn digest(scene: &Scene, database: &str) -> String {
    let bulk = "SELECT 'bulk', count(*), sum(hashtextextended(t::text, 1)) FROM shop.bulk t";
    let bulk = scene.shop.postgres.sql(database, bulk).expect("a digest of the large table");
    format!("{}\n{bulk}", scene.shop.digest(database).expect("a digest"))
}

/// How many full packs are in storage, whoever wrote them.
fn packs(scene: &Scene) -> usize {
    scene.objects().iter().filter(|(name, size)| name.starts_with("data/") && *size > PACK).count()
}

/// What comes next in the names below a place: writers below `data/` and `keys/`, points below `points/`.
fn written(scene: &Scene, place: &str) -> BTreeSet<String> {
    let objects = scene.objects();
    let below = objects.iter().filter_map(|(name, _)| name.strip_prefix(place));
    below.filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect()
}

fn only(set: BTreeSet<String>) -> String {
    assert_eq!(set.len(), 1, "{set:?}");
    set.into_iter().next().expect("it has one")
}

/// Running pods of movers in the vault's namespace.
fn mover_pods(scene: &Scene) -> Vec<Value> {
    let pods = scene.shop.kubectl.list("pods", &scene.shop.names.vault_namespace).expect("pods are listed");
    let moves = |pod: &Value| {
        pod["metadata"]["labels"]["coffer.dev/role"] == "mover" && pod["status"]["phase"] == "Running"
    };
    pods.into_iter().filter(moves).collect()
}

/// Without grace, as when a node is lost.
fn kill(scene: &Scene, pod: &Value) {
    let name = pod["metadata"]["name"].as_str().expect("a pod's name");
    let namespace = &scene.shop.names.vault_namespace;
    scene
        .shop
        .kubectl
        .run(&["delete", "pod", name, "-n", namespace, "--grace-period=0", "--force"])
        .expect("the pod is killed");
}

/// A second pod from the same template, which Kubernetes may start when it has lost sight of the first. The Job does not
/// own it, since its controller would count and end it.
fn start_twin(scene: &Scene, pod: &Value) {
    let mut labels = pod["metadata"]["labels"].clone();
    if let Some(labels) = labels.as_object_mut() {
        labels.retain(|name, _| name.starts_with("coffer.dev/"));
    }
    let mut spec = pod["spec"].clone();
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("nodeName");
    }
    let twin = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "twin", "namespace": scene.shop.names.vault_namespace, "labels": labels},
        "spec": spec,
    });
    scene.shop.kubectl.create(&twin.to_string()).expect("a second mover starts");
}

/// How each attempt of a backup job ended.
fn attempts(scene: &Scene, job: &str) -> Vec<String> {
    let job = scene.shop.kubectl.find("bjob", &scene.shop.names.tenant, job).expect("the job is read");
    let job = job.expect("the job is there");
    let attempts = job["status"]["attempts"].as_array().cloned().unwrap_or_default();
    attempts.iter().map(|held| held["outcome"].as_str().unwrap_or("running").to_owned()).collect()
}
