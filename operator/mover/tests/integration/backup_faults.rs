//! Backups that are cancelled, late or disturbed: what is stored is whole, or nothing is, and nothing is left behind.
//! `cases` has those of others at work and of servers that go away.

use std::sync::Arc;

use crate::cases::under_fire::Held;
use crate::support::{Asked, Point, Psql, Server, TestCustody, expect_nothing_left, fresh, until};
use contract::FailureCode;
use jiff::SignedDuration;
use mover::format::SequenceEntry;

const BIG: &str = "CREATE TABLE big (id int PRIMARY KEY, x text); ALTER TABLE big ALTER x SET STORAGE PLAIN; \
    INSERT INTO big SELECT g, repeat(md5(g::text), 60) FROM generate_series(1, 60000) g";

/// Waits until a lane of ours reads.
async fn until_reading(server: &Server, database: &str) {
    let reading = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE '%ROLLBACK TO SAVEPOINT segment' \
         AND state = 'active'"
    );
    until(server, &reading, "t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_its_sessions_and_writes_no_record() {
    let server = Server::shared();
    fresh(server, "cancelled", BIG);
    let custody = Arc::new(TestCustody::new());
    let asked = Asked::of(server, "cancelled").slowly(5_000_000);
    let cancel = asked.cancel.clone();
    let backup = asked.start(&custody);
    until_reading(server, "cancelled").await;
    cancel.cancel();
    assert_eq!(backup.await.unwrap().unwrap_err().code, FailureCode::Cancelled);
    expect_nothing_left(server, "cancelled", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_a_lock_is_cancelled_at_once() {
    let server = Server::shared();
    fresh(server, "waiting", "CREATE TABLE held (i int)");
    let mut holder = Psql::start(server, "waiting");
    holder.say("BEGIN \\; LOCK held IN ACCESS EXCLUSIVE MODE;");
    until(
        server,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'waiting' AND state = 'idle in transaction'",
        "1",
    )
    .await;
    let custody = Arc::new(TestCustody::new());
    let asked = Asked::of(server, "waiting").with_lock_timeout(600);
    let cancel = asked.cancel.clone();
    let backup = asked.start(&custody);
    until(
        server,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'waiting' AND wait_event_type = 'Lock'",
        "1",
    )
    .await;
    cancel.cancel();
    assert_eq!(backup.await.unwrap().unwrap_err().code, FailureCode::Cancelled);
    // The lock is still held: the waiting backend was told to give up, though nobody listens to it any more.
    expect_nothing_left(server, "waiting", &custody).await;
    holder.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_past_its_deadline_stops_itself() {
    let server = Server::shared();
    fresh(server, "late", BIG);
    let custody = TestCustody::new();
    let mut asked = Asked::of(server, "late").slowly(1_000_000);
    asked.deadline = SignedDuration::from_secs(5);
    let failure = asked.run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::DeadlineExceeded);
    expect_nothing_left(server, "late", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_index_is_locked_is_read_as_a_whole_by_the_leader() {
    let server = Server::shared();
    fresh(server, "indexed", BIG);
    let mut holder = Psql::start(server, "indexed");
    holder.say("BEGIN \\; REINDEX INDEX big_pkey;");
    let held =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'indexed' AND state = 'idle in transaction'";
    until(server, held, "1").await;
    let custody = TestCustody::new();
    let done = Asked::of(server, "indexed").run(&custody).await.unwrap();
    holder.say("COMMIT;");
    holder.end();
    let point = Point::open(&custody, &done).await;
    assert_eq!(point.table("public", "big").segments, 1);
    point.expect_equal(server, "indexed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_that_was_set_back_meanwhile_is_told_and_the_further_value_kept() {
    let server = Server::shared();
    fresh(
        server,
        "counting",
        &format!("{BIG}; CREATE SEQUENCE forth; CREATE SEQUENCE back; SELECT setval('back', 900)"),
    );
    let mut held = Held::of(server, "counting").await;
    server.sql("counting", "SELECT setval('forth', 500), setval('back', 5)");
    let point = held.expect_point().await;
    assert_eq!(
        point.reader.record().warnings,
        ["sequence public.back was set back during the backup; the value further on is stored"]
    );
    let sequences = point.reader.list::<SequenceEntry>(&point.manifest).await.unwrap();
    let value =
        |name: &str| sequences.iter().find(|sequence| sequence.name == name.into()).unwrap().last_value;
    assert_eq!((value("forth"), value("back")), (500, 900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_renamed_while_rows_are_read_ends_the_run_by_the_types_name() {
    let server = Server::shared();
    let enums =
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE felt (m mood); INSERT INTO felt VALUES ('sad')";
    fresh(server, "renamed", &format!("{BIG}; {enums}"));
    let held = Held::of(server, "renamed").await;
    server.sql("renamed", "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'");
    let told = held.expect_failure(FailureCode::SchemaBusy).await;
    assert!(told.contains("type public.mood"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_built_concurrently_waits_for_the_backup_and_ends_nothing() {
    let server = Server::shared();
    fresh(server, "indexing", &format!("{BIG}; CREATE TABLE aside (i int)"));
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "indexing").slowly(15_000_000).with_lock_timeout(1).start(&custody);
    until_reading(server, "indexing").await;
    let mut builder = Psql::start(server, "indexing");
    builder.say("CREATE INDEX CONCURRENTLY aside_i ON aside (i);");
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'indexing' AND wait_event = 'virtualxid'";
    until(server, waits, "1").await;
    backup.await.unwrap().unwrap();
    builder.end();
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'aside_i'::regclass";
    assert_eq!(server.sql("indexing", valid), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_rows_name_and_that_is_renamed_while_they_are_read_ends_the_run() {
    let server = Server::shared();
    let named = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
                 CREATE TABLE named (p regproc); INSERT INTO named VALUES ('f')";
    fresh(server, "named", &format!("{BIG}; {named}"));
    let held = Held::of(server, "named").await;
    server.sql("named", "ALTER FUNCTION f() RENAME TO g");
    let told = held.expect_failure(FailureCode::SchemaBusy).await;
    assert!(told.contains("regproc public."), "{told}");
}
