//! One row for each way in which a backup's facts can stand, and what is done about it.

use std::sync::Arc;

use contract::{
    Connection, Credentials, Decision as Promise, Failure, FailureCode, Outcome, Owner, PointId, PointState,
    PointView, Progress, Report, RunId, RunView, Secret, Settled, SourceServer, Stage, Summary, Tls, TlsMode,
    Trigger, VERSION, WriterId,
};
use crds::common::{AttemptOutcome, JobState};
use crds::{BackupInstance, BackupJob, BackupJobStatus, BackupVault, Reason};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta;
use serde_json::json;

use super::decide::decide;
use super::facts::{Decision, Facts, PolicySeen, Question, Step};
use crate::clock::Now;
use crate::controller::History;
use crate::controller::run::finalizer::is_done;
use crate::controller::run::place::Place;
use crate::controller::run::{AttemptState, Ending, SeenAttempt};
use crate::keeper_client::{KeeperAddress, Movement, Trouble};

pub(super) const UID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

pub(super) fn at(text: &str) -> Timestamp {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

pub(super) fn now(text: &str) -> Now {
    Now { time: at(text), wall: at(text) }
}

pub(super) fn job() -> BackupJob {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
        "metadata": {"name": "orders-20261120t2000z", "namespace": "shop", "uid": UID, "generation": 1,
                     "creationTimestamp": "2026-11-20T20:00:01Z", "finalizers": ["coffer.dev/stop-run"]},
        "spec": {"instanceRef": {"name": "orders"}, "slot": {"rule": "Nightly", "time": "2026-11-20T20:00:00Z"}},
    }))
    .unwrap()
}

pub(super) fn on_demand(tag: &str) -> BackupJob {
    let mut job = job();
    job.spec.slot = None;
    job.spec.retention_tag = Some(tag.into());
    job
}

pub(super) fn instance() -> BackupInstance {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
        "metadata": {"name": "orders", "namespace": "shop", "uid": "i1"},
        "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "policyRef": {"name": "nightly"},
                 "postgresql": {"host": "db", "database": "orders", "credentialsSecretRef": {"name": "login"}}},
        "status": {"datasourceId": "7/orders", "relations": 10, "conditions": [ready("AsConfigured")]},
    }))
    .unwrap()
}

fn ready(reason: &str) -> serde_json::Value {
    json!({"type": "Ready", "status": "True", "reason": reason, "message": "text",
           "lastTransitionTime": "2026-11-20T00:00:00Z"})
}

pub(super) fn vault() -> BackupVault {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
        "metadata": {"name": "main", "namespace": "vaults", "uid": "v1"},
        "spec": {"storage": {"filesystem": {"claimName": "backups"}}, "encryption": {"mode": "SystemManaged"},
                 "access": {"allowedNamespaces": {"names": ["shop"]}}},
        "status": {"conditions": [ready("StorageProbed")]},
    }))
    .unwrap()
}

pub(super) fn policy() -> PolicySeen {
    let spec = serde_json::from_value(json!({
        "rules": [{"name": "Nightly", "schedule": {"cron": "0 20 * * *"}, "startWindowMinutes": 60,
                   "completionWindowMinutes": 240}],
        "retention": [{"name": "Default", "default": true, "keep": "P30D"}],
    }))
    .unwrap();
    PolicySeen { namespace: "shop".into(), name: "nightly".into(), version: 3, spec }
}

fn connection() -> Connection {
    Connection {
        host: "db".into(),
        port: 5432,
        database: "orders".into(),
        credentials: Credentials::Password { username: "app".into(), password: Secret::new("pw") },
        tls: Tls { mode: TlsMode::VerifyFull, ca: None, client: None },
    }
}

pub(super) fn facts() -> Facts {
    Facts {
        instance: Some(Arc::new(instance())),
        record: None,
        is_anothers: false,
        vault: Some(Arc::new(vault())),
        policy: Some(policy()),
        namespace_uid: Some("n1".into()),
        attempts: Vec::new(),
        forbidden: None,
        movement: None,
        listening: Some(at("00:00:00")),
        place: Place::Free,
        connection: Some(Ok(connection())),
        keeper: Some(KeeperAddress { url: "https://k".into(), certificates: Vec::new() }),
        beside_keeper: true,
        history: Some(History::default()),
        settled: None,
    }
}

pub(super) fn attempt(number: u32, state: AttemptState) -> SeenAttempt {
    SeenAttempt {
        number,
        namespace: "vaults".into(),
        job_name: format!("cj-0f8fad5b-{number}"),
        job_uid: Some("j1".into()),
        going: false,
        created: Some(at("20:00:05")),
        decision: None,
        state,
    }
}

fn with(state: AttemptState) -> Facts {
    Facts { attempts: vec![attempt(1, state)], ..facts() }
}

fn failed(code: FailureCode, started: Option<Timestamp>) -> AttemptState {
    let outcome =
        Outcome::Failed(Failure { code, stage: Stage::Data, message: "it failed".into(), cause: None });
    let report = Report {
        version: VERSION,
        run: RunId(UID.into()),
        attempt: 1,
        started,
        outcome,
        warnings: Vec::new(),
    };
    AttemptState::Ended(Box::new(Ending { report: Some(report), exit_code: Some(20), out_of_memory: false }))
}

pub(super) fn settled(facts: Facts, settled: Settled) -> Facts {
    Facts { settled: Some(Ok(settled)), ..facts }
}

pub(super) fn point() -> PointView {
    PointView {
        id: PointId("ab".repeat(16)),
        run: RunId(UID.into()),
        writer: WriterId("cd".repeat(16)),
        sequence: 4,
        owner: Owner::Cli { datasource_id: "7/orders".into() },
        decision: Promise {
            tag: "Default".into(),
            keep: Some("P30D".into()),
            time_zone: "UTC".into(),
            reason: "No other retention rule applies.".into(),
            keep_at_least: 1,
            policy: None,
            trigger: Trigger::Cli,
        },
        point_time: at("20:00:30"),
        commit_time: at("20:04:00"),
        expiration_time: Some(at("23:00:00")),
        overridden: None,
        removal: None,
        state: PointState::Available,
        verified: contract::Verified::default(),
        source: SourceServer {
            server_version: "17.2".into(),
            system_identifier: Some("7".into()),
            size_bytes: 100,
            standby: false,
            role: None,
            program: None,
        },
        data_stores: Vec::new(),
        stored_bytes: 2048,
        objects: 3,
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}

fn movement(attempt: u32, started: Option<Timestamp>, moved: Timestamp) -> Movement {
    let progress = Progress {
        attempt,
        stage: Stage::Data,
        started,
        bytes_done: 50,
        bytes_total: 100,
        bytes_stored: 10,
        tables_done: 1,
        tables_total: 2,
    };
    Movement::first(RunView { run: RunId(UID.into()), progress, heard: moved }, moved)
}

pub(super) fn reason(decision: &Decision) -> &str {
    &decision.status.conditions.iter().find(|held| held.type_ == "Ready").unwrap().reason
}

pub(super) fn state(decision: &Decision) -> JobState {
    decision.status.state.unwrap()
}

pub(super) fn starts(decision: &Decision) -> Option<u32> {
    decision
        .steps
        .iter()
        .find_map(|step| if let Step::Start(start) = step { Some(start.number) } else { None })
}

/// The job with the status that a decision gave it.
pub(super) fn after(mut job: BackupJob, decision: &Decision) -> BackupJob {
    job.status = Some(decision.status.clone());
    job
}

#[test]
fn a_due_slot_with_nothing_in_its_way_starts_its_first_attempt() {
    let decision = decide(&job(), &facts(), now("20:00:02"));
    assert_eq!(starts(&decision), Some(1));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Pending, "InProgress"));
    let status = &decision.status;
    assert_eq!(status.start_deadline_time.as_ref().unwrap().0, at("21:00:00"), "windows count from the slot");
    assert_eq!(status.completion_deadline_time.as_ref().unwrap().0.to_string(), "2026-11-21T00:00:00Z");
    let retention = status.retention.as_ref().unwrap();
    assert_eq!((retention.tag.as_str(), retention.keep.as_str()), ("Default", "P30D"));
    assert_eq!(status.created_by.as_ref().unwrap().version, 3);
}

#[test]
fn a_job_without_its_finalizer_gets_it_and_nothing_else() {
    let mut job = job();
    job.metadata.finalizers = None;
    let decision = decide(&job, &facts(), now("20:00:02"));
    assert_eq!(decision.steps, [Step::AddFinalizer]);
    assert_eq!(
        decision.status,
        BackupJobStatus::default(),
        "the status is written over the version that has it"
    );
}

#[test]
fn a_job_on_demand_has_an_hour_from_its_acceptance() {
    let decision = decide(&on_demand("Default"), &facts(), now("20:10:00"));
    assert_eq!(decision.status.start_deadline_time.as_ref().unwrap().0, at("21:10:00"));
    assert_eq!(starts(&decision), Some(1));
}

#[test]
fn row_e07_a_slot_whose_window_has_closed_is_expired_without_an_attempt() {
    let decision = decide(&job(), &facts(), now("21:00:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Expired, "StartWindowMissed"));
    assert_eq!(starts(&decision), None);
    assert_eq!(decision.ask, None, "no point can be there");
    let told = decision.note.as_ref().map(|note| note.reason);
    assert_eq!(told, Some(Reason::StartWindowMissed), "another event than that of a failure");
    let last_moment = decide(&job(), &facts(), now("20:59:59"));
    assert_eq!(starts(&last_moment), Some(1), "the window is open until its end");
}

#[test]
fn each_guard_keeps_the_job_pending_with_its_reason() {
    type Change = fn(&mut Facts);
    let rows: [(&str, Change); 9] = [
        ("InstanceNotFound", |facts| facts.instance = None),
        ("DuplicateDatasource", |facts| facts.is_anothers = true),
        ("InstanceNotReady", |facts| {
            let mut instance = instance();
            instance.status = None;
            facts.instance = Some(Arc::new(instance));
        }),
        ("PolicyNotFound", |facts| facts.policy = None),
        ("VaultNotFound", |facts| facts.vault = None),
        ("NamespaceNotAllowed", |facts| {
            let mut vault = vault();
            vault.spec.access = None;
            facts.vault = Some(Arc::new(vault));
        }),
        ("VaultNotReady", |facts| facts.keeper = None),
        ("Queued", |facts| facts.place = Place::Behind { running: 4, waiting: 1, limit: 4 }),
        ("SecretNotFound", |facts| {
            facts.connection = Some(Err(crate::controller::run::Fault {
                reason: Reason::SecretNotFound,
                code: crds::ErrorCode::UserErrorInvalidSecret,
                message: "There is no Secret login.".into(),
            }));
        }),
    ];
    for (expected, change) in rows {
        let mut facts = facts();
        change(&mut facts);
        let decision = decide(&job(), &facts, now("20:00:02"));
        assert_eq!((state(&decision), reason(&decision)), (JobState::Pending, expected));
        assert_eq!(starts(&decision), None, "{expected}");
    }
}

#[test]
fn row_a49_a_waiting_job_tells_the_code_of_what_is_in_its_way_now_and_drops_it_once_it_begins() {
    let codes = |decision: &Decision| -> Vec<String> {
        decision.status.errors.iter().map(|error| error.code.clone()).collect()
    };
    let foreign = || {
        let mut vault = vault();
        vault.spec.access = None;
        Facts { vault: Some(Arc::new(vault)), ..facts() }
    };
    let without_policy = decide(&job(), &Facts { policy: None, ..facts() }, now("20:00:02"));
    assert_eq!(codes(&without_policy), ["UserErrorReferenceNotReady"]);
    let refused = decide(&after(self::job(), &without_policy), &foreign(), now("20:00:32"));
    assert_eq!(codes(&refused), ["UserErrorNamespaceNotAllowed"], "only what is in the way now");
    assert!(refused.status.errors[0].user_error);

    let begun = decide(&after(job(), &refused), &facts(), now("20:01:02"));
    assert_eq!((starts(&begun), codes(&begun)), (Some(1), Vec::new()));

    let late = decide(&after(job(), &refused), &foreign(), now("21:00:00"));
    assert_eq!(state(&late), JobState::Expired, "nothing was tried, so nothing has failed");
    assert_eq!(codes(&late), ["UserErrorNamespaceNotAllowed", "StartWindowMissed"]);
}

#[test]
fn a_job_whose_status_write_was_lost_takes_its_job_up_with_its_promise() {
    let mut facts = with(AttemptState::Suspended);
    facts.attempts[0].decision = Some(Promise { tag: "Earlier".into(), ..point().decision });
    let decision = decide(&job(), &facts, now("20:00:10"));
    assert_eq!(starts(&decision), Some(1), "the same attempt, not a second one");
    assert_eq!(decision.status.retention.as_ref().unwrap().tag, "Earlier");
    assert_eq!(decision.status.attempts.len(), 1);
}

#[test]
fn a_running_pod_is_pending_until_its_snapshot_is_fixed() {
    let mut facts = with(AttemptState::Running);
    assert_eq!(state(&decide(&job(), &facts, now("20:00:20"))), JobState::Pending);
    facts.movement = Some(movement(1, Some(at("20:00:30")), at("20:01:00")));
    let decision = decide(&job(), &facts, now("20:01:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Running, "Running"));
    assert_eq!(decision.status.start_time.as_ref().unwrap().0, at("20:00:30"));
    assert_eq!(decision.status.progress.as_ref().unwrap().percent, Some(50));
    assert_eq!(decision.note.as_ref().unwrap().reason, Reason::BackupStarted);
}

#[test]
fn a_look_at_a_run_that_has_not_moved_by_a_percent_changes_no_status() {
    let mut facts = with(AttemptState::Running);
    facts.movement = Some(movement(1, Some(at("20:00:30")), at("20:01:00")));
    let mut job = job();
    job.status = Some(decide(&job, &facts, now("20:01:00")).status);
    let again = decide(&job, &facts, now("20:02:00"));
    assert!(crate::cluster::same(job.status.as_ref(), &again.status));
    assert!(again.steps.is_empty() && again.note.is_none());
    facts.movement.as_mut().unwrap().view.progress.bytes_done = 60;
    assert_eq!(decide(&job, &facts, now("20:02:00")).status.progress.unwrap().percent, Some(60));
}

#[test]
fn a_pod_that_cannot_be_placed_is_said_to_be_blocked() {
    let decision =
        decide(&job(), &with(AttemptState::Waiting { blocked: Some("no room".into()) }), now("20:02:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Pending, "PodBlocked"));
}

#[test]
fn an_ended_pod_is_settled_before_anything_is_said() {
    for ending in
        [AttemptState::Ended(Box::default()), failed(FailureCode::ConnectionLost, Some(at("20:00:30")))]
    {
        let decision = decide(&job(), &with(ending), now("20:05:00"));
        assert_eq!(decision.ask, Some(Question { void: false }));
        assert!(!state(&decision).is_terminal());
    }
}

#[test]
fn only_an_accepted_point_completes_the_job_whatever_the_pod_said() {
    for ending in [AttemptState::Ended(Box::default()), failed(FailureCode::LostRace, None)] {
        let facts = settled(with(ending), Settled::Accepted(Box::new(point())));
        let decision = decide(&job(), &facts, now("20:05:00"));
        assert_eq!((state(&decision), reason(&decision)), (JobState::Completed, "Completed"));
        let status = &decision.status;
        assert_eq!(status.recovery_point.as_ref().unwrap().name, "orders-20261120t200030z-ababab");
        assert_eq!(status.attempts[0].outcome, Some(AttemptOutcome::Succeeded));
        assert!(
            decision.steps.iter().any(|step| matches!(step, Step::TellLedger { state: "Completed", .. }))
        );
    }
}

#[test]
fn a_report_of_success_without_an_accepted_point_is_no_success() {
    let summary = Summary::default();
    let outcome = Outcome::Stored { point: point().id, writer: point().writer, summary };
    let report = Report {
        version: VERSION,
        run: RunId(UID.into()),
        attempt: 1,
        started: Some(at("20:00:30")),
        outcome,
        warnings: Vec::new(),
    };
    let ending = Ending { report: Some(report), exit_code: Some(0), out_of_memory: false };
    let facts = settled(with(AttemptState::Ended(Box::new(ending))), Settled::Undecided);
    let decision = decide(&job(), &facts, now("20:05:00"));
    assert_eq!(state(&decision), JobState::Running);
    assert_eq!(decision.status.attempts[0].outcome, Some(AttemptOutcome::Lost));
}

#[test]
fn what_the_role_could_not_read_makes_it_completed_with_warnings() {
    let mut point = point();
    point.coverage = vec!["table app.secrets".into()];
    let facts = settled(with(AttemptState::Ended(Box::default())), Settled::Accepted(Box::new(point)));
    let decision = decide(&job(), &facts, now("20:05:00"));
    assert_eq!(state(&decision), JobState::CompletedWithWarnings);
    assert_eq!(decision.status.warnings.len(), 1);
}

#[test]
fn a_silent_keeper_keeps_the_job_waiting_for_its_answer() {
    let mut facts = with(AttemptState::Ended(Box::default()));
    facts.settled = Some(Err(Trouble::Unreachable("no route".into())));
    let decision = decide(&job(), &facts, now("20:05:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Running, "Accepting"));
    assert_eq!(decision.status.attempts[0].end_time, None, "the attempt is not judged yet");
}

#[test]
fn before_the_start_even_a_permanent_error_is_tried_again_until_the_window_ends() {
    let facts = settled(with(failed(FailureCode::AuthenticationFailed, None)), Settled::Undecided);
    let decision = decide(&job(), &facts, now("20:01:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Pending, "AuthenticationFailed"));
    let job = after(job(), &decision);
    let early = decide(&job, &self::facts(), now("20:01:59"));
    assert_eq!((starts(&early), reason(&early)), (None, "AuthenticationFailed"));
    assert_eq!(starts(&decide(&job, &self::facts(), now("20:02:00"))), Some(2), "a minute later");
    let late = decide(&job, &settled(self::facts(), Settled::Voided), now("21:00:00"));
    assert_eq!(state(&late), JobState::Failed, "the server refused us, so it is not Expired");
    assert_eq!(late.status.errors.last().unwrap().code, "UserErrorDBUserAuthFailed");
}

#[test]
fn row_a49_b18_a_server_that_cannot_be_backed_up_is_told_by_its_code_and_costs_no_point() {
    for (code, told) in [
        (FailureCode::ServerStarting, "ServerNotReady"),
        (FailureCode::HostNotFound, "UserErrorHostNotFound"),
        (FailureCode::DatabaseNotFound, "UserErrorDBNotFound"),
        (FailureCode::TooManyConnections, "UserErrorTooManyConnections"),
        (FailureCode::VersionUnsupported, "UserErrorServerVersionNotSupported"),
    ] {
        let facts = settled(with(failed(code, None)), Settled::Undecided);
        let decision = decide(&job(), &facts, now("20:01:00"));
        assert_eq!(decision.status.errors.last().unwrap().code, told);
        assert_eq!(decision.status.start_time, None, "no dump was begun");
        assert_eq!(decision.steps, [], "its points and everything else stay as they are");
    }
}

#[test]
fn after_the_start_a_permanent_error_closes_the_run_and_fails() {
    let facts = with(failed(FailureCode::RowTooLarge, Some(at("20:00:30"))));
    let asked = decide(&job(), &facts, now("20:05:00"));
    assert_eq!(asked.ask, Some(Question { void: true }));
    let decision = decide(&job(), &settled(facts, Settled::Voided), now("20:05:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Failed, "RowTooLarge"));
}

#[test]
fn after_the_start_three_attempts_are_all() {
    let mut job = job();
    let mut clock = ["20:05:00", "20:10:00", "20:15:00"].into_iter();
    for number in 1..=3 {
        let time = now(clock.next().unwrap());
        let ended = attempt(number, failed(FailureCode::ConnectionLost, Some(at("20:00:30"))));
        let answer = if number < 3 { Settled::Undecided } else { Settled::Voided };
        let facts = settled(Facts { attempts: vec![ended], ..facts() }, answer);
        let decision = decide(&job, &facts, time);
        let expected = if number < 3 { "AttemptFailed" } else { "AttemptsExhausted" };
        assert_eq!(reason(&decision), expected, "attempt {number}");
        job = after(job, &decision);
    }
    assert_eq!(job.state(), JobState::Failed);
}

#[test]
fn a_job_that_vanished_is_settled_like_one_that_ended() {
    let started = decide(&job(), &facts(), now("20:00:02"));
    let job = after(job(), &started);
    assert_eq!(decide(&job, &facts(), now("20:01:00")).ask, Some(Question { void: false }));
    let decision = decide(&job, &settled(facts(), Settled::Undecided), now("20:01:00"));
    assert_eq!(decision.status.attempts[0].outcome, Some(AttemptOutcome::Lost));
    assert_eq!(reason(&decision), "MoverLost");
}

#[test]
fn a_run_that_moves_nothing_for_ten_minutes_is_stopped() {
    let mut facts = with(AttemptState::Running);
    let last_told = |polled| Movement { polled, ..movement(1, Some(at("20:00:30")), at("20:10:00")) };
    facts.movement = Some(last_told(at("20:19:59")));
    let decision = decide(&job(), &facts, now("20:40:00"));
    assert_eq!(state(&decision), JobState::Running, "its keeper has not been there to tell");
    facts.movement = Some(last_told(at("20:20:00")));
    let decision = decide(&job(), &settled(facts, Settled::Undecided), now("20:20:00"));
    assert_eq!(decision.status.attempts[0].error_code.as_deref(), Some("MoverStalled"));
    assert!(decision.steps.iter().any(|step| matches!(step, Step::Remove(_))));
    assert_eq!(state(&decision), JobState::Running, "and it is tried again");
}

#[test]
fn a_pod_that_runs_when_the_start_window_closes_is_heard_before_it_is_judged() {
    let started = decide(&job(), &facts(), now("20:00:02"));
    let deadline = started.status.start_deadline_time.clone().unwrap().0;
    let job = after(job(), &started);
    let stops = |later: i64| {
        let time = deadline + SignedDuration::from_secs(later);
        let decision = decide(&job, &with(AttemptState::Running), Now { time, wall: time });
        decision.steps.iter().any(|step| matches!(step, Step::Remove(_)))
    };
    assert_eq!([stops(0), stops(119), stops(120)], [false, false, true]);
}

#[test]
fn who_was_away_when_the_start_window_closed_listens_before_a_running_pod_is_judged() {
    let job = after(job(), &decide(&job(), &facts(), now("20:00:02")));
    let stops = |listening: Option<&str>, time: &str| {
        let facts = Facts { listening: listening.map(at), ..with(AttemptState::Running) };
        decide(&job, &facts, now(time)).steps.iter().any(|step| matches!(step, Step::Remove(_)))
    };
    assert!(!stops(None, "21:30:00"), "nobody has told anything yet");
    assert!(!stops(Some("21:30:00"), "21:31:59"));
    assert!(stops(Some("21:30:00"), "21:32:00"));
}

#[test]
fn row_e08_a_run_beyond_its_completion_window_is_stopped_and_closed() {
    let mut facts = with(AttemptState::Running);
    facts.movement = Some(movement(1, Some(at("20:00:30")), at("23:59:00")));
    let late = Now { time: "2026-11-21T00:00:00Z".parse().unwrap(), wall: at("23:59:30") };
    assert_eq!(decide(&job(), &facts, late).ask, Some(Question { void: true }));
    let decision = decide(&job(), &settled(facts.clone(), Settled::Voided), late);
    assert_eq!((state(&decision), reason(&decision)), (JobState::Failed, "CompletionWindowExceeded"));
    let accepted = decide(&job(), &settled(facts, Settled::Accepted(Box::new(point()))), late);
    assert_eq!(state(&accepted), JobState::Completed, "the commit came first");
}

#[test]
fn the_window_that_closed_is_the_reason_also_when_nobody_could_write_so_before_the_pod_was_gone() {
    let mut running = with(AttemptState::Running);
    running.movement = Some(movement(1, Some(at("20:00:30")), at("20:01:00")));
    let job = after(job(), &decide(&job(), &running, now("20:01:00")));
    let late = Now { time: "2026-11-21T00:00:30Z".parse().unwrap(), wall: at("23:59:30") };
    let stopped = |state: AttemptState| Facts {
        attempts: vec![SeenAttempt { going: true, ..attempt(1, state) }],
        ..facts()
    };
    let by_us = stopped(failed(FailureCode::Cancelled, Some(at("20:00:30"))));
    let silent = stopped(AttemptState::Ended(Box::default()));
    for facts in [facts(), by_us, silent] {
        let decision = decide(&job, &settled(facts, Settled::Voided), late);
        assert_eq!((state(&decision), reason(&decision)), (JobState::Failed, "CompletionWindowExceeded"));
    }
    let by_itself = stopped(failed(FailureCode::RowTooLarge, Some(at("20:00:30"))));
    let decision = decide(&job, &settled(by_itself, Settled::Voided), late);
    assert_eq!(reason(&decision), "RowTooLarge", "it had ended before it was stopped");

    let waiting = after(self::job(), &decide(&self::job(), &facts(), now("20:00:02")));
    let decision = decide(&waiting, &settled(facts(), Settled::Voided), now("21:00:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Expired, "StartWindowMissed"));
}

#[test]
fn a_record_that_does_not_hold_what_it_promises_fails_the_job() {
    let failure = Failure {
        code: FailureCode::Damaged,
        stage: Stage::Accepting,
        message: "a hash differs".into(),
        cause: None,
    };
    let facts = settled(with(AttemptState::Ended(Box::default())), Settled::Rejected(failure));
    let decision = decide(&job(), &facts, now("20:05:00"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Failed, "IntegrityFailed"));
}

#[test]
fn a_cancelled_job_stops_its_pod_and_then_asks_which_came_first() {
    let mut job = job();
    job.spec.cancel = true;
    let first = decide(&job, &with(AttemptState::Running), now("20:05:00"));
    assert_eq!((state(&first), first.ask), (JobState::Cancelling, None));
    assert!(first.steps.iter().any(|step| matches!(step, Step::Remove(_))));
    let job = after(job, &first);
    assert_eq!(decide(&job, &facts(), now("20:05:10")).ask, Some(Question { void: true }));
    for (answer, expected) in
        [(Settled::Voided, JobState::Cancelled), (Settled::Accepted(Box::new(point())), JobState::Completed)]
    {
        assert_eq!(state(&decide(&job, &settled(facts(), answer), now("20:05:10"))), expected);
    }
}

#[test]
fn a_job_cancelled_before_its_first_attempt_is_over_at_once() {
    let mut job = job();
    job.spec.cancel = true;
    let decision = decide(&job, &facts(), now("20:00:05"));
    assert_eq!((state(&decision), decision.ask), (JobState::Cancelled, None));
}

#[test]
fn a_deleted_job_is_stopped_like_a_cancelled_one_and_then_let_go() {
    let mut job = job();
    job.metadata.deletion_timestamp = job.metadata.creation_timestamp.clone();
    let decision = decide(&job, &facts(), now("20:00:05"));
    assert_eq!(state(&decision), JobState::Cancelled);
    let gone = decide(&after(job, &decision), &facts(), now("20:00:06"));
    assert_eq!(gone.steps, [Step::RemoveFinalizer]);
}

#[test]
fn a_deleted_job_waits_a_minute_for_a_vault_that_does_not_answer() {
    let started = decide(&job(), &facts(), now("20:00:02"));
    let mut job = after(job(), &started);
    job.metadata.deletion_timestamp = Some(meta::v1::Time(at("20:10:00")));
    let mut facts = facts();
    facts.settled = Some(Err(Trouble::Unreachable("no route".into())));
    assert_eq!(state(&decide(&job, &facts, now("20:10:59"))), JobState::Cancelling);
    assert_eq!(state(&decide(&job, &facts, now("20:11:00"))), JobState::Cancelled);
    facts.attempts = vec![attempt(1, AttemptState::Running)];
    let decision = decide(&job, &facts, now("20:11:00"));
    assert_eq!(state(&decision), JobState::Cancelling, "its pod is stopped first");
}

#[test]
fn an_ended_job_is_tidied_and_never_changes_again() {
    let done = decide(
        &job(),
        &settled(with(AttemptState::Ended(Box::default())), Settled::Accepted(Box::new(point()))),
        now("20:05:00"),
    );
    let mut job = after(job(), &done);
    job.spec.cancel = true;
    let tidy = decide(&job, &with(AttemptState::Ended(Box::default())), now("20:06:00"));
    assert!(matches!(tidy.steps.as_slice(), [Step::Remove(_)]));
    assert_eq!(tidy.status, done.status);
    assert!(!is_done(&job, true));
    job.metadata.finalizers = None;
    assert!(is_done(&job, true));
}

#[test]
fn rights_that_were_taken_away_hold_neither_a_job_nor_its_namespace_for_ever() {
    let unseen = || Facts { forbidden: Some("not bound".into()), keeper: None, ..facts() };
    let decision = decide(&job(), &unseen(), now("20:00:02"));
    assert_eq!((state(&decision), reason(&decision)), (JobState::Pending, "NotBound"));
    assert_eq!(starts(&decision), None);
    assert_eq!(state(&decide(&job(), &unseen(), now("21:00:00"))), JobState::Expired, "its window ends");

    let running = after(job(), &decide(&job(), &facts(), now("20:00:02")));
    let decision = decide(&running, &unseen(), now("21:00:00"));
    assert_eq!(reason(&decision), "NotBound", "an attempt that nobody can see is not judged");
    assert_eq!(decision.status.attempts[0].end_time, None);

    let mut deleted = running;
    deleted.metadata.deletion_timestamp = Some(meta::v1::Time(at("20:10:00")));
    let no_keeper = Some(Err(Trouble::Unreachable("no keeper".into())));
    let gone = decide(&deleted, &Facts { settled: no_keeper, ..unseen() }, now("20:11:00"));
    assert_eq!(state(&gone), JobState::Cancelled);
    let ended = after(deleted, &gone);
    assert!(decide(&ended, &unseen(), now("20:11:59")).steps.is_empty(), "rights may come back");
    assert_eq!(decide(&ended, &unseen(), now("20:12:00")).steps, [Step::RemoveFinalizer]);
}

#[test]
fn a_vault_that_is_gone_lets_a_failed_run_end() {
    let started = decide(&job(), &facts(), now("20:00:02"));
    let mut job = after(job(), &started);
    job.spec.cancel = true;
    let facts = Facts { vault: None, keeper: None, ..facts() };
    assert_eq!(state(&decide(&job, &facts, now("20:01:00"))), JobState::Cancelled);
}

#[test]
fn row_a13_a21_on_demand_a_stopped_instance_or_one_that_waits_to_be_resumed_is_refused_by_name() {
    let mut stopped = facts();
    let mut held = instance();
    held.spec.protection = crds::instance::Protection::Stopped;
    stopped.instance = Some(Arc::new(held));
    let waiting = Facts { record: Some("shop-orders-1".into()), ..facts() };
    for (facts, expected, says) in [
        (stopped, "ProtectionStopped", "orders"),
        (waiting, "ResumeRequired", "coffer.dev/resume=shop-orders-1"),
    ] {
        let decision = decide(&on_demand("Default"), &facts, now("20:00:02"));
        assert_eq!((state(&decision), reason(&decision)), (JobState::Failed, expected));
        let error = decision.status.errors.last().expect("an error");
        assert_eq!(error.code, "UserErrorProtectionStopped");
        assert!(error.message.contains(says), "{}", error.message);
        let slot = decide(&job(), &facts, now("20:00:02"));
        assert_eq!((state(&slot), reason(&slot), starts(&slot)), (JobState::Pending, expected, None));
    }
}
