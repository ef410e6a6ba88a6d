//! Rows and types.

use super::{Copied, server};

#[tokio::test(flavor = "multi_thread")]
async fn a1_extremes_of_types_that_travel_in_binary() {
    Copied::of("case_a1", include_str!("../../data/cases/a_binary.sql")).await.expect_same(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_types_that_travel_in_text_and_text_that_looks_like_copys_own_marks() {
    let copied = Copied::of("case_a2", include_str!("../../data/cases/a_text.sql")).await;
    copied.expect_same(&["SELECT (m::numeric * 100)::bigint FROM a_money ORDER BY 1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_widest_narrowest_and_oddly_named_tables() {
    let copied = Copied::of("case_a4", include_str!("../../data/cases/a_shapes.sql")).await;
    copied.expect_same(&["SELECT count(*), sum(g) FROM only_generated"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_latin1_database_with_texts_that_belong_to_the_server() {
    let server = server();
    server.sql("postgres", "CREATE DATABASE a_latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    server.sql(
        "a_latin",
        "SET client_encoding = 'UTF8'; CREATE TYPE \"größe\" AS ENUM ('ß'); CREATE ROLE \"jürgen\";
         CREATE TABLE \"tö\" (\"ü\" text PRIMARY KEY DEFAULT 'é', m \"größe\"); INSERT INTO \"tö\" VALUES (E'ÿ\\t\\\\', 'ß');
         CREATE TABLE \"bä\" (t text); INSERT INTO \"bä\" VALUES ('é'); COMMENT ON DATABASE a_latin IS 'Größe';
         ALTER DATABASE a_latin OWNER TO \"jürgen\"; ALTER ROLE \"jürgen\" IN DATABASE a_latin SET work_mem = '9MB';
         ALTER TABLE \"tö\" OWNER TO \"jürgen\"",
    );
    let copied = Copied::of_existing("a_latin").await;
    assert_eq!(copied.done.warnings, [""; 0]);
    let comment =
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()";
    copied.expect_same(&[comment]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_euc_jp_database() {
    let server = server();
    server.sql("postgres", "CREATE DATABASE a_euc TEMPLATE template0 ENCODING 'EUC_JP' LOCALE 'C'");
    server.sql(
        "a_euc",
        "SET client_encoding = 'UTF8'; CREATE SCHEMA \"日本\"; CREATE TYPE \"日本\".\"型\" AS ENUM ('甲','乙');
         CREATE TABLE \"日本\".\"表\"\"\\\" (\"列\" text DEFAULT '既定' CHECK (\"列\" <> '禁'), m \"日本\".\"型\");
         INSERT INTO \"日本\".\"表\"\"\\\" VALUES ('日本語','甲'),('ｱｲｳ','乙'),('丂',NULL),(E'表\\\\\\t\\n.',NULL),('',NULL);
         CREATE TABLE \"日本\".\"二進\" (t text); INSERT INTO \"日本\".\"二進\" VALUES ('日本語'),('ｱｲｳ'),('丂');
         COMMENT ON TABLE \"日本\".\"二進\" IS '説明'; CREATE SEQUENCE \"日本\".\"順\"; COMMENT ON DATABASE a_euc IS '説明'",
    );
    let copied = Copied::of_existing("a_euc").await;
    assert_eq!(copied.done.warnings, [""; 0]);
    copied.expect_same(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_database_whose_encoding_nobody_knows() {
    let server = server();
    server.sql("postgres", "CREATE DATABASE a_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
    server.sql(
        "a_ascii",
        "CREATE TYPE forced AS ENUM ('x'); CREATE TABLE raw (t text, f forced);
         INSERT INTO raw VALUES (E'\\xe4\\xff\\x80\\\\','x'),('ä','x'); CREATE TABLE raw_b AS SELECT t FROM raw;
         DO $$ BEGIN EXECUTE 'CREATE TABLE ' || quote_ident(E'h\\xe4') || ' (x int)';
         EXECUTE 'INSERT INTO ' || quote_ident(E'h\\xe4') || ' VALUES (1)'; END $$",
    );
    Copied::of_existing("a_ascii").await.expect_same(&[]).await;
}
