//! The database as a whole, and what it shares with its server.

use contract::{Credentials, FailureCode, Secret, Stage};

use super::{Copied, server, surroundings::Extension};
use crate::vaulted::{Vault, limits};

// D5.1 D5.2 D5.3
const CONFIGURED: &str = "
    CREATE TABLE a_children (id int PRIMARY KEY, parent int NOT NULL, pad text);
    CREATE TABLE parents (id int PRIMARY KEY, builtin boolean NOT NULL DEFAULT false);
    ALTER TABLE a_children ADD FOREIGN KEY (parent) REFERENCES parents;
    CREATE SEQUENCE numbers; INSERT INTO parents VALUES (0, true);
    SELECT pg_catalog.pg_extension_config_dump('a_children', '');
    SELECT pg_catalog.pg_extension_config_dump('parents', 'WHERE NOT builtin');
    SELECT pg_catalog.pg_extension_config_dump('numbers', '');
";

#[tokio::test(flavor = "multi_thread")]
async fn d5_rows_of_extensions_come_back_before_the_keys_between_them_and_to_them() {
    let _extension = Extension::install("coffer_configured", CONFIGURED);
    let copied = Copied::of(
        "d_config",
        "CREATE EXTENSION coffer_configured SCHEMA public; INSERT INTO parents SELECT g FROM generate_series(1,10) g;
         INSERT INTO a_children SELECT g, g % 10 + 1, repeat('x',200) FROM generate_series(1,50000) g;
         SELECT setval('numbers', 77); CREATE TABLE app_uses (p int REFERENCES parents); INSERT INTO app_uses VALUES (5)",
    )
    .await;
    assert_eq!(copied.ask("SELECT count(*), (SELECT count(*) FROM a_children) FROM parents"), "11|50000");
    assert_eq!(copied.ask("SELECT last_value FROM numbers"), "77");
    assert_eq!(copied.ask("SELECT * FROM app_uses"), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn d8_what_a_reader_is_not_shown_is_told() {
    let server = server();
    server.create_database("d_hidden");
    server.sql(
        "d_hidden",
        "CREATE FOREIGN DATA WRAPPER f; CREATE SERVER far FOREIGN DATA WRAPPER f;
         CREATE USER MAPPING FOR alice SERVER far OPTIONS (password 'secret');
         CREATE SUBSCRIPTION d_hidden CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false);
         CREATE ROLE d_reader LOGIN PASSWORD 'secret'",
    );
    let vault = Vault::new().await;
    let mut source = server.connection("d_hidden");
    source.credentials =
        Credentials::Password { username: "d_reader".into(), password: Secret::new("secret") };
    let done = vault.back_up_as_far_as_possible(source.clone(), "d_hidden").await.unwrap();
    let told = |part: &str| done.coverage.iter().any(|sentence| sentence.contains(part));
    assert!(told("alice at far") && told("subscriptions"), "{:?}", done.coverage);

    // As some managed services have it.
    server.sql("d_hidden", "REVOKE ALL ON pg_subscription FROM PUBLIC");
    let done = vault.back_up_as_far_as_possible(source, "d_hidden again").await.unwrap();
    let told = |part: &str| done.coverage.iter().any(|sentence| sentence.contains(part));
    assert!(told("may not see which subscriptions"), "{:?}", done.coverage);
    server.sql("d_hidden", "ALTER SUBSCRIPTION d_hidden SET (slot_name = NONE); DROP SUBSCRIPTION d_hidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn d9_ten_thousand_large_objects_with_owners_and_privileges() {
    let copied = Copied::of(
        "d_blobs",
        "SELECT count(lo_from_bytea(g::oid, convert_to('object ' || g,'UTF8'))) FROM generate_series(100001,110000) g;
         DO $$BEGIN FOR i IN 100001..110000 LOOP
           EXECUTE format('ALTER LARGE OBJECT %s OWNER TO alice; GRANT SELECT ON LARGE OBJECT %s TO bob', i, i);
           IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END$$",
    )
    .await;
    copied.expect_same(&["SELECT count(*), count(lomacl) FROM pg_largeobject_metadata"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d3_an_owner_who_may_not_create_in_the_schema_gets_its_tables_from_a_role_that_is_no_superuser() {
    let server = server();
    server
        .sql("postgres", "CREATE ROLE d_app; CREATE ROLE d_loader LOGIN CREATEDB PASSWORD 'x' IN ROLE d_app");
    server.create_database("d_owned");
    server.sql(
        "d_owned",
        "ALTER DATABASE d_owned OWNER TO d_app; SET ROLE d_app; CREATE TABLE public.t (id int PRIMARY KEY);
         INSERT INTO public.t VALUES (1); RESET ROLE; REVOKE ALL ON SCHEMA public FROM PUBLIC;
         CREATE SCHEMA apart; CREATE TABLE apart.u (i int); ALTER TABLE apart.u OWNER TO d_app;
         ALTER SCHEMA apart OWNER TO d_loader; GRANT USAGE ON SCHEMA apart TO d_app",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server, "d_owned").await;
    let mut connection = server.connection("postgres");
    connection.credentials =
        Credentials::Password { username: "d_loader".into(), password: Secret::new("x") };
    vault.restore_by("d_owned0", connection, &point, "d_owned_copy", limits()).await.unwrap();
    for sql in [
        "SELECT tablename, tableowner FROM pg_tables WHERE schemaname IN ('public', 'apart') ORDER BY 1",
        "SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname IN ('public', 'apart') ORDER BY 1",
    ] {
        assert_eq!(server.sql("d_owned", sql), server.sql("d_owned_copy", sql), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d2_what_belongs_to_the_role_of_initdb_names_it_and_settings_of_a_missing_role_go_to_nobody() {
    let server = server();
    server.sql("postgres", "CREATE ROLE d_gone; CREATE ROLE d_heir");
    server.create_database("d_roles");
    server.sql(
        "d_roles",
        "CREATE TABLE t (i int); CREATE TABLE theirs (i int); ALTER TABLE theirs OWNER TO d_gone;
         ALTER ROLE d_gone IN DATABASE d_roles SET work_mem = '8MB'",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server, "d_roles").await;
    let manifest = vault.manifest(&point).await;
    assert!(manifest.roles.contains(&"postgres".into()), "{:?}", manifest.roles);
    server.sql("d_roles", "DROP OWNED BY d_gone");
    server.sql("postgres", "DROP ROLE d_gone");
    let done = vault.restore_for("d_roles0", server, &point, "d_roles_copy", "d_heir").await.unwrap();
    let told = |part: &str| done.warnings.iter().any(|warning| warning.contains(part));
    assert!(told("belongs to \"d_heir\"") && told("work_mem"), "{:?}", done.warnings);
    let settings = "SELECT count(*) FROM pg_db_role_setting WHERE setrole = 'd_heir'::regrole";
    assert_eq!(server.sql("postgres", settings), "0");
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'theirs'";
    assert_eq!(server.sql("d_roles_copy", owner), "d_heir");
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_privileges_publications_mappings_and_what_belongs_to_the_database() {
    let copied = Copied::of("case_d4", include_str!("../../data/cases/d_rights.sql")).await;
    copied
        .expect_same(&[
            "SELECT usename, unnest(umoptions) FROM pg_user_mappings WHERE srvname = 'r_s' ORDER BY 1, 2",
            "SELECT setrole::regrole, unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
             WHERE datname = current_database() ORDER BY 1, 2",
            "SELECT datacl, datconnlimit, datdba::regrole FROM pg_database WHERE datname = current_database()",
        ])
        .await;
    let own = "SELECT subname, subenabled FROM pg_subscription \
               WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(copied.ask(own), "d_sub|f");
    let told = "subscription \"d_sub\" is restored disabled; enable it when its publisher may send again";
    assert_eq!(copied.done.warnings, [told]);
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_an_extension_that_the_target_does_not_have_is_refused_by_name() {
    let server = server();
    let extension = Extension::install("coffer_absent", "CREATE TABLE absent (i int);");
    server.create_database("d_absent");
    server.sql("d_absent", "CREATE EXTENSION coffer_absent");
    let vault = Vault::new().await;
    let point = vault.back_up(server, "d_absent").await;
    drop(extension);
    let refused = vault.restore("d_absent", server, &point, "d_absent_copy", limits()).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::ExtensionMissing);
    assert!(refused.message.contains("\"coffer_absent\" 1"), "{}", refused.message);
    assert_eq!(
        server.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ '^d_absent_copy'"),
        "0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d17_a_tablespace_that_the_target_does_not_have_is_refused_by_name() {
    let server = server();
    server.sql(
        "postgres",
        "SET allow_in_place_tablespaces = on; CREATE TABLESPACE \"Gone \"\"soon\"\"\" LOCATION ''",
    );
    server.create_database("d_placed");
    server.sql("d_placed", "CREATE TABLE t (i int PRIMARY KEY USING INDEX TABLESPACE \"Gone \"\"soon\"\"\")");
    let vault = Vault::new().await;
    let point = vault.back_up(server, "d_placed").await;
    vault.restore("d_placed", server, &point, "d_placed_copy", limits()).await.unwrap();
    let place = "SELECT indexname, tablespace FROM pg_indexes WHERE tablename = 't'";
    assert_eq!(server.sql("d_placed_copy", place), server.sql("d_placed", place));
    server.sql(
        "postgres",
        "DROP DATABASE d_placed; DROP DATABASE d_placed_copy; DROP TABLESPACE \"Gone \"\"soon\"\"\"",
    );
    let refused = vault.restore("d_placed1", server, &point, "d_placed_copy", limits()).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TablespaceMissing);
    assert!(refused.message.contains("Gone \"soon\""), "{}", refused.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_what_a_role_may_not_do_after_the_rows_is_told_before_them() {
    let server = server();
    server.sql("postgres", "CREATE ROLE d_plain LOGIN CREATEDB PASSWORD 'x'");
    server.create_database("d_foreseen");
    server.sql(
        "d_foreseen",
        "ALTER DATABASE d_foreseen OWNER TO d_plain; CREATE TABLE t AS SELECT generate_series(1, 1000);
         ALTER TABLE t OWNER TO d_plain; GRANT SELECT ON t TO bob WITH GRANT OPTION;
         SET ROLE bob; GRANT SELECT ON t TO readers",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server, "d_foreseen").await;
    let mut connection = server.connection("postgres");
    connection.credentials = Credentials::Password { username: "d_plain".into(), password: Secret::new("x") };
    let target = vault.restore_by("d_foreseen0", connection, &point, "d_foreseen_copy", limits()).await;
    let failure = target.unwrap_err();
    assert!(failure.message.contains("TABLE t"), "{failure:?}");
    assert_eq!(
        (failure.code, failure.stage),
        (FailureCode::TargetPrivilegesMissing, Stage::Schema),
        "{failure:?}"
    );
}
