//! Backups while others write: one instant is stored.

use super::under_fire::{BIG, BIG_ROWS, BIG_SUM, Held, copy_while};
use crate::support::{Psql, Server, Workload, fresh, until_in};

/// Accounts of about a kilobyte: several segments.
const ACCOUNTS: u32 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn e1_the_sum_of_all_balances_is_the_same_in_a_copy_that_lanes_read_while_others_moved_amounts() {
    let server = Server::shared();
    Workload::prepare(server, "e1", ACCOUNTS);
    let workload = Workload::start(server, "e1", 2, ACCOUNTS).await;
    copy_while(server, "e1", async || workload.until_more(500).await).await;
    workload.stop().await;
    assert_eq!(server.sql("e1_copy", Workload::SOUND), "t|t|t");
    assert_eq!(server.sql("e1", Workload::SOUND), "t|t|t");
    let moves = |database| server.sql(database, "SELECT count(*) FROM moved").parse::<u64>().unwrap();
    assert!(moves("e1_copy") + 500 <= moves("e1"), "the copy is of the moment when the backup began");
}

/// Inserts, updates, deletes and takes back, in pairs: what the one table has, the other one has too.
const PAIRS: &str = "
    CREATE TABLE one (id int PRIMARY KEY, mark bigint, pad text) WITH (fillfactor = 80);
    CREATE TABLE two (id int PRIMARY KEY, mark bigint, pad text) WITH (fillfactor = 80);
    INSERT INTO one SELECT g, g, repeat('x', 700) FROM generate_series(1, 20000) g; INSERT INTO two SELECT * FROM one;
    CREATE PROCEDURE churn() LANGUAGE plpgsql AS $$
    DECLARE a int; BEGIN
      FOR i IN 20001..100000000 LOOP
        a := 1 + random() * 19999;
        UPDATE one SET mark = -i WHERE id = a; UPDATE two SET mark = -i WHERE id = a;
        INSERT INTO one VALUES (i, i, repeat('y', 700)); INSERT INTO two VALUES (i, i, 'short');
        a := 1 + random() * 19999;
        DELETE FROM two WHERE id = a; DELETE FROM one WHERE id = a;
        BEGIN
          DELETE FROM one WHERE id = i; RAISE division_by_zero;
        EXCEPTION WHEN division_by_zero THEN NULL; END;
        COMMIT;
      END LOOP; END$$";

#[tokio::test(flavor = "multi_thread")]
async fn e2_what_one_transaction_did_to_two_tables_is_in_both_or_in_neither() {
    let server = Server::shared();
    fresh(server, "e2", PAIRS);
    let mut writer = Psql::start(server, "e2");
    writer.say("CALL churn();");
    until_in(server, "e2", "SELECT max(id) > 20050 FROM two", "t").await;
    copy_while(server, "e2", async || {
        let newest = server.sql("e2", "SELECT max(id) FROM two");
        until_in(server, "e2", &format!("SELECT max(id) > {newest} + 50 FROM two"), "t").await;
    })
    .await;
    let stop = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'CALL churn();'";
    assert_eq!(server.sql("postgres", stop), "1");
    writer.child.wait().unwrap();
    let lonely = "SELECT count(*) FROM one FULL JOIN two USING (id) WHERE one.mark IS DISTINCT FROM two.mark";
    assert_eq!(server.sql("e2_copy", lonely), "0");
    assert_eq!(server.sql("e2_copy", "SELECT max(id) > 20050, count(*) > 100 FROM two"), "t|t");
}

#[tokio::test(flavor = "multi_thread")]
async fn e21_a_prepared_transaction_is_not_seen_even_when_it_is_committed_meanwhile() {
    let server = Server::shared();
    fresh(server, "e21", &format!("{BIG}; CREATE TABLE few (i int); INSERT INTO few VALUES (1)"));
    server.sql(
        "e21",
        "BEGIN; INSERT INTO few VALUES (2); DELETE FROM big WHERE id < 9; PREPARE TRANSACTION 'e21'",
    );
    let mut held = Held::of(server, "e21").await;
    server.sql("e21", "COMMIT PREPARED 'e21'");
    let point = held.expect_point().await;
    assert_eq!((point.table("public", "few").rows(), point.table("public", "big").rows()), (1, BIG_ROWS));
}

#[tokio::test(flavor = "multi_thread")]
async fn e22_rows_that_are_frozen_and_pages_that_are_cleaned_meanwhile_are_read_as_they_were() {
    let server = Server::shared();
    fresh(server, "e22", &format!("{BIG}; UPDATE big SET id = -id WHERE id % 3 = 0"));
    let before = server.sql("e22", BIG_SUM);
    let mut cleaner = Psql::start(server, "e22");
    // It waits for pages that a lane stands on, and is done when the lane has gone on.
    copy_while(server, "e22", async || {
        cleaner.say("VACUUM (FREEZE) big;");
        let freezes = "SELECT count(*) FROM pg_stat_progress_vacuum WHERE datname = 'e22'";
        until_in(server, "e22", freezes, "1").await;
        server.sql("e22", "DELETE FROM big WHERE id % 2 = 0; UPDATE big SET x = 'other' WHERE id % 5 = 0");
        cleaner.say("VACUUM (FREEZE, ANALYZE) big;");
    })
    .await;
    cleaner.end();
    assert_eq!(server.sql("e22_copy", BIG_SUM), before);
    assert_ne!(server.sql("e22", BIG_SUM), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn e25_a_table_that_grows_and_one_that_loses_its_end_meanwhile_are_stored_as_they_were() {
    let server = Server::shared();
    let grows = "CREATE TABLE grows AS SELECT * FROM big LIMIT 1000";
    // The last pages are empty: a VACUUM would give them back, if the table were not locked.
    fresh(server, "e25", &format!("{BIG}; {grows}; DELETE FROM big WHERE id > 8000"));
    let both = format!("{BIG_SUM} UNION ALL {}", BIG_SUM.replace("big", "grows"));
    let before = server.sql("e25", &both);
    copy_while(server, "e25", async || {
        server.sql("e25", "INSERT INTO grows SELECT * FROM big; DELETE FROM big WHERE id > 4000");
        server.sql("e25", "VACUUM (TRUNCATE) big");
    })
    .await;
    assert_eq!(server.sql("e25_copy", &both), before);
    assert_ne!(server.sql("e25", &both), before);
}
