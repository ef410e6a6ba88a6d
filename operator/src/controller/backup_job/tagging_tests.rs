//! Which tag a run's point is promised, and that it is promised once.

use contract::{Decision as Promise, PolicyVersion, Settled, Trigger};
use crds::backup_job::{CreatedBy, JobRetention, Slot};
use crds::common::JobState;
use crds::{BackupJob, BackupVault};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::decide::decide;
use super::facts::{Decision, Facts, PolicySeen, Step};
use super::merged;
use super::tests::*;
use crate::controller::History;
use crate::controller::run::AttemptState;

/// The first point of a month for ten years, the others for one, by two rules of unlike zones.
fn monthly() -> PolicySeen {
    let rules = json!([
        {"name": "Nightly", "schedule": {"cron": "0 20 * * *"}, "startWindowMinutes": 60, "completionWindowMinutes": 240},
        {"name": "Kiritimati", "schedule": {"cron": "0 10 * * *"}, "timeZone": "Pacific/Kiritimati",
         "startWindowMinutes": 90, "completionWindowMinutes": 300},
    ]);
    let retention = json!([
        {"name": "Monthly", "priority": 15, "criteria": [{"first": "Month"}], "keep": "P10Y"},
        {"name": "Default", "default": true, "keep": "P1Y"},
    ]);
    of(rules, retention)
}

fn of(rules: Value, retention: Value) -> PolicySeen {
    let spec = serde_json::from_value(json!({"rules": rules, "retention": retention})).unwrap();
    PolicySeen { namespace: "vaults".into(), name: "weekly".into(), version: 7, spec }
}

fn with(policy: PolicySeen, successful: &[&str]) -> Facts {
    let successful = successful.iter().map(|slot| slot.parse().unwrap()).collect();
    let history = Some(History { successful, slots: Vec::new() });
    Facts { policy: Some(policy), history, ..facts() }
}

/// The promise that the first attempt is started with.
fn promised(decision: &Decision) -> &Promise {
    let promise = |step: &'_ Step| match step {
        Step::Start(start) => Some(start.promise.clone()),
        _ => None,
    };
    let found = decision.steps.iter().find(|step| promise(step).is_some());
    let Some(Step::Start(start)) = found else { panic!("an attempt is started: {:?}", reason(decision)) };
    &start.promise
}

fn shown(decision: &Decision) -> (&JobRetention, &CreatedBy) {
    (decision.status.retention.as_ref().unwrap(), decision.status.created_by.as_ref().unwrap())
}

fn slot(rule: &str, time: &str) -> Slot {
    serde_json::from_value(json!({"rule": rule, "time": time})).unwrap()
}

/// A job that stands for these slots, too.
fn standing_for(others: &[Slot]) -> BackupJob {
    let mut job = job();
    let text = merged::annotation(others).unwrap();
    job.metadata.annotations = Some(BTreeMap::from([(crds::annotations::MERGED_SLOTS.to_owned(), text)]));
    job
}

#[test]
fn row_a34_a35_e04_the_tag_is_decided_by_the_points_of_the_catalogue_and_written_with_its_reason() {
    let table = [
        (
            "nothing before it",
            vec![],
            "Monthly",
            "P10Y",
            "It is the first successful point of November 2026 in UTC.",
        ),
        (
            "only last month",
            vec!["2026-10-31T20:00:00Z"],
            "Monthly",
            "P10Y",
            "It is the first successful point of November 2026 in UTC.",
        ),
        (
            "one this month",
            vec!["2026-11-01T20:00:00Z"],
            "Default",
            "P1Y",
            "No other retention rule applies.",
        ),
        (
            "one on demand this month",
            vec!["2026-11-19T08:15:00Z"],
            "Default",
            "P1Y",
            "No other retention rule applies.",
        ),
    ];
    for (sentence, successful, tag, keep, reason) in table {
        let decision = decide(&job(), &with(monthly(), &successful), now("20:00:02"));
        let expected = Promise {
            tag: tag.into(),
            keep: Some(keep.into()),
            time_zone: "UTC".into(),
            reason: reason.into(),
            keep_at_least: 1,
            policy: Some(PolicyVersion { namespace: "vaults".into(), name: "weekly".into(), version: 7 }),
            trigger: Trigger::Slot { rule: "Nightly".into(), slot: at("20:00:00") },
        };
        assert_eq!(*promised(&decision), expected, "{sentence}");
        let (retention, created_by) = shown(&decision);
        assert_eq!(
            (retention.tag.as_str(), retention.keep.as_str(), retention.reason.as_str()),
            (tag, keep, reason)
        );
        assert_eq!((created_by.policy.as_str(), created_by.version), ("weekly", 7));
    }
}

#[test]
fn row_a36_b14_criteria_are_asked_by_priority_for_the_slot_and_not_for_the_time_of_the_run() {
    let rules =
        json!([{"name": "Nightly", "schedule": {"cron": "0 20 * * *"}, "timeZone": "Pacific/Auckland"}]);
    let retention = json!([
        {"name": "Yearly", "priority": 10, "criteria": [{"first": "Year"}], "keep": "P9Y"},
        {"name": "Saturday", "priority": 12, "criteria": [{"daysOfWeek": ["Saturday"], "months": [11]}], "keep": "P2Y"},
        {"name": "Weekly", "priority": 20, "criteria": [{"first": "Week"}], "keep": "P12W"},
        {"name": "Default", "default": true, "keep": "P1Y"},
    ]);
    let tag = |successful: &[&str]| {
        // 20:00 of Friday in UTC is nine in the morning of Saturday in Auckland.
        let decision =
            decide(&job(), &with(of(rules.clone(), retention.clone()), successful), now("20:59:59"));
        (promised(&decision).tag.clone(), promised(&decision).time_zone.clone())
    };
    let zone = "Pacific/Auckland".to_owned();
    assert_eq!(tag(&[]), ("Yearly".to_owned(), zone.clone()));
    assert_eq!(tag(&["2026-01-02T00:00:00Z"]), ("Saturday".to_owned(), zone));
}

#[test]
fn a_run_waits_for_the_catalogue_rather_than_guess_its_tag() {
    let unknown = Facts { history: None, ..with(monthly(), &[]) };
    let decision = decide(&job(), &unknown, now("20:00:02"));
    assert_eq!((state(&decision), starts(&decision)), (JobState::Pending, None));
    assert_eq!((reason(&decision), &decision.status.retention), ("KeeperStarting", &None));
    let asked = decide(&on_demand("Monthly"), &unknown, now("20:00:02"));
    assert_eq!(starts(&asked), Some(1), "who asks for a tag needs no history");
}

#[test]
fn row_a31_b15_a_job_on_demand_gets_exactly_the_tag_it_asks_for_or_is_told_the_names() {
    let decision =
        decide(&on_demand("Monthly"), &with(monthly(), &["2026-11-01T20:00:00Z"]), now("20:10:00"));
    let promise = promised(&decision);
    assert_eq!((promise.tag.as_str(), promise.keep.as_deref()), ("Monthly", Some("P10Y")));
    assert_eq!(promise.reason, "The job asked for the tag Monthly.");
    assert_eq!(promise.trigger, Trigger::OnDemand { requested: at("20:10:00") }, "by the operator's clock");
    let queued = Facts { keeper: None, ..with(monthly(), &[]) };
    let decision = decide(&on_demand("Yearly"), &queued, now("20:10:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Failed, "TagNotFound"));
    let error = &decision.status.errors[0];
    assert_eq!(error.code, "UserErrorRetentionTagNotFound");
    assert!(
        error.message.contains("\"Yearly\"") && error.message.ends_with("one of Monthly, Default."),
        "{}",
        error.message
    );
}

#[test]
fn row_e10_of_the_slots_that_a_job_stands_for_the_one_whose_tag_lasts_longest_decides() {
    // 10:00 of the first of December on Kiritimati is 20:00 of the last of November in UTC.
    let night = slot("Nightly", "2026-11-30T20:00:00Z");
    let mut job = standing_for(&[slot("Kiritimati", "2026-11-30T20:00:00Z")]);
    job.spec.slot = Some(night);
    let facts = with(monthly(), &["2026-11-02T20:00:00Z"]);
    let time = "2026-11-30T20:00:02Z".parse().unwrap();
    let decision = decide(&job, &facts, crate::clock::Now { time, wall: time });
    let promise = promised(&decision);
    assert_eq!((promise.tag.as_str(), promise.time_zone.as_str()), ("Monthly", "Pacific/Kiritimati"));
    let (_, created_by) = shown(&decision);
    assert_eq!(
        (created_by.rule.as_deref(), &created_by.merged_rules[..]),
        (Some("Kiritimati"), &["Nightly".to_owned()][..])
    );
    let deadline = decision.status.start_deadline_time.as_ref().unwrap().0;
    assert_eq!(deadline.to_string(), "2026-11-30T21:30:00Z", "it may wait for as long as either slot may");
    let again = decide(
        &after(job, &decision),
        &Facts { history: Some(History::default()), ..facts },
        crate::clock::Now { time, wall: time },
    );
    assert_eq!(again.status.created_by, decision.status.created_by);
}

#[test]
fn row_e10_a_tie_goes_to_the_first_rule_of_the_policy() {
    let job = standing_for(&[slot("Kiritimati", "2026-11-20T20:00:00Z")]);
    let decision = decide(&job, &with(monthly(), &["2026-11-02T20:00:00Z"]), now("20:00:02"));
    let (retention, created_by) = shown(&decision);
    assert_eq!(retention.tag, "Default");
    assert_eq!(
        (created_by.rule.as_deref(), &created_by.merged_rules[..]),
        (Some("Nightly"), &["Kiritimati".to_owned()][..])
    );
}

#[test]
fn row_a17_e05_what_was_promised_stands_whatever_becomes_of_the_policy_and_of_the_catalogue() {
    let first = decide(&job(), &with(monthly(), &[]), now("20:00:02"));
    let promise = promised(&first).clone();
    let mut edited = monthly();
    edited.version = 8;
    edited.spec.retention[0].keep = "P7D".into();
    let edited = with(edited, &["2026-11-01T20:00:00Z"]);
    let of_status =
        decide(&after(job(), &first), &settled(edited.clone(), Settled::Undecided), now("20:01:00"));
    let next = decide(&after(job(), &of_status), &edited, now("20:05:00"));
    assert_eq!(*promised(&next), promise, "a second attempt copies it from the status");
    let mut suspended = attempt(1, AttemptState::Suspended);
    suspended.decision = Some(promise.clone());
    let resumed = decide(&job(), &Facts { attempts: vec![suspended], ..edited }, now("20:05:00"));
    assert_eq!(*promised(&resumed), promise, "and from the first attempt where the status was lost");
    assert_eq!(shown(&resumed).1.version, 7);
}

#[test]
fn row_b13_a_point_outside_the_vaults_range_is_refused_at_the_run_and_others_are_not() {
    let narrow = |maximum: &str| {
        let mut vault: BackupVault = vault();
        vault.spec.retention.maximum = maximum.into();
        Some(Arc::new(vault))
    };
    let facts =
        |maximum: &str, successful: &[&str]| Facts { vault: narrow(maximum), ..with(monthly(), successful) };
    let refused = decide(&job(), &facts("P5Y", &[]), now("20:00:02"));
    assert_eq!((state(&refused), reason(&refused)), (JobState::Failed, "RetentionOutsideVault"));
    let error = &refused.status.errors[0];
    assert_eq!(error.code, "UserErrorRetentionOutsideVault");
    assert!(
        error.message.contains("Retention rule Monthly") && error.message.contains("P5Y"),
        "{}",
        error.message
    );
    let mut instance = instance();
    if let Some(status) = &mut instance.status {
        status.conditions[0].status = "False".into();
        status.conditions[0].reason = "RetentionOutsideVault".into();
    }
    let warned = Facts { instance: Some(Arc::new(instance)), ..facts("P5Y", &["2026-11-01T20:00:00Z"]) };
    assert_eq!(promised(&decide(&job(), &warned, now("20:00:02"))).tag, "Default");
    assert_eq!(
        promised(&decide(&job(), &facts("P10Y", &[]), now("20:00:02"))).tag,
        "Monthly",
        "both ends are in"
    );
}
