//! Restores of points made by plain means, judged by pg_dump and by the digests of what is there afterwards.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::compared::Database;
use crate::stored::{Heard, Manner, StoredPoint};
use crate::support::{Installation, Server};
use contract::{Credentials, Failure, FailureCode, Limits, RestoreOutcome, RestoreTarget, RunId, Secret};
use jiff::{SignedDuration, Timestamp};
use mover::{
    clock::Clock,
    format::RowFormat,
    progress::ProgressSink,
    restore::{Check, Purpose, RestoreDone, RestoreInput, Selection, run},
};
use tokio_util::sync::CancellationToken;

fn server() -> &'static Server {
    Server::shared_with_roles()
}

/// A database with one of nearly everything.
fn rich(name: &str) {
    let server = server();
    server.create_database(name);
    server.sql(name, include_str!("../data/rich.sql"));
    server.sql(name, include_str!("../data/rich_rows.sql"));
}

fn input(server: &Server, point: &StoredPoint, database: &str) -> RestoreInput {
    RestoreInput {
        point: point.point(),
        database: None,
        tablespaces: BTreeMap::new(),
        target: RestoreTarget {
            connection: server.connection("postgres"),
            database: database.into(),
            owner: None,
        },
        requested_by: ("ns".into(), "restore".into(), "hash".into()),
        limits: Limits { lanes: 3, lock_timeout_seconds: 10, bytes_per_second: None },
        deadline: Timestamp::MAX,
        check: Check::Reread,
        purpose: Purpose::Keep,
        selection: Selection::default(),
    }
}

async fn restore_as(run_id: &str, input: &RestoreInput, point: &StoredPoint) -> Result<RestoreDone, Failure> {
    let clock = Clock::system(SignedDuration::ZERO);
    let progress = ProgressSink::new(1);
    run(input, point, &RunId(run_id.into()), &progress, CancellationToken::new(), &clock).await
}

async fn restore(server: &Server, point: &StoredPoint, database: &str) -> Result<RestoreDone, Failure> {
    restore_as("0123456789abcdef", &input(server, point, database), point).await
}

/// The schema as this server's own pg_dump writes it.
fn schema(server: &Server, database: &str) -> String {
    crate::compared::schema(server, &server.installation, database)
}

async fn expect_same(one: &str, other: &str) {
    let server = server();
    Database { server, name: one }.expect_same(Database { server, name: other }).await;
    let by_mood = "SELECT feeling, n FROM app.by_mood ORDER BY 1";
    for sql in [by_mood, "SELECT * FROM app.a_summary_of_summary", "SELECT * FROM app.after_key ORDER BY 1"] {
        assert_eq!(server.sql(one, sql), server.sql(other, sql), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rich_database_comes_back_equal_in_text_and_in_many_segments() {
    rich("rich_text");
    let manner = Manner { format: RowFormat::Text, rows_per_segment: 300 };
    let point = StoredPoint::of(server(), "rich_text", manner).await;
    let done = restore(server(), &point, "rich_text_back").await.unwrap();
    expect_same("rich_text", "rich_text_back").await;
    assert_eq!(done.summary.rows, point.manifest.rows);
    let subscription =
        "subscription \"quiet\" is restored disabled; enable it when its publisher may send again";
    assert_eq!(done.warnings, [subscription]);
    let heard = point.heard();
    assert!(
        matches!(&heard[0], Heard::Started(start) if start.target.ends_with("/rich_text_back")),
        "{heard:?}"
    );
    assert_eq!(heard[1..], [Heard::Ended(RestoreOutcome::CompletedWithWarnings)]);
    assert_eq!(
        server().sql("rich_text_back", "SELECT count(*) FROM app.commands"),
        "0",
        "no event trigger fired"
    );
    let unfinished = "SELECT datname FROM pg_database WHERE datname ~ '^rich_text_back_incomplete_'";
    assert_eq!(server().sql("postgres", unfinished), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rich_database_comes_back_equal_in_binary() {
    rich("rich_binary");
    server().sql("rich_binary", "DROP TABLE app.customers, app.orders, app.typed CASCADE");
    let manner = Manner { format: RowFormat::Binary, ..Manner::default() };
    let point = StoredPoint::of(server(), "rich_binary", manner).await;
    restore(server(), &point, "rich_binary_back").await.unwrap();
    Database { server: server(), name: "rich_binary" }
        .expect_same(Database { server: server(), name: "rich_binary_back" })
        .await;
}

/// A partition that was stored without rows does not tell in which format the rows were read that it may have now.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_go_to_a_partition_that_was_empty_are_those_of_the_point() {
    let server = server();
    let (name, back) = ("empty_partition", "empty_partition_back");
    server.create_database(name);
    let labels: Vec<String> = (0..64).map(|label| format!("'l{label}'")).collect();
    server.sql(name, &format!("CREATE TYPE label AS ENUM ({})", labels.join(", ")));
    for emptied in 0..2 {
        let of = |part: u8| format!("t{emptied}_{part}");
        let part = |part: u8| {
            let name = of(part);
            format!(
                "CREATE TABLE {name} PARTITION OF t{emptied} FOR VALUES WITH (MODULUS 2, REMAINDER {part});"
            )
        };
        let table = format!("CREATE TABLE t{emptied} (l label) PARTITION BY HASH (l);");
        let rows = format!("INSERT INTO t{emptied} SELECT unnest(enum_range(NULL::label));");
        let empty = format!("DELETE FROM {}", of(emptied));
        server.sql(name, &format!("{table} {} {} {rows} {empty}", part(0), part(1)));
    }
    let manner = Manner { format: RowFormat::Binary, ..Manner::default() };
    let point = StoredPoint::of(server, name, manner).await;
    restore(server, &point, back).await.unwrap();
    for table in ["t0", "t1"] {
        let sql = format!("SELECT l FROM {table} ORDER BY l");
        assert_eq!(server.sql(name, &sql), server.sql(back, &sql), "{table}");
    }
}

/// Waits until a query gives something else than nothing.
async fn until(server: &Server, database: &str, sql: &str) -> String {
    for _ in 0..1_000 {
        let answer = server.sql(database, sql);
        if !answer.is_empty() {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing came of {sql}");
}

/// A database whose one table is stored in many segments.
async fn numbers(name: &str) -> StoredPoint {
    let server = server();
    server.create_database(name);
    server.sql(
        name,
        "CREATE TABLE numbers (n integer PRIMARY KEY, t text);
         INSERT INTO numbers SELECT i, repeat('x', 50) || i FROM generate_series(1, 100000) i;
         CREATE TABLE small (n integer); INSERT INTO small SELECT generate_series(1, 10)",
    );
    StoredPoint::of(server, name, Manner { rows_per_segment: 5_000, ..Manner::default() }).await
}

/// So slow that there is time to disturb it.
fn slowly(mut input: RestoreInput) -> RestoreInput {
    input.limits.bytes_per_second = Some(1_000_000);
    input
}

/// A session that loads rows into a database that is not finished; other tests have theirs on the same server.
fn loading(database: &str) -> String {
    format!(
        "SELECT pid FROM pg_stat_activity WHERE datname ~ '^{database}_incomplete_' AND state = 'active' \
         AND query LIKE 'COPY % FROM STDIN%' LIMIT 1"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn h14_every_row_is_in_once_when_lanes_are_killed_twice() {
    let point = numbers("killed").await;
    let input = slowly(input(server(), &point, "killed_back"));
    let kill = format!("SELECT pg_terminate_backend(pid) FROM ({}) loading", loading("killed_back"));
    let mut kills = 0;
    let killer = async {
        // A segment is loaded three times at most, and both kills may meet the same one.
        while kills < 2 {
            // Looked for and ended in one statement: later, the session might do something else.
            kills += until(server(), "postgres", &kill).await.lines().count();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        done = restore_as("killed00", &input, &point) => drop(done.unwrap()),
        () = killer => {}
    }
    assert_eq!(kills, 2);
    assert_eq!(
        server().sql("killed_back", "SELECT count(*), count(DISTINCT n), sum(n) FROM numbers"),
        "100000|100000|5000050000"
    );
    assert_eq!(server().sql("killed_back", "SELECT nspname FROM pg_namespace WHERE nspname ~ 'coffer'"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_restore_leaves_no_database_and_no_session() {
    let point = Arc::new(numbers("ended_early").await);
    let input = slowly(input(server(), &point, "ended_early_back"));
    let cancel = CancellationToken::new();
    let clock = Clock::system(SignedDuration::ZERO);
    let progress = ProgressSink::new(1);
    let run_id = RunId("cancel00".into());
    let restore = run(&input, &*point, &run_id, &progress, cancel.clone(), &clock);
    let canceller = async {
        until(server(), "postgres", &loading("ended_early_back")).await;
        cancel.cancel();
    };
    let (ended, ()) = tokio::join!(restore, canceller);
    assert_eq!(ended.unwrap_err().code, FailureCode::Cancelled);
    assert_eq!(point.heard().last(), Some(&Heard::Ended(RestoreOutcome::Failed)));
    let left = "SELECT count(*) FROM pg_database WHERE datname ~ '^ended_early_'";
    assert_eq!(server().sql("postgres", left), "0");
    // A session is said good-bye to, and its process ends a moment later.
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'cancel00'";
    until(server(), "postgres", &format!("{sessions} HAVING count(*) = 0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_whose_process_died_is_taken_up_by_the_same_run_and_by_no_other() {
    let point = Arc::new(numbers("died").await);
    let slow = slowly(input(server(), &point, "died_back"));
    #[expect(clippy::disallowed_methods, reason = "the test ends it")]
    let died = tokio::spawn({
        let point = Arc::clone(&point);
        async move { restore_as("died0000", &slow, &point).await }
    });
    until(server(), "postgres", &loading("died_back")).await;
    died.abort();
    died.await.unwrap_err();
    let unfinished = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'died_back_incomplete_died0000'";
    let comment = server().sql("postgres", unfinished);
    assert!(comment.starts_with("Unfinished restore, run died0000, point "), "{comment}");

    // Another run with the same beginning of its name must not drop it.
    let refused =
        restore_as("died0000-other", &input(server(), &point, "died_back"), &point).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TargetExists);
    restore_as("died0000", &input(server(), &point, "died_back"), &point).await.unwrap();
    assert_eq!(server().sql("died_back", "SELECT count(*) FROM numbers"), "100000");
    assert_eq!(server().sql("postgres", unfinished), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_an_empty_database_is_filled_and_keeps_what_is_its_own() {
    let server = server();
    let point = numbers("empty").await;
    server.create_database("empty_back");
    server.sql(
        "postgres",
        "COMMENT ON DATABASE empty_back IS 'prepared'; GRANT CONNECT ON DATABASE empty_back TO alice",
    );
    restore(server, &point, "empty_back").await.unwrap();
    assert_eq!(server.sql("empty_back", "SELECT count(*) FROM numbers"), "100000");
    let own = "SELECT shobj_description(oid, 'pg_database'), datacl::text ~ 'alice=c' FROM pg_database WHERE datname = 'empty_back'";
    assert_eq!(server.sql("postgres", own), "prepared|t");

    let refused = restore(server, &point, "empty_back").await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TargetNotEmpty);
    assert!(refused.message.contains("relation public.numbers"), "{}", refused.message);
    assert_eq!(point.heard().len(), 2, "the refused one was never announced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_restore_of_an_empty_database_says_so_in_its_comment() {
    let server = server();
    let point = violated("violated_empty").await;
    server.create_database("violated_empty_back");
    let failure = restore(server, &point, "violated_empty_back").await.unwrap_err();
    assert!(failure.message.contains("is unfinished, as its comment says"), "{}", failure.message);
    let comment =
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'violated_empty_back'";
    assert!(server.sql("postgres", comment).starts_with("Unfinished restore, run 0123456789abcdef, "));
    let again = restore(server, &point, "violated_empty_back").await.unwrap_err();
    assert!(again.message.contains("which an earlier attempt of this restore left"), "{}", again.message);
}

/// A database with a row that its own foreign key forbids.
async fn violated(name: &str) -> StoredPoint {
    let server = server();
    server.create_database(name);
    server.sql(
        name,
        "CREATE TABLE parent (id integer PRIMARY KEY);
         CREATE TABLE child (id integer REFERENCES parent (id));
         SET session_replication_role = replica; INSERT INTO child VALUES (7)",
    );
    StoredPoint::of(server, name, Manner::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_is_named_with_the_servers_words_and_nothing_stays() {
    let point = violated("violated").await;
    let failure = restore(server(), &point, "violated_back").await.unwrap_err();
    assert_eq!(failure.code, FailureCode::StatementFailed);
    for words in [
        "restore FK CONSTRAINT public.child child_id_fkey",
        "violates foreign key constraint \"child_id_fkey\"",
        "table public.child",
    ] {
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    assert!(!failure.message.contains("=(7)"), "what is in the row stays there: {}", failure.message);
    assert_eq!(
        server().sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ '^violated_back'"),
        ""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_ends_the_restore_by_its_name() {
    let point = numbers("damaged").await;
    let largest =
        crate::stored::objects(&point).into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&largest, bytes).unwrap();
    let failure = restore(server(), &point, "damaged_back").await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Damaged);
    let name = largest.file_name().unwrap().to_str().unwrap();
    assert!(failure.message.contains(name), "{}", failure.message);
    assert_eq!(
        server().sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ '^damaged_back'"),
        ""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_roles_are_told_before_anything_is_touched_and_an_owner_can_take_their_place() {
    let server = server();
    server.sql("postgres", "CREATE ROLE leaver; CREATE ROLE granted");
    server.create_database("roles");
    server.sql(
        "roles",
        "CREATE TABLE t (id integer); ALTER TABLE t OWNER TO leaver; CREATE SCHEMA s AUTHORIZATION leaver",
    );
    let owned = StoredPoint::of(server, "roles", Manner::default()).await;
    server.sql("roles", "GRANT SELECT ON t TO granted");
    let named = StoredPoint::of(server, "roles", Manner::default()).await;
    server.sql("roles", "DROP OWNED BY leaver, granted");
    server.sql("postgres", "DROP ROLE leaver, granted");

    let failure = restore(server, &owned, "roles_back").await.unwrap_err();
    assert_eq!(failure.code, FailureCode::RoleMissing);
    assert!(failure.message.contains("\"leaver\""), "{}", failure.message);
    assert_eq!(owned.heard(), []);

    let mut to_bob = input(server, &owned, "roles_back");
    to_bob.target.owner = Some("bob".into());
    let done = restore_as("roles000", &to_bob, &owned).await.unwrap();
    assert_eq!(done.warnings, ["role \"leaver\" is missing: what it owned belongs to \"bob\""]);
    assert_eq!(server.sql("roles_back", "SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "bob");

    let mut to_bob = input(server, &named, "roles_again");
    to_bob.target.owner = Some("bob".into());
    let failure = restore_as("roles001", &to_bob, &named).await.unwrap_err();
    assert!(failure.message.contains("\"granted\" (named by ACL public.TABLE t)"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn h7_a_role_without_privileges_restores_what_it_may_give_away() {
    let server = server();
    server.sql("postgres", "CREATE ROLE loader LOGIN CREATEDB PASSWORD 'secret'; CREATE ROLE team");
    server.create_database("plain");
    server.sql(
        "plain",
        "CREATE SCHEMA app AUTHORIZATION team; SET ROLE team; SET search_path = app;
         CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY); INSERT INTO t SELECT FROM generate_series(1, 9);
         CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t; GRANT SELECT ON t TO readers;
         RESET ROLE; ALTER DATABASE plain OWNER TO team; GRANT CREATE ON DATABASE plain TO readers",
    );
    let point = StoredPoint::of(server, "plain", Manner::default()).await;
    let mut input = input(server, &point, "plain_back");
    input.target.connection.credentials =
        Credentials::Password { username: "loader".into(), password: Secret::new("secret") };
    let failure = restore_as("plain000", &input, &point).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::TargetPrivilegesMissing);
    assert!(failure.message.contains("GRANT \"team\" TO \"loader\""), "{}", failure.message);
    server.sql("postgres", "GRANT team TO loader");
    restore_as("plain000", &input, &point).await.unwrap();
    assert_eq!(schema(server, "plain"), schema(server, "plain_back"));
    assert_eq!(server.sql("plain_back", "SELECT * FROM app.m"), "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_latin1_database_comes_back_byte_by_byte() {
    let server = server();
    server.sql("postgres", "CREATE DATABASE latin_rows TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    server.sql(
        "latin_rows",
        "SET client_encoding = 'UTF8'; CREATE SCHEMA \"hä\"; CREATE TABLE \"hä\".\"tö\" (\"ü\" text PRIMARY KEY);
         INSERT INTO \"hä\".\"tö\" VALUES ('ß'), ('é''\\'); COMMENT ON TABLE \"hä\".\"tö\" IS 'ÿ'; CREATE SEQUENCE \"sä\"",
    );
    let point = StoredPoint::of(server, "latin_rows", Manner::default()).await;
    restore(server, &point, "latin_rows_back").await.unwrap();
    Database { server, name: "latin_rows" }.expect_same(Database { server, name: "latin_rows_back" }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h15_a_server_that_crashes_ends_the_restore_and_what_was_left_is_dropped_when_it_is_back() {
    let own = Server::start(&Installation::usual(), &[]);
    own.create_database("crashed");
    own.sql("crashed", "CREATE TABLE t (n integer, x text); INSERT INTO t SELECT i, repeat('y', 90) FROM generate_series(1, 100000) i");
    let point =
        StoredPoint::of(&own, "crashed", Manner { rows_per_segment: 5_000, ..Manner::default() }).await;
    let input = slowly(input(&own, &point, "crashed_back"));
    let crash = async {
        let pid = until(&own, "postgres", &loading("crashed_back")).await;
        // The server takes a killed backend for a crash: it ends all others and recovers.
        let killed = std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        assert!(killed.success());
    };
    let (ended, ()) = tokio::join!(restore_as("crashed0", &input, &point), crash);
    let failure = ended.unwrap_err();
    assert!(failure.code.is_retryable(), "{failure:?}");
    assert_eq!(own.sql("postgres", "SELECT datname FROM pg_database WHERE datname ~ '^crashed_back'"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_of_every_installed_major_comes_back_equal_on_its_own() {
    for installation in Installation::newer() {
        let own = Server::start(&installation, &[]);
        own.sql("postgres", include_str!("../data/roles.sql"));
        own.create_database("rich");
        own.sql("rich", include_str!("../data/rich.sql"));
        own.sql("rich", include_str!("../data/rich_rows.sql"));
        let point = StoredPoint::of(&own, "rich", Manner::default()).await;
        restore(&own, &point, "rich_back").await.unwrap();
        Database { server: &own, name: "rich" }
            .expect_same(Database { server: &own, name: "rich_back" })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_looks_into_the_unfinished_database_does_not_keep_it_from_its_name() {
    let point = numbers("watched").await;
    let slow = slowly(input(server(), &point, "watched_back"));
    let watcher = async {
        until(server(), "postgres", &loading("watched_back")).await;
        let mut watcher = server().client("psql");
        watcher.args(["-d", "watched_back_incomplete_watched0", "-c", "SELECT pg_sleep(600)"]);
        watcher.stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let (ended, mut watcher) = tokio::join!(restore_as("watched0", &slow, &point), watcher);
    ended.unwrap();
    assert!(!watcher.wait().unwrap().success(), "the watcher was sent away");
    assert_eq!(server().sql("watched_back", "SELECT count(*) FROM numbers"), "100000");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_b09_what_the_role_may_not_on_the_target_is_told_before_anything_is_written() {
    let server = server();
    server.sql("postgres", "CREATE ROLE b09_modest LOGIN PASSWORD 'secret'");
    server.create_database("b09");
    server.sql("b09", "CREATE TABLE t AS SELECT 1 AS i");
    let point = StoredPoint::of(server, "b09", Manner::default()).await;
    let mut input = input(server, &point, "b09_back");
    input.target.connection.credentials =
        Credentials::Password { username: "b09_modest".into(), password: Secret::new("secret") };
    let failure = restore_as("b0900000", &input, &point).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::TargetPrivilegesMissing);
    assert!(failure.message.contains("CREATEDB") && failure.message.contains("b09_modest"), "{failure:?}");
    assert_eq!(point.heard(), [], "the vault was not even told of a beginning");
    let databases = "SELECT count(*) FROM pg_database WHERE datname ~ '^b09_back'";
    assert_eq!(server.sql("postgres", databases), "0");
}
