//! The keeper as its operator and its movers meet it: a real process, asked over TLS.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what failed by panicking"
)]

mod support;

use std::fs;

use contract::{
    Appended, GrantRequest, KeyState, LedgerRequest, Life, Outcome, OverrideRequest, Owner, OwnerChange,
    Pledges, PointId, PointState, PointView, Points, Progress, Purpose, ReadGrant, Refusal, Remains,
    RemoveRequest, RunId, Runs, SettleRequest, Settled, Stage, StorageState, TombstoneRequest, VERSION,
    WriteGrant, WriterId, files,
};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::json;
use support::keeper::{
    Keeper, Mover, Site, answer, backup, owner, refusal, run_token, signed, token, verification,
};
use support::{Server, wait_for};

/// Of a point that is verified.
const VERIFIED: &str = "7a1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c02";
const RUN: &str = "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c01";

fn writer() -> WriterId {
    WriterId("0123456789abcdef0123456789abcdef".into())
}

fn grant_request() -> GrantRequest {
    GrantRequest { version: VERSION, writer: writer() }
}

fn progress(bytes_done: u64) -> Progress {
    Progress {
        attempt: 1,
        stage: Stage::Data,
        started: None,
        bytes_done,
        bytes_total: 100,
        bytes_stored: 0,
        tables_done: 0,
        tables_total: 1,
    }
}

fn runs(run: &str, call: &str) -> String {
    format!("/v1/runs/{run}/{call}")
}

/// Makes a good point of a small database.
async fn make_point(keeper: &Keeper, run: &str) -> PointView {
    let server = Server::shared();
    let database = format!("keeper_{}", run.replace('-', "_"));
    server.create_database(&database);
    server.sql(&database, "CREATE TABLE t AS SELECT g, md5(g::text) FROM generate_series(1, 100) g");
    let (exit, report) = Mover::start(&backup(keeper, run, server.connection(&database), 0)).wait();
    assert_eq!(exit, Some(contract::Exit::Done), "{report:?}");
    match answer(keeper.post(&runs(run, "settle"), &SettleRequest { void: false }).await).await {
        Settled::Accepted(point) => *point,
        other => panic!("not accepted: {other:?}"),
    }
}

#[tokio::test]
async fn a_vault_is_made_when_its_keys_appear_and_not_before() {
    let site = Site::without_keys();
    let keeper = site.start();
    let view = keeper.view_when("storage to answer", |view| view.storage == StorageState::Reachable).await;
    assert_eq!((view.key, view.vault_id, view.head), (KeyState::Empty, None, None));
    let write = run_token(RUN, Purpose::Write);
    let granted = keeper.post_with(&runs(RUN, "grant"), write.reveal(), &grant_request()).await;
    assert_eq!(refusal(granted).await, (StatusCode::SERVICE_UNAVAILABLE, "NotReady".into()));

    site.mount_new_keys();
    let view = keeper.open().await;
    assert!(view.fingerprint.is_some());
    assert!(view.head.is_some_and(|head| head.sequence >= 1));
    assert!(view.probes.is_some_and(|probes| probes.create_only));
    assert!(site.vault.path().join("vault.json").exists());
}

#[tokio::test]
async fn keys_of_another_vault_are_named_as_such_and_open_it_again_when_they_come_back() {
    let site = Site::new();
    let keeper = site.start();
    let opened = keeper.open().await;
    let own = fs::read_to_string(site.path(files::VAULT_KEYS).join("identity")).unwrap();
    let own_catalogue = fs::read_to_string(site.path(files::VAULT_KEYS).join("catalogue")).unwrap();

    site.mount_new_keys();
    let foreign = KeyState::Foreign { vault_id: opened.vault_id.clone().unwrap() };
    keeper.view_when("other keys to be noticed", |view| view.key == foreign).await;

    site.write(&format!("{}/identity", files::VAULT_KEYS), "not an identity");
    keeper.view_when("no key to be noticed", |view| matches!(view.key, KeyState::Invalid { .. })).await;

    site.write(&format!("{}/catalogue", files::VAULT_KEYS), &own_catalogue);
    site.write(&format!("{}/identity", files::VAULT_KEYS), &own);
    let again = keeper.open().await;
    assert_eq!((again.vault_id, again.fingerprint), (opened.vault_id, opened.fingerprint));
}

#[tokio::test]
async fn missing_storage_is_reported_and_taken_into_use_when_it_appears() {
    let site = Site::new();
    let place = site.root.path().join("later");
    site.configure(&place.display().to_string(), None);
    let keeper = site.start();
    let view =
        keeper.view_when("failing storage", |view| matches!(view.storage, StorageState::Failing(_))).await;
    assert_eq!(view.key, KeyState::Unknown);
    let (status, body) = keeper.plain(keeper.health, "/readyz").await;
    assert_eq!(status, StatusCode::OK, "the operator must be able to ask what is wrong: {body}");
    let points = keeper.get("/v1/points").await;
    assert_eq!(refusal(points).await.0, StatusCode::SERVICE_UNAVAILABLE);

    fs::create_dir(&place).unwrap();
    keeper.open().await;
}

#[tokio::test]
async fn emptied_storage_is_a_loss_and_nothing_is_made_over_it() {
    let site = Site::new();
    let mut keeper = site.start();
    let head = keeper.open().await.head.unwrap();
    assert_eq!(keeper.stop(), 0);

    let empty = tempfile::tempdir().unwrap();
    site.configure(&empty.path().display().to_string(), Some(head));
    let keeper = site.start();
    let view = keeper.view_when("storage to answer", |view| view.storage == StorageState::Reachable).await;
    assert!(view.rolled_back);
    assert_eq!(view.key, KeyState::Empty);
    assert_eq!(
        fs::read_dir(empty.path())
            .unwrap()
            .filter(|entry| { entry.as_ref().is_ok_and(|entry| entry.file_name() == "vault.json") })
            .count(),
        0
    );
}

#[tokio::test]
async fn a_ledger_that_is_gone_is_a_loss_too_and_no_other_is_begun_in_its_place() {
    let site = Site::new();
    let mut keeper = site.start();
    let head = keeper.open().await.head.unwrap();
    assert_eq!(keeper.stop(), 0);

    let ledger = site.vault.path().join("ledger");
    let kept = site.vault.path().join("kept");
    fs::rename(&ledger, &kept).unwrap();
    site.configure(&site.vault.path().display().to_string(), Some(head.clone()));
    let mut keeper = site.start();
    let view = keeper.view_when("storage to answer", |view| view.storage == StorageState::Reachable).await;
    assert!(view.rolled_back && view.head.is_none(), "{view:?}");
    assert!(!ledger.exists());
    assert_eq!(keeper.stop(), 0);

    fs::rename(&kept, &ledger).unwrap();
    assert_eq!(site.start().open().await.head.map(|head| head.hash), Some(head.hash));
}

#[tokio::test]
async fn every_call_asks_who_is_there() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    let run = run_token(RUN, Purpose::Write);
    let run = run.reveal();
    let settle = SettleRequest { void: false };
    let tombstone = TombstoneRequest { reason: "x".into(), keep_at_least: 1, owner: None };
    let ended = LedgerRequest::JobEnded {
        run: RunId(RUN.into()),
        kind: "BackupJob".into(),
        namespace: "team".into(),
        name: "shop-1".into(),
        state: "Failed".into(),
        message: String::new(),
    };
    let tombstones = format!("/v1/points/{}/tombstone", "ab".repeat(16));
    for (token, status) in
        [("", StatusCode::UNAUTHORIZED), ("x", StatusCode::UNAUTHORIZED), (run, StatusCode::FORBIDDEN)]
    {
        for path in ["/v1/vault", "/v1/points?after=0", "/v1/runs", "/v1/restores/team/one"] {
            assert_eq!(refusal(keeper.get_with(path, token).await).await.0, status, "{path}");
        }
        assert_eq!(refusal(keeper.post_with(&runs(RUN, "settle"), token, &settle).await).await.0, status);
        assert_eq!(refusal(keeper.post_with(&tombstones, token, &tombstone).await).await.0, status);
        assert_eq!(refusal(keeper.post_with("/v1/ledger", token, &ended).await).await.0, status);
        for call in ["remove", "override"] {
            let path = format!("/v1/points/{}/{call}", "ab".repeat(16));
            assert_eq!(refusal(keeper.post_with(&path, token, &json!({})).await).await.0, status, "{call}");
        }
    }
    let operator = token().to_secret();
    for call in ["grant", "progress", "restore"] {
        for (token, status) in [("", StatusCode::UNAUTHORIZED), (operator.reveal(), StatusCode::FORBIDDEN)] {
            let refused = keeper.post_with(&runs(RUN, call), token, &json!({})).await;
            assert_eq!(refusal(refused).await.0, status, "{call}");
        }
    }
    assert_eq!(refusal(keeper.get("/v1/nothing").await).await.0, StatusCode::NOT_FOUND);
    assert_eq!(refusal(keeper.post("/v1/ledger", &json!({"x": 1})).await).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_runs_token_opens_its_own_run_for_its_own_purpose_until_its_time_is_over() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    let point = PointId("ab".repeat(16));
    let grant = async |path_run: &str, token: &str| {
        refusal(keeper.post_with(&runs(path_run, "grant"), token, &grant_request()).await).await
    };
    let other = run_token("another-run", Purpose::Write);
    assert_eq!(grant(RUN, other.reveal()).await, (StatusCode::FORBIDDEN, "Forbidden".into()));
    let past = signed(RUN, Purpose::Write, "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(grant(RUN, past.reveal()).await, (StatusCode::UNAUTHORIZED, "Unauthorised".into()));
    // A token to read a point that is not there gets that answer, and no grant to write.
    let read = run_token(RUN, Purpose::Read { point: point.clone() });
    assert_eq!(grant(RUN, read.reveal()).await, (StatusCode::NOT_FOUND, "NotFound".into()));
    // A token to write announces no restore.
    let write = run_token(RUN, Purpose::Write);
    let announced = json!({"restoreStarted": {
        "namespace": "team", "name": "one", "specHash": "x", "target": "7/app", "point": point.0,
    }});
    let refused = keeper.post_with(&runs(RUN, "restore"), write.reveal(), &announced).await;
    assert_eq!(refusal(refused).await, (StatusCode::FORBIDDEN, "Forbidden".into()));
    // A token to read one point announces no restore of another.
    let other_point = run_token(RUN, Purpose::Read { point: PointId("cd".repeat(16)) });
    let refused = keeper.post_with(&runs(RUN, "restore"), other_point.reveal(), &announced).await;
    assert_eq!(refusal(refused).await, (StatusCode::FORBIDDEN, "Forbidden".into()));
}

#[tokio::test]
async fn a_grant_comes_with_another_key_when_it_is_asked_for_again_and_ends_when_the_run_is_voided() {
    let site = Site::new();
    let keeper = site.start();
    let vault = keeper.open().await;
    let write = run_token(RUN, Purpose::Write);
    let granted = async || keeper.post_with(&runs(RUN, "grant"), write.reveal(), &grant_request()).await;
    let first: WriteGrant = answer(granted().await).await;
    let second: WriteGrant = answer(granted().await).await;
    assert_ne!(first.chain_key, second.chain_key);
    assert_eq!(WriteGrant { chain_key: first.chain_key.clone(), ..second }, first);
    assert_eq!(Some(first.vault_id), vault.vault_id);
    assert!(
        site.vault.path().join("keys").join(writer().0).exists(),
        "the chain key is wrapped before it is given"
    );

    let undecided = SettleRequest { void: false };
    assert_eq!(
        answer::<Settled>(keeper.post(&runs(RUN, "settle"), &undecided).await).await,
        Settled::Undecided
    );
    answer::<WriteGrant>(granted().await).await;
    for _ in 0..2 {
        let voiding = SettleRequest { void: true };
        assert_eq!(
            answer::<Settled>(keeper.post(&runs(RUN, "settle"), &voiding).await).await,
            Settled::Voided
        );
    }
    assert_eq!(refusal(granted().await).await, (StatusCode::UNAUTHORIZED, "Unauthorised".into()));
}

#[tokio::test]
async fn progress_is_told_while_a_run_lives() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    let write = run_token(RUN, Purpose::Write);
    for bytes in [10, 20] {
        let told = keeper.post_with(&runs(RUN, "progress"), write.reveal(), &progress(bytes)).await;
        answer::<()>(told).await;
    }
    let known: Runs = answer(keeper.get("/v1/runs").await).await;
    assert_eq!(known.runs.len(), 1);
    assert_eq!((known.runs[0].run.0.as_str(), known.runs[0].progress.bytes_done), (RUN, 20));
    let voiding = SettleRequest { void: true };
    assert_eq!(answer::<Settled>(keeper.post(&runs(RUN, "settle"), &voiding).await).await, Settled::Voided);
    let known: Runs = answer(keeper.get("/v1/runs").await).await;
    assert!(known.runs.is_empty());
}

#[tokio::test]
async fn a_point_is_accepted_once_and_is_still_there_after_a_restart() {
    let site = Site::new();
    let mut keeper = site.start();
    keeper.open().await;
    let point = make_point(&keeper, RUN).await;
    assert_eq!(point.run.0, RUN);
    assert!(point.expiration_time.is_some());
    let again: Settled = answer(keeper.post(&runs(RUN, "settle"), &SettleRequest { void: true }).await).await;
    assert_eq!(again, Settled::Accepted(Box::new(point.clone())));
    let before = keeper.view().await;
    assert_eq!(before.points, 1);
    let known: Points = answer(keeper.get("/v1/points?after=0").await).await;
    assert_eq!(known.points, std::slice::from_ref(&point));
    assert_eq!(known.head, before.head);
    let later: Points = answer(keeper.get(&format!("/v1/points?after={}", point.sequence)).await).await;
    assert!(later.points.is_empty());
    assert_eq!(keeper.stop(), 0);

    let keeper = site.start();
    let after = keeper.open().await;
    assert_eq!(
        (after.vault_id, after.fingerprint, after.head, after.points),
        (before.vault_id, before.fingerprint, before.head, 1,)
    );
    let known: Points = answer(keeper.get("/v1/points?after=0").await).await;
    assert_eq!(known.points, std::slice::from_ref(&point));
    // What was settled stays settled, though the process that settled it is gone.
    let write = run_token(RUN, Purpose::Write);
    let granted = keeper.post_with(&runs(RUN, "grant"), write.reveal(), &grant_request()).await;
    assert_eq!(refusal(granted).await, (StatusCode::CONFLICT, "LostRace".into()));
    // A reader gets its grant, and only for the point that its token names.
    let read = run_token("reader", Purpose::Read { point: point.id.clone() });
    let grant: ReadGrant =
        answer(keeper.post_with(&runs("reader", "grant"), read.reveal(), &grant_request()).await).await;
    assert_eq!((grant.point, grant.writer), (point.id, point.writer));
}

#[tokio::test]
async fn a_mover_restores_a_point_to_see_whether_it_can_be_and_tells_what_is_damaged() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    let point = make_point(&keeper, VERIFIED).await;
    let server = Server::shared();
    let databases =
        || server.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ '^_coffer_verify'");
    let seen = |run: &str, scratch| {
        let (exit, report) = Mover::start(&verification(&keeper, run, &point.id, scratch)).wait();
        assert_eq!(exit, Some(contract::Exit::Done), "{report:?}");
        let Outcome::Verified(seen) = report.outcome else { panic!("{:?}", report.outcome) };
        seen
    };
    let sound = seen("verify-1", server.connection("postgres"));
    assert!(sound.is_sound() && sound.not_restored.is_none(), "{sound:?}");
    assert_eq!((sound.restored.len(), sound.restored[0].same_tables, sound.rows), (1, 1, 100), "{sound:?}");
    assert_eq!(databases(), "0", "what was restored is dropped");

    let nowhere = contract::Connection { port: 1, ..server.connection("postgres") };
    let refused = seen("verify-2", nowhere);
    assert!(refused.is_sound() && refused.not_restored.is_some(), "no damage: {refused:?}");

    let damaged = site.damage(&point.writer);
    let unsound = seen("verify-3", server.connection("postgres"));
    assert!(!unsound.is_sound() && unsound.restored.is_empty(), "{unsound:?}");
    assert!(unsound.damage.iter().any(|found| found.object.ends_with(&damaged)), "{damaged}: {unsound:?}");
}

#[tokio::test]
async fn a_point_whose_time_is_not_over_is_kept() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    let point = make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c02").await;
    let request = TombstoneRequest { reason: "expired".into(), keep_at_least: 0, owner: None };
    let path = format!("/v1/points/{}/tombstone", point.id);
    assert_eq!(
        refusal(keeper.post(&path, &request).await).await,
        (StatusCode::CONFLICT, "NotExpired".into())
    );
    let unknown = format!("/v1/points/{}/tombstone", "ab".repeat(16));
    assert_eq!(
        refusal(keeper.post(&unknown, &request).await).await,
        (StatusCode::NOT_FOUND, "NotFound".into())
    );
    let (_, metrics) = keeper.plain(keeper.metrics, "/metrics").await;
    assert!(
        metrics.contains("coffer_retention_blocked_total{namespace=\"team\",vault=\"main\"} 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_shipped_keeper_does_not_believe_that_time_has_passed() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c13").await;
    let older = make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c14").await;
    make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c15").await;
    keeper.raise_clock(40 * 86_400).await;
    let request = TombstoneRequest { reason: "expired".into(), keep_at_least: 0, owner: None };
    let refused = keeper.post(&format!("/v1/points/{}/tombstone", older.id), &request).await;
    assert_eq!(refusal(refused).await, (StatusCode::CONFLICT, "NotExpired".into()));
}

#[tokio::test]
async fn the_last_good_point_outlives_its_time_and_an_older_one_does_not() {
    let site = Site::new();
    let keeper = site.start_with_test_clock();
    keeper.open().await;
    let older = make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c03").await;
    let newer = make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c04").await;
    keeper.raise_clock(40 * 86_400).await;
    let request = TombstoneRequest { reason: "expired".into(), keep_at_least: 0, owner: None };
    let path = |point: &PointView| format!("/v1/points/{}/tombstone", point.id);
    assert_eq!(
        refusal(keeper.post(&path(&newer), &request).await).await,
        (StatusCode::CONFLICT, "KeptAsLastGood".into())
    );
    let first: Appended = answer(keeper.post(&path(&older), &request).await).await;
    let again: Appended = answer(keeper.post(&path(&older), &request).await).await;
    assert_eq!(first, again);
    let pack = site.vault.path().join("data").join(&older.writer.0);
    assert!(pack.exists());
    keeper.raise_clock(41 * 86_400).await;
    wait_for("the older point's data to go", async || {
        let left = fs::read_dir(&pack).map_or(0, Iterator::count);
        (left == 0).then_some(())
    })
    .await;
    assert!(site.vault.path().join("points").join(&newer.id.0).exists());
}

/// Another object for the datasource of [`owner`].
fn other_owner() -> Owner {
    match owner() {
        Owner::Instance { cluster_id, namespace, namespace_uid, instance, datasource_id, .. } => {
            let instance_uid = "another".into();
            Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, datasource_id }
        }
        other @ Owner::Cli { .. } => other,
    }
}

async fn change(keeper: &Keeper, change: OwnerChange) -> Appended {
    answer(keeper.post("/v1/ledger", &LedgerRequest::Owner(change)).await).await
}

async fn refused_change(keeper: &Keeper, change: OwnerChange) -> Refusal {
    let refused = keeper.post("/v1/ledger", &LedgerRequest::Owner(change)).await;
    assert_ne!(refused.status(), StatusCode::OK);
    refused.json().await.unwrap()
}

async fn points(keeper: &Keeper, after: u64) -> Points {
    answer(keeper.get(&format!("/v1/points?after={after}")).await).await
}

fn claimed(owner: Owner) -> OwnerChange {
    OwnerChange::Claimed { owner, spec: r#"{"datasourceId":"db.shop:5432/shop"}"#.into() }
}

#[tokio::test]
async fn a_datasource_is_claimed_once_and_a_pledge_is_never_weakened() {
    let site = Site::new();
    let mut keeper = site.start();
    let before = keeper.open().await;
    assert_eq!(before.pledges, Pledges::default());
    let head = change(&keeper, claimed(owner())).await;
    assert_eq!(change(&keeper, claimed(owner())).await, head);
    let refused = refused_change(&keeper, claimed(other_owner())).await;
    assert_eq!(refused.reason, "DatasourceProtected");
    let holder = refused.holder.unwrap();
    assert_eq!((holder.owner, holder.life, holder.point), (owner(), Life::Active, None));
    let unknown = OwnerChange::Resumed { owner: other_owner() };
    let refused = keeper.post("/v1/ledger", &LedgerRequest::Owner(unknown)).await;
    assert_eq!(refusal(refused).await, (StatusCode::NOT_FOUND, "OwnerNotFound".into()));

    for (days, holds) in [(Some(14), Some(14)), (Some(30), Some(30)), (Some(7), Some(30)), (None, Some(30))] {
        let pledged = LedgerRequest::Pledged(Pledges { soft_delete_days: days });
        answer::<Appended>(keeper.post("/v1/ledger", &pledged).await).await;
        assert_eq!(keeper.view().await.pledges.soft_delete_days, holds);
    }
    assert_eq!(keeper.stop(), 0);
    let keeper = site.start();
    assert_eq!(keeper.open().await.pledges.soft_delete_days, Some(30));
    let told = points(&keeper, 0).await.owners;
    assert_eq!((told.len(), &told[0].owner, &told[0].life), (1, &owner(), &Life::Active));
    assert!(points(&keeper, told[0].sequence).await.owners.is_empty());
}

#[tokio::test]
async fn a_point_is_removed_brought_back_and_never_the_last_one() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    let older = make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c21").await;
    let newer = make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c22").await;
    let call = |point: &PointView, call: &str| format!("/v1/points/{}/{call}", point.id);
    let purge = older.expiration_time.unwrap() - jiff::SignedDuration::from_hours(24);
    let remove = RemoveRequest { reason: "a request".into(), keep_at_least: 0, purge: Some(purge) };
    assert_eq!(
        refusal(keeper.post(&call(&newer, "remove"), &remove).await).await,
        (StatusCode::CONFLICT, "KeptAsLastGood".into())
    );
    let removed: Appended = answer(keeper.post(&call(&older, "remove"), &remove).await).await;
    let again: Appended = answer(keeper.post(&call(&older, "remove"), &remove).await).await;
    assert_eq!(again, removed);
    let told = points(&keeper, newer.sequence).await.points;
    assert_eq!(
        (told.len(), told[0].state, told[0].expiration_time),
        (1, PointState::SoftDeleted, Some(purge))
    );
    assert_eq!(keeper.view().await.points, 1);
    let request = TombstoneRequest { reason: "removed".into(), keep_at_least: 0, owner: None };
    let early = keeper.post(&call(&older, "tombstone"), &request).await;
    assert_eq!(refusal(early).await, (StatusCode::CONFLICT, "NotExpired".into()));

    let until = purge + jiff::SignedDuration::from_hours(4_800);
    let longer = OverrideRequest { until, reason: "an audit".into() };
    answer::<Appended>(keeper.post(&call(&older, "override"), &longer).await).await;
    let told = points(&keeper, removed.head.sequence).await.points;
    assert_eq!((told[0].state, told[0].expiration_time), (PointState::Available, Some(until)));

    let now = RemoveRequest { purge: None, ..remove };
    let pledged = LedgerRequest::Pledged(Pledges { soft_delete_days: Some(14) });
    answer::<Appended>(keeper.post("/v1/ledger", &pledged).await).await;
    assert_eq!(
        refusal(keeper.post(&call(&older, "remove"), &now).await).await,
        (StatusCode::CONFLICT, "SoftDeleteAlwaysOn".into())
    );
    let (_, metrics) = keeper.plain(keeper.metrics, "/metrics").await;
    assert!(
        metrics.contains("coffer_retention_blocked_total{namespace=\"team\",vault=\"main\"} 3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_deleted_instances_points_are_kept_and_read_again_once_it_was_undeleted() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    change(&keeper, claimed(owner())).await;
    let point = make_point(&keeper, "5f1d8c9e-0f8e-4c3b-9a41-6a0a6d0e7c31").await;
    let reason = "its object is gone".to_owned();
    let deleted = OwnerChange::Deleted { owner: owner(), points: Remains::Kept, reason };
    let head = change(&keeper, deleted.clone()).await;
    assert_eq!(change(&keeper, deleted).await, head);
    let told = points(&keeper, point.sequence).await;
    assert_eq!((told.points.len(), told.points[0].expiration_time), (1, None));
    assert!(matches!(told.owners[0].life, Life::Deleted { points: Remains::Kept, .. }));
    let request = TombstoneRequest { reason: "expired".into(), keep_at_least: 0, owner: None };
    let kept = keeper.post(&format!("/v1/points/{}/tombstone", point.id), &request).await;
    assert_eq!(refusal(kept).await, (StatusCode::CONFLICT, "KeptAfterDeletion".into()));
    let refused = refused_change(&keeper, claimed(other_owner())).await;
    assert_eq!(refused.holder.and_then(|holder| holder.point), Some(point.id.clone()));

    let read = async |run: &str| {
        let token = run_token(run, Purpose::Read { point: point.id.clone() });
        keeper.post_with(&runs(run, "grant"), token.reveal(), &grant_request()).await
    };
    assert_eq!(refusal(read("reader-1").await).await, (StatusCode::CONFLICT, "OwnerDeleted".into()));
    let record = "team-shop-12345678".to_owned();
    change(&keeper, OwnerChange::Undeleted { owner: owner(), to: other_owner(), record: record.clone() })
        .await;
    let told = points(&keeper, head.head.sequence).await;
    assert_eq!(told.points[0].owner, other_owner());
    let life = told.owners.iter().find(|known| known.owner == other_owner()).map(|known| known.life.clone());
    assert_eq!(life, Some(Life::ResumeRequired { record }));
    assert_eq!(answer::<ReadGrant>(read("reader-2").await).await.point, point.id);
    change(&keeper, OwnerChange::Resumed { owner: other_owner() }).await;
    let told = points(&keeper, told.head.unwrap().sequence).await;
    assert_eq!(told.points[0].expiration_time, point.expiration_time);
}

#[tokio::test]
async fn row_b16_the_ledger_takes_the_end_of_a_job_and_the_command_line_tells_it() {
    let site = Site::new();
    let keeper = site.start();
    let before = keeper.open().await.head.unwrap();
    let ended = LedgerRequest::JobEnded {
        run: RunId(RUN.into()),
        kind: "BackupJob".into(),
        namespace: "team".into(),
        name: "shop-20261121t0400z".into(),
        state: "Expired".into(),
        message: "the start window was over".into(),
    };
    let appended: Appended = answer(keeper.post("/v1/ledger", &ended).await).await;
    assert_eq!(appended.head.sequence, before.sequence + 1);
    assert_eq!(keeper.view().await.head, Some(appended.head));
    let seen: Option<contract::RestoreSeen> = answer(keeper.get("/v1/restores/team/nobody").await).await;
    assert_eq!(seen, None);

    let told = jobs(&site, &["-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((told.as_array().map(Vec::len), &told[0]["name"]), (Some(1), &"shop-20261121t0400z".into()));
    assert_eq!((&told[0]["uid"], &told[0]["state"]), (&RUN.into(), &"Expired".into()));
    let table = jobs(&site, &[]);
    assert!(table.starts_with("ENDED") && table.contains("the start window was over"), "{table}");
}

/// What `coffer jobs` prints of the site's vault, with the vault's own key.
fn jobs(site: &Site, arguments: &[&str]) -> String {
    let told = std::process::Command::new(env!("CARGO_BIN_EXE_coffer"))
        .args(["jobs", "--vault", &format!("file://{}", site.vault.path().display()), "--identity"])
        .arg(site.path(files::VAULT_KEYS).join("identity"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

#[tokio::test]
async fn certificate_and_token_are_changed_without_a_restart() {
    let site = Site::new();
    let keeper = site.start();
    keeper.open().await;
    let made = rcgen::generate_simple_self_signed(vec!["keeper".to_owned()]).unwrap();
    site.write(files::KEEPER_PRIVATE_KEY, &made.signing_key.serialize_pem());
    site.write(files::KEEPER_CERTIFICATE, &made.cert.pem());
    wait_for("the new certificate", async || keeper.get_pinning(&made.cert.pem()).await.ok()).await;

    let other = coffer::token::VaultToken::derive(&[9; 32], "any").unwrap();
    site.write(files::KEEPER_PREVIOUS_TOKEN, token().to_secret().reveal());
    site.write(files::KEEPER_TOKEN, other.to_secret().reveal());
    let asked = async |token: &str| {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(coffer::pinned::client_config(&[made.cert.pem()]).unwrap())
            .build()
            .unwrap();
        client.get(keeper.url("/v1/vault")).bearer_auth(token).send().await.unwrap().status()
    };
    wait_for("the new token", async || {
        (asked(other.to_secret().reveal()).await == StatusCode::OK).then_some(())
    })
    .await;
    assert_eq!(asked(token().to_secret().reveal()).await, StatusCode::OK, "the one before holds beside it");
    site.remove(files::KEEPER_PREVIOUS_TOKEN);
    wait_for("the old token to end", async || {
        (asked(token().to_secret().reveal()).await == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test]
async fn health_and_metrics_are_served_and_no_secret_is_logged() {
    let site = Site::new();
    let mut keeper = site.start();
    keeper.open().await;
    assert_eq!(keeper.plain(keeper.health, "/healthz").await.0, StatusCode::OK);
    assert_eq!(keeper.plain(keeper.health, "/readyz").await.0, StatusCode::OK);
    let metrics = wait_for("the metrics of an open vault", async || {
        let (_, text) = keeper.plain(keeper.metrics, "/metrics").await;
        text.contains("coffer_vault_available{namespace=\"team\",vault=\"main\"} 1").then_some(text)
    })
    .await;
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let write = run_token(RUN, Purpose::Write);
    let grant: WriteGrant =
        answer(keeper.post_with(&runs(RUN, "grant"), write.reveal(), &grant_request()).await).await;
    let identity = fs::read_to_string(site.path(files::VAULT_KEYS).join("identity")).unwrap();
    assert_eq!(keeper.stop(), 0);
    let log = keeper.log();
    assert!(log.contains("granted to write"), "{log}");
    let secrets = [grant.chain_key.reveal(), grant.record_key.reveal(), write.reveal(), identity.trim()];
    for secret in secrets.into_iter().chain([token().to_secret().reveal()]) {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}
