//! Level 4: a point is restored where nobody sees it, compared, and nothing stays.

use std::time::Duration;

use contract::{FailureCode, Limits, PointId, RunId};
use jiff::{SignedDuration, Timestamp};
use mover::{
    clock::Clock,
    progress::ProgressSink,
    restore::{ComparedSchema, Verdict},
    verify::{Rehearsal, Scratch, rehearse},
};
use tokio_util::sync::CancellationToken;

use crate::{
    support::{Installation, Server},
    vaulted::{Vault, limits},
};

fn scratch(server: &Server, limits: Limits) -> Scratch {
    let connection = server.connection("postgres");
    Scratch { connection, database: None, owner: None, limits, deadline: Timestamp::MAX }
}

async fn rehearsed(
    vault: &Vault,
    scratch: &Scratch,
    point: &PointId,
    run: &str,
    cancel: CancellationToken,
) -> Result<Rehearsal, contract::Failure> {
    let clock = Clock::system(SignedDuration::ZERO);
    let progress = ProgressSink::new(1);
    rehearse(scratch, point, &vault.custody, &RunId(run.into()), &progress, cancel, &clock).await
}

const LEFT: &str = "SELECT count(*) FROM pg_database WHERE datname LIKE '\\_coffer\\_verify\\_%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_compares_every_table_and_the_schema_and_leaves_nothing() {
    let server = Server::start(&Installation::usual(), &[]);
    server.sql("postgres", include_str!("../data/roles.sql"));
    server.create_database("rich");
    server.sql("rich", include_str!("../data/rich.sql"));
    server.sql("rich", include_str!("../data/rich_rows.sql"));
    let vault = Vault::new().await;
    let point = vault.back_up(&server, "rich").await;
    let scratch = scratch(&server, limits());
    let seen = rehearsed(&vault, &scratch, &point, "rehearse1", CancellationToken::new()).await.unwrap();
    assert_eq!(seen.comparison.differences(), [""; 0]);
    let Some(ComparedSchema::Compared { entries, reworded, .. }) = &seen.comparison.schema else {
        panic!("the schema was not compared: {:?}", seen.comparison.schema);
    };
    assert!(*entries > 150, "{entries}");
    assert_eq!(reworded, &[""; 0]);
    let manifest = vault.manifest(&point).await;
    let same = seen.comparison.tables.iter().filter(|table| table.verdict == Verdict::Same);
    let rows: u64 =
        same.clone().filter(|table| table.schema != "pg_catalog".into()).map(|table| table.stored_rows).sum();
    assert_eq!(rows, manifest.rows, "{:?}", seen.comparison.tables);
    assert!(same.clone().any(|table| table.name == "pg_largeobject".into()), "pages are compared too");
    assert_eq!(server.sql("postgres", LEFT), "0");
    assert_eq!(vault.custody.vault().restore_seen("", "verification"), None, "nothing was restored to stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_that_fails_or_is_stopped_leaves_nothing_and_calls_no_byte_damaged() {
    let server = Server::start(&Installation::usual(), &[]);
    server.sql("postgres", "CREATE ROLE passing");
    server.create_database("plain");
    server.sql(
        "plain",
        "CREATE TABLE t AS SELECT g, repeat(md5(g::text), 40) AS pad FROM generate_series(1, 30000) g;
         CREATE TABLE u (i int); ALTER TABLE u OWNER TO passing",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(&server, "plain").await;

    let slow = scratch(&server, Limits { bytes_per_second: Some(1_000_000), ..limits() });
    let cancel = CancellationToken::new();
    let watched = async {
        while server.sql("postgres", LEFT) == "0" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(rehearsed(&vault, &slow, &point, "rehearse2", cancel.clone()), watched);
    assert_eq!(ended.unwrap_err().code, FailureCode::Cancelled);
    assert_eq!(server.sql("postgres", LEFT), "0");

    server.sql("plain", "DROP TABLE u");
    server.sql("postgres", "DROP ROLE passing");
    let scratch = scratch(&server, limits());
    let failed =
        rehearsed(&vault, &scratch, &point, "rehearse3", CancellationToken::new()).await.unwrap_err();
    assert_eq!(failed.code, FailureCode::RoleMissing, "{failed:?}");
    assert_eq!(server.sql("postgres", LEFT), "0");
}
