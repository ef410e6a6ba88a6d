//! Slots of several rules: which of them are one job, what a waiting job stands for, and which slots are used.

use std::sync::Arc;

use crds::backup_job::Slot;
use crds::instance::InstanceState;
use crds::{BackupInstance, BackupJob, BackupPolicy};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::decide::{Decision, Step};
use super::observe::Seen;
use super::slots::Join;
use super::tests::*;
use crate::controller::History;
use crate::controller::backup_job::{merged, promise};

/// A policy of these rules, the first point of a month kept for ten years.
fn monthly(rules: Value) -> Arc<BackupPolicy> {
    let retention = json!([
        {"name": "Monthly", "priority": 15, "criteria": [{"first": "Month"}], "keep": "P10Y"},
        {"name": "Default", "default": true, "keep": "P1Y"},
    ]);
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
            "metadata": {"name": "daily", "namespace": "shop", "generation": 3},
            "spec": {"rules": rules, "retention": retention},
        }))
        .unwrap(),
    )
}

/// A rule a day, one an hour, and one a day on Kiritimati, where it is fourteen hours later.
fn rules() -> Value {
    json!([
        {"name": "Daily", "schedule": {"cron": "0 20 * * *"}},
        {"name": "Hourly", "schedule": {"cron": "0 * * * *"}},
        {"name": "Kiritimati", "schedule": {"cron": "0 10 * * *"}, "timeZone": "Pacific/Kiritimati"},
    ])
}

fn history(successful: &[&str]) -> Option<History> {
    let successful: Vec<Timestamp> = successful.iter().map(|slot| slot.parse().unwrap()).collect();
    Some(History { successful, slots: Vec::new() })
}

fn seen_with(successful: &[&str]) -> Seen {
    Seen { policy: Some(monthly(rules())), history: history(successful), ..seen() }
}

/// An instance whose slots up to half an hour before are used.
fn ready(seen: &Seen, time: &str) -> BackupInstance {
    let time: Timestamp = time.parse().unwrap();
    looked(checked(), seen, &(time - jiff::SignedDuration::from_mins(30)).to_string())
}

fn job(decision: &Decision) -> BackupJob {
    let made = decision.steps.iter().find_map(|step| match step {
        Step::CreateJob(job) => Some((**job).clone()),
        _ => None,
    });
    made.expect("a job is made")
}

fn joined(decision: &Decision) -> Option<&Join> {
    decision.steps.iter().find_map(|step| if let Step::JoinJob(join) = step { Some(join) } else { None })
}

fn rules_of(slots: &[Slot]) -> Vec<&str> {
    slots.iter().map(|slot| slot.rule.as_str()).collect()
}

#[test]
fn row_e10_rules_due_at_one_instant_are_one_job_under_the_one_whose_tag_lasts_longest() {
    let table = [
        ("all Default: the first in the policy", "2026-11-20T20:00:00Z", ["Daily", "Hourly", "Kiritimati"]),
        ("December begins on Kiritimati", "2026-11-30T20:00:00Z", ["Kiritimati", "Daily", "Hourly"]),
    ];
    for (sentence, time, expected) in table {
        let seen = seen_with(&["2026-11-02T20:00:00Z"]);
        let decision = decided(&ready(&seen, time), &seen, at(time));
        assert_eq!(rules_of(&merged::slots(&job(&decision))), expected, "{sentence}");
        let jobs = decision.steps.iter().filter(|step| matches!(step, Step::CreateJob(_))).count();
        assert_eq!(jobs, 1, "{sentence}");
    }
}

#[test]
fn a_rule_alone_makes_a_job_without_an_annotation() {
    let seen = seen_with(&[]);
    let time = "2026-11-20T21:00:00Z";
    let made = job(&decided(&ready(&seen, time), &seen, at(time)));
    assert_eq!((made.annotations().len(), made.name_any().as_str()), (0, "orders-20261120t2100z"));
}

#[test]
fn before_the_catalogue_is_known_slots_get_their_job_whose_tag_is_decided_later() {
    let seen = Seen { history: None, ..seen_with(&[]) };
    let time = "2026-11-30T20:00:00Z";
    let made = job(&decided(&ready(&seen, time), &seen, at(time)));
    assert_eq!(merged::slots(&made).len(), 3);
}

#[test]
fn row_e10_a_job_that_waits_stands_for_what_comes_due_meanwhile() {
    let before = seen_with(&["2026-11-02T20:00:00Z"]);
    let first = decided(&ready(&before, "2026-11-20T20:00:00Z"), &before, at("2026-11-20T20:00:00Z"));
    let mut instance = ready(&before, "2026-11-20T20:00:00Z");
    instance.status = first.status.clone();
    let waiting = Arc::new(job(&first));
    let seen = Seen { jobs: vec![Arc::clone(&waiting)], ..before };
    let hour = decided(&instance, &seen, at("2026-11-20T21:00:00Z"));
    assert_eq!(made(&hour), None);
    let join = joined(&hour).expect("the job is told");
    assert_eq!(join.job.name_any(), waiting.name_any());
    let mut told = (*waiting).clone();
    told.annotations_mut().insert(crds::annotations::MERGED_SLOTS.to_owned(), join.annotation.clone());
    let slots = merged::slots(&told);
    assert_eq!(rules_of(&slots), ["Daily", "Hourly", "Kiritimati"]);
    assert_eq!(slots[1].time.0, at("2026-11-20T21:00:00Z").time, "the newest slot of each rule");
    instance.status = hour.status;
    let seen = Seen { jobs: vec![Arc::new(told)], ..seen };
    assert!(joined(&decided(&instance, &seen, at("2026-11-20T21:00:05Z"))).is_none(), "told once");
}

/// A job that never starts, as its controller has it at this time: it ends when the last window of its slots has closed.
fn unable(job: &mut BackupJob, now: Timestamp) {
    let slots = merged::slots(job);
    let deadline = slots.iter().map(|slot| promise::of_slot(slot, None).start).max().unwrap();
    let status = if now < deadline {
        json!({"state": "Pending", "startDeadlineTime": deadline})
    } else {
        json!({"state": "Failed", "startDeadlineTime": deadline, "completionTime": deadline})
    };
    job.status = Some(serde_json::from_value(status).unwrap());
}

#[test]
fn a_job_that_keeps_failing_ends_however_close_the_slots_are() {
    let rules = json!([{"name": "Hourly", "schedule": {"cron": "0 * * * *"}}]);
    let seen = Seen { policy: Some(monthly(rules)), history: history(&[]), ..seen() };
    let mut instance = ready(&seen, "2026-11-20T20:00:00Z");
    let mut jobs: Vec<BackupJob> = Vec::new();
    for hour in 0..24 {
        let time = at("2026-11-20T20:00:00Z").time + jiff::SignedDuration::from_hours(hour);
        jobs.iter_mut().filter(|job| !job.is_terminal()).for_each(|job| unable(job, time));
        let seen = Seen { jobs: jobs.iter().cloned().map(Arc::new).collect(), ..seen.clone() };
        let decision = decided(&instance, &seen, at(&time.to_string()));
        if let Some(join) = joined(&decision) {
            let host = jobs.iter_mut().find(|job| job.name_any() == join.job.name_any()).unwrap();
            host.annotations_mut()
                .insert(crds::annotations::MERGED_SLOTS.to_owned(), join.annotation.clone());
        }
        jobs.extend(made(&decision).map(|_| job(&decision)));
        instance.status = decision.status;
    }
    let told: Vec<_> = jobs.iter().map(|job| (job.name_any(), job.state().as_str())).collect();
    let expected =
        [("20261120t2000z", "Failed"), ("20261121t0400z", "Failed"), ("20261121t1200z", "Pending")];
    assert_eq!(told, expected.map(|(slot, state)| (format!("orders-{slot}"), state)));
    let status = instance.status.as_ref().unwrap();
    assert_eq!(condition(status, "LastBackupSucceeded").0, "False");
    assert_eq!(status.jobs_7d.as_ref().map(|counts| counts.failed), Some(2));
}

#[test]
fn what_a_clock_that_ran_ahead_has_left_stops_no_backup() {
    let ahead = "2027-06-01T20:00:00Z";
    let mut seen = seen_with(&[]);
    let mut instance = ready(&seen, ahead);
    let mut early = job(&decided(&instance, &seen, at(ahead)));
    early.status =
        Some(serde_json::from_value(json!({"state": "Completed", "completionTime": ahead})).unwrap());
    seen.jobs = vec![Arc::new(early)];
    seen.history = Some(History { successful: Vec::new(), slots: vec![at(ahead).time] });
    let missed = instance.status.as_ref().unwrap().missed_slots.clone();
    let set_back = decided(&instance, &seen, at("2026-11-20T20:10:00Z"));
    assert_eq!(made(&set_back), None, "what came before is used");
    assert_eq!(status(&set_back).missed_slots, missed, "and was not missed");
    instance.status = set_back.status;
    for time in ["2026-11-20T20:10:30Z", "2026-11-20T20:59:59Z"] {
        let decision = decided(&instance, &seen, at(time));
        assert_eq!(made(&decision), None);
        let last = status(&decision).last_slot_time.as_ref().unwrap().0;
        assert_eq!(last, at("2026-11-20T20:10:00Z").time, "written once");
        instance.status = decision.status;
    }
    let due = decided(&instance, &seen, at("2026-11-20T21:00:00Z"));
    assert_eq!(made(&due).as_deref(), Some("orders-20261120t2100z"));
}

#[test]
fn row_e10_a_job_that_has_decided_another_tag_keeps_no_slot_from_a_job_of_its_own() {
    let before = seen_with(&["2026-11-02T20:00:00Z"]);
    let mut instance = ready(&before, "2026-11-30T19:00:00Z");
    let first = decided(&instance, &before, at("2026-11-30T19:00:00Z"));
    instance.status = first.status.clone();
    let mut waiting = job(&first);
    let mut decided_as = |tag: &str| {
        waiting.status = Some(
            serde_json::from_value(
                json!({"retention": {"tag": tag, "keep": "P1Y", "timeZone": "UTC", "reason": "r"}}),
            )
            .unwrap(),
        );
        let seen = Seen { jobs: vec![Arc::new(waiting.clone())], ..before.clone() };
        let next = decided(&instance, &seen, at("2026-11-30T20:00:00Z"));
        (made(&next), joined(&next).is_some())
    };
    assert_eq!(
        decided_as("Default"),
        (Some("orders-20261130t2000z".to_owned()), false),
        "this one is Monthly"
    );
    assert_eq!(decided_as("Monthly"), (None, true));
}

#[test]
fn a_slot_whose_point_the_vault_has_is_used_when_job_and_status_are_lost() {
    let time = "2026-11-20T20:00:00Z";
    let mut seen = seen_with(&[time]);
    let instance = ready(&seen, time);
    assert!(made(&decided(&instance, &seen, at("2026-11-20T20:05:00Z"))).is_some());
    seen.history = Some(History { successful: Vec::new(), slots: vec![at(time).time] });
    let decision = decided(&instance, &seen, at("2026-11-20T20:05:00Z"));
    assert_eq!(made(&decision), None);
    assert_eq!(status(&decision).last_slot_time.as_ref().unwrap().0, at(time).time);
}

#[test]
fn row_b13_a_rule_outside_the_vaults_range_is_told_early_by_its_name_and_the_others_go_on() {
    let mut policy = (*monthly(rules())).clone();
    policy.spec.retention[0].keep = "P20Y".into();
    let seen = Seen { policy: Some(Arc::new(policy)), history: history(&[]), ..seen() };
    let time = "2026-11-20T20:00:00Z";
    let instance = ready(&seen, time);
    let decision = decided(&instance, &seen, at(time));
    let status = status(&decision);
    assert_eq!(condition(status, "Ready"), ("False", "RetentionOutsideVault"));
    assert_eq!(condition(status, "Stalled"), ("True", "RetentionOutsideVault"));
    assert_eq!(condition(status, "Reconciling").0, "absent");
    let ready = status.conditions.iter().find(|held| held.type_ == "Ready").unwrap();
    assert!(
        ready.message.contains("Retention rule Monthly") && ready.message.contains("P20Y"),
        "{}",
        ready.message
    );
    assert_eq!(status.state, Some(InstanceState::ProtectionError));
    assert!(made(&decision).is_some(), "what is in range is still backed up, what is not says so by its job");
    for keep in ["P6D", "P11Y"] {
        let seen = Seen { policy: Some(super::tests::policy(keep)), ..super::tests::seen() };
        let decision = decided(&checked(), &seen, at(time));
        assert_eq!(
            condition(super::tests::status(&decision), "Ready"),
            ("False", "RetentionOutsideVault"),
            "{keep}"
        );
    }
}
