//! A job from its place in the queue to its end, and afterwards: what it tells while it runs, how it is stopped, how it is found
//! again. Everything is asked with kubectl and its plugin alone.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{Kind, Scene, advance_clock, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_a41_a42_a43_a44_a48_b15_b16_b19_e13_e14_e15_jobs_are_followed_stopped_and_found_again() {
    let scene = scene(Kind::S3, 200);
    // More than six minutes of work, of which an operator that writes little tells every half.
    scene.add_bulk(400);
    scene.protect();
    scene.leave_a_backup_running();
    moves_ahead(&scene);
    has_no_disk(&scene);
    a_tag_is_one_of_the_policys(&scene);
    the_next_one_waits(&scene);
    is_stopped(&scene);
    another_completes(&scene);
    tells_all_that_people_ask(&scene);
    are_found_by_vault_instance_and_state(&scene);
    are_summed_up(&scene);
}

/// Bytes and stages go ahead and never back, and the deadlines stand from the beginning.
fn moves_ahead(scene: &Scene) {
    let mut seen: Vec<(i64, i64)> = Vec::new();
    let job = until("the job has told of its bytes twice", 4 * MINUTE, || {
        let job = scene.job("running")?;
        let progress = &job["status"]["progress"];
        let told = (progress["bytesDone"].as_i64()?, progress["percent"].as_i64()?);
        if told.0 > 0 && seen.last() != Some(&told) {
            seen.push(told);
        }
        (seen.len() >= 2).then_some(job)
    });
    assert!(seen.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1), "{seen:?}");
    let status = &job["status"];
    assert_eq!(status["state"], "Running");
    assert_eq!(status["progress"]["stage"], "Data");
    let tasks = status["subTasks"].as_array().expect("its stages");
    let (now, before) = tasks.split_last().expect("a stage");
    assert_eq!((&now["name"], &now["state"]), (&json!("Data"), &json!("Running")), "{tasks:?}");
    // Stages that were shorter than the time between two looks are not told of.
    assert!(
        !before.is_empty()
            && before.iter().all(|task| task["state"] == "Completed" && task["completionTime"].is_string()),
        "{tasks:?}"
    );
    for deadline in ["startDeadlineTime", "completionDeadlineTime"] {
        assert!(status[deadline].is_string(), "{deadline}: {status}");
    }
}

/// The pod streams: neither a claim nor a directory of the node is mounted.
fn has_no_disk(scene: &Scene) {
    let pods = scene.shop.kubectl.list("pods", &scene.shop.names.vault_namespace).expect("pods are listed");
    let mover = pods.iter().find(|pod| pod["metadata"]["labels"]["coffer.dev/role"] == "mover");
    let volumes = mover.expect("a mover")["spec"]["volumes"].as_array().expect("its volumes");
    let lies_on_disk = |volume: &&Value| {
        let is_scratch = volume["emptyDir"].is_object() && volume["emptyDir"]["medium"] != "Memory";
        volume["persistentVolumeClaim"].is_object() || volume["hostPath"].is_object() || is_scratch
    };
    assert_eq!(volumes.iter().find(lies_on_disk), None);
}

fn a_tag_is_one_of_the_policys(scene: &Scene) {
    let refused = scene.plugin(&["backup", "shop", "--tag", "Weekly", "--name", "weekly"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("it has Default"), "{said}");
    assert!(scene.job("weekly").is_none(), "nothing was made");
    let made = scene.plugin(&["backup", "shop", "--tag", "Default", "--name", "second"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// One backup of an instance at a time.
fn the_next_one_waits(scene: &Scene) {
    let told = until("the second job waits for the first", MINUTE, || {
        condition(&scene.job("second")?, "Ready").filter(|ready| ready["reason"] == "Queued")
    });
    assert!(told["message"].as_str().is_some_and(|said| said.contains("running")), "{told}");
    let job = scene.job("second").expect("the job is there");
    assert_eq!(job["status"]["state"], "Pending");
    assert!(job["status"]["attempts"].is_null(), "no pod was made for it");
    // It would take the place of the first as soon as that one is stopped.
    let cancelled = scene.plugin(&["cancel", "second", "--wait"]);
    assert!(cancelled.status.success(), "{}", String::from_utf8_lossy(&cancelled.stderr));
    assert!(scene.job("second").expect("the job is there")["status"]["attempts"].is_null());
}

/// Cancelling, then Cancelled; its sessions end, what it wrote goes, and there is no point.
fn is_stopped(scene: &Scene) {
    assert!(sessions(scene) > 0 && written(scene) > 0, "it reads and writes");
    let states = States::watch(scene, "running");
    let cancelled = scene.plugin(&["cancel", "running"]);
    assert!(cancelled.status.success(), "{}", String::from_utf8_lossy(&cancelled.stderr));
    assert_eq!(states.until("Cancelled"), ["Running", "Cancelling", "Cancelled"]);
    let job = scene.job("running").expect("the job is there");
    assert!(job["status"]["recoveryPoint"].is_null(), "{}", job["status"]);
    assert!(condition(&job, "Failed").is_some_and(|failed| failed["reason"] == "Cancelled"), "{job}");
    until("its sessions end", MINUTE, || (sessions(scene) == 0).then_some(()));
    // The keeper's next round would be ten minutes away.
    advance_clock(11 * MINUTE);
    until("what it wrote goes", 2 * MINUTE, || (written(scene) == 0).then_some(()));
    assert_eq!(scene.shop.points().expect("points are listed").len(), 0);
}

/// Sessions of backups at the server.
fn sessions(scene: &Scene) -> usize {
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'coffer%'";
    scene.shop.postgres.sql("postgres", asked).expect("sessions are counted").parse().expect("a number")
}

/// Objects of backups in the storage.
fn written(scene: &Scene) -> usize {
    scene.objects().iter().filter(|(name, _)| name.contains("data/")).count()
}

/// The states that a job goes through, each once, as a watch of kubectl prints them.
struct States {
    kubectl: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl States {
    /// Watches from the state that the job is in.
    fn watch(scene: &Scene, job: &str) -> Self {
        let column = "-o=jsonpath={.status.state}{\"\\n\"}";
        let mut kubectl = scene
            .shop
            .kubectl
            .command()
            .args(["get", "bjob", job, "-n", &scene.shop.names.tenant, "--watch", column])
            .arg("--request-timeout=300s")
            .stdout(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        let lines = BufReader::new(kubectl.stdout.take().expect("its output")).lines();
        let mut states = Self { kubectl, lines, seen: Vec::new() };
        states.next();
        states
    }

    fn next(&mut self) {
        self.seen.push(self.lines.next().expect("the watch goes on").expect("a line"));
    }

    /// Those up to a state that the job comes to, within the time of the watch.
    fn until(mut self, last: &str) -> Vec<String> {
        let ended = |state: &String| state == last || ["Completed", "Failed"].contains(&state.as_str());
        while !self.seen.last().is_some_and(ended) {
            self.next();
        }
        self.kubectl.kill().expect("the watch is ended");
        self.kubectl.wait().expect("the watch has ended");
        self.seen.dedup();
        self.seen
    }
}

fn another_completes(scene: &Scene) {
    scene.patch("binst/shop", r#"{"spec":{"postgresql":{"bytesPerSecond":null}}}"#);
    let made = scene.plugin(&["backup", "shop", "--name", "third", "--wait", "--timeout", "5m"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// What the managed services tell of a job has a place in its status.
fn tells_all_that_people_ask(scene: &Scene) {
    let job = scene.job("third").expect("the job is there");
    let status = &job["status"];
    let fields = [
        "/state",
        "/acceptedTime",
        "/startTime",
        "/completionTime",
        "/duration",
        "/startDeadlineTime",
        "/completionDeadlineTime",
        "/vaultRef/name",
        "/recoveryPoint/name",
        "/recoveryPoint/pointTime",
        "/createdBy/policy",
        "/createdBy/version",
        "/retention/tag",
        "/retention/reason",
        "/retention/expirationTime",
        "/progress/percent",
        "/dataTransferredBytes",
        "/storedBytes",
        "/size",
        "/attempts/0/outcome",
        "/subTasks/0/name",
    ];
    let missing: Vec<&str> =
        fields.into_iter().filter(|field| status.pointer(field).is_none_or(Value::is_null)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "{status}");
    assert_eq!((&status["state"], &status["progress"]["percent"]), (&json!("Completed"), &json!(100)));
    let open = |task: &&Value| task["state"] != "Completed";
    assert_eq!(status["subTasks"].as_array().and_then(|tasks| tasks.iter().find(open)), None);
    assert!(status["errors"].is_null() && status["warnings"].is_null(), "{status}");
}

fn are_found_by_vault_instance_and_state(scene: &Scene) {
    let names = &scene.shop.names;
    let found = |more: &[&str]| {
        let list = [
            "get",
            "bjob",
            "-A",
            "-o=jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {end}",
        ];
        let text = scene.shop.kubectl.run(&[&list[..], more].concat()).expect("jobs are listed");
        let own = text.split_whitespace().filter_map(|name| name.strip_prefix(&format!("{}/", names.tenant)));
        own.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(&["--field-selector=status.state=Completed"]), ["third"]);
    assert_eq!(
        found(&["--field-selector=status.state=Cancelled,spec.instanceRef.name=shop"]),
        ["running", "second"]
    );
    assert_eq!(found(&["--field-selector=status.state=Running"]), [""; 0]);
    assert_eq!(found(&["--sort-by=.status.completionTime"]), ["second", "running", "third"]);
    // The plugin labels what it makes, as the operator does.
    assert_eq!(found(&["-l=coffer.dev/vault=main,coffer.dev/instance=shop"]), ["second", "third"]);
}

fn are_summed_up(scene: &Scene) {
    let expected = json!({"completed": 1, "cancelled": 2, "failed": 0, "expired": 0});
    until("the week is summed up", MINUTE, || {
        (scene.instance()?["status"]["jobs7d"] == expected).then_some(())
    });
    let told = scene.plugin(&["status", "shop"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("1 completed") && told.contains("2 cancelled"), "{told}");
}
