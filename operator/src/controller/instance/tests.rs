//! Decisions about instances: references, checks and slots, each as a table.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{
    CheckItem, CheckReport, CheckResult as Reported, Failure, FailureCode, Life, Outcome, Owner, OwnerView,
    Report, RunId, Stage, VERSION,
};
use crds::common::Time;
use crds::instance::InstanceState;
use crds::{
    BackupInstance, BackupInstanceStatus, BackupJob, BackupJobStatus, BackupPolicy, BackupVault, Reason,
};
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::checks;
use super::claim::{self, Claimed};
use super::decide::{Decision, Step, decide};
use super::observe::Seen;
use crate::clock::Now;
use crate::controller::History;
use crate::controller::run::{AttemptState, Ending, Found, Material, SeenAttempt};
use crate::settings::Settings;

pub(super) fn at(text: &str) -> Now {
    let time: Timestamp = text.parse().unwrap();
    Now { time, wall: time }
}

fn settings() -> Settings {
    Settings {
        namespace: "coffer-system".into(),
        pod: "coffer-0".into(),
        service_account: "coffer".into(),
        image: "coffer.local/coffer:1".into(),
        image_pull_policy: "IfNotPresent".into(),
        cluster_id: "c1".into(),
    }
}

pub(super) fn instance() -> BackupInstance {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": "orders", "namespace": "shop", "uid": "0f8fad5b-d9cb", "generation": 1},
        "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "policyRef": {"name": "daily"},
                 "postgresql": {"host": "db", "database": "app", "credentialsSecretRef": {"name": "db"}}},
    }))
    .unwrap()
}

fn vault(ready: &str, namespaces: Value) -> Arc<BackupVault> {
    let ready = json!({"type": "Ready", "status": ready, "reason": "AsConfigured", "message": "said so",
                       "lastTransitionTime": "2026-11-01T00:00:00Z"});
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
            "metadata": {"name": "main", "namespace": "vaults", "uid": "7d0c"},
            "spec": {"storage": {"s3": {"bucket": "backups"}}, "encryption": {"mode": "SystemManaged"},
                     "access": {"allowedNamespaces": {"names": namespaces}}},
            "status": {"conditions": [ready]},
        }))
        .unwrap(),
    )
}

pub(super) fn policy(keep: &str) -> Arc<BackupPolicy> {
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
            "metadata": {"name": "daily", "namespace": "shop", "generation": 3},
            "spec": {"rules": [{"name": "Daily", "schedule": {"cron": "0 20 * * *"}}],
                     "retention": [{"name": "Default", "default": true, "keep": keep}],
                     "jobHistory": {"completed": 1, "failed": 1}},
        }))
        .unwrap(),
    )
}

pub(super) fn secret(keys: &[&str]) -> Found {
    let data: BTreeMap<String, ByteString> =
        keys.iter().map(|key| ((*key).to_owned(), ByteString(b"value".to_vec()))).collect();
    let mut secret = Secret { data: Some(data), ..Secret::default() };
    secret.metadata.resource_version = Some("1".into());
    Found::Secret(Box::new(secret))
}

pub(super) fn material(credentials: Found) -> Option<Material> {
    Some(Material { credentials, authority: None, client_certificate: None })
}

pub(super) fn seen() -> Seen {
    Seen {
        vault: Some(vault("True", json!(["shop"]))),
        policy: Some(policy("P3M")),
        material: material(secret(&["username", "password"])),
        ..Seen::default()
    }
}

pub(super) fn decided(instance: &BackupInstance, seen: &Seen, now: Now) -> Decision {
    decide(instance, seen, &settings(), now)
}

pub(super) fn condition<'a>(status: &'a BackupInstanceStatus, type_: &str) -> (&'a str, &'a str) {
    status
        .conditions
        .iter()
        .find(|held| held.type_ == type_)
        .map_or(("absent", ""), |held| (held.status.as_str(), held.reason.as_str()))
}

pub(super) fn status(decision: &Decision) -> &BackupInstanceStatus {
    decision.status.as_ref().expect("a status")
}

pub(super) fn report(items: Vec<CheckItem>) -> AttemptState {
    let report = Report {
        version: VERSION,
        run: RunId("0f8fad5b-d9cb".into()),
        attempt: 1,
        started: None,
        outcome: Outcome::Checked(CheckReport {
            items,
            server_version: Some("17.2".into()),
            datasource_id: Some("73/app".into()),
            relations: Some(40),
            size_bytes: None,
            missing_grants: vec!["GRANT pg_read_all_data TO \"app\";".into()],
        }),
        warnings: Vec::new(),
    };
    AttemptState::Ended(Box::new(Ending { report: Some(report), exit_code: Some(0), out_of_memory: false }))
}

pub(super) fn item(result: Reported, failure: Option<FailureCode>) -> CheckItem {
    let failure =
        failure.map(|code| Failure { code, stage: Stage::Connecting, message: "no".into(), cause: None });
    CheckItem { name: "LogIn".into(), result, failure }
}

/// The check's Job for what the instance now is, in this state.
pub(super) fn with_check(instance: &BackupInstance, mut seen: Seen, state: AttemptState) -> Seen {
    let last = instance.status.as_ref().and_then(|status| status.last_check.as_ref());
    let name = checks::check_name(instance, &checks::inputs(instance, &seen), last);
    seen.checks = vec![SeenAttempt {
        number: 1,
        namespace: "vaults".into(),
        job_name: name,
        job_uid: Some("j1".into()),
        going: false,
        created: None,
        decision: None,
        state,
    }];
    seen
}

/// An instance whose checks passed at 10:00.
pub(super) fn checked() -> BackupInstance {
    let mut instance = instance();
    let seen = with_check(&instance, seen(), report(vec![item(Reported::Passed, None)]));
    instance.status = decided(&instance, &seen, at("2026-11-20T10:00:00Z")).status;
    instance
}

pub(super) fn made(decision: &Decision) -> Option<String> {
    decision
        .steps
        .iter()
        .find_map(|step| if let Step::CreateJob(job) = step { Some(job.name_any()) } else { None })
}

fn held_by_another() -> Box<contract::Holder> {
    let owner = contract::Owner::Instance {
        cluster_id: "c1".into(),
        namespace: "shop".into(),
        namespace_uid: "n1".into(),
        instance: "older".into(),
        instance_uid: "i0".into(),
        datasource_id: "73/app".into(),
    };
    Box::new(contract::Holder { owner, life: contract::Life::Active, point: None })
}

#[test]
fn each_missing_reference_is_the_reason_and_nothing_is_started() {
    let base = seen();
    let cases = [
        (Seen { vault: None, ..base.clone() }, "VaultNotFound"),
        (Seen { vault: Some(vault("True", json!(["other"]))), ..base.clone() }, "NamespaceNotAllowed"),
        (Seen { policy: None, ..base.clone() }, "PolicyNotFound"),
        (Seen { claim: Some(Claimed::Protected(held_by_another())), ..base.clone() }, "DuplicateDatasource"),
        (Seen { vault: Some(vault("False", json!(["shop"]))), ..base.clone() }, "VaultNotReady"),
    ];
    for (seen, reason) in cases {
        let decision = decided(&instance(), &seen, at("2026-11-20T10:00:00Z"));
        assert_eq!(condition(status(&decision), "Ready"), ("False", reason));
        assert!(decision.steps.is_empty(), "{reason}");
        let both = condition(status(&decision), "Reconciling").0 == "True"
            && condition(status(&decision), "Stalled").0 == "True";
        assert!(!both, "{reason}");
    }
}

#[test]
fn a_new_instance_is_checked_before_anything_is_planned() {
    let decision = decided(&instance(), &seen(), at("2026-11-20T21:00:00Z"));
    assert!(matches!(decision.steps.as_slice(), [Step::StartCheck { .. }]));
    assert_eq!(condition(status(&decision), "Ready"), ("True", "AsConfigured"));
    assert_eq!(condition(status(&decision), "BackupReady"), ("Unknown", "ChecksRunning"));
    assert_eq!(status(&decision).state, Some(InstanceState::ConfiguringProtection));
}

#[test]
fn while_the_first_check_runs_nothing_has_failed() {
    let mut instance = instance();
    instance.status = decided(&instance, &seen(), at("2026-11-20T21:00:00Z")).status;
    let seen = with_check(&instance, seen(), AttemptState::Running);
    let decision = decided(&instance, &seen, at("2026-11-20T21:00:05Z"));
    assert_eq!(condition(status(&decision), "BackupReady"), ("Unknown", "ChecksRunning"));
    assert_eq!(condition(status(&decision), "Reconciling"), ("True", "ChecksRunning"));
    assert_eq!(status(&decision).state, Some(InstanceState::ConfiguringProtection));
}

#[test]
fn credentials_that_cannot_be_read_are_told_without_a_pod() {
    for (found, reason) in [
        (Found::Absent, "SecretNotFound"),
        (Found::Forbidden, "SecretForbidden"),
        (secret(&["username"]), "SecretKeyMissing"),
    ] {
        let seen = Seen { material: material(found), ..seen() };
        let decision = decided(&instance(), &seen, at("2026-11-20T10:00:00Z"));
        assert_eq!(condition(status(&decision), "BackupReady"), ("False", reason));
        assert_eq!(
            condition(status(&decision), "Ready").0,
            "True",
            "Ready is about references, not about log-ins"
        );
        assert!(decision.steps.is_empty());
        assert_eq!(status(&decision).state, Some(InstanceState::ConfiguringProtectionFailed));
    }
}

#[test]
fn a_check_that_passed_makes_the_instance_ready_and_its_job_goes() {
    let instance = instance();
    let seen = with_check(&instance, seen(), report(vec![item(Reported::Passed, None)]));
    let decision = decided(&instance, &seen, at("2026-11-20T10:00:00Z"));
    assert!(decision.steps.is_empty(), "what was found is written before the Job goes");
    let mut after = instance.clone();
    after.status.clone_from(&decision.status);
    let next = decided(&after, &seen, at("2026-11-20T10:00:01Z"));
    assert!(matches!(next.steps.as_slice(), [Step::RemoveCheck(_)]));
    let status = status(&decision);
    assert_eq!(condition(status, "BackupReady"), ("True", "ChecksPassed"));
    assert_eq!((status.relations, status.datasource_id.as_deref()), (Some(40), Some("73/app")));
    assert_eq!(status.missing_grants, ["GRANT pg_read_all_data TO \"app\";"]);
}

#[test]
fn another_server_than_the_points_came_from_is_pointed_out_and_backups_go_on() {
    let mut moved = checked();
    if let Some(status) = &mut moved.status {
        status.datasource_id = Some("72/app".into());
        status.last_check = None;
    }
    let seen = with_check(&moved, seen(), report(vec![item(Reported::Passed, None)]));
    let decision = decided(&moved, &seen, at("2026-11-20T11:00:00Z"));
    let status = status(&decision);
    let check = status.checks.iter().find(|check| check.name == "Datasource").expect("a check");
    assert_eq!(check.reason.as_deref(), Some("DatasourceChanged"));
    assert!(check.message.as_ref().is_some_and(|text| text.contains("73") && text.contains("72")));
    assert_eq!(condition(status, "BackupReady"), ("True", "ChecksPassed"));
    assert!(told(&decision, Reason::DatasourceChanged));
    let mut after = moved.clone();
    after.status = decision.status.clone();
    let same = with_check(&after, self::seen(), report(vec![item(Reported::Passed, None)]));
    let again = decided(&after, &same, at("2026-11-20T12:00:00Z"));
    assert!(!told(&again, Reason::DatasourceChanged), "it is the known one by now");
}

#[test]
fn a_point_that_came_from_another_server_than_was_checked_asks_for_a_check() {
    let instance = checked();
    let due = |datasource: &str| {
        let seen = Seen { points: Some(vec![point_of(datasource)]), ..seen_in_ledger(Some(Life::Active)) };
        let is_due = |time: &str| {
            let decision = decided(&instance, &seen, at(time));
            decision.steps.iter().any(|step| matches!(step, Step::StartCheck { .. }))
        };
        assert!(!is_due("2026-11-20T10:14:00Z"), "once in a quarter of an hour");
        is_due("2026-11-20T10:15:00Z")
    };
    assert!(!due("73/app"), "the server that was checked");
    assert!(due("74/app"), "another one");
    assert!(!due("db:5432/app"), "its provider does not say who it is");

    // That check tells of it, whatever the instance had been checked as.
    let seen = Seen { points: Some(vec![point_of("74/app")]), ..seen_in_ledger(Some(Life::Active)) };
    let seen = with_check(&instance, seen, report(vec![item(Reported::Passed, None)]));
    let decision = decided(&instance, &seen, at("2026-11-20T10:01:00Z"));
    let check = status(&decision).checks.iter().find(|check| check.name == "Datasource").expect("a check");
    assert_eq!(check.reason.as_deref(), Some("DatasourceChanged"));
}

/// A good point of this datasource.
fn point_of(datasource: &str) -> contract::PointView {
    let mut owner = seen_in_ledger(None).owner;
    if let Some(Owner::Instance { datasource_id, .. }) = &mut owner {
        datasource.clone_into(datasource_id);
    }
    serde_json::from_value(json!({
        "id": "1".repeat(32), "run": "run-1", "writer": "cd".repeat(16), "sequence": 7, "owner": owner,
        "decision": {"tag": "Default", "keep": "P3M", "timeZone": "UTC", "reason": "the default", "keepAtLeast": 1,
                     "policy": null, "trigger": "cli"},
        "pointTime": "2026-11-20T10:00:30Z", "commitTime": "2026-11-20T10:00:30Z",
        "expirationTime": "2027-02-20T10:00:30Z", "state": "Available",
        "source": {"serverVersion": "17.2", "systemIdentifier": "73", "sizeBytes": 1, "standby": false},
        "dataStores": [], "storedBytes": 1, "objects": 1, "coverage": [], "warnings": [],
    }))
    .unwrap()
}

pub(super) fn told(decision: &Decision, reason: Reason) -> bool {
    decision.steps.iter().any(|step| matches!(step, Step::Tell(note) if note.reason == reason))
}

#[test]
fn a_failed_check_names_its_reason_and_is_repeated_sooner_then_later() {
    let mut instance = instance();
    let mut failing = |now: &str| {
        let refused = item(Reported::Failed, Some(FailureCode::AuthenticationFailed));
        let seen = with_check(&instance, seen(), report(vec![refused]));
        let decision = decided(&instance, &seen, at(now));
        assert_eq!(condition(status(&decision), "BackupReady"), ("False", "AuthenticationFailed"));
        instance.status = decision.status;
        instance.clone()
    };
    let starts = |instance: &BackupInstance, now: &str| {
        decided(instance, &seen(), at(now)).steps.iter().any(|step| matches!(step, Step::StartCheck { .. }))
    };
    let first = failing("2026-11-20T10:00:00Z");
    assert!(!starts(&first, "2026-11-20T10:00:59Z"));
    assert!(starts(&first, "2026-11-20T10:01:00Z"));
    let second = failing("2026-11-20T10:01:00Z");
    assert!(!starts(&second, "2026-11-20T10:02:30Z"));
    assert!(starts(&second, "2026-11-20T10:03:00Z"));
    let late = failing("2026-11-20T11:00:00Z");
    assert!(!starts(&late, "2026-11-20T11:14:00Z"));
    assert!(starts(&late, "2026-11-20T11:15:00Z"));
}

/// The check's Job, which a quota keeps from having its pod since this time.
fn blocked(instance: &BackupInstance, since: &str) -> Seen {
    let state = AttemptState::Waiting { blocked: Some("exceeded quota: pods".into()) };
    let mut seen = with_check(instance, seen(), state);
    seen.checks[0].created = Some(at(since).time);
    seen
}

#[test]
fn a_check_whose_pod_cannot_start_fails_by_that_name_and_is_repeated_ever_later() {
    let mut instance = instance();
    let first = blocked(&instance, "2026-11-20T10:00:00Z");
    let decision = decided(&instance, &first, at("2026-11-20T10:04:00Z"));
    assert_eq!(condition(status(&decision), "BackupReady"), ("Unknown", "PodBlocked"));
    let given_up = decided(&instance, &first, at("2026-11-20T10:05:01Z"));
    assert_eq!(condition(status(&given_up), "BackupReady"), ("False", "PodBlocked"));
    let check = &status(&given_up).checks[0];
    assert!(check.message.as_ref().is_some_and(|text| text.contains("exceeded quota: pods")), "{check:?}");
    instance.status = given_up.status;

    let second = blocked(&instance, "2026-11-20T10:06:01Z");
    let instance = looked(instance, &second, "2026-11-20T10:07:00Z");
    let held = instance.status.as_ref().unwrap();
    assert_eq!(condition(held, "BackupReady"), ("False", "PodBlocked"), "it is still known to be wrong");
    let instance = looked(instance, &second, "2026-11-20T10:11:02Z");
    let starts = |now: &str| {
        let steps = decided(&instance, &seen(), at(now)).steps;
        steps.iter().any(|step| matches!(step, Step::StartCheck { .. }))
    };
    assert!(!starts("2026-11-20T10:16:01Z"), "five minutes after one that failed for six");
    assert!(starts("2026-11-20T10:16:02Z"));
}

#[test]
fn a_check_that_passed_is_repeated_weekly_and_when_a_secret_changes() {
    let instance = checked();
    let starts = |seen: &Seen, now: &str| {
        decided(&instance, seen, at(now)).steps.iter().any(|step| matches!(step, Step::StartCheck { .. }))
    };
    assert!(!starts(&seen(), "2026-11-27T09:59:00Z"));
    assert!(starts(&seen(), "2026-11-27T10:00:00Z"));
    let mut rotated = Secret { data: None, ..Secret::default() };
    rotated.metadata.resource_version = Some("2".into());
    if let Found::Secret(held) = secret(&["username", "password"]) {
        rotated.data = held.data;
    }
    let changed = Seen { material: material(Found::Secret(Box::new(rotated))), ..seen() };
    assert!(starts(&changed, "2026-11-20T10:05:00Z"));
}

#[test]
fn a_slot_becomes_one_job_and_no_second() {
    let instance = checked();
    assert_eq!(made(&decided(&instance, &seen(), at("2026-11-20T19:59:59Z"))), None);
    let due = decided(&instance, &seen(), at("2026-11-20T20:00:00Z"));
    assert_eq!(made(&due).as_deref(), Some("orders-20261120t2000z"));
    let mut after = instance;
    after.status = due.status;
    assert_eq!(made(&decided(&after, &seen(), at("2026-11-20T20:00:01Z"))), None);
    let next = status(&decided(&after, &seen(), at("2026-11-20T20:00:01Z"))).next_backup_time.clone();
    assert_eq!(next.map(|time| time.0), Some("2026-11-21T20:00:00Z".parse().unwrap()));
}

#[test]
fn a_job_that_is_there_uses_its_slot_even_if_the_status_was_lost() {
    let instance = checked();
    let due = decided(&instance, &seen(), at("2026-11-20T20:00:00Z"));
    let Some(Step::CreateJob(job)) = due.steps.into_iter().find(|step| matches!(step, Step::CreateJob(_)))
    else {
        panic!("a job is due")
    };
    let seen = Seen { jobs: vec![Arc::new(*job)], ..seen() };
    assert_eq!(made(&decided(&instance, &seen, at("2026-11-20T20:00:05Z"))), None);
}

#[test]
fn a_job_that_waits_stands_for_later_slots_only_while_it_may_still_begin() {
    let instance = checked();
    let due = decided(&instance, &seen(), at("2026-11-20T20:00:00Z"));
    let job = due.steps.iter().find_map(|step| match step {
        Step::CreateJob(job) => Some((**job).clone()),
        _ => None,
    });
    let (mut job, mut after) = (job.expect("a job is due"), instance);
    after.status = due.status;
    // So wide that two slots fall into it.
    let mut wide = (*policy("P3M")).clone();
    wide.spec.rules[0].start_window_minutes = Some(2000);
    let wide = Arc::new(wide);
    let made_beside = |job: &BackupJob| {
        let seen = Seen { jobs: vec![Arc::new(job.clone())], policy: Some(Arc::clone(&wide)), ..seen() };
        made(&decided(&after, &seen, at("2026-11-21T20:00:00Z")))
    };
    let may_begin_until = |text: &str| {
        let deadline = Some(Time(text.parse().unwrap()));
        Some(BackupJobStatus { start_deadline_time: deadline, ..BackupJobStatus::default() })
    };
    job.status = may_begin_until("2026-11-21T20:00:01Z");
    assert_eq!(made_beside(&job), None);
    job.status = may_begin_until("2026-11-21T20:00:00Z");
    assert_eq!(made_beside(&job).as_deref(), Some("orders-20261121t2000z"));
}

#[test]
fn nothing_is_planned_while_protection_is_suspended_or_before_the_first_check() {
    let mut suspended = checked();
    suspended.spec.protection = crds::instance::Protection::Suspended;
    let decision = decided(&suspended, &seen(), at("2026-11-20T20:00:00Z"));
    assert_eq!(made(&decision), None);
    assert_eq!(status(&decision).state, Some(InstanceState::BackupsSuspended));
    assert_eq!(status(&decision).next_backup_time, None);
    assert_eq!(made(&decided(&instance(), &seen(), at("2026-11-20T20:00:00Z"))), None);
}

#[test]
fn of_the_slots_missed_while_nobody_looked_the_newest_runs_and_the_others_are_counted() {
    let instance = checked();
    let decision = decided(&instance, &seen(), at("2026-11-23T21:00:00Z"));
    assert_eq!(made(&decision).as_deref(), Some("orders-20261123t2000z"));
    assert_eq!(status(&decision).missed_slots.as_ref().map(|missed| missed.count), Some(3));
}

#[test]
fn a_policy_that_vanished_keeps_acting() {
    let instance = checked();
    let decision = decided(&instance, &Seen { policy: None, ..seen() }, at("2026-11-20T20:00:00Z"));
    assert_eq!(condition(status(&decision), "PolicyMissing"), ("True", "PolicyGone"));
    assert!(made(&decision).is_some());
}

#[test]
fn a_rule_that_was_just_written_does_not_run_for_a_time_before_it_was() {
    let instance = checked();
    let mut edited = (*policy("P3M")).clone();
    edited.spec.rules[0].schedule.cron = Some("0 9 * * *".into());
    edited.metadata.generation = Some(4);
    let seen = Seen { policy: Some(Arc::new(edited)), ..seen() };
    let mut after = instance.clone();
    // 09:00 came before the checks had passed and before the edit; it must not be taken for a missed slot.
    let first = decided(&instance, &seen, at("2026-11-21T09:30:00Z"));
    assert_eq!(made(&first), None);
    after.status = first.status;
    assert_eq!(made(&decided(&after, &seen, at("2026-11-21T09:31:00Z"))), None);
    assert_eq!(
        made(&decided(&after, &seen, at("2026-11-22T09:00:00Z"))).as_deref(),
        Some("orders-20261122t0900z")
    );
}

/// The instance as a look at this time leaves it.
pub(super) fn looked(mut instance: BackupInstance, seen: &Seen, time: &str) -> BackupInstance {
    instance.status = decided(&instance, seen, at(time)).status;
    instance
}

#[test]
fn a_slot_that_comes_while_the_check_fails_still_gets_its_job() {
    let instance = looked(checked(), &seen(), "2026-11-20T10:01:00Z");
    let broken = Seen { material: material(Found::Absent), ..seen() };
    let instance = looked(instance, &broken, "2026-11-20T19:55:00Z");
    assert_eq!(condition(instance.status.as_ref().unwrap(), "BackupReady").0, "False");
    let decision = decided(&instance, &broken, at("2026-11-20T20:00:00Z"));
    assert_eq!(made(&decision).as_deref(), Some("orders-20261120t2000z"), "the job tells what is wrong");

    let mended = with_check(&instance, seen(), report(vec![item(Reported::Passed, None)]));
    let instance = looked(instance, &mended, "2026-11-20T20:20:00Z");
    let decision = decided(&instance, &seen(), at("2026-11-20T20:20:01Z"));
    assert_eq!(status(&decision).last_slot_time.as_ref().unwrap().0, at("2026-11-20T20:00:00Z").time);
}

#[test]
fn another_window_moves_no_slot() {
    let instance = looked(checked(), &seen(), "2026-11-20T10:01:00Z");
    let mut edited = (*policy("P3M")).clone();
    edited.spec.rules[0].completion_window_minutes = Some(700);
    edited.metadata.generation = Some(4);
    let seen = Seen { policy: Some(Arc::new(edited)), ..seen() };
    let decision = decided(&instance, &seen, at("2026-11-20T20:00:03Z"));
    assert_eq!(made(&decision).as_deref(), Some("orders-20261120t2000z"));
}

#[test]
fn a_new_rule_takes_no_slot_from_one_that_was_there() {
    let instance = looked(checked(), &seen(), "2026-11-20T10:01:00Z");
    let mut edited = (*policy("P3M")).clone();
    let mut hourly = edited.spec.rules[0].clone();
    hourly.name = "Hourly".into();
    hourly.schedule.cron = Some("0 * * * *".into());
    edited.spec.rules.push(hourly);
    edited.metadata.generation = Some(4);
    let seen = Seen { policy: Some(Arc::new(edited)), ..seen() };
    let decision = decided(&instance, &seen, at("2026-11-20T20:30:00Z"));
    assert_eq!(
        made(&decision).as_deref(),
        Some("orders-20261120t2000z"),
        "and not for 20:00 of the new rule"
    );
    assert_eq!(decision.status.unwrap().missed_slots, None);
}

#[test]
fn the_slots_of_a_rest_are_not_made_up_for() {
    let mut instance = looked(checked(), &seen(), "2026-11-20T10:01:00Z");
    instance.spec.protection = crds::instance::Protection::Suspended;
    let mut instance = looked(instance, &seen(), "2026-11-20T10:02:00Z");
    instance.spec.protection = crds::instance::Protection::Enabled;
    let decision = decided(&instance, &seen(), at("2026-11-22T21:00:00Z"));
    assert_eq!((made(&decision), &status(&decision).missed_slots), (None, &None));
    instance.status = decision.status;
    let decision = decided(&instance, &seen(), at("2026-11-22T21:00:30Z"));
    assert_eq!(made(&decision), None);
    let next = decided(&instance, &seen(), at("2026-11-23T20:00:00Z"));
    assert_eq!(made(&next).as_deref(), Some("orders-20261123t2000z"));
}

#[test]
fn history_removes_only_old_jobs_that_the_operator_made() {
    let job = |name: &str, slot: Option<&str>, state: &str| -> Arc<BackupJob> {
        let spec = match slot {
            Some(slot) => json!({"instanceRef": {"name": "orders"}, "slot": {"rule": "Daily", "time": slot}}),
            None => json!({"instanceRef": {"name": "orders"}, "retentionTag": "Default"}),
        };
        let value = json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
            "metadata": {"name": name, "namespace": "shop"}, "spec": spec,
            "status": {"state": state, "completionTime": "2026-11-19T21:00:00Z"},
        });
        Arc::new(serde_json::from_value(value).unwrap())
    };
    let jobs = vec![
        job("first", Some("2026-11-17T20:00:00Z"), "Completed"),
        job("second", Some("2026-11-18T20:00:00Z"), "Completed"),
        job("failed", Some("2026-11-16T20:00:00Z"), "Failed"),
        job("by-hand", None, "Completed"),
    ];
    let decision = decided(&checked(), &Seen { jobs, ..seen() }, at("2026-11-20T10:01:00Z"));
    let removed: Vec<_> = decision
        .steps
        .iter()
        .filter_map(|step| if let Step::RemoveJob { name, .. } = step { Some(name.as_str()) } else { None })
        .collect();
    assert_eq!(removed, ["first"]);
}

#[test]
fn a_second_look_changes_nothing() {
    let instance = checked();
    let again = decided(&instance, &seen(), at("2026-11-20T10:30:00Z"));
    let mut after = instance;
    after.status = again.status;
    let third = decided(&after, &seen(), at("2026-11-20T10:45:00Z"));
    assert!(third.steps.is_empty());
    assert_eq!(third.status, after.status);
}

mod prospects {
    use super::*;
    use crate::controller::instance::prospects::{checks, too_large};
    use crate::controller::instance::references::references;

    const NOW: &str = "2026-11-20T12:00:00Z";
    const GIB: u64 = 1 << 30;

    fn seen_with_speed(bytes_per_second: i64) -> Seen {
        let job = json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
            "metadata": {"name": "orders-1", "namespace": "shop"},
            "spec": {"instanceRef": {"name": "orders"}, "retentionTag": "Default"},
            "status": {"state": "Completed", "completionTime": "2026-11-19T20:10:00Z",
                       "progress": {"stage": "Accepting", "bytesDone": 1, "bytesPerSecond": bytes_per_second}},
        });
        Seen { jobs: vec![Arc::new(serde_json::from_value(job).unwrap())], ..seen() }
    }

    fn result(seen: &Seen, size: Option<u64>) -> (crds::instance::CheckResult, bool) {
        let found = references(&instance(), seen, at(NOW)).unwrap();
        let checks = checks(&found, seen, size);
        let size = checks.iter().find(|check| check.name == "Size").unwrap().result;
        (size, too_large(&checks).is_some())
    }

    #[test]
    fn row_a48_who_will_need_most_of_the_completion_window_is_warned_before() {
        use crds::instance::CheckResult::{Passed, Skipped, Warning};
        // The window has seven days, of which a mebibyte a second carries 590 GiB.
        let seen = seen_with_speed(1 << 20);
        assert_eq!(result(&seen, Some(470 * GIB)), (Passed, false));
        assert_eq!(result(&seen, Some(475 * GIB)), (Warning, true));
        assert_eq!(result(&seen, None), (Skipped, false), "the role may not ask for the size");
        assert_eq!(
            result(&super::seen(), Some(475 * GIB)),
            (Skipped, false),
            "nobody knows before the first backup"
        );
    }

    #[test]
    fn row_a10_storage_and_key_are_told_as_the_vault_has_them() {
        let mut seen = super::seen();
        let condition = |type_: &str, status: &str| {
            serde_json::from_value(
                json!({"type": type_, "status": status, "reason": "StorageFailing", "message": "no",
                                          "lastTransitionTime": "2026-11-01T00:00:00Z"}),
            )
            .unwrap()
        };
        let mut vault = (**seen.vault.as_ref().unwrap()).clone();
        let status = vault.status.as_mut().unwrap();
        status.conditions.push(condition("StorageReachable", "True"));
        status.conditions.push(condition("KeyAccessible", "False"));
        seen.vault = Some(Arc::new(vault));
        let found = references(&instance(), &seen, at(NOW)).unwrap();
        let told: Vec<_> = checks(&found, &seen, None)
            .into_iter()
            .map(|check| (check.name, check.result, check.message))
            .take(2)
            .collect();
        use crds::instance::CheckResult::{Passed, Skipped};
        let expected =
            [("Storage".to_owned(), Passed, None), ("Key".to_owned(), Skipped, Some("no".to_owned()))];
        assert_eq!(told, expected, "a vault that fails keeps the instance from being ready by itself");
    }
}

/// The instance as the ledger has it.
fn in_ledger(life: Life) -> (Owner, OwnerView) {
    let owner = Owner::Instance {
        cluster_id: "c1".into(),
        namespace: "shop".into(),
        namespace_uid: "n1".into(),
        instance: "orders".into(),
        instance_uid: "0f8fad5b-d9cb".into(),
        datasource_id: "73/app".into(),
    };
    let spec = serde_json::to_string(&instance().spec).unwrap();
    let view = OwnerView { sequence: 4, owner: owner.clone(), spec, life, adopted_by: None };
    (owner, view)
}

/// Facts with a ledger that was read, and this in it.
pub(super) fn seen_in_ledger(life: Option<Life>) -> Seen {
    let (owner, view) = in_ledger(life.clone().unwrap_or(Life::Active));
    let record = match &life {
        Some(Life::ResumeRequired { record }) => Some(record.clone()),
        _ => None,
    };
    let views = if life.is_some() { vec![view] } else { Vec::new() };
    Seen { owner: Some(owner), views, record, points: Some(Vec::new()), ..seen() }
}

fn gone() -> Life {
    let time = at("2026-11-01T00:00:00Z").time;
    Life::Deleted { time, points: contract::Remains::Kept, reason: "gone".into() }
}

#[test]
fn row_a08_a_datasource_is_claimed_once_and_again_with_another_spec() {
    let wanted = |life: Option<Life>| claim::wanted(&checked(), &seen_in_ledger(life)).is_some();
    assert!(wanted(None), "nobody has claimed it yet");
    assert!(wanted(Some(Life::Released)), "it was given up before");
    assert!(!wanted(Some(Life::Active)), "the ledger has it already");
    assert!(!wanted(Some(gone())), "not to be claimed, but to be brought back");
    let waits = || Some(Life::ResumeRequired { record: "r".into() });
    assert!(!wanted(waits()), "not to be claimed, but to be resumed");
    let mut edited = checked();
    edited.spec.deletion_policy = crds::instance::DeletionPolicy::Delete;
    for life in [Some(Life::Active), waits()] {
        let claim = claim::wanted(&edited, &seen_in_ledger(life)).expect("the ledger has an older spec");
        let contract::OwnerChange::Claimed { spec, .. } = claim else { panic!("{claim:?}") };
        assert!(spec.contains("\"deletionPolicy\":\"Delete\""), "{spec}");
    }
}

#[test]
fn row_a15_a_vault_that_takes_no_more_of_a_namespace_still_hears_what_is_to_become_of_its_points() {
    let refusing = |life| Seen { vault: Some(vault("True", json!(["elsewhere"]))), ..seen_in_ledger(life) };
    let mut edited = checked();
    edited.spec.deletion_policy = crds::instance::DeletionPolicy::Delete;
    assert!(claim::wanted(&edited, &refusing(Some(Life::Active))).is_some());
    for unclaimed in [None, Some(Life::Released)] {
        assert_eq!(claim::wanted(&edited, &refusing(unclaimed)), None, "nothing new is promised");
    }
}

#[test]
fn the_observed_generation_follows_once_the_ledger_has_the_spec() {
    let mut edited = checked();
    edited.spec.deletion_policy = crds::instance::DeletionPolicy::Delete;
    edited.metadata.generation = Some(2);
    let observed = |seen: &Seen| {
        let decision = decided(&edited, seen, at("2026-11-20T10:01:00Z"));
        (status(&decision).observed_generation, decision.wake)
    };
    for life in [Life::Active, Life::ResumeRequired { record: "r".into() }] {
        let refused = Some(Claimed::Unanswered("no answer".into()));
        let mut seen = Seen { claim: refused, ..seen_in_ledger(Some(life)) };
        assert_eq!(observed(&seen).0, Some(1), "the ledger has an older one");
        let unread = Seen { points: None, views: Vec::new(), ..seen_in_ledger(None) };
        assert_eq!(observed(&unread).0, Some(1), "nobody knows what the ledger has");
        let mut before = seen.views[0].clone();
        if let Owner::Instance { datasource_id, .. } = &mut before.owner {
            "72/app".clone_into(datasource_id);
        }
        seen.views.push(before);
        seen.claim = Some(Claimed::Held);
        let first = claim::wanted(&edited, &seen).expect("a claim");
        claim::note(&mut seen, &first);
        assert_eq!(observed(&seen), (Some(1), crate::controller::Wake::seconds(5)), "another is to be told");
        let second = claim::wanted(&edited, &seen).expect("another claim");
        claim::note(&mut seen, &second);
        assert_eq!(observed(&seen).0, Some(2));
    }
    assert_eq!(observed(&seen_in_ledger(None)).0, Some(2), "nothing of it is in the ledger");
}

#[test]
fn row_a15_the_ledger_learns_of_another_spec_for_all_that_the_instance_has_protected() {
    let mut seen = seen_in_ledger(Some(Life::Active));
    let mut before = seen.views[0].clone();
    let mut foreign = before.clone();
    let (Owner::Instance { datasource_id, .. }, Owner::Instance { cluster_id, .. }) =
        (&mut before.owner, &mut foreign.owner)
    else {
        panic!("{before:?}")
    };
    "72/app".clone_into(datasource_id);
    "c2".clone_into(cluster_id);
    before.spec = "older".into();
    foreign.spec = "older".into();
    seen.views.push(before.clone());
    seen.views.push(foreign);
    let claimed = |seen: &Seen| match claim::wanted(&checked(), seen) {
        Some(contract::OwnerChange::Claimed { owner, spec }) => Some((owner, spec)),
        other => other.map(|other| panic!("{other:?}")),
    };
    let spec = serde_json::to_string(&checked().spec).unwrap();
    assert_eq!(claimed(&seen), Some((before.owner, spec.clone())));
    seen.views[1].spec = spec;
    assert_eq!(claimed(&seen), None, "what another cluster's copy has is not its own");
    seen.views[1].spec = "older".into();
    seen.views[1].life = Life::Released;
    assert_eq!(claimed(&seen), None, "nothing is left there");
}

#[test]
fn nothing_is_claimed_while_the_ledger_is_unknown_or_the_vault_is_not_ready() {
    let unread = Seen { points: None, ..seen_in_ledger(None) };
    assert_eq!(claim::wanted(&checked(), &unread), None);
    let not_ready = Seen { vault: Some(vault("False", json!(["shop"]))), ..seen_in_ledger(None) };
    assert_eq!(claim::wanted(&checked(), &not_ready), None);
    let unchecked = Seen { owner: None, ..seen_in_ledger(None) };
    assert_eq!(claim::wanted(&checked(), &unchecked), None);
}

#[test]
fn row_a08_the_holder_is_named_in_its_own_namespace_only_a_deleted_one_with_its_record() {
    let message = |life: Life, namespace: &str, uid: &str| {
        let mut holder = held_by_another();
        holder.life = life;
        if let Owner::Instance { namespace: held, namespace_uid, .. } = &mut holder.owner {
            namespace.clone_into(held);
            uid.clone_into(namespace_uid);
        }
        let seen = Seen { claim: Some(Claimed::Protected(holder)), ..seen_in_ledger(None) };
        let decision = decided(&checked(), &seen, at("2026-11-20T20:00:00Z"));
        assert_eq!(made(&decision), None, "nothing is planned");
        assert_eq!(condition(status(&decision), "Ready"), ("False", "DuplicateDatasource"));
        let ready = status(&decision).conditions.iter().find(|held| held.type_ == "Ready").cloned();
        ready.expect("Ready").message
    };
    assert!(message(Life::Active, "shop", "n1").contains("BackupInstance older"));
    let deleted = message(gone(), "shop", "n1");
    assert!(deleted.contains("undelete") && deleted.contains("shop-older-"), "{deleted}");
    for (namespace, uid) in [("other", "n2"), ("shop", "of a namespace before this one")] {
        let message = message(Life::Active, namespace, uid);
        assert!(message.contains("ask the owners of the vault") && !message.contains("older"), "{message}");
    }
    let former = message(gone(), "shop", "of a namespace before this one");
    assert!(former.contains("docs/deletion.md") && !former.contains("older"), "{former}");
}

#[test]
fn of_a_holder_in_another_cluster_the_entry_is_told_that_takes_over_what_it_had() {
    let message = |namespace: &str| {
        let mut holder = held_by_another();
        if let Owner::Instance { cluster_id, namespace: held, .. } = &mut holder.owner {
            "c2".clone_into(cluster_id);
            namespace.clone_into(held);
        }
        let seen = Seen { claim: Some(Claimed::Protected(holder)), ..seen_in_ledger(None) };
        claim::objection(&checked(), &seen).expect("an objection").message
    };
    let to = "to: {namespace: shop, instance: orders}";
    let own = message("shop");
    let entry = format!("`adopt: [{{from: {{cluster: c2, namespace: shop, instance: older}}, {to}}}]`");
    assert!(own.contains(&entry), "{own}");
    let other = message("other");
    let entry = format!("`adopt: [{{from: {{cluster: c2, namespace: NAMESPACE, instance: NAME}}, {to}}}]`");
    assert!(
        other.contains(&entry) && !other.contains("older"),
        "another namespace's names are its own: {other}"
    );
}

#[test]
fn a_keeper_that_is_silent_takes_nobody_s_claim_away() {
    let silent = || Some(Claimed::Unanswered("no answer".into()));
    let first = Seen { claim: silent(), ..seen_in_ledger(None) };
    let decision = decided(&checked(), &first, at("2026-11-20T10:01:00Z"));
    assert_eq!(condition(status(&decision), "Ready"), ("False", "KeeperUnavailable"));
    assert_eq!(condition(status(&decision), "Reconciling").0, "True");
    let held = Seen { claim: silent(), ..seen_in_ledger(Some(Life::Active)) };
    let decision = decided(&checked(), &held, at("2026-11-20T10:01:00Z"));
    assert_eq!(condition(status(&decision), "Ready").0, "True");
    let refused = Seen { claim: Some(Claimed::Protected(held_by_another())), ..seen_in_ledger(None) };
    let mut duplicate = checked();
    duplicate.status = decided(&duplicate, &refused, at("2026-11-20T10:01:00Z")).status;
    let unread = Seen { points: None, views: Vec::new(), ..seen_in_ledger(None) };
    let decision = decided(&duplicate, &unread, at("2026-11-20T10:02:00Z"));
    assert_eq!(condition(status(&decision), "Ready"), ("False", "DuplicateDatasource"), "after a restart");
}

#[test]
fn an_object_whose_end_is_in_the_ledger_names_the_way_back() {
    let decision = decided(&checked(), &seen_in_ledger(Some(gone())), at("2026-11-20T10:01:00Z"));
    assert_eq!(condition(status(&decision), "Ready"), ("False", "OwnerDeleted"));
    let ready = status(&decision).conditions.iter().find(|held| held.type_ == "Ready").expect("Ready");
    assert!(ready.message.contains("shop-orders-0f8fad5b"), "{}", ready.message);
}

#[test]
fn row_a13_stopped_protection_checks_plans_and_promises_nothing() {
    let mut stopped = checked();
    stopped.spec.protection = crds::instance::Protection::Stopped;
    let running = with_check(&stopped, seen_in_ledger(Some(Life::Active)), AttemptState::Running);
    let decision = decided(&stopped, &running, at("2026-11-27T20:00:00Z"));
    assert_eq!(made(&decision), None);
    assert!(matches!(decision.steps.as_slice(), [Step::RemoveCheck(_)]), "nothing runs");
    assert_eq!(status(&decision).state, Some(InstanceState::ProtectionStopped));
    assert_eq!(condition(status(&decision), "Ready").0, "True");
    assert_eq!(condition(status(&decision), "BackupReady").0, "True", "as it was");
    let mut new = instance();
    new.spec.protection = crds::instance::Protection::Stopped;
    let decision = decided(&new, &seen(), at("2026-11-20T10:00:00Z"));
    assert_eq!(condition(status(&decision), "BackupReady"), ("Unknown", "ProtectionStopped"));
    assert_eq!(condition(status(&decision), "Reconciling").0, "absent");
    assert!(decision.steps.is_empty());
}

#[test]
fn row_a16_after_a_stop_points_stay_for_another_day_and_that_is_told_once() {
    let mut instance = checked();
    let seen = seen_in_ledger(Some(Life::Active));
    instance.spec.protection = crds::instance::Protection::Stopped;
    instance.status = decided(&instance, &seen, at("2026-11-21T10:00:00Z")).status;
    assert_eq!(status_of(&instance).retention_resume_time, None);
    instance.spec.protection = crds::instance::Protection::Enabled;
    let resumed = decided(&instance, &seen, at("2026-11-22T10:00:00Z"));
    let notes = |decision: &Decision| {
        let told = |step: &&Step| matches!(step, Step::Tell(note) if note.reason == Reason::RetentionResumed);
        decision.steps.iter().filter(told).count()
    };
    assert_eq!(notes(&resumed), 1);
    assert_eq!(condition(status(&resumed), "RetentionResumed"), ("True", "RetentionResumed"));
    let until = status(&resumed).retention_resume_time.as_ref().expect("a time").0;
    assert_eq!(until, at("2026-11-23T10:00:00Z").time);
    instance.status = resumed.status;
    let later = decided(&instance, &seen, at("2026-11-23T09:59:59Z"));
    assert_eq!((notes(&later), condition(status(&later), "RetentionResumed").0), (0, "True"));
    instance.status = later.status;
    let over = decided(&instance, &seen, at("2026-11-23T10:00:00Z"));
    assert_eq!(status(&over).retention_resume_time, None);
    assert_eq!(condition(status(&over), "RetentionResumed").0, "absent");
}

#[test]
fn row_a21_an_instance_that_was_brought_back_is_stopped_until_its_record_is_named() {
    let record = "shop-orders-0f8fad5b";
    let seen = seen_in_ledger(Some(Life::ResumeRequired { record: record.into() }));
    let mut back = checked();
    let decision = decided(&back, &seen, at("2026-11-20T20:00:00Z"));
    assert_eq!(made(&decision), None, "whatever its spec says");
    assert_eq!(status(&decision).state, Some(InstanceState::ProtectionStopped));
    assert_eq!(condition(status(&decision), "ResumeRequired"), ("True", "ResumeRequired"));
    assert!(decision.steps.is_empty());
    back.status = decision.status;
    let again = decided(&back, &seen, at("2026-11-20T20:05:00Z"));
    assert_eq!(again.status, back.status, "nothing is written while it waits");
    let unread = Seen { points: None, record: None, views: Vec::new(), ..seen_in_ledger(None) };
    let decision = decided(&back, &unread, at("2026-11-20T20:06:00Z"));
    assert_eq!(status(&decision).state, Some(InstanceState::ProtectionStopped), "after a restart, too");
    let name = |name: &str| Some(BTreeMap::from([(crds::annotations::RESUME.to_owned(), name.to_owned())]));
    back.metadata.annotations = name("yes");
    assert!(
        decided(&back, &seen, at("2026-11-20T20:07:00Z")).steps.is_empty(),
        "another word changes nothing"
    );
    back.metadata.annotations = name(record);
    let named = decided(&back, &seen, at("2026-11-20T20:08:00Z"));
    assert!(matches!(named.steps.as_slice(), [Step::Resume(owners)] if owners.len() == 1));
    let early = BackupInstance { status: checked().status, ..back.clone() };
    let unshown = decided(&early, &seen, at("2026-11-20T20:08:00Z"));
    assert!(unshown.steps.is_empty(), "without the status nobody would know of the day to come");
    assert_eq!(status(&unshown).state, Some(InstanceState::ProtectionStopped));
    assert_eq!(unshown.wake, crate::controller::Wake::seconds(5), "it is told with the next look");
    let active = decided(&back, &seen_in_ledger(Some(Life::Active)), at("2026-11-20T20:09:00Z"));
    assert_eq!(status(&active).state, Some(InstanceState::ProtectionConfigured));
    assert_eq!(condition(status(&active), "ResumeRequired").0, "absent");
    assert!(status(&active).retention_resume_time.is_some(), "nothing expires at once");
}

#[test]
fn row_a21_the_slots_before_its_resume_are_nothing_to_one_that_was_brought_back() {
    let slots = vec![at("2026-11-01T20:00:00Z").time];
    let history = Some(History { successful: Vec::new(), slots });
    let waits = Some(Life::ResumeRequired { record: "shop-orders-0f8fad5b".into() });
    let mut back = instance();
    back.status = decided(
        &back,
        &Seen { history: history.clone(), ..seen_in_ledger(waits) },
        at("2026-11-20T10:00:00Z"),
    )
    .status;
    assert_eq!(status_of(&back).last_slot_time, None, "its object is a new one");
    let active = Seen { history, ..seen_in_ledger(Some(Life::Active)) };
    let resumed = decided(&back, &active, at("2026-11-20T21:00:00Z"));
    let used = status(&resumed).last_slot_time.as_ref().expect("a time").0;
    assert_eq!((used, made(&resumed)), (at("2026-11-20T21:00:00Z").time, None));
}

fn status_of(instance: &BackupInstance) -> &BackupInstanceStatus {
    instance.status.as_ref().expect("a status")
}
