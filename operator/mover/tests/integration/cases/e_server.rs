//! What stands between a backup and the server, or in its settings: limits of time, standbys, poolers.

use contract::FailureCode;

use super::under_fire::{BIG, BIG_ROWS, Held};
use crate::support::{
    Asked, Installation, PgBouncer, Server, TestCustody, expect_nothing_left, fresh, until,
};

/// Every limit of time that the newest server has, for the role and for the database.
const LIMITS: [&str; 5] = [
    "statement_timeout = 250",
    "lock_timeout = 250",
    "idle_in_transaction_session_timeout = 250",
    "idle_session_timeout = 250",
    "transaction_timeout = 250",
];

#[tokio::test(flavor = "multi_thread")]
async fn e7_limits_of_time_that_role_and_database_set_end_nothing() {
    let newest = Installation::all().pop().unwrap();
    let server = Server::start(&newest, &[]);
    fresh(&server, "e7", BIG);
    server.sql("e7", "CREATE ROLE e7 LOGIN PASSWORD 'x' IN ROLE pg_read_all_data");
    let known = |limit: &str| {
        let name = limit.split(' ').next().unwrap();
        server.sql("e7", &format!("SELECT count(*) FROM pg_settings WHERE name = '{name}'")) == "1"
    };
    for limit in LIMITS.into_iter().filter(|limit| known(limit)) {
        server.sql("postgres", &format!("ALTER ROLE e7 SET {limit}; ALTER DATABASE e7 SET {limit}"));
    }
    let mut held = Held::asked(&server, "e7", Asked::of(&server, "e7").by("e7", "x")).await;
    // Every session stands still for longer than it may.
    let still = "SELECT count(*) >= 2 FROM pg_stat_activity WHERE usename = 'e7' AND state_change < now() - interval '1 s'";
    until(&server, still, "t").await;
    let point = held.expect_point().await;
    assert_eq!(point.table("public", "big").rows(), BIG_ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn e8_a_standby_that_gives_up_a_lane_has_its_segment_read_again_and_one_that_gives_up_the_snapshot_ends_the_run()
 {
    let primary = Server::start(&Installation::usual(), &["autovacuum=off", "checkpoint_timeout=1h"]);
    // Eight rows a page, one of which is dead before the backup begins: to remove it takes the page, and no snapshot.
    let dense = BIG.replace("240", "29").replace("10000", "80000");
    fresh(&primary, "e8", &format!("{dense}; DELETE FROM big WHERE id % 8 = 0"));
    let impatient = ["hot_standby_feedback=off", "max_standby_streaming_delay=100ms"];
    let standby = Server::standby_of(&primary, &impatient);
    let gave_up =
        |column: &str| format!("SELECT {column} > 0 FROM pg_stat_database_conflicts WHERE datname = 'e8'");
    let mut held = Held::of(&standby, "e8").await;
    primary.sql("e8", "VACUUM big");
    until(&standby, &gave_up("confl_bufferpin"), "t").await;
    let point = held.expect_point().await;
    point.expect_equal(&standby, "e8").await;
    assert_eq!(point.table("public", "big").rows(), 70_000);

    let held = Held::of(&standby, "e8").await;
    primary.sql("e8", "DELETE FROM big WHERE id % 3 = 0; VACUUM big");
    until(&standby, &gave_up("confl_snapshot"), "t").await;
    held.expect_failure(FailureCode::StandbyConflict).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e9_a_pooler_of_sessions_is_told_from_a_server() {
    expect_told("e9", "session").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e10_a_pooler_of_transactions_is_told_from_a_server() {
    expect_told("e10", "transaction").await;
}

/// A backup through a pooler is refused, before anything is written, with the words of what to do.
async fn expect_told(database: &str, mode: &str) {
    let server = Server::shared();
    fresh(server, database, "CREATE TABLE t (i int)");
    let pooler = PgBouncer::before(server, mode);
    let mut asked = Asked::of(server, database);
    asked.connection.port = pooler.port;
    let custody = TestCustody::new();
    let failure = asked.run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::PoolerUnsupported, "{}", failure.message);
    assert!(failure.message.contains("address of the server itself"), "{}", failure.message);
    assert!(custody.stored().is_empty(), "something was written");
    // Whoever gets the server's session after us finds none of our settings in it.
    let settings = "SELECT current_setting('datestyle') || current_setting('search_path')";
    assert_eq!(pooler.sql(database, settings), server.sql(database, settings));
    drop(pooler);
    expect_nothing_left(server, database, &custody).await;
}
