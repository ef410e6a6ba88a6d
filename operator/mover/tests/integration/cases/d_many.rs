//! Very many tables: the server's room for locks, and memory that does not grow much with their number.

use contract::FailureCode;

use super::a_sizes::expect_bounded;
use crate::{
    support::{Installation, Server},
    vaulted::Vault,
};

/// Makes so many tables, each with a row.
fn tables(server: &Server, name: &str, count: u32) {
    server.create_database(name);
    server.sql(
        name,
        &format!(
            "DO $$ BEGIN FOR i IN 1..{count} LOOP
               EXECUTE format('CREATE TABLE t%s (id int, x int); INSERT INTO t%s VALUES (%s, 1)', i, i, i);
               IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$"
        ),
    );
}

/// As `max_locks_per_transaction`: first too small, then large enough. What memory it took.
async fn expect_room_for_locks(count: u32, enough: u32) -> String {
    let few = ["max_locks_per_transaction=10", "max_connections=20", "max_prepared_transactions=0"];
    // Made with room enough: what is asked is whether they can be read.
    let settings = [&format!("max_locks_per_transaction={enough}"), few[1], few[2]];
    let server = Server::start(&Installation::usual(), &settings);
    tables(&server, "d_many", count);
    server.restart(&few);
    let vault = Vault::new().await;
    let refused = vault.back_up_as_far_as_possible(server.connection("d_many"), "d_many").await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TooManyRelations);
    assert!(refused.message.contains("set max_locks_per_transaction to at least"), "{}", refused.message);
    server.restart(&settings);
    let peaks = expect_bounded(&server, "d_many").await;
    let made = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(server.sql("d_many_copy", made), count.to_string());
    assert_eq!(server.sql("d_many_copy", &format!("SELECT * FROM t{count}")), format!("{count}|1"));
    peaks
}

#[tokio::test(flavor = "multi_thread")]
async fn d19_more_tables_than_the_lock_table_has_room_for_are_refused_by_the_settings_name() {
    print!("{}", expect_room_for_locks(1_500, 400).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: 100,000 tables"]
async fn d19_one_hundred_thousand_tables() {
    print!("{}", expect_room_for_locks(100_000, 20_000).await);
}
