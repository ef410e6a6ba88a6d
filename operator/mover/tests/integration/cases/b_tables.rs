//! Kinds of tables.

use mover::format::{RowFormat, TableEntry};

use super::{Copied, server, under_fire::Held};
use crate::{
    support::{Psql, fresh, rows_of, until},
    vaulted::{Vault, limits},
};

#[tokio::test(flavor = "multi_thread")]
async fn b1_partitions_of_every_kind_with_a_foreign_one_and_hashes_of_enums() {
    let copied = Copied::of("case_b1", include_str!("../../data/cases/b_partitions.sql")).await;
    assert_eq!(copied.done.warnings, [""; 0]);
    copied
        .expect_same(&[
            "SELECT count(*), count(DISTINCT (y, k)) FROM app.by_mood_tree",
            "SELECT count(*), count(DISTINCT k) FROM app.by_mood_array",
            "SELECT count(*) FROM ONLY app.events_d",
        ])
        .await;
    assert_eq!(
        copied.ask("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'mixed_1'"),
        "t",
        "statistics"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_indexes_of_partitions_beside_typed_tables_views_and_foreign_tables() {
    let copied = Copied::of("case_b2", include_str!("../../data/cases/b_kinds.sql")).await;
    assert_eq!(copied.done.warnings, [""; 0]);
    copied
        .expect_same(&[
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
             WHERE c.relname ~ '^parts_' ORDER BY 1",
            "SELECT * FROM k.smaller ORDER BY x",
            "SELECT * FROM k.a_over_keyed",
            "SELECT * FROM k.numbers",
            "SELECT count(*) FROM k.nothing",
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_inheritance_bloat_sequences_toast_and_materialised_views() {
    let copied = Copied::of("case_b3", include_str!("../../data/cases/b_heaps.sql")).await;
    let values = "SELECT 'waiting', last_value, is_called FROM app.waiting UNION ALL \
        SELECT 'cached', last_value, is_called FROM app.cached UNION ALL \
        SELECT 'round', last_value, is_called FROM app.round UNION ALL \
        SELECT 'lowest', last_value, is_called FROM app.lowest UNION ALL \
        SELECT 'shared', last_value, is_called FROM app.shared UNION ALL \
        SELECT 'odd', last_value, is_called FROM app.\"back\\slash\" ORDER BY 1";
    copied
        .expect_same(&[
            "SELECT * FROM app.gen ORDER BY a",
            "SELECT id, twice FROM app.grandkid ORDER BY id",
            "SELECT DISTINCT pg_column_compression(x), pg_column_compression(p) FROM app.toasted",
            "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1",
            "SELECT n FROM app.a_third",
            "SELECT a.amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE relname = 'z_other_method'",
            values,
        ])
        .await;
    let rows = "SELECT (SELECT count(*) FROM ONLY app.parent), (SELECT count(*) FROM app.bloated), \
                (SELECT count(*) FROM app.all_dead)";
    assert_eq!(copied.ask(rows), "10000|2|0");
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_temporary_tables_of_others_leave_no_trace() {
    let server = server();
    server.create_database("b_temp");
    server.sql("b_temp", "CREATE TABLE kept (i int)");
    server.sql(
        "postgres",
        "SET allow_in_place_tablespaces = on; CREATE TABLESPACE scratch LOCATION ''; CREATE ROLE visitor;
         GRANT CREATE ON TABLESPACE scratch TO visitor",
    );
    let mut visitor = Psql::start(server, "b_temp");
    visitor.say(
        "SET ROLE visitor; SET temp_tablespaces = scratch; CREATE TEMP TABLE seen AS SELECT generate_series(1,1000) g; \
         CREATE TEMP SEQUENCE tq; CREATE TEMP TABLE tk (id serial PRIMARY KEY); BEGIN;",
    );
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'b_temp' AND state = 'idle in transaction'";
    until(server, waits, "1").await;
    let vault = Vault::new().await;
    let point = vault.back_up(server, "b_temp").await;
    visitor.end();
    let reader = vault.reader(&point).await;
    let manifest = reader.manifest(0).await.unwrap();
    let tables = reader.list::<TableEntry>(&manifest).await.unwrap();
    assert_eq!(tables.len(), 1, "{tables:?}");
    assert!(manifest.tablespaces.is_empty() && !manifest.roles.contains(&"visitor".into()), "{manifest:?}");
    vault.restore("b_temp00", server, &point, "b_temp_copy", limits()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn b6_a_view_that_cannot_be_filled_today_costs_nothing_but_itself() {
    let copied = Copied::of(
        "b_view",
        "CREATE TABLE t (x int); INSERT INTO t VALUES (1); CREATE MATERIALIZED VIEW m AS SELECT 10 / x AS y FROM t;
         CREATE MATERIALIZED VIEW m2 AS SELECT count(*) FROM m; INSERT INTO t VALUES (0)",
    )
    .await;
    let warnings = &copied.done.warnings;
    assert!(
        warnings.len() == 2 && warnings[0].contains("public.m was") && warnings[1].contains("m2"),
        "{warnings:?}"
    );
    assert_eq!(copied.ask("SELECT count(*) FROM t"), "2");
    let filled = "SELECT count(*) FROM pg_class WHERE relkind = 'm' AND relispopulated";
    assert_eq!(copied.ask(filled), "0");
}

// B7.1 B7.2
#[tokio::test(flavor = "multi_thread")]
async fn b7_rows_that_come_while_a_table_is_read_stay_out_and_vacuum_cuts_nothing_off() {
    let server = server();
    fresh(
        server,
        "b_grows",
        "CREATE TABLE big (id int PRIMARY KEY, x text) WITH (autovacuum_enabled = off); ALTER TABLE big ALTER x SET STORAGE PLAIN;
         INSERT INTO big SELECT g, repeat('x', 1900) FROM generate_series(1, 25000) g; DELETE FROM big WHERE id > 20000",
    );
    let mut held = Held::of(server, "b_grows").await;
    // It tries again and again to get the lock that it needs to cut the file.
    let mut vacuum = Psql::start(server, "b_grows");
    vacuum.say("VACUUM (TRUNCATE) big;");
    server.sql(
        "b_grows",
        "INSERT INTO big SELECT g, 'late' FROM generate_series(100001, 120000) g; DELETE FROM big WHERE id % 2 = 0",
    );
    let point = held.expect_point().await;
    vacuum.end();
    let stored = point.stored(point.table("public", "big")).await;
    let rows = rows_of(RowFormat::Binary, &stored[&RowFormat::Binary]);
    let mut ids: Vec<u32> =
        rows.iter().map(|row| u32::from_be_bytes(row[6..10].try_into().unwrap())).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=20_000).collect::<Vec<_>>());
}
