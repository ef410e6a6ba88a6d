//! What an instance's status tells people, and what they can ask of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{CheckResult as Reported, FailureCode, Life, PointView};
use crds::common::NextExpiry;
use crds::instance::InstanceState;
use crds::{BackupInstance, BackupJob, Reason, annotations};
use serde_json::json;

use super::decide::{Decision, Step};
use super::observe::Seen;
use super::tests::*;
use crate::controller::run::{AttemptState, Found};

/// A point of the instance, taken on that day of November and kept for three months.
fn point(day: u8) -> PointView {
    let time = format!("2026-11-{day:02}T20:00:30Z");
    let owner = serde_json::to_value(seen_in_ledger(None).owner).unwrap();
    serde_json::from_value(json!({
        "id": format!("{day:032}"), "run": format!("run-{day}"), "writer": "cd".repeat(16), "sequence": 7, "owner": owner,
        "decision": {"tag": "Default", "keep": "P3M", "timeZone": "UTC", "reason": "the default", "keepAtLeast": 1,
                     "policy": null, "trigger": "cli"},
        "pointTime": time, "commitTime": time, "expirationTime": format!("2027-02-{day:02}T20:00:30Z"), "state": "Available",
        "source": {"serverVersion": "17.2", "systemIdentifier": "73", "sizeBytes": 1, "standby": false},
        "dataStores": [], "storedBytes": 1, "objects": 1, "coverage": [], "warnings": [],
    }))
    .unwrap()
}

fn job() -> Arc<BackupJob> {
    Arc::new(
        serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
            "metadata": {"name": "orders-20261120t2000z", "namespace": "shop"},
            "spec": {"instanceRef": {"name": "orders"}, "slot": {"rule": "Daily", "time": "2026-11-20T20:00:00Z"}},
            "status": {"state": "Completed", "completionTime": "2026-11-20T20:05:00Z"},
        }))
        .unwrap(),
    )
}

#[test]
fn row_a11_the_status_tells_source_policy_last_and_next_backup_and_points() {
    let seen = Seen {
        jobs: vec![job()],
        points: Some(vec![point(19), point(20)]),
        ..seen_in_ledger(Some(Life::Active))
    };
    let decision = decided(&checked(), &seen, at("2026-11-20T20:05:01Z"));
    let status = status(&decision);
    assert_eq!(status.state, Some(InstanceState::ProtectionConfigured));
    assert_eq!(status.datasource_id.as_deref(), Some("73/app"));
    assert_eq!(status.server_version.as_deref(), Some("17.2"));
    assert_eq!(status.policy_version, Some(3), "the generation of the policy");
    let last = status.last_backup.as_ref().expect("the last backup");
    assert_eq!((last.job_name.as_str(), last.state.as_str()), ("orders-20261120t2000z", "Completed"));
    assert_eq!(status.last_success_time.as_ref().map(|time| time.0), Some(last.completion_time.0));
    let next = status.next_backup_time.as_ref().map(|time| time.0);
    assert_eq!(next, Some(at("2026-11-21T20:00:00Z").time));
    assert_eq!(status.recovery_points, Some(2));
    let latest = status.latest_recovery_point.as_ref().expect("the newest point");
    assert_eq!(latest.name, "orders-20261120t200030z-000000");
    let expiry = status.next_expiry.as_ref().expect("the older one goes");
    assert_eq!((expiry.time.0, expiry.points), (at("2027-02-19T20:00:30Z").time, 1));
}

#[test]
fn what_goes_next_is_told_with_the_policy_that_is_there_now_and_stays_while_points_are_unknown() {
    let known = |points| Seen { points: Some(points), ..seen_in_ledger(Some(Life::Active)) };
    let expiry = |decision: &Decision| status(decision).next_expiry.clone();
    let mut instance = checked();
    let first = decided(&instance, &known(vec![point(19), point(20)]), at("2026-11-21T10:00:00Z"));
    assert!(expiry(&first).is_some());
    instance.status.clone_from(&first.status);
    let later = decided(&instance, &known(vec![point(19), point(20)]), at("2026-11-21T19:00:00Z"));
    assert_eq!(later.status, first.status, "nothing is written while nothing changes");
    let unread = Seen { points: None, views: Vec::new(), ..seen_in_ledger(None) };
    assert_eq!(expiry(&decided(&instance, &unread, at("2026-11-21T19:00:00Z"))), expiry(&first));

    let mut keeping = (*policy("P3M")).clone();
    keeping.spec.keep_at_least = 2;
    let seen = Seen { policy: Some(Arc::new(keeping)), ..known(vec![point(19), point(20)]) };
    let edited = decided(&instance, &seen, at("2026-11-21T19:00:00Z"));
    assert_eq!(expiry(&edited), None::<NextExpiry>, "at once, and not with the look after");
}

/// The instance with this value of the annotation.
fn asking(mut instance: BackupInstance, value: &str) -> BackupInstance {
    instance.metadata.annotations = Some(BTreeMap::from([(annotations::SYNC.to_owned(), value.to_owned())]));
    instance
}

fn starts(decision: &Decision) -> bool {
    decision.steps.iter().any(|step| matches!(step, Step::StartCheck { .. }))
}

fn synced(decision: &Decision) -> Option<&str> {
    status(decision).synced.as_deref()
}

/// The instance after a round of checks that failed.
fn failing() -> BackupInstance {
    let mut failing = instance();
    let refused = item(Reported::Failed, Some(FailureCode::AuthenticationFailed));
    let ended = with_check(&failing, seen(), report(vec![refused]));
    failing.status = decided(&failing, &ended, at("2026-11-20T10:00:00Z")).status;
    failing
}

#[test]
fn row_a19_a_failed_round_is_made_again_on_request_and_once() {
    let now = "2026-11-20T10:00:10Z";
    assert!(!starts(&decided(&failing(), &seen(), at(now))), "by itself only after a minute");
    let mut asked = asking(failing(), "Default");
    let begun = decided(&asked, &seen(), at(now));
    assert!(starts(&begun));
    assert_eq!(synced(&begun), None, "not before it has ended");
    let ended = with_check(&asked, seen(), report(vec![item(Reported::Passed, None)]));
    let decision = decided(&asked, &ended, at("2026-11-20T10:00:20Z"));
    assert_eq!(condition(status(&decision), "BackupReady"), ("True", "ChecksPassed"));
    assert_eq!(synced(&decision), Some("Default"));
    asked.status = decision.status;
    let planned = decided(&asked, &seen(), at("2026-11-20T10:00:30Z"));
    assert!(!starts(&planned));
    asked.status = planned.status;
    let after = decided(&asked, &seen(), at("2026-11-20T10:00:40Z"));
    assert_eq!(after.status, asked.status, "nothing more is written");
}

#[test]
fn what_was_mended_is_not_told_as_wrong_while_it_is_looked_at_again() {
    let broken = Seen { material: material(Found::Absent), ..seen() };
    let mut instance = looked(checked(), &broken, "2026-11-20T10:10:00Z");
    assert_eq!(condition(instance.status.as_ref().unwrap(), "BackupReady"), ("False", "SecretNotFound"));
    let token = BTreeMap::from([(annotations::REVALIDATE.to_owned(), "now".to_owned())]);
    instance.metadata.annotations = Some(token);
    let begun = decided(&instance, &seen(), at("2026-11-20T10:11:00Z"));
    assert!(starts(&begun));
    assert_eq!(status(&begun).revalidated.as_deref(), Some("now"));
    assert_eq!(condition(status(&begun), "BackupReady"), ("Unknown", "ChecksRunning"));

    let refused = decided(&failing(), &seen(), at("2026-11-20T10:01:00Z"));
    assert!(starts(&refused));
    let told = condition(status(&refused), "BackupReady");
    assert_eq!(told, ("False", "AuthenticationFailed"), "a check has found that, and none has passed since");
}

#[test]
fn the_last_week_passes_while_no_job_ends() {
    let seen = Seen { jobs: vec![job()], points: Some(Vec::new()), ..seen() };
    let mut instance = looked(checked(), &seen, "2026-11-20T20:05:01Z");
    instance.spec.protection = crds::instance::Protection::Suspended;
    let mut completed = |time: &str| {
        instance = looked(instance.clone(), &seen, time);
        instance.status.as_ref().unwrap().jobs_7d.as_ref().map(|counts| counts.completed)
    };
    assert_eq!(completed("2026-11-21T20:05:01Z"), Some(1));
    assert_eq!(completed("2026-11-27T20:05:01Z"), Some(1), "it is counted once a day");
    assert_eq!(completed("2026-11-28T20:05:01Z"), Some(0));
}

#[test]
fn a_point_grows_old_also_while_the_policy_is_gone() {
    let known = || Seen { points: Some(vec![point(20)]), ..seen_in_ledger(Some(Life::Active)) };
    let instance = looked(checked(), &known(), "2026-11-20T20:05:01Z");
    let fresh = |time: &str| {
        let decision = decided(&instance, &Seen { policy: None, ..known() }, at(time));
        condition(status(&decision), "RecoveryPointFresh").0.to_owned()
    };
    assert_eq!(fresh("2026-11-20T21:00:00Z"), "True");
    assert_eq!(fresh("2026-12-20T21:00:00Z"), "False");
}

#[test]
fn row_b16_backups_whose_jobs_have_gone_by_history_are_counted_by_their_points() {
    let seen = Seen {
        jobs: vec![job()],
        points: Some(vec![point(12), point(18), point(19), point(20)]),
        ..seen_in_ledger(Some(Life::Active))
    };
    let instance = looked(checked(), &seen, "2026-11-20T20:05:01Z");
    let counts = instance.status.as_ref().unwrap().jobs_7d.clone().expect("they are counted");
    assert_eq!((counts.completed, counts.failed), (3, 0), "that of the 12th is older than a week");
}

#[test]
fn row_a19_what_is_well_is_looked_at_again_only_when_it_is_forced() {
    let now = at("2026-11-20T10:05:00Z");
    let idle = decided(&asking(checked(), "Default"), &seen(), now);
    assert!(!starts(&idle));
    assert_eq!(synced(&idle), Some("Default"), "there was nothing to try again");
    let mut forced = asking(checked(), "ForceResync");
    assert!(starts(&decided(&forced, &seen(), now)));
    let ended = with_check(&forced, seen(), report(vec![item(Reported::Passed, None)]));
    forced.status = decided(&forced, &ended, now).status;
    assert!(!starts(&decided(&forced, &seen(), now)));
    assert!(starts(&decided(&asking(forced, "ForceResync/2"), &seen(), now)), "another request");
}

#[test]
fn a_request_while_a_round_runs_is_one_of_its_own() {
    let asked = asking(checked(), "ForceResync/1");
    let running = with_check(&asked, seen(), AttemptState::Running);
    assert!(starts(&decided(&asking(asked, "ForceResync/2"), &running, at("2026-11-20T10:05:00Z"))));
}

#[test]
fn a_request_that_asks_for_nothing_is_told_once() {
    for value in ["", "default", "ForceResyncs", "now/ForceResync"] {
        let mut wrong = asking(checked(), value);
        let decision = decided(&wrong, &seen(), at("2026-11-20T10:05:00Z"));
        assert!(told(&decision, Reason::SyncInvalid) && !starts(&decision), "{value:?}");
        wrong.status = decision.status;
        assert!(
            !told(&decided(&wrong, &seen(), at("2026-11-20T10:05:05Z")), Reason::SyncInvalid),
            "{value:?}"
        );
    }
}

#[test]
fn row_b05_a_secret_that_may_not_be_read_is_told_with_the_command_that_allows_it() {
    let seen = Seen { material: material(Found::Forbidden), ..seen() };
    let decision = decided(&instance(), &seen, at("2026-11-20T10:00:00Z"));
    assert_eq!(condition(status(&decision), "BackupReady"), ("False", "SecretForbidden"));
    let ready = status(&decision).conditions.iter().find(|held| held.type_ == "BackupReady").unwrap();
    let command = "kubectl create rolebinding coffer-secret-reader -n shop --clusterrole=coffer-secret-reader \
                   --serviceaccount=coffer-system:coffer";
    assert!(ready.message.contains("Secret shop/db") && ready.message.contains(command), "{}", ready.message);
    assert!(decision.steps.is_empty(), "no pod was made to find that out");
}
