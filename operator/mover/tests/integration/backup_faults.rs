//! Backups while others write, change the schema, hold locks, kill sessions: one instant is stored, or nothing is, and
//! nothing is left behind.

use std::sync::Arc;

use crate::support::{Asked, Point, Psql, Server, TestCustody, expect_nothing_left, fresh, rows_of, until};
use contract::FailureCode;
use jiff::SignedDuration;
use mover::format::{RowFormat, SequenceEntry};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_sees_one_instant_while_others_write() {
    let server = Server::shared();
    fresh(
        server,
        "busy",
        "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint, pad text); CREATE TABLE log (n serial, moved bigint); \
         INSERT INTO accounts SELECT g, 1000, repeat('x', 700) FROM generate_series(1, 100000) g; \
         CREATE PROCEDURE work() LANGUAGE plpgsql AS $$DECLARE a int; b int; v int; BEGIN FOR i IN 1..1000000 LOOP \
         a := 1 + random() * 99999; b := 1 + random() * 99999; v := random() * 100; \
         UPDATE accounts SET balance = balance - v WHERE id = a; UPDATE accounts SET balance = balance + v WHERE id = b; \
         INSERT INTO log (moved) VALUES (v); COMMIT; END LOOP; END$$",
    );
    let mut writers: Vec<Psql> = (0..2).map(|_| Psql::start(server, "busy")).collect();
    for writer in &mut writers {
        writer.say("CALL work();");
    }
    until(server, "SELECT count(*) > 1 FROM pg_stat_activity WHERE query = 'CALL work();'", "t").await;
    let custody = TestCustody::new();
    let done = Asked::of(server, "busy").slowly(30_000_000).run(&custody).await.unwrap();
    server.sql(
        "postgres",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'CALL work();'",
    );
    for mut writer in writers {
        writer.child.wait().unwrap();
    }
    let point = Point::open(&custody, &done).await;
    let accounts = rows_of(
        RowFormat::Binary,
        &point.stored(point.table("public", "accounts")).await[&RowFormat::Binary],
    );
    let balance = |row: &[u8]| i64::from_be_bytes(row[14..22].try_into().unwrap());
    assert_eq!(accounts.len(), 100_000);
    assert_eq!(accounts.iter().map(|row| balance(row)).sum::<i64>(), 100_000_000);
    assert!(point.table("public", "accounts").segments > 1);
    let sequences = point.reader.list::<SequenceEntry>(&point.manifest).await.unwrap();
    let logged =
        rows_of(RowFormat::Binary, &point.stored(point.table("public", "log")).await[&RowFormat::Binary]);
    let newest = logged.iter().map(|row| i32::from_be_bytes(row[6..10].try_into().unwrap())).max().unwrap();
    assert!(sequences[0].last_value >= i64::from(newest), "the sequence is never behind the rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_change_between_list_and_lock_are_stored_as_the_snapshot_has_them() {
    let server = Server::shared();
    fresh(
        server,
        "changing",
        "CREATE TABLE held (i int); CREATE TABLE dropped (i int); CREATE TABLE truncated (i int); CREATE SCHEMA a; \
         CREATE SCHEMA b; CREATE TABLE a.t (i int); CREATE TABLE b.t (i int); INSERT INTO a.t VALUES (1); \
         INSERT INTO b.t VALUES (2); INSERT INTO dropped VALUES (1); INSERT INTO truncated SELECT generate_series(1, 99)",
    );
    let mut holder = Psql::start(server, "changing");
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
    // Other tests lock tables of their own databases on this server.
    let locks = "SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = 'changing')";
    until(server, &format!("{locks} AND mode = 'AccessExclusiveLock' AND granted"), "1").await;
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "changing").start(&custody);
    until(server, &format!("{locks} AND NOT granted"), "1").await;
    server.sql(
        "changing",
        "DROP TABLE dropped; TRUNCATE truncated; INSERT INTO truncated VALUES (7); CREATE TABLE new (i int); \
         INSERT INTO new VALUES (8); ALTER SCHEMA a RENAME TO c; ALTER SCHEMA b RENAME TO a; ALTER SCHEMA c RENAME TO b",
    );
    holder.say("COMMIT;");
    let done = backup.await.unwrap().unwrap();
    holder.end();
    let point = Point::open(&custody, &done).await;
    point.expect_equal(server, "changing").await;
    let rows: Vec<(String, u64)> =
        point.tables.iter().map(|table| (format!("{}.{}", table.schema, table.name), table.rows())).collect();
    for expected in [("public.new", 1), ("public.truncated", 1), ("a.t", 1), ("b.t", 1), ("public.held", 0)] {
        assert!(rows.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} in {rows:?}");
    }
    assert_eq!(rows.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_never_granted_ends_the_run_with_a_reason() {
    let server = Server::shared();
    fresh(server, "locked", "CREATE TABLE held (i int)");
    let mut holder = Psql::start(server, "locked");
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
    until(
        server,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'locked' AND state = 'idle in transaction'",
        "1",
    )
    .await;
    let custody = TestCustody::new();
    let failure = Asked::of(server, "locked").with_lock_timeout(1).run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::LockTimeout);
    assert!(failure.message.contains("\"public\".\"held\""), "{}", failure.message);
    holder.end();
    expect_nothing_left(server, "locked", &custody).await;
}

const BIG: &str = "CREATE TABLE big (id int PRIMARY KEY, x text); ALTER TABLE big ALTER x SET STORAGE PLAIN; \
    INSERT INTO big SELECT g, repeat(md5(g::text), 60) FROM generate_series(1, 60000) g";

/// Waits until a lane of ours reads.
async fn until_reading(server: &Server, database: &str) {
    let reading = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE 'SAVEPOINT segment%' \
         AND state = 'active'"
    );
    until(server, &reading, "t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_is_killed_costs_nothing_but_its_segment() {
    let server = Server::shared();
    fresh(server, "lanes", BIG);
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "lanes").slowly(20_000_000).start(&custody);
    for _ in 0..2 {
        until_reading(server, "lanes").await;
        let kill = "SELECT pg_terminate_backend(max(pid)) FROM pg_stat_activity WHERE datname = 'lanes' \
                    AND query LIKE 'SAVEPOINT segment%' AND state = 'active'";
        assert_eq!(server.sql("postgres", kill), "t");
    }
    let done = backup.await.unwrap().unwrap();
    let point = Point::open(&custody, &done).await;
    point.expect_equal(server, "lanes").await;
    assert_eq!(done.summary.rows, 60_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_ends_the_run() {
    let server = Server::shared();
    fresh(server, "leader", BIG);
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "leader").slowly(10_000_000).start(&custody);
    until_reading(server, "leader").await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'leader' \
                AND application_name = 'coffer run-1' ORDER BY backend_start LIMIT 1";
    assert_eq!(server.sql("postgres", kill), "t");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::ConnectionLost, "{}", failure.message);
    expect_nothing_left(server, "leader", &custody).await;
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
    holder.say("BEGIN; LOCK held IN ACCESS EXCLUSIVE MODE;");
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
async fn whoever_waits_too_long_for_our_locks_goes_first() {
    let server = Server::shared();
    fresh(server, "blocking", BIG);
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "blocking").slowly(1_000_000).with_lock_timeout(2).start(&custody);
    until_reading(server, "blocking").await;
    let mut impatient = Psql::start(server, "blocking");
    impatient.say("ALTER TABLE big ADD COLUMN y int;");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::LockTimeout);
    assert!(failure.message.contains("by hand") && failure.message.contains("big"), "{}", failure.message);
    impatient.end();
    expect_nothing_left(server, "blocking", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_whose_index_is_locked_is_read_as_a_whole_by_the_leader() {
    let server = Server::shared();
    fresh(server, "indexed", BIG);
    let mut holder = Psql::start(server, "indexed");
    holder.say("BEGIN; REINDEX INDEX big_pkey;");
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
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "counting").slowly(20_000_000).start(&custody);
    until_reading(server, "counting").await;
    server.sql("counting", "SELECT setval('forth', 500), setval('back', 5)");
    let done = backup.await.unwrap().unwrap();
    assert_eq!(
        done.warnings,
        ["sequence public.back was set back during the backup; the value further on is stored"]
    );
    let point = Point::open(&custody, &done).await;
    let sequences = point.reader.list::<SequenceEntry>(&point.manifest).await.unwrap();
    let value =
        |name: &str| sequences.iter().find(|sequence| sequence.name == name.into()).unwrap().last_value;
    assert_eq!((value("forth"), value("back")), (500, 900));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_lost_before_anybody_has_looked_after_it_ends_the_run() {
    let server = Server::shared();
    // Read within the two seconds before the first look, and without a sequence that would be asked for at the end.
    fresh(
        server,
        "leader_last",
        "CREATE TABLE few (id int, x text); ALTER TABLE few ALTER x SET STORAGE PLAIN; \
         INSERT INTO few SELECT g, repeat(md5(g::text), 60) FROM generate_series(1, 5000) g",
    );
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "leader_last").slowly(8_000_000).start(&custody);
    until_reading(server, "leader_last").await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'leader_last' \
                AND application_name = 'coffer run-1' ORDER BY backend_start LIMIT 1";
    assert_eq!(server.sql("postgres", kill), "t");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::ConnectionLost, "{}", failure.message);
    expect_nothing_left(server, "leader_last", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_renamed_while_rows_are_read_ends_the_run_by_the_types_name() {
    let server = Server::shared();
    let enums =
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE felt (m mood); INSERT INTO felt VALUES ('sad')";
    fresh(server, "renamed", &format!("{BIG}; {enums}"));
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "renamed").slowly(20_000_000).start(&custody);
    until_reading(server, "renamed").await;
    server.sql("renamed", "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::SchemaBusy, "{}", failure.message);
    assert!(failure.message.contains("type public.mood"), "{}", failure.message);
    expect_nothing_left(server, "renamed", &custody).await;
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
