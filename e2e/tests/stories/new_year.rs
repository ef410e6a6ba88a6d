//! Fourteen slots of a weekly policy over a New Year, two of which fail: each point gets the tag and the end that
//! `coffer policy simulate` told of beforehand, and in the end those are left that it says are.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::scene::{Kind, Scene, advance_clock, scene, setting, until};

const MINUTE: Duration = Duration::from_secs(60);
const SLOTS: usize = 14;

/// The same text for the simulation and for the cluster.
const POLICY: &str = "\
apiVersion: coffer.dev/v1alpha1
kind: BackupPolicy
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  rules:
  - name: Evenings
    schedule: {cron: \"0 20 * * 3,6\"}
    timeZone: Europe/Berlin
    startWindowMinutes: 30
    completionWindowMinutes: 600
  retention:
  - {name: Yearly, priority: 10, criteria: [{first: Year}], keep: P10Y}
  - {name: Monthly, priority: 15, criteria: [{first: Month}], keep: P6M}
  - {name: Weekly, priority: 20, criteria: [{first: Week}], keep: P4W}
  - {name: Default, default: true, keep: P7D}
  keepAtLeast: 1
";

/// A line of the simulation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Row {
    slot: Timestamp,
    tag: String,
    expires: Timestamp,
}

#[test]
fn row_a33_a34_a35_b14_a_new_year_with_two_failures_ends_as_it_was_simulated() {
    let scene = scene(Kind::S3, 200);
    scene.protect();
    let names = &scene.shop.names;
    let policy = POLICY.replace("NAMESPACE", &names.vault_namespace).replace("NAME", &names.policy);
    scene.shop.kubectl.apply(&policy).expect("the policy is accepted");
    let desk = tempfile::tempdir().expect("a directory");
    let file = desk.path().join("policy.yaml");
    std::fs::write(&file, &policy).expect("the policy is written");

    let mut clock = Clock::read(&scene);
    let from = december_after(clock.now);
    let to = from + SignedDuration::from_hours(49 * 24);
    let slots: Vec<Timestamp> = simulate(&file, from, to, &[]).iter().map(|row| row.slot).collect();
    assert_eq!(slots.len(), SLOTS, "two slots a week: {slots:?}");
    let of_new_year = *slots.iter().find(|slot| !is_of_december(**slot)).expect("the New Year is crossed");
    let failing = [slots[0], of_new_year];
    let expected = simulate(&file, from, to, &failing);
    assert_eq!(expected.len(), SLOTS - failing.len());

    for slot in &slots {
        if failing.contains(slot) {
            fail(&scene, &mut clock, *slot);
        } else {
            complete(&scene, &mut clock, *slot);
        }
    }
    let made = jobs_with_points(&scene);
    let told: Vec<(Timestamp, String)> = expected.iter().map(|row| (row.slot, row.tag.clone())).collect();
    let tags: Vec<(Timestamp, String)> = made.iter().map(|(slot, (tag, _))| (*slot, tag.clone())).collect();
    assert_eq!(tags, told);
    for row in &expected {
        let (_, expires) = &made[&row.slot];
        // The end counts from the snapshot, which is taken some moments after the slot.
        let later = expires.duration_since(row.expires);
        assert!(later >= SignedDuration::ZERO && later < SignedDuration::from_hours(1), "{row:?}: {expires}");
    }
    survive(&scene, &expected, clock.now);
}

/// The cluster's clock, as far as it was moved.
struct Clock {
    now: Timestamp,
}

impl Clock {
    /// When all checks of the instance had passed for the first time, by the operator's clock, which was just now.
    fn read(scene: &Scene) -> Self {
        let names = &scene.shop.names;
        let now = until("the schedule begins", MINUTE, || {
            let instance = scene.shop.kubectl.find("binst", &names.tenant, &names.instance).ok()??;
            instance["status"]["lastSlotTime"].as_str()?.parse().ok()
        });
        Self { now }
    }

    fn move_to(&mut self, time: Timestamp) {
        let ahead = time.duration_since(self.now).unsigned_abs();
        assert!(time > self.now, "a clock is moved ahead only");
        advance_clock(ahead);
        self.now = time;
    }
}

/// Midnight of the next 2 December that is more than a day ahead.
fn december_after(now: Timestamp) -> Timestamp {
    let year = |year: i16| jiff::civil::date(year, 12, 2).in_tz("UTC").expect("a day").timestamp();
    let this = jiff::tz::TimeZone::UTC.to_datetime(now).year();
    let soon = year(this);
    if soon > now + SignedDuration::from_hours(24) { soon } else { year(this + 1) }
}

fn is_of_december(slot: Timestamp) -> bool {
    jiff::tz::TimeZone::UTC.to_datetime(slot).month() == 12
}

fn simulate(file: &Path, from: Timestamp, to: Timestamp, failing: &[Timestamp]) -> Vec<Row> {
    let mut command = Command::new(&setting().coffer);
    command.args(["policy", "simulate", "-o", "json", "--from", &from.to_string(), "--to", &to.to_string()]);
    for slot in failing {
        command.args(["--fail", &format!("Evenings@{slot}")]);
    }
    let output = command.arg(file).output().expect("coffer starts");
    assert!(output.status.success(), "policy simulate: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn job_name(scene: &Scene, slot: Timestamp) -> String {
    let time = jiff::tz::TimeZone::UTC.to_datetime(slot);
    format!("{}-{}", scene.shop.names.instance, time.strftime("%Y%m%dt%H%Mz"))
}

fn complete(scene: &Scene, clock: &mut Clock, slot: Timestamp) {
    clock.move_to(slot + SignedDuration::from_secs(30));
    let name = job_name(scene, slot);
    until("the slot has its job", MINUTE, || scene.job(&name));
    scene.shop.wait_for(&format!("bjob/{name}"), "Complete", 3 * MINUTE).expect("the backup completes");
}

/// The password is wrong from before the slot until its start window has closed.
fn fail(scene: &Scene, clock: &mut Clock, slot: Timestamp) {
    let secret = format!("secret/{}-superuser", scene.shop.names.server);
    scene.patch(&secret, r#"{"stringData":{"password":"wrong"}}"#);
    clock.move_to(slot + SignedDuration::from_secs(30));
    let name = job_name(scene, slot);
    until("the slot's job was refused", 2 * MINUTE, || {
        let job = scene.job(&name)?;
        let errors = job["status"]["errors"].as_array()?;
        errors.iter().any(|error| error["code"] == "UserErrorDBUserAuthFailed").then_some(())
    });
    clock.move_to(slot + SignedDuration::from_mins(31));
    scene.shop.wait_for(&format!("bjob/{name}"), "Failed", 2 * MINUTE).expect("the start window closes");
    scene.patch(&secret, &format!(r#"{{"stringData":{{"password":"{}"}}}}"#, scene.password));
}

/// Tag and end of the point of each slot that has one.
fn jobs_with_points(scene: &Scene) -> BTreeMap<Timestamp, (String, Timestamp)> {
    let jobs = scene.shop.kubectl.list("bjob", &scene.shop.names.tenant).expect("the jobs are listed");
    jobs.iter()
        .filter(|job| job["status"]["recoveryPoint"].is_object())
        .filter_map(|job| {
            let retention = &job["status"]["retention"];
            let slot = job["spec"]["slot"]["time"].as_str()?.parse().ok()?;
            let expires = retention["expirationTime"].as_str()?.parse().ok()?;
            Some((slot, (retention["tag"].as_str()?.to_owned(), expires)))
        })
        .collect()
}

/// In the end those points are shown that have not expired, and no other.
fn survive(scene: &Scene, expected: &[Row], now: Timestamp) {
    let left: Vec<String> =
        expected.iter().filter(|row| row.expires > now).map(|row| job_name(scene, row.slot)).collect();
    assert!(left.len() < expected.len() && left.len() <= 10, "some are gone, the others shown: {left:?}");
    until("what has expired is gone, and nothing else", 3 * MINUTE, || {
        let points = scene.shop.points().ok()?;
        let jobs: Vec<&str> = points.iter().filter_map(|point| point["status"]["jobName"].as_str()).collect();
        (jobs == left).then_some(())
    });
}
