//! From a database through a vault into another database, by the product's own means from end to end, judged by pg_dump
//! and by a plain reading of every row.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

mod compared;
mod stored;
mod support;

use std::{sync::Arc, time::Duration};

use compared::Database;
use contract::{
    Decision, Failure, Limits, Owner, PointId, RestoreOutcome, RestoreTarget, RunId, Settled, Storage,
    Trigger,
};
use jiff::{SignedDuration, Timestamp};
use mover::{
    backup::{self, BackupJobInput},
    clock::Clock,
    custody::{Custody, Direct},
    progress::ProgressSink,
    restore::{self, Check, RestoreDone, RestoreInput},
    seal::Identity,
    store,
    vault::{self, Access, InitRequest, OpenRequest},
};
use support::{Installation, Server};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A vault in a directory, and its custodian in this process.
struct Vault {
    _directory: TempDir,
    custody: Direct,
    clock: Clock,
}

impl Vault {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::system(SignedDuration::ZERO);
        let storage = Storage::Filesystem { path: directory.path().to_str().unwrap().to_owned() };
        let store = store::connect(&storage, &clock).unwrap();
        let identity = Identity::generate();
        let init = InitRequest {
            catalogue: None,
            identities: vec![identity.clone()],
            recipients: vec![identity.recipient()],
        };
        vault::init(&store, &init, &clock).await.unwrap();
        let open = OpenRequest {
            storage,
            identities: vec![identity],
            catalogue: None,
            recipients: Vec::new(),
            fingerprint: None,
            known_head: None,
            access: Access::ReadWrite,
        };
        let vault = vault::open(store, open, &clock).await.unwrap();
        let deadline = clock.now() + Duration::from_secs(3_600);
        let custody = Direct::new(vault, deadline, Arc::new(|_| Ok(None)), Arc::new(|_, _| {}));
        Self { _directory: directory, custody, clock }
    }

    /// Backs a database up and has its point accepted.
    async fn back_up(&self, server: &Server, database: &str) -> PointId {
        let run = RunId(format!("backup of {database}"));
        let input = BackupJobInput {
            source: server.connection(database),
            owner: Owner::Cli { datasource_id: database.into() },
            decision: Decision {
                tag: "test".into(),
                keep: None,
                time_zone: "UTC".into(),
                reason: "a test".into(),
                keep_at_least: 1,
                policy: None,
                trigger: Trigger::Cli,
            },
            limits: limits(),
            deadline: Timestamp::MAX,
        };
        let progress = ProgressSink::new(1);
        let done =
            backup::run(&input, &self.custody, &run, &progress, CancellationToken::new(), &self.clock).await;
        let done = done.unwrap();
        assert!(done.coverage.is_empty(), "{:?}", done.coverage);
        let settled = self.custody.settle(&run, false).await.unwrap();
        assert!(matches!(settled, Settled::Accepted(_)), "{settled:?}");
        done.point
    }

    async fn restore(
        &self,
        run: &str,
        server: &Server,
        point: &PointId,
        database: &str,
        limits: Limits,
    ) -> Result<RestoreDone, Failure> {
        let input = RestoreInput {
            point: point.clone(),
            target: RestoreTarget {
                connection: server.connection("postgres"),
                database: database.into(),
                owner: None,
            },
            requested_by: ("ns".into(), database.into(), "hash".into()),
            limits,
            deadline: Timestamp::MAX,
            check: Check::Reread,
        };
        let progress = ProgressSink::new(1);
        let run = RunId(run.into());
        restore::run(&input, &self.custody, &run, &progress, CancellationToken::new(), &self.clock).await
    }
}

fn limits() -> Limits {
    Limits { lanes: 3, lock_timeout_seconds: 20, bytes_per_second: None }
}

/// A server with a database of one of nearly everything.
fn rich(installation: &Installation) -> Server {
    let server = Server::start(installation, &[]);
    server.sql("postgres", include_str!("data/roles.sql"));
    server.create_database("rich");
    server.sql("rich", include_str!("data/rich.sql"));
    server.sql("rich", include_str!("data/rich_rows.sql"));
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rich_database_comes_back_the_same() {
    let server = rich(&Installation::oldest());
    let vault = Vault::new().await;
    let point = vault.back_up(&server, "rich").await;
    vault.restore("same0000", &server, &point, "rich_back", limits()).await.unwrap();
    let rich = Database { server: &server, name: "rich" };
    rich.expect_same(Database { server: &server, name: "rich_back" }).await;
    let seen = vault.custody.vault().restore_seen("ns", "rich_back").unwrap();
    assert_eq!(seen.outcome, Some(RestoreOutcome::CompletedWithWarnings), "a subscription is told of");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rich_database_comes_back_the_same_on_every_newer_major() {
    let oldest = Installation::oldest();
    let server = rich(&oldest);
    // Not every installation has every extension; nothing in the database needs them.
    server.sql(
        "rich",
        "SET client_min_messages = error; DROP EXTENSION IF EXISTS hstore, citext, pg_trgm, btree_gist",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(&server, "rich").await;
    for newer in Installation::all().iter().filter(|newer| newer.major > oldest.major) {
        let target = Server::start(newer, &[]);
        target.sql("postgres", include_str!("data/roles.sql"));
        let run = format!("newer-{}", newer.major);
        vault.restore(&run, &target, &point, "rich_back", limits()).await.unwrap();
        let rich = Database { server: &server, name: "rich" };
        rich.expect_same(Database { server: &target, name: "rich_back" }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_the_same() {
    let server = Server::shared();
    server.create_database("types");
    server.sql("types", include_str!("data/types.sql"));
    let vault = Vault::new().await;
    let point = vault.back_up(server, "types").await;
    vault.restore("types000", server, &point, "types_back", limits()).await.unwrap();
    Database { server, name: "types" }.expect_same(Database { server, name: "types_back" }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_died_half_way_succeeds_when_it_is_run_again() {
    let server = Server::shared();
    server.create_database("halfway");
    server.sql("halfway", include_str!("data/types.sql"));
    let vault = Arc::new(Vault::new().await);
    let point = vault.back_up(server, "halfway").await;
    #[expect(clippy::disallowed_methods, reason = "the test ends it")]
    let died = tokio::spawn({
        let (vault, point) = (Arc::clone(&vault), point.clone());
        let slow = Limits { bytes_per_second: Some(2_000_000), ..limits() };
        async move { vault.restore("halfway0", Server::shared(), &point, "halfway_back", slow).await }
    });
    let rows = "SELECT pid FROM pg_stat_activity WHERE datname LIKE 'halfway_back_incomplete_%' AND query LIKE '%COPY %' \
         AND wait_event = 'ClientRead' LIMIT 1";
    while server.sql("postgres", rows).is_empty() {
        assert!(!died.is_finished(), "it ended before it could be disturbed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    died.abort();
    died.await.unwrap_err();
    let unfinished = "SELECT count(*) FROM pg_database WHERE datname = 'halfway_back_incomplete_halfway0'";
    assert_eq!(server.sql("postgres", unfinished), "1");
    assert_eq!(vault.custody.vault().restore_seen("ns", "halfway_back").unwrap().outcome, None);

    vault.restore("halfway0", server, &point, "halfway_back", limits()).await.unwrap();
    assert_eq!(server.sql("postgres", unfinished), "0");
    Database { server, name: "halfway" }.expect_same(Database { server, name: "halfway_back" }).await;
    let seen = vault.custody.vault().restore_seen("ns", "halfway_back").unwrap();
    assert_eq!(seen.outcome, Some(RestoreOutcome::Completed));
}
