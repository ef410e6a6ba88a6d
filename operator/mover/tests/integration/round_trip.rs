//! From a database through a vault into another database, by the product's own means from end to end, judged by pg_dump
//! and by a plain reading of every row.

use std::{sync::Arc, time::Duration};

use crate::compared::Database;
use crate::support::{Installation, Server};
use crate::vaulted::{Vault, limits};
use contract::{Limits, RestoreOutcome};

/// A server with a database of one of nearly everything.
fn rich(installation: &Installation) -> Server {
    let server = Server::start(installation, &[]);
    server.sql("postgres", include_str!("../data/roles.sql"));
    server.create_database("rich");
    server.sql("rich", include_str!("../data/rich.sql"));
    server.sql("rich", include_str!("../data/rich_rows.sql"));
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rich_database_comes_back_the_same() {
    let server = rich(&Installation::usual());
    let vault = Vault::new().await;
    let point = vault.back_up(&server, "rich").await;
    vault.restore("same0000", &server, &point, "rich_back", limits()).await.unwrap();
    let rich = Database { server: &server, name: "rich" };
    rich.expect_same(Database { server: &server, name: "rich_back" }).await;
    let seen = vault.custody.vault().restore_seen("ns", "rich_back").unwrap();
    assert_eq!(seen.outcome, Some(RestoreOutcome::CompletedWithWarnings), "a subscription is told of");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_the_same() {
    let server = Server::shared();
    server.create_database("all_types");
    server.sql("all_types", include_str!("../data/types.sql"));
    let vault = Vault::new().await;
    let point = vault.back_up(server, "all_types").await;
    vault.restore("alltypes", server, &point, "all_types_back", limits()).await.unwrap();
    Database { server, name: "all_types" }.expect_same(Database { server, name: "all_types_back" }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_died_half_way_succeeds_when_it_is_run_again() {
    let server = Server::shared();
    server.create_database("halfway");
    server.sql("halfway", include_str!("../data/types.sql"));
    let vault = Arc::new(Vault::new().await);
    let point = vault.back_up(server, "halfway").await;
    #[expect(clippy::disallowed_methods, reason = "the test ends it")]
    let died = tokio::spawn({
        let (vault, point) = (Arc::clone(&vault), point.clone());
        let slow = Limits { bytes_per_second: Some(300_000), ..limits() };
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
