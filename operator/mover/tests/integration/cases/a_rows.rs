//! Rows and types.

use contract::{Connection, Credentials, Secret};

use super::{Copied, server, surroundings::with_locale};
use crate::{
    compared::Database,
    support::{Installation, Server},
    vaulted::{Vault, limits},
};

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
    copied
        .expect_same(&[
            "SELECT count(*), sum(g) FROM only_generated",
            "SELECT (SELECT count(*) FROM only_dropped), (SELECT count(*) FROM no_columns)",
        ])
        .await;
}

// A5.1
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

// A5.2
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

// A5.3
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

// A3.1
#[tokio::test(flavor = "multi_thread")]
async fn a3_money_is_the_same_where_it_is_written_without_decimals() {
    let directory = tempfile::tempdir().unwrap();
    let own = Server::start(&with_locale(&Installation::usual(), directory.path(), "ja_JP"), &[]);
    own.create_database("a_money");
    own.sql(
        "a_money",
        "ALTER DATABASE a_money SET lc_monetary = 'ja_JP.UTF-8'; SET lc_monetary = 'ja_JP.UTF-8';
         CREATE TABLE prices (m money DEFAULT '7'); INSERT INTO prices VALUES ('￥1,234'), ('-1'), (DEFAULT);
         INSERT INTO prices SELECT (9223372036854775807 / 100)::numeric::money; CREATE TABLE many AS SELECT ARRAY[m] AS a FROM prices",
    );
    assert_eq!(own.sql("a_money", "SELECT m FROM prices LIMIT 1"), "￥1,234");
    let vault = Vault::new().await;
    let point = vault.back_up(&own, "a_money").await;
    vault.restore("a_money0", &own, &point, "a_money_copy", limits()).await.unwrap();
    Database { server: &own, name: "a_money" }
        .expect_same(Database { server: &own, name: "a_money_copy" })
        .await;
    let as_written = "SELECT m, m::numeric FROM prices ORDER BY 1; SELECT a FROM many ORDER BY 1";
    assert_eq!(own.sql("a_money", as_written), own.sql("a_money_copy", as_written));
}

/// Settings that change how values, names and statements are written or read.
const STYLES: &str = "
    datestyle = 'SQL, DMY'|intervalstyle = iso_8601|timezone = 'Asia/Kathmandu'|extra_float_digits = -15|bytea_output = escape
    array_nulls = off|xmloption = document|standard_conforming_strings = off|backslash_quote = on|client_encoding = LATIN1
    quote_all_identifiers = on|search_path = nowhere|statement_timeout = 700|lock_timeout = 700|idle_in_transaction_session_timeout = 700
    default_transaction_isolation = serializable|default_transaction_deferrable = on|transform_null_equals = on|row_security = off
    check_function_bodies = on|synchronous_commit = off|enable_seqscan = off|vacuum_freeze_min_age = 0|lo_compat_privileges = on
    default_tablespace = pg_default|default_table_access_method = heap|session_replication_role = replica|gin_fuzzy_search_limit = 1
    default_toast_compression = pglz|client_min_messages = error|plpgsql.variable_conflict = use_column|xmlbinary = hex
    default_transaction_read_only = on";

// A3.2
#[tokio::test(flavor = "multi_thread")]
async fn a3_styles_of_role_and_database_change_no_value() {
    let server = server();
    server.create_database("a_styles");
    server.sql(
        "a_styles",
        "CREATE ROLE stylish SUPERUSER LOGIN PASSWORD 'x'; CREATE DOMAIN words AS text;
         CREATE TABLE styled (d date, z timestamptz, i interval, f float8, r real, b bytea, a text[], x xml, t words);
         INSERT INTO styled SELECT '2024-02-03', '2024-03-31 02:30+02', '-1 mon +2 days -00:00:01', 1.0/3 + g, 1.1, E'\\\\x00ff5c27',
           ARRAY['NULL', NULL, 'a'], 'text <b/> only', E'a\\\\b''c' FROM generate_series(1, 50000) g;
         CREATE TABLE styled_too AS SELECT d, z, i, f, r, b, a FROM styled LIMIT 500;
         CREATE FUNCTION of_later() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.styled WHERE a = NULL';
         CREATE VIEW quoted AS SELECT t = E'\\\\' AS \"is\" FROM styled; CREATE INDEX by_t ON styled (t, (f::text));
         SELECT lo_from_bytea(7, 'large')",
    );
    for setting in STYLES.split(['|', '\n']).map(str::trim).filter(|setting| !setting.is_empty()) {
        let sql = format!("ALTER ROLE stylish SET {setting}; ALTER DATABASE a_styles SET {setting}");
        server.sql("postgres", &sql);
    }
    let stylish = |database| {
        let credentials = Credentials::Password { username: "stylish".into(), password: Secret::new("x") };
        Connection { credentials, ..server.connection(database) }
    };
    let vault = Vault::new().await;
    let done = vault.back_up_as_far_as_possible(stylish("a_styles"), "a_styles").await.unwrap();
    vault.restore_by("a_styles", stylish("postgres"), &done.point, "a_styles_copy", limits()).await.unwrap();
    // Now that they have been through both ways, the settings are in the way of the comparison only.
    for database in ["a_styles", "a_styles_copy"] {
        let held = "SELECT count(*) FROM pg_db_role_setting s, unnest(setconfig) WHERE setdatabase = \
                    (SELECT oid FROM pg_database WHERE datname = '";
        let settings = STYLES.split(['|', '\n']).filter(|setting| !setting.trim().is_empty()).count();
        assert_eq!(server.sql("postgres", &format!("{held}{database}')")), settings.to_string());
        server.sql("postgres", &format!("ALTER DATABASE {database} RESET ALL"));
    }
    Database { server, name: "a_styles" }.expect_same(Database { server, name: "a_styles_copy" }).await;
}
