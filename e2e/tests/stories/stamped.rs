//! A point keeps tag and end as they were stamped: neither a shorter rule nor one that is gone changes what is there, and the
//! next point has what the policy says by then.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Span, Timestamp};
use serde_json::Value;

use crate::scene::{Kind, Scene, advance_clock, scene, until};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

const TWO_RULES: &str = r#"{"spec":{"retention":[
    {"name":"Monthly","priority":10,"criteria":[{"first":"Month"}],"keep":"P1M"},
    {"name":"Default","default":true,"keep":"P14D"}]}}"#;
const ONE_SHORTER: &str = r#"{"spec":{"retention":[{"name":"Default","default":true,"keep":"P7D"}]}}"#;

#[test]
fn row_a17_a31_a37_e05_points_keep_the_end_they_were_given_when_the_policy_changes() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    edit(&scene, TWO_RULES);
    let monthly = stamped(&scene, "monthly", "Monthly", Span::new().months(1));
    let plain = stamped(&scene, "plain", "Default", Span::new().days(14));

    edit(&scene, ONE_SHORTER);
    let short = stamped(&scene, "short", "Default", Span::new().days(7));
    let newest = stamped(&scene, "newest", "Default", Span::new().days(7));
    is_refused(&scene, "too-late", "Monthly");
    let expected = BTreeMap::from([monthly.clone(), plain.clone(), short, newest.clone()]);
    shows(&scene, &expected);

    // The newest good point stays past its end, since `keepAtLeast` is 1.
    advance_clock(8 * DAY);
    shows(&scene, &BTreeMap::from([monthly.clone(), plain, newest.clone()]));
    advance_clock(7 * DAY);
    shows(&scene, &BTreeMap::from([monthly, newest]));
}

/// Edits the policy, and waits until the instance goes by it.
fn edit(scene: &Scene, patch: &str) {
    let names = &scene.shop.names;
    let kubectl = &scene.shop.kubectl;
    let arguments =
        ["patch", "bpol", &names.policy, "-n", &names.vault_namespace, "--type=merge", "-p", patch];
    kubectl.run(&arguments).expect("the policy takes it");
    until("the instance has the policy's version", MINUTE, || {
        let policy = kubectl.find("bpol", &names.vault_namespace, &names.policy).ok()??;
        let instance = kubectl.find("binst", &names.tenant, &names.instance).ok()??;
        (instance["status"]["policyVersion"] == policy["metadata"]["generation"]).then_some(())
    });
}

/// Backs up under a tag, and gives the job and the end of its point, which is `keep` after the snapshot by the calendar.
fn stamped(scene: &Scene, job: &str, tag: &str, keep: Span) -> (String, Timestamp) {
    back_up(scene, job, tag);
    scene.shop.wait_for(&format!("bjob/{job}"), "Complete", 3 * MINUTE).expect("the backup completes");
    let status = status(scene, job);
    assert_eq!(status["retention"]["tag"], tag);
    let time = |value: &Value| -> Timestamp { value.as_str().expect("a time").parse().expect("a time") };
    let snapshot = time(&status["recoveryPoint"]["pointTime"]).to_zoned(jiff::tz::TimeZone::UTC);
    let end = time(&status["retention"]["expirationTime"]);
    assert_eq!(end, snapshot.checked_add(keep).expect("an end").timestamp(), "{job}");
    (job.to_owned(), end)
}

fn back_up(scene: &Scene, job: &str, tag: &str) {
    let names = &scene.shop.names;
    let manifest = format!(
        "apiVersion: coffer.dev/v1alpha1\nkind: BackupJob\nmetadata: {{name: {job}, namespace: {}}}\nspec: \
         {{instanceRef: {{name: {}}}, retentionTag: {tag}}}\n",
        names.tenant, names.instance
    );
    scene.shop.kubectl.apply(&manifest).expect("the job is accepted");
}

fn is_refused(scene: &Scene, job: &str, tag: &str) {
    back_up(scene, job, tag);
    scene.shop.wait_for(&format!("bjob/{job}"), "Failed", MINUTE).expect("the job is refused");
    let said = status(scene, job)["conditions"].to_string();
    assert!(said.contains("TagNotFound") && said.contains("Default"), "it names the tags there are: {said}");
}

fn status(scene: &Scene, job: &str) -> Value {
    let found = scene.shop.kubectl.find("bjob", &scene.shop.names.tenant, job).expect("the job is read");
    found.expect("the job is there")["status"].clone()
}

/// The points of these jobs are shown with these ends, and no other.
fn shows(scene: &Scene, expected: &BTreeMap<String, Timestamp>) {
    until(&format!("the points are {expected:?}"), 3 * MINUTE, || {
        let points = scene.shop.points().ok()?;
        let shown = points.iter().filter_map(|point| {
            let end = point["status"]["expirationTime"].as_str()?.parse().ok()?;
            Some((point["status"]["jobName"].as_str()?.to_owned(), end))
        });
        (shown.collect::<BTreeMap<String, Timestamp>>() == *expected).then_some(())
    });
}
