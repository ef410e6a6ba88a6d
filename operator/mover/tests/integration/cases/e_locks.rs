//! Backups while others change the schema, hold locks or wait for ours: one instant is stored, and nobody waits for long.

use std::{sync::Arc, time::Duration};

use contract::FailureCode;

use super::under_fire::{BIG, BIG_ROWS, Held};
use crate::support::{Asked, Point, Proxy, Psql, Server, TestCustody, expect_nothing_left, fresh, until};

/// Counts locks in a database: other tests lock tables of their own on this server.
fn locks(database: &str, condition: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = '{database}') \
         AND locktype = 'relation' AND {condition}"
    )
}

const HELD: &str = "mode = 'AccessExclusiveLock' AND granted";

/// Sessions of a test that are in a transaction and wait for its next word.
fn idle_in_transaction(database: &str) -> String {
    format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'idle in transaction' \
         AND application_name = 'by hand'"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_tables_that_change_between_list_and_lock_are_stored_as_the_snapshot_has_them() {
    let server = Server::shared();
    fresh(
        server,
        "e3",
        "CREATE TABLE held (i int); CREATE TABLE dropped (i int); CREATE TABLE truncated (i int); CREATE SCHEMA a; \
         CREATE SCHEMA b; CREATE TABLE a.t (i int); CREATE TABLE b.t (i int); INSERT INTO a.t VALUES (1); \
         INSERT INTO b.t VALUES (2); INSERT INTO dropped VALUES (1); INSERT INTO truncated SELECT generate_series(1, 99)",
    );
    let mut holder = Psql::start(server, "e3");
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
    until(server, &locks("e3", HELD), "1").await;
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "e3").start(&custody);
    until(server, &locks("e3", "NOT granted"), "1").await;
    server.sql(
        "e3",
        "DROP TABLE dropped; TRUNCATE truncated; INSERT INTO truncated VALUES (7); CREATE TABLE new (i int); \
         INSERT INTO new VALUES (8); ALTER SCHEMA a RENAME TO c; ALTER SCHEMA b RENAME TO a; ALTER SCHEMA c RENAME TO b",
    );
    holder.say("COMMIT;");
    let done = backup.await.unwrap().unwrap();
    holder.end();
    let point = Point::open(&custody, &done).await;
    point.expect_equal(server, "e3").await;
    let rows: Vec<(String, u64)> =
        point.tables.iter().map(|table| (format!("{}.{}", table.schema, table.name), table.rows())).collect();
    for expected in [("public.new", 1), ("public.truncated", 1), ("a.t", 1), ("b.t", 1), ("public.held", 0)] {
        assert!(rows.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {rows:?}");
    }
    assert_eq!(rows.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn e4_tables_that_are_truncated_or_rewritten_between_snapshot_and_lock_are_looked_at_again() {
    let server = Server::shared();
    fresh(server, "e4", "CREATE TABLE held (i int)");
    let mut holder = Psql::start(server, "e4");
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
    until(server, &locks("e4", HELD), "1").await;
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "e4").start(&custody);
    until(server, &locks("e4", "NOT granted"), "1").await;
    // These came after the list was made: they are locked after the snapshot, which sees them as they are here.
    server.sql(
        "e4",
        "CREATE TABLE truncated AS SELECT generate_series(1, 99) AS i; CREATE TABLE rewritten AS SELECT * FROM truncated",
    );
    let mut changer = Psql::start(server, "e4");
    changer.say("BEGIN \\; TRUNCATE truncated \\; INSERT INTO truncated VALUES (7) \\; ALTER TABLE rewritten ALTER i TYPE bigint;");
    until(server, &idle_in_transaction("e4"), "2").await;
    holder.say("COMMIT;");
    let waits = "NOT granted AND mode = 'AccessShareLock'";
    until(server, &locks("e4", &format!("{waits} AND relation <> 'pg_class'::regclass")), "1").await;
    changer.say("COMMIT;");
    let done = backup.await.unwrap().unwrap();
    for psql in [holder, changer] {
        psql.end();
    }
    let point = Point::open(&custody, &done).await;
    point.expect_equal(server, "e4").await;
    assert_eq!(
        (point.table("public", "truncated").rows(), point.table("public", "rewritten").rows()),
        (1, 99)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn e5_a_drop_that_waits_for_our_lock_neither_ends_the_run_nor_waits_for_longer_than_it() {
    let server = Server::shared();
    fresh(server, "e5_drop", BIG);
    let mut held = Held::of(server, "e5_drop").await;
    let mut dropper = Psql::start(server, "e5_drop");
    dropper.say("DROP TABLE big;");
    // Lanes must ask for the lock anew for each segment, and stand behind it.
    until(server, &locks("e5_drop", "NOT granted AND mode = 'AccessExclusiveLock'"), "1").await;
    let point = held.expect_point().await;
    assert_eq!(point.table("public", "big").rows(), BIG_ROWS);
    dropper.end();
    assert_eq!(server.sql("e5_drop", "SELECT to_regclass('big') IS NULL"), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn e5_a_change_that_waits_between_our_lock_and_that_of_pg_dump_is_let_through_and_stored() {
    let server = Server::shared();
    fresh(server, "e5", "CREATE TABLE changes (i int); INSERT INTO changes VALUES (1)");
    let proxy = Proxy::before(server).await;
    let custody = Arc::new(TestCustody::new());
    // Slow enough that pg_dump comes long after the leader has its locks.
    proxy.delay(Duration::from_millis(100));
    let backup = Asked::of(server, "e5").through(&proxy).with_lock_timeout(2).start(&custody);
    until(server, &locks("e5", "mode = 'AccessShareLock' AND relation > 16383"), "1").await;
    let mut changer = Psql::start(server, "e5");
    changer.say("ALTER TABLE changes ADD COLUMN j int DEFAULT 2;");
    until(server, &locks("e5", "NOT granted AND mode = 'AccessExclusiveLock'"), "1").await;
    proxy.delay(Duration::ZERO);
    let done = backup.await.unwrap().unwrap();
    changer.end();
    let point = Point::open(&custody, &done).await;
    assert_eq!(point.table("public", "changes").columns.len(), 2);
    point.expect_equal(server, "e5").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_a_lock_that_is_never_granted_ends_the_run_with_a_reason() {
    let server = Server::shared();
    fresh(server, "locked", "CREATE TABLE held (i int)");
    let mut holder = Psql::start(server, "locked");
    holder.say("BEGIN \\; LOCK held IN ACCESS EXCLUSIVE MODE;");
    until(server, &idle_in_transaction("locked"), "1").await;
    let custody = TestCustody::new();
    let failure = Asked::of(server, "locked").with_lock_timeout(1).run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::LockTimeout);
    assert!(failure.message.contains("\"public\".\"held\""), "{}", failure.message);
    holder.end();
    expect_nothing_left(server, "locked", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e6_a_view_that_pg_dump_waits_for_is_waited_for_no_longer_than_a_table() {
    let server = Server::shared();
    fresh(server, "e6_view", "CREATE TABLE base (i int); CREATE VIEW held AS SELECT i FROM base");
    let mut holder = Psql::start(server, "e6_view");
    // Of the view alone: its table is free.
    holder.say("BEGIN; ALTER VIEW held ALTER COLUMN i SET DEFAULT 1;");
    until(server, &idle_in_transaction("e6_view"), "1").await;
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "e6_view").with_lock_timeout(1).start(&custody);
    let waits = locks("e6_view", "NOT granted");
    until(server, &waits, "1").await;
    until(server, &waits, "0").await;
    holder.say("COMMIT;");
    let done = backup.await.unwrap().unwrap();
    holder.end();
    Point::open(&custody, &done).await.expect_equal(server, "e6_view").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e23_whoever_waits_too_long_for_our_locks_goes_first() {
    let server = Server::shared();
    fresh(server, "e23", BIG);
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "e23").slowly(2_000_000).with_lock_timeout(2).start(&custody);
    let reads = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'e23' AND query LIKE '%ROLLBACK TO SAVEPOINT segment'";
    until(server, reads, "t").await;
    let mut impatient = Psql::start(server, "e23");
    impatient.say("ALTER TABLE big ADD COLUMN y int;");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::LockTimeout);
    assert!(failure.message.contains("by hand") && failure.message.contains("big"), "{}", failure.message);
    impatient.end();
    expect_nothing_left(server, "e23", &custody).await;
}
