//! Backups whose connections are lost, or cannot be made: a lane costs its segment, anything else the run, by its cause.

use std::sync::Arc;

use contract::FailureCode;

use super::under_fire::{BIG, BIG_ROWS, Held};
use crate::support::{
    Asked, Installation, Proxy, Psql, Server, TestCustody, expect_nothing_left, fresh, until,
};

/// Ends sessions of ours.
fn terminate(database: &str, which: &str) -> String {
    format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}' \
         AND application_name = 'coffer run-1' AND {which}"
    )
}

const LANES: &str = "query LIKE '%ROLLBACK TO SAVEPOINT segment'";
const LEADER: &str = "pid = (SELECT l.pid FROM pg_stat_activity l WHERE l.datname = pg_stat_activity.datname \
    AND l.application_name = 'coffer run-1' ORDER BY l.backend_start LIMIT 1)";

#[tokio::test(flavor = "multi_thread")]
async fn e11_a_leader_that_is_killed_ends_the_run() {
    let server = Server::shared();
    fresh(server, "e11", BIG);
    let held = Held::of(server, "e11").await;
    assert_eq!(server.sql("postgres", &terminate("e11", LEADER)), "1");
    held.expect_failure(FailureCode::ConnectionLost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e11_a_leader_that_is_lost_before_anybody_has_looked_after_it_ends_the_run() {
    let server = Server::shared();
    // Read to its end within the two seconds before the next look, and without a sequence that would be asked for then.
    fresh(server, "leader_last", &BIG.replace("10000", "1800"));
    let held = Held::of(server, "leader_last").await;
    assert_eq!(server.sql("postgres", &terminate("leader_last", LEADER)), "1");
    held.expect_failure(FailureCode::ConnectionLost).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e12_lanes_that_are_killed_or_cut_off_cost_their_segments_and_no_row_is_missing_or_there_twice() {
    let server = Server::shared();
    fresh(server, "e12", BIG);
    let kill_all = |_: &Proxy| assert_ne!(server.sql("postgres", &terminate("e12", LANES)), "0");
    let ways: [&dyn Fn(&Proxy); 2] = [&kill_all, &Proxy::cut_busiest];
    for lose in ways {
        let mut held = Held::of(server, "e12").await;
        held.lose(lose).await;
        let point = held.expect_point().await;
        point.expect_equal(server, "e12").await;
        assert_eq!(point.table("public", "big").rows(), BIG_ROWS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e12_a_segment_that_somebody_cancelled_by_hand_is_read_again() {
    let server = Server::shared();
    fresh(server, "e12b", BIG);
    let mut held = Held::of(server, "e12b").await;
    let cancel = terminate("e12b", LANES).replace("pg_terminate_backend", "pg_cancel_backend");
    assert_ne!(server.sql("postgres", &cancel), "0");
    let point = held.expect_point().await;
    point.expect_equal(server, "e12b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_a_server_that_is_restarted_or_crashes_ends_the_run_and_the_next_one_is_whole() {
    let server = Server::start(&Installation::usual(), &[]);
    fresh(&server, "e13", BIG);
    let held = Held::of(&server, "e13").await;
    server.restart(&[]);
    held.expect_failure(FailureCode::ConnectionLost).await;
    let held = Held::of(&server, "e13").await;
    server.kill();
    let (custody, failure) = held.failed().await;
    assert_eq!(failure.code, FailureCode::ConnectionLost, "{}", failure.message);
    let refused = Asked::of(&server, "e13").run(&custody).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::ConnectionRefused, "{}", refused.message);
    server.start_again(&[]);
    expect_nothing_left(&server, "e13", &custody).await;
    let done = Asked::of(&server, "e13").run(&custody).await.unwrap();
    assert_eq!(done.summary.rows, BIG_ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn e14_a_failover_ends_the_run_and_the_next_one_reads_the_new_server() {
    let primary = Server::start(&Installation::usual(), &[]);
    fresh(&primary, "e14", BIG);
    let standby = Server::standby_of(&primary, &[]);
    // Only new connections are led away: their server knows nothing of the snapshot.
    let held = Held::of(&primary, "e14").await;
    held.proxy.redirect(&standby);
    held.lose(|_| assert_ne!(primary.sql("postgres", &terminate("e14", LANES)), "0")).await;
    let told = held.expect_failure(FailureCode::SourceFailed).await;
    assert!(told.contains("snapshot"), "{told}");
    // All are: the leader's goes with them.
    let held = Held::of(&primary, "e14").await;
    primary.stop();
    standby.sql("postgres", "SELECT pg_promote()");
    held.proxy.redirect(&standby);
    held.proxy.cut_all();
    let (custody, failure) = held.failed().await;
    assert_eq!(failure.code, FailureCode::ConnectionLost, "{}", failure.message);
    standby.sql("e14", "DELETE FROM big WHERE id > 9000");
    let proxy = Proxy::before(&standby).await;
    let done = Asked::of(&standby, "e14").through(&proxy).run(&custody).await.unwrap();
    assert_eq!(done.summary.rows, 9_000);
}

/// A role that reads everything and has this password.
fn reader(name: &str, options: &str) -> String {
    format!("CREATE ROLE {name} LOGIN PASSWORD 'old' IN ROLE pg_read_all_data {options}")
}

#[tokio::test(flavor = "multi_thread")]
async fn e15_a_password_that_changes_while_rows_are_read_keeps_new_lanes_out_and_the_others_go_on() {
    let server = Server::shared();
    fresh(server, "e15", &format!("{BIG}; {}", reader("e15", "")));
    let mut held = Held::asked(server, "e15", Asked::of(server, "e15").by("e15", "old")).await;
    server.sql("postgres", "ALTER ROLE e15 PASSWORD 'new'");
    held.lose(Proxy::cut_busiest).await;
    let point = held.expect_point().await;
    assert_eq!(point.table("public", "big").rows(), BIG_ROWS);
    // Between two attempts.
    let custody = TestCustody::new();
    let old = Asked::of(server, "e15").by("e15", "old").run(&custody).await.unwrap_err();
    assert_eq!(old.code, FailureCode::AuthenticationFailed, "{}", old.message);
    let done = Asked::of(server, "e15").by("e15", "new").run(&custody).await.unwrap();
    assert_eq!(done.summary.rows, BIG_ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn e15_a_run_all_of_whose_lanes_are_refused_for_a_changed_password_says_so() {
    let server = Server::shared();
    fresh(server, "e15b", &format!("{BIG}; {}", reader("e15b", "")));
    let held = Held::asked(server, "e15b", Asked::of(server, "e15b").by("e15b", "old")).await;
    server.sql("postgres", "ALTER ROLE e15b PASSWORD 'new'");
    // A lane may have logged in and not read yet.
    server.sql("postgres", &terminate("e15b", &format!("NOT {LEADER}")));
    held.expect_failure(FailureCode::AuthenticationFailed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e15_a_pg_dump_that_is_refused_for_a_changed_password_is_told_as_that() {
    let server = Server::shared();
    fresh(server, "e15c", &format!("CREATE TABLE held (i int); {}", reader("e15c", "")));
    let mut holder = Psql::start(server, "e15c");
    holder.say("BEGIN \\; LOCK held IN ACCESS EXCLUSIVE MODE;");
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'e15c'";
    until(server, &format!("{idle} AND state = 'idle in transaction'"), "1").await;
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "e15c").by("e15c", "old").start(&custody);
    until(server, &format!("{idle} AND wait_event_type = 'Lock'"), "1").await;
    server.sql("postgres", "ALTER ROLE e15c PASSWORD 'new'");
    holder.say("COMMIT;");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::AuthenticationFailed, "{}", failure.message);
    holder.end();
    expect_nothing_left(server, "e15c", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e16_a_run_that_gets_few_connections_makes_do_and_one_that_gets_too_few_says_so() {
    let server = Server::shared();
    fresh(server, "e16", &format!("{BIG}; {}", reader("e16", "CONNECTION LIMIT 3")));
    let asked = || Asked::of(server, "e16").by("e16", "old");
    let custody = TestCustody::new();
    for limit in [3, 2] {
        server.sql("postgres", &format!("ALTER ROLE e16 CONNECTION LIMIT {limit}"));
        // Sessions of the run before count until their processes have ended.
        until(server, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'e16'", "0").await;
        let custody = TestCustody::new();
        let done = asked().run(&custody).await.unwrap();
        assert_eq!(done.summary.rows, BIG_ROWS, "{limit} connections");
    }
    server.sql("postgres", "ALTER ROLE e16 CONNECTION LIMIT 1");
    let failure = asked().run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::TooManyConnections, "{}", failure.message);
    expect_nothing_left(server, "e16", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e24_a_pg_dump_whose_session_is_killed_ends_the_run_as_a_lost_connection() {
    let server = Server::shared();
    // pg_dump asks for the definition of the view, and stands still where it is; nobody else looks at views.
    fresh(server, "e24", "CREATE TABLE t (i int); CREATE VIEW v AS SELECT 1 AS one");
    let mut holder = Psql::start(server, "e24");
    holder.say("BEGIN \\; LOCK v IN ACCESS EXCLUSIVE MODE;");
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'e24'";
    until(server, &format!("{sessions} AND state = 'idle in transaction'"), "1").await;
    let custody = Arc::new(TestCustody::new());
    let backup = Asked::of(server, "e24").start(&custody);
    until(server, &format!("{sessions} AND wait_event_type = 'Lock'"), "1").await;
    assert_eq!(server.sql("postgres", &terminate("e24", "wait_event_type = 'Lock'")), "1");
    let failure = backup.await.unwrap().unwrap_err();
    assert_eq!(failure.code, FailureCode::ConnectionLost, "{}", failure.message);
    holder.end();
    expect_nothing_left(server, "e24", &custody).await;
}
