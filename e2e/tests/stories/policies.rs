//! What people see of a policy: that it is ready, when it is due next, what it keeps; what it refuses; that it stays while it is
//! used.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use e2e::source;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, condition, scene, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn row_a18_a32_a36_a39_a40_b10_b11_b13_e04_e06_a_policy_tells_what_it_will_do_or_what_is_wrong_with_it() {
    let scene = scene(Kind::Claim, 200);
    scene.protect();
    the_samples_are_ready(&scene);
    several_rules_tell_their_next_slots(&scene);
    every_kind_of_criterion_is_taken(&scene);
    what_could_not_be_kept_is_refused(&scene);
    one_that_is_used_stays(&scene);
}

fn the_samples_are_ready(scene: &Scene) {
    for (file, name, retention) in [
        ("policy-weekly", "weekly", "Monthly: P10Y; Default: P1Y, at least 1"),
        ("policy-weekly-default", "weekly-default", "Default: P3M, at least 1"),
    ] {
        apply_sample(scene, file);
        let told = ready(scene, name);
        assert_eq!(told["status"]["retention"], retention, "{}", told["status"]);
        assert_eq!(slots(&told).len(), 10);
    }
    the_nightly_sample_is_ready(scene);
}

fn apply_sample(scene: &Scene, file: &str) {
    let path = source::root().join(format!("config/samples/{file}.yaml"));
    let sample = fs::read_to_string(path).expect("the sample");
    let mut policy: Value = serde_yaml::from_str(&sample).expect("the sample is YAML");
    policy["metadata"]["namespace"] = json!(scene.shop.names.tenant);
    scene.shop.kubectl.apply(&policy.to_string()).expect("the sample is accepted");
}

/// Every night, kept for three months.
fn the_nightly_sample_is_ready(scene: &Scene) {
    apply_sample(scene, "policy");
    let told = ready(scene, "nightly");
    assert_eq!(told["status"]["retention"], "Default: P3M, at least 1", "{}", told["status"]);
    let slots = slots(&told);
    assert_eq!(slots.len(), 10, "{slots:?}");
    // The night in which the clocks go ahead has no half past two.
    let others = slots.iter().filter(|(_, time)| !in_berlin(*time).ends_with("02:30")).count();
    assert!(others <= 1, "{slots:?}");
}

fn several_rules_tell_their_next_slots(scene: &Scene) {
    let policy = policy(
        scene,
        "several",
        &json!([
            {"name": "TwiceAWeek", "schedule": {"cron": "0 20 * * 3,6"}, "timeZone": "Europe/Berlin"},
            {"name": "Mondays", "schedule": {"cron": "15 3 * * 1"}, "timeZone": "Europe/Berlin"},
        ]),
        &json!([
            {"name": "Yearly", "priority": 10, "criteria": [{"first": "Year"}], "keep": "P10Y"},
            {"name": "Default", "default": true, "keep": "P1Y"},
        ]),
    );
    scene.shop.kubectl.apply(&policy.to_string()).expect("the policy is accepted");
    let told = ready(scene, "several");
    assert_eq!(told["status"]["retention"], "Yearly: P10Y; Default: P1Y, at least 1");
    let slots = slots(&told);
    assert_eq!(slots.len(), 10, "{slots:?}");
    assert!(slots.is_sorted_by_key(|(_, time)| *time), "{slots:?}");
    let seen: BTreeSet<(String, String)> =
        slots.into_iter().map(|(rule, time)| (rule, in_berlin(time))).collect();
    let expected = [("Mondays", "Mon 03:15"), ("TwiceAWeek", "Sat 20:00"), ("TwiceAWeek", "Wed 20:00")];
    assert_eq!(seen, expected.map(|(rule, time)| (rule.to_owned(), time.to_owned())).into());
}

fn every_kind_of_criterion_is_taken(scene: &Scene) {
    let policy = policy(
        scene,
        "criteria",
        &hourly(),
        &json!([
            {"name": "Yearly", "priority": 10,
             "criteria": [{"first": "Year"}, {"months": [1], "daysOfMonth": [1], "times": ["00:00"]}], "keep": "P10Y"},
            {"name": "LastFriday", "priority": 12,
             "criteria": [{"daysOfWeek": ["Friday"], "weeksOfMonth": ["Last"]}], "keep": "P5Y"},
            {"name": "Default", "default": true, "keep": "P1D"},
        ]),
    );
    scene.shop.kubectl.apply(&policy.to_string()).expect("the policy is accepted");
    ready(scene, "criteria");
}

fn what_could_not_be_kept_is_refused(scene: &Scene) {
    let default = |keep: &str| json!({"name": "Default", "default": true, "keep": keep});
    let yearly =
        |criterion: Value| json!({"name": "Yearly", "priority": 10, "criteria": [criterion], "keep": "P1Y"});
    let incremental = json!([{"name": "Hourly", "schedule": {"cron": "@hourly"}, "type": "Incremental"}]);
    let cases = [
        (hourly(), json!([yearly(json!({"first": "Year"}))]), "exactly one retention rule must have"),
        (hourly(), json!([default("P9999Y")]), "must be at most 100 years"),
        (hourly(), json!([default("PT12H")]), "must be one number and one unit"),
        (hourly(), json!([yearly(json!({})), default("P1M")]), "a criterion is exactly one of"),
        (incremental, json!([default("P1M")]), "`type: Incremental` is not supported yet"),
    ];
    for (rules, retention, text) in cases {
        let policy = policy(scene, "refused", &rules, &retention);
        let refusal = scene.shop.kubectl.apply(&policy.to_string()).expect_err(text).to_string();
        assert!(refusal.contains(text), "{text}: {refusal}");
    }
    let stored = scene.shop.kubectl.find("bpol", &scene.shop.names.tenant, "refused");
    assert_eq!(stored.expect("policies are read"), None);
}

fn one_that_is_used_stays(scene: &Scene) {
    let names = &scene.shop.names;
    let used = until("the policy is known to be used", MINUTE, || {
        let found = scene.shop.kubectl.find("bpol", &names.vault_namespace, &names.policy);
        found.expect("the policy is read").filter(|policy| policy["status"]["instances"] == 1)
    });
    let delete =
        |name: &str, namespace: &str| scene.shop.kubectl.run(&["delete", "bpol", name, "-n", namespace]);
    let refusal = delete(&names.policy, &names.vault_namespace).expect_err("an instance uses it").to_string();
    assert!(refusal.contains("is used by 1 instance(s)"), "{refusal}");
    let left = scene.shop.kubectl.find("bpol", &names.vault_namespace, &names.policy).expect("it is read");
    assert_eq!(left.map(|policy| policy["metadata"]["uid"].clone()), Some(used["metadata"]["uid"].clone()));
    delete("several", &names.tenant).expect("nobody uses it");
}

fn hourly() -> Value {
    json!([{"name": "Hourly", "schedule": {"cron": "@hourly"}}])
}

fn policy(scene: &Scene, name: &str, rules: &Value, retention: &Value) -> Value {
    json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
        "metadata": {"name": name, "namespace": scene.shop.names.tenant},
        "spec": {"rules": rules, "retention": retention},
    })
}

/// A policy once it is told to be ready.
fn ready(scene: &Scene, name: &str) -> Value {
    until(&format!("policy {name} is ready"), MINUTE, || {
        let found =
            scene.shop.kubectl.find("bpol", &scene.shop.names.tenant, name).expect("a policy is read");
        found.filter(|policy| condition(policy, "Ready").is_some_and(|ready| ready["status"] == "True"))
    })
}

/// Rules and times of the next slots.
fn slots(policy: &Value) -> Vec<(String, Timestamp)> {
    let slots = policy["status"]["nextSlots"].as_array().expect("the next slots");
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    slots.iter().map(|slot| (word(&slot["rule"]), word(&slot["time"]).parse().expect("a time"))).collect()
}

/// Weekday and time on the wall.
fn in_berlin(time: Timestamp) -> String {
    time.in_tz("Europe/Berlin").expect("a time zone").strftime("%a %H:%M").to_string()
}
