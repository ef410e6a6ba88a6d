//! One row for each way in which a restore's facts can stand, and what is done about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{
    Connection, Credentials, DataStore, Decision as Promise, Failure, FailureCode, Life, Outcome, Owner,
    OwnerView, PointId, PointState, PointView, Remains, Report, RestoreOutcome, RestoreSeen, RunId, Secret,
    SourceServer, Stage, Summary, Tls, TlsMode, Trigger, VERSION, WriterId,
};
use crds::common::JobState;
use crds::{BackupVault, RestoreJob};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::build::spec_hash;
use super::decide::decide;
use super::facts::{Decision, Facts, Step};
use crate::clock::Now;
use crate::controller::run::place::Place;
use crate::controller::run::{AttemptState, Ending, SeenAttempt};
use crate::keeper_client::{Catalogue, KeeperAddress, Trouble};

pub(super) const UID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn at(text: &str) -> Timestamp {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

fn now(text: &str) -> Now {
    Now { time: at(text), wall: at(text) }
}

fn job(source: &Value) -> RestoreJob {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "RestoreJob",
        "metadata": {"name": "back", "namespace": "shop", "uid": UID, "generation": 1,
                     "finalizers": ["coffer.dev/stop-run"]},
        "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "source": source,
                 "target": {"database": {"host": "db", "name": "copy", "credentialsSecretRef": {"name": "login"}}}},
    }))
    .unwrap()
}

pub(super) fn latest() -> RestoreJob {
    job(&json!({"instance": {"name": "orders", "latest": true}}))
}

pub(super) fn vault() -> BackupVault {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
        "metadata": {"name": "main", "namespace": "vaults", "uid": "v1"},
        "spec": {"storage": {"filesystem": {"claimName": "backups"}}, "encryption": {"mode": "SystemManaged"},
                 "access": {"allowedNamespaces": {"names": ["shop"]}}},
        "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "StorageProbed", "message": "text",
                                   "lastTransitionTime": "2026-11-20T00:00:00Z"}]},
    }))
    .unwrap()
}

pub(super) fn point(id: &str, time: &str, namespace_uid: &str, state: PointState) -> PointView {
    PointView {
        id: PointId(id.repeat(16)),
        run: RunId("r".into()),
        writer: WriterId("cd".repeat(16)),
        sequence: 4,
        owner: Owner::Instance {
            cluster_id: "c".into(),
            namespace: "shop".into(),
            namespace_uid: namespace_uid.into(),
            instance: "orders".into(),
            instance_uid: "i1".into(),
            datasource_id: "7/orders".into(),
        },
        decision: Promise {
            tag: "Default".into(),
            keep: Some("P30D".into()),
            time_zone: "UTC".into(),
            reason: String::new(),
            keep_at_least: 1,
            policy: None,
            trigger: Trigger::Cli,
        },
        point_time: at(time),
        commit_time: at(time),
        expiration_time: None,
        overridden: None,
        removal: None,
        state,
        verified: contract::Verified::default(),
        source: SourceServer {
            server_version: "17.2".into(),
            system_identifier: None,
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

fn catalogue(points: Vec<PointView>) -> Option<Arc<Catalogue>> {
    let points = points.into_iter().map(|point| (point.id.clone(), point)).collect::<BTreeMap<_, _>>();
    Some(Arc::new(Catalogue { sequence: 9, points, ..Catalogue::default() }))
}

fn facts() -> Facts {
    Facts {
        vault: Some(Arc::new(vault())),
        point: None,
        catalogue: catalogue(vec![
            point("aa", "01:00:00", "n1", PointState::Available),
            point("bb", "02:00:00", "n1", PointState::Available),
            point("cc", "03:00:00", "n1", PointState::Damaged),
            point("dd", "04:00:00", "other", PointState::Available),
        ]),
        namespace_uid: Some("n1".into()),
        attempts: Vec::new(),
        forbidden: None,
        movement: None,
        listening: Some(at("00:00:00")),
        place: Place::Free,
        connection: Some(Ok(Connection {
            host: "db".into(),
            port: 5432,
            database: "postgres".into(),
            credentials: Credentials::Password { username: "app".into(), password: Secret::new("pw") },
            tls: Tls { mode: TlsMode::VerifyFull, ca: None, client: None },
        })),
        keeper: Some(KeeperAddress { url: "https://k".into(), certificates: Vec::new() }),
        beside_keeper: true,
        ledger: Some(Ok(None)),
        spec_hash: spec_hash(&latest()),
    }
}

fn ended(outcome: Option<Outcome>, started: Option<Timestamp>) -> Facts {
    let report = outcome.map(|outcome| Report {
        version: VERSION,
        run: RunId(UID.into()),
        attempt: 1,
        started,
        outcome,
        warnings: Vec::new(),
    });
    let exit_code = report.as_ref().map(|_| 20);
    let state = AttemptState::Ended(Box::new(Ending { report, exit_code, out_of_memory: false }));
    with(state)
}

fn with(state: AttemptState) -> Facts {
    let attempt = SeenAttempt {
        number: 1,
        namespace: "vaults".into(),
        job_name: "cj-0f8fad5b-1".into(),
        job_uid: Some("j1".into()),
        going: false,
        created: Some(at("10:00:05")),
        decision: None,
        state,
    };
    Facts { attempts: vec![attempt], ..facts() }
}

fn failed(code: FailureCode) -> Option<Outcome> {
    Some(Outcome::Failed(Failure { code, stage: Stage::Data, message: "it failed".into(), cause: None }))
}

fn ledger(facts: Facts, run: &str, outcome: Option<RestoreOutcome>) -> Facts {
    let held = RestoreSeen {
        run: RunId(run.into()),
        point: Some(PointId("aa".repeat(16))),
        spec_hash: spec_hash(&latest()),
        started: at("09:00:00"),
        outcome,
    };
    Facts { ledger: Some(Ok(Some(held))), ..facts }
}

fn reason(decision: &Decision) -> &str {
    &decision.status.conditions.iter().find(|held| held.type_ == "Ready").unwrap().reason
}

fn standing(decision: &Decision) -> (JobState, &str) {
    (decision.status.state.unwrap(), reason(decision))
}

fn starts(decision: &Decision) -> Option<u32> {
    decision
        .steps
        .iter()
        .find_map(|step| if let Step::Start { number, .. } = step { Some(*number) } else { None })
}

#[test]
fn latest_is_the_newest_good_point_of_the_same_namespace() {
    let decision = decide(&latest(), &facts(), now("10:00:00"));
    assert_eq!(starts(&decision), Some(1));
    assert_eq!(decision.status.recovery_point.as_ref().unwrap().id, "bb".repeat(16));
}

#[test]
fn a_point_once_chosen_stays_chosen() {
    let mut job = latest();
    job.status = Some(decide(&job, &facts(), now("10:00:00")).status);
    let mut facts = with(AttemptState::Suspended);
    facts.catalogue = catalogue(vec![
        point("bb", "02:00:00", "n1", PointState::Available),
        point("ee", "09:59:00", "n1", PointState::Available),
    ]);
    let decision = decide(&job, &facts, now("10:00:10"));
    assert_eq!(decision.status.recovery_point.as_ref().unwrap().id, "bb".repeat(16));
}

fn named(id: &str) -> Facts {
    let object = serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "RecoveryPoint",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"vaultRef": {"name": "main", "namespace": "vaults"}, "pointId": id.repeat(16)},
    }))
    .unwrap();
    Facts { point: Some(Arc::new(object)), ..facts() }
}

#[test]
fn a_named_point_must_be_the_namespaces_own_and_restorable() {
    let job = job(&json!({"recoveryPointRef": {"name": "p"}}));
    assert_eq!(starts(&decide(&job, &named("aa"), now("10:00:00"))), Some(1));
    for (id, expected) in [("dd", "PointForeign"), ("cc", "PointNotRestorable"), ("ff", "PointNotFound")] {
        let decision = decide(&job, &named(id), now("10:00:00"));
        assert_eq!(standing(&decision), (JobState::Failed, expected), "{id}");
        assert!(!decision.status.errors.is_empty());
    }
    assert_eq!(standing(&decide(&job, &facts(), now("10:00:00"))), (JobState::Pending, "PointNotFound"));
}

#[test]
fn an_instance_without_a_good_point_is_waited_for() {
    let facts = Facts { catalogue: catalogue(Vec::new()), ..facts() };
    assert_eq!(standing(&decide(&latest(), &facts, now("10:00:00"))), (JobState::Pending, "NoPointYet"));
}

#[test]
fn a_restore_that_the_ledger_has_as_completed_is_not_repeated() {
    let done = ledger(facts(), "earlier", Some(RestoreOutcome::Completed));
    let decision = decide(&latest(), &done, now("10:00:00"));
    assert_eq!(standing(&decision), (JobState::Completed, "AlreadyDone"));
    let point = decision.status.recovery_point.as_ref().unwrap();
    assert_eq!(point.id, "aa".repeat(16), "the point that was read then, not the latest by now");
    let said = &decision.status.conditions.iter().find(|held| held.type_ == "Complete").unwrap().message;
    assert!(said.contains(&point.id), "{said}");
    let failed = ledger(facts(), "earlier", Some(RestoreOutcome::Failed));
    assert_eq!(starts(&decide(&latest(), &failed, now("10:00:00"))), Some(1), "a failed one runs again");
    let other = Facts { spec_hash: "another spec".into(), ..done };
    assert_eq!(
        starts(&decide(&latest(), &other, now("10:00:00"))),
        Some(1),
        "another spec is another restore"
    );
}

#[test]
fn without_the_ledger_nothing_is_started() {
    let facts = Facts { ledger: Some(Err(Trouble::Unreachable("no route".into()))), ..facts() };
    let decision = decide(&latest(), &facts, now("10:00:00"));
    assert_eq!((starts(&decision), reason(&decision)), (None, "KeeperUnavailable"));
}

#[test]
fn a_report_of_success_completes_the_job() {
    let summary = Summary { tables: 3, rows: 40, ..Summary::default() };
    let decision =
        decide(&latest(), &ended(Some(Outcome::Restored { summary }), Some(at("10:01:00"))), now("10:05:00"));
    assert_eq!(standing(&decision), (JobState::Completed, "Completed"));
    assert_eq!(decision.status.restored.as_ref().unwrap().rows, 40);
}

#[test]
fn nothing_is_tried_again_once_anything_was_written() {
    let decision =
        decide(&latest(), &ended(failed(FailureCode::ConnectionLost), Some(at("10:01:00"))), now("10:05:00"));
    assert_eq!(standing(&decision), (JobState::Failed, "ServerUnreachable"));
}

#[test]
fn before_the_first_write_what_may_pass_is_tried_again_and_the_rest_is_not() {
    let again = decide(&latest(), &ended(failed(FailureCode::ConnectionRefused), None), now("10:05:00"));
    assert_eq!(standing(&again), (JobState::Pending, "ConnectionRefused"));
    let mut job = latest();
    job.status = Some(again.status);
    assert_eq!(starts(&decide(&job, &facts(), now("10:05:30"))), None, "after a pause");
    assert_eq!(starts(&decide(&job, &facts(), now("10:06:00"))), Some(2));
    let never = decide(&latest(), &ended(failed(FailureCode::TargetNotEmpty), None), now("10:05:00"));
    assert_eq!(standing(&never), (JobState::Failed, "TargetNotEmpty"));
    assert_eq!(never.status.errors[0].code, "UserErrorDatabaseNameAlreadyInUse");
}

#[test]
fn a_vanished_mover_is_judged_by_the_ledger() {
    let wrote = decide(&latest(), &ledger(ended(None, None), UID, None), now("10:05:00"));
    assert_eq!(standing(&wrote), (JobState::Failed, "RestoreIncomplete"));
    let done =
        decide(&latest(), &ledger(ended(None, None), UID, Some(RestoreOutcome::Completed)), now("10:05:00"));
    assert_eq!(standing(&done), (JobState::Completed, "Completed"));
    let nothing = decide(&latest(), &ended(None, None), now("10:05:00"));
    assert_eq!(
        nothing.status.state,
        Some(JobState::Pending),
        "nothing was written, so it may be tried again"
    );
    let unknown = Facts { ledger: Some(Err(Trouble::Unreachable("no route".into()))), ..ended(None, None) };
    assert!(!decide(&latest(), &unknown, now("10:05:00")).status.state.unwrap().is_terminal());
}

#[test]
fn a_restore_that_cannot_start_within_an_hour_is_expired() {
    let mut job = latest();
    let waiting = Facts { vault: None, ..facts() };
    job.status = Some(decide(&job, &waiting, now("10:00:00")).status);
    assert_eq!(decide(&job, &waiting, now("10:59:59")).status.state, Some(JobState::Pending));
    assert_eq!(standing(&decide(&job, &waiting, now("11:00:00"))), (JobState::Expired, "StartWindowMissed"));
}

#[test]
fn rights_that_were_taken_away_hold_no_restore_for_ever() {
    let mut job = latest();
    let unseen = Facts { forbidden: Some("not bound".into()), keeper: None, ledger: None, ..facts() };
    let waiting = decide(&job, &unseen, now("10:00:00"));
    assert_eq!(standing(&waiting), (JobState::Pending, "NotBound"));
    job.status = Some(waiting.status);
    let expired = decide(&job, &unseen, now("11:00:00"));
    assert_eq!(standing(&expired), (JobState::Expired, "StartWindowMissed"));
    job.status = Some(expired.status);
    assert!(decide(&job, &unseen, now("11:00:59")).steps.is_empty(), "rights may come back");
    assert_eq!(decide(&job, &unseen, now("11:01:00")).steps, [Step::RemoveFinalizer]);
}

#[test]
fn a_status_that_lost_its_point_gets_it_back_from_what_the_job_names() {
    let mut job = latest();
    let first = decide(&job, &facts(), now("10:05:00")).status;
    let chosen = first.recovery_point.clone().expect("the attempt's point");
    for state in [AttemptState::Waiting { blocked: None }, AttemptState::Running] {
        job.status = Some(crds::RestoreJobStatus { recovery_point: None, ..first.clone() });
        let status = decide(&job, &with(state), now("10:05:05")).status;
        assert_eq!(status.recovery_point.as_ref(), Some(&chosen));
    }
}

#[test]
fn a_cancelled_restore_stops_its_pod_first() {
    let mut job = latest();
    job.spec.cancel = true;
    let first = decide(&job, &with(AttemptState::Running), now("10:05:00"));
    assert_eq!(standing(&first), (JobState::Cancelling, "Cancelling"));
    job.status = Some(first.status);
    assert_eq!(standing(&decide(&job, &facts(), now("10:05:05"))), (JobState::Cancelled, "Cancelled"));
}

#[test]
fn the_hash_of_a_spec_ignores_cancel_and_nothing_else() {
    let mut other = latest();
    other.spec.cancel = true;
    assert_eq!(spec_hash(&other), spec_hash(&latest()));
    other.spec.target.database.as_mut().unwrap().name = "elsewhere".into();
    assert_ne!(spec_hash(&other), spec_hash(&latest()));
}

/// Of a server with three databases.
fn server() -> Facts {
    let mut whole = point("bb", "02:00:00", "n1", PointState::Available);
    whole.data_stores = ["crm", "orders", "postgres"].map(store).to_vec();
    Facts { catalogue: catalogue(vec![whole]), ..facts() }
}

fn store(database: &str) -> DataStore {
    DataStore {
        database: database.into(),
        snapshot_time: at("02:00:00"),
        tables: 1,
        rows: 1,
        large_objects: 0,
        plain_bytes: 1,
    }
}

/// Into several databases.
fn into_databases(fields: &Value) -> RestoreJob {
    let mut job = latest();
    let mut databases = json!({"host": "db", "credentialsSecretRef": {"name": "login"}});
    databases.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    job.spec.target = serde_json::from_value(json!({"databases": databases})).unwrap();
    job
}

#[test]
fn one_of_several_databases_is_named_by_the_job_or_by_the_targets_name() {
    let mut job = latest();
    let nameless = decide(&job, &server(), now("10:00:00"));
    assert_eq!(standing(&nameless), (JobState::Failed, "InvalidSpec"));
    let said = &nameless.status.errors[0].message;
    assert!(said.contains("crm, orders, postgres") && said.contains("`source.database`"), "{said}");
    job.spec.source.database = Some("crm".into());
    assert_eq!(starts(&decide(&job, &server(), now("10:00:00"))), Some(1));
    job.spec.source.database = Some("sales".into());
    assert_eq!(standing(&decide(&job, &server(), now("10:00:00"))), (JobState::Failed, "InvalidSpec"));
    job.spec.source.database = None;
    job.spec.target.database.as_mut().unwrap().name = "orders".into();
    let same_name = decide(&job, &server(), now("10:00:00"));
    assert_eq!((starts(&same_name), same_name.status.target.as_deref()), (Some(1), Some("orders")));
}

#[test]
fn several_databases_are_restored_by_one_job_that_says_which() {
    for (fields, target) in [
        (json!({}), "crm, orders, postgres"),
        (json!({"names": ["orders"], "rename": {"orders": "orders_2"}}), "orders_2"),
    ] {
        let decision = decide(&into_databases(&fields), &server(), now("10:00:00"));
        assert_eq!((starts(&decision), decision.status.target.as_deref()), (Some(1), Some(target)));
    }
    let waiting = Facts { vault: None, ..server() };
    let before = decide(&into_databases(&json!({})), &waiting, now("10:00:00"));
    assert_eq!(before.status.target.as_deref(), Some("all databases"));
}

#[test]
fn a_job_for_databases_that_the_point_does_not_have_fails_before_a_pod_is_made() {
    for (fields, hint) in [
        (json!({"names": ["orders", "sales"]}), "`target.databases.names` names sales"),
        (json!({"names": ["orders"], "rename": {"crm": "x"}}), "`target.databases.rename` names crm"),
        (json!({"rename": {"crm": "orders"}}), "Two databases would be called orders"),
    ] {
        let decision = decide(&into_databases(&fields), &server(), now("10:00:00"));
        assert_eq!((starts(&decision), standing(&decision)), (None, (JobState::Failed, "InvalidSpec")));
        let said = &decision.status.errors[0].message;
        assert!(said.contains(hint), "{said}");
    }
}

#[test]
fn a_whole_server_that_was_restored_is_told_with_its_databases() {
    let mut job = into_databases(&json!({}));
    job.status = Some(decide(&job, &server(), now("10:00:00")).status);
    let summary = Summary { tables: 3, rows: 40, ..Summary::default() };
    let ended = ended(Some(Outcome::Restored { summary }), Some(at("10:01:00")));
    let decision = decide(&job, &ended, now("10:05:00"));
    let said = &decision.status.conditions.iter().find(|held| held.type_ == "Complete").unwrap().message;
    assert!(said.ends_with("restored and checked, in crm, orders, postgres."), "{said}");
}

#[test]
fn what_becomes_of_roles_is_part_of_the_hash_of_a_spec() {
    let plain = into_databases(&json!({}));
    let mut other = plain.clone();
    other.spec.roles = Some(crds::restore_job::RestoreRoles::Skip);
    assert_ne!(spec_hash(&other), spec_hash(&plain));
}

/// The owner of the points that begin so was deleted, as the ledger has it.
fn without_owner(mut facts: Facts, id: &str) -> Facts {
    let mut catalogue = (*facts.catalogue.take().unwrap()).clone();
    let point = catalogue.points.get_mut(&PointId(id.repeat(16))).unwrap();
    if let Owner::Instance { instance_uid, .. } = &mut point.owner {
        "0f8fad5b-gone".clone_into(instance_uid);
    }
    let owner = point.owner.clone();
    let life = Life::Deleted { time: at("05:00:00"), points: Remains::Kept, reason: "it was deleted".into() };
    catalogue
        .owners
        .insert(owner.clone(), OwnerView { sequence: 9, owner, spec: String::new(), life, adopted_by: None });
    facts.catalogue = Some(Arc::new(catalogue));
    facts
}

#[test]
fn row_a20_a_point_of_a_deleted_instance_is_refused_before_a_pod_and_the_way_back_is_named() {
    let job = job(&json!({"recoveryPointRef": {"name": "p"}}));
    let decision = decide(&job, &without_owner(named("aa"), "aa"), now("10:00:00"));
    assert_eq!(standing(&decision), (JobState::Failed, "OwnerDeleted"));
    assert_eq!(starts(&decision), None);
    let error = decision.status.errors.last().expect("an error");
    assert!(
        error.message.contains("kubectl patch dbinst shop-orders-0f8fad5b -n vaults"),
        "{}",
        error.message
    );
}

#[test]
fn latest_passes_over_the_points_of_a_deleted_predecessor_unless_there_is_no_other() {
    let decision = decide(&latest(), &without_owner(facts(), "bb"), now("10:00:00"));
    assert_eq!(decision.status.recovery_point.as_ref().unwrap().id, "aa".repeat(16));
    let mut only = facts();
    only.catalogue = catalogue(vec![point("bb", "02:00:00", "n1", PointState::Available)]);
    let decision = decide(&latest(), &without_owner(only, "bb"), now("10:00:00"));
    assert_eq!(standing(&decision), (JobState::Failed, "OwnerDeleted"));
}

#[test]
fn row_a22_a_point_that_is_being_removed_early_can_still_be_restored() {
    let mut facts = named("aa");
    facts.catalogue = catalogue(vec![point("aa", "01:00:00", "n1", PointState::SoftDeleted)]);
    let job = job(&json!({"recoveryPointRef": {"name": "p"}}));
    assert_eq!(starts(&decide(&job, &facts, now("10:00:00"))), Some(1));
}
