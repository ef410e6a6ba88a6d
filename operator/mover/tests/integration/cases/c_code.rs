//! Constraints and code.

use contract::Limits;

use super::{Copied, server};
use crate::vaulted::{Vault, limits};

#[tokio::test(flavor = "multi_thread")]
async fn c1_constraints_indexes_functions_triggers_rules_and_policies() {
    let copied = Copied::of("case_c1", include_str!("../../data/cases/c_code.sql")).await;
    copied
        .expect_same(&[
            "SELECT * FROM c.seen",
            "SELECT other FROM c.folded_names WHERE name IN ('APFEL', 'äpfel') ORDER BY other",
            "SELECT count(*) FROM c.documents WHERE words @@ to_tsquery('c.ours', 'quick')",
            "SELECT a FROM c.idx ORDER BY a USING OPERATOR(pg_catalog.>) LIMIT 3",
            "SELECT c.longest(b) FROM c.idx",
        ])
        .await;
    assert_eq!(copied.ask("SELECT count(*) FROM c.fired"), "0", "no event trigger fires during a restore");
    assert_eq!(copied.ask("SELECT count(*) FROM c.seen"), "1", "a view shows what its owner may see");
}

#[tokio::test(flavor = "multi_thread")]
async fn c8_a_check_that_looks_into_a_table_which_is_loaded_later() {
    let server = server();
    server.create_database("c_looks");
    server.sql(
        "c_looks",
        "CREATE TABLE z_kinds (k text PRIMARY KEY); INSERT INTO z_kinds VALUES ('x');
         CREATE FUNCTION known(text) RETURNS boolean LANGUAGE sql STABLE
           AS 'SELECT EXISTS (SELECT FROM public.z_kinds WHERE k = $1)';
         CREATE TABLE a_things (k text CHECK (known(k)), pad text);
         INSERT INTO a_things SELECT 'x', repeat('y',500) FROM generate_series(1,20000) g",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server, "c_looks").await;
    // The larger table is stored, and so loaded, first.
    let one_lane = Limits { lanes: 1, ..limits() };
    vault.restore("c_looks0", server, &point, "c_looks_copy", one_lane).await.unwrap();
    assert_eq!(server.sql("c_looks_copy", "SELECT count(*) FROM a_things"), "20000");

    // What no other row can mend ends the restore, with the server's words.
    let never =
        "CREATE OR REPLACE FUNCTION known(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT false'";
    server.sql("c_looks", never);
    let point = vault.back_up_again(server, "c_looks").await;
    let failure = vault.restore("c_looks1", server, &point, "c_looks_never", limits()).await.unwrap_err();
    assert!(failure.message.contains("a_things_k_check"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn c9_an_invalid_index_is_told_and_left_out() {
    let server = server();
    server.create_database("c_invalid");
    server.sql(
        "c_invalid",
        "CREATE TABLE t (v int); INSERT INTO t VALUES (1), (1); CREATE INDEX given_up ON t (v);
         UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'given_up'::regclass",
    );
    let vault = Vault::new().await;
    let done = vault.back_up_as_far_as_possible(server.connection("c_invalid"), "c_invalid").await.unwrap();
    assert!(done.warnings.iter().any(|warning| warning.contains("public.given_up")), "{:?}", done.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_another_version_of_the_collation_is_told() {
    let server = server();
    server.sql(
        "postgres",
        "CREATE DATABASE c_versions TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C.UTF-8'",
    );
    server.sql("c_versions", "CREATE TABLE t (x text PRIMARY KEY); INSERT INTO t VALUES ('ä'), ('a')");
    let same = Copied::of_existing("c_versions").await;
    assert_eq!(same.done.warnings, [""; 0]);

    server.sql("postgres", "UPDATE pg_database SET datcollversion = '1.2.3' WHERE datname = 'c_versions'");
    let vault = Vault::new().await;
    let point = vault.back_up(server, "c_versions").await;
    let done = vault.restore("c_vers00", server, &point, "c_versions_new", limits()).await.unwrap();
    let told = |warning: &String| warning.contains("collation") && warning.contains("1.2.3");
    assert!(done.warnings.iter().any(told), "{:?}", done.warnings);

    // Somebody's own empty database is told of as well.
    server.sql(
        "postgres",
        "CREATE DATABASE c_versions_own TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C.UTF-8'",
    );
    let done = vault.restore("c_vers01", server, &point, "c_versions_own", limits()).await.unwrap();
    assert!(done.warnings.iter().any(told), "{:?}", done.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_a_view_over_a_function_that_waits_for_a_key_waits_with_it() {
    if server().installation.major < 14 {
        return;
    }
    let copied = Copied::of(
        "c_waits",
        "CREATE TABLE keyed (id int PRIMARY KEY, name text); INSERT INTO keyed VALUES (1, 'one');
         CREATE FUNCTION grouped() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT name FROM public.keyed GROUP BY id; END;
         CREATE VIEW names AS SELECT g AS name FROM public.grouped() g;
         CREATE VIEW names_again AS SELECT * FROM public.names; COMMENT ON VIEW names IS 'of keyed'",
    )
    .await;
    copied.expect_same(&["SELECT * FROM names_again", "SELECT obj_description('names'::regclass)"]).await;
}
