//! Backups by roles that may little: all they may read is stored, what they are known not to be shown is told, and anything
//! else that they may not read ends the run by its name.

use contract::{Connection, Credentials, FailureCode, Secret};

use crate::{
    compared::Database,
    support::{Asked, Server, TestCustody, expect_nothing_left, fresh},
    vaulted::{Vault, limits},
};

/// A database with something of every kind that privileges are asked for.
const APPLICATION: &str = "
    CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('sad', 'ok');
    CREATE TABLE app.orders (id serial PRIMARY KEY, mood app.mood, note text) PARTITION BY RANGE (id);
    CREATE TABLE app.first PARTITION OF app.orders FOR VALUES FROM (1) TO (1000);
    CREATE TABLE app.others PARTITION OF app.orders DEFAULT;
    INSERT INTO app.orders (mood, note) SELECT 'ok', repeat('x', g) FROM generate_series(1, 1500) g;
    CREATE VIEW app.few AS SELECT * FROM app.orders WHERE id < 10;
    CREATE MATERIALIZED VIEW app.counted AS SELECT count(*) FROM app.orders;
    CREATE FUNCTION app.twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 2 * i';
    CREATE INDEX ON app.orders ((length(note)));
    SELECT lo_from_bytea(4711, 'an object');";

/// A connection as another role.
fn by(role: &str, database: &str) -> Connection {
    let mut connection = Server::shared().connection(database);
    connection.credentials = Credentials::Password { username: role.into(), password: Secret::new("x") };
    connection
}

/// Backs a database up as a role and restores it as a superuser; what was told to be missing.
async fn copy_by(role: &str, database: &str) -> Vec<String> {
    let server = Server::shared();
    let vault = Vault::new().await;
    let done = vault.back_up_as_far_as_possible(by(role, database), database).await.unwrap();
    let copy = format!("{database}_copy");
    vault.restore(database, server, &done.point, &copy, limits()).await.unwrap();
    Database { server, name: database }.expect_same(Database { server, name: &copy }).await;
    done.coverage
}

#[tokio::test(flavor = "multi_thread")]
async fn e17_a_role_that_may_read_all_data_stores_all_of_it() {
    let server = Server::shared();
    fresh(server, "e17", APPLICATION);
    server.sql(
        "e17",
        "CREATE ROLE e17 LOGIN PASSWORD 'x' IN ROLE pg_read_all_data; REVOKE ALL ON SCHEMA app FROM PUBLIC",
    );
    assert_eq!(copy_by("e17", "e17").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn e26_a_superuser_stores_all_whatever_policies_there_are() {
    let server = Server::shared();
    fresh(server, "e26", APPLICATION);
    server.sql(
        "e26",
        "CREATE ROLE e26 SUPERUSER LOGIN PASSWORD 'x'; ALTER TABLE app.first ENABLE ROW LEVEL SECURITY; \
         ALTER TABLE app.first FORCE ROW LEVEL SECURITY",
    );
    assert_eq!(copy_by("e26", "e26").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn e18_the_owner_stores_its_database_unless_policies_are_forced_upon_it() {
    let server = Server::shared();
    server.sql("postgres", "CREATE ROLE its_owner LOGIN PASSWORD 'x'");
    fresh(server, "e18", "ALTER DATABASE e18 OWNER TO its_owner; GRANT CREATE ON SCHEMA public TO its_owner");
    server.sql(
        "e18",
        &format!("SET ROLE its_owner; {APPLICATION} ALTER TABLE app.first ENABLE ROW LEVEL SECURITY"),
    );
    assert_eq!(copy_by("its_owner", "e18").await, Vec::<String>::new());
    server.sql("e18", "ALTER TABLE app.first FORCE ROW LEVEL SECURITY");
    let failure =
        Vault::new().await.back_up_as_far_as_possible(by("its_owner", "e18"), "e18").await.unwrap_err();
    assert_eq!(failure.code, FailureCode::RowSecurity, "{}", failure.message);
    assert!(failure.message.contains("app.first"), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn e19_a_backup_that_cannot_be_whole_is_refused_by_name_before_anything_is_locked_or_written() {
    let server = Server::shared();
    fresh(
        server,
        "e19",
        "CREATE ROLE e19 LOGIN PASSWORD 'x'; CREATE TABLE secret (i int); CREATE SEQUENCE hidden",
    );
    let custody = TestCustody::new();
    let refused = async |code: FailureCode, name: &str| {
        let failure = Asked::of(server, "e19").by("e19", "x").run(&custody).await.unwrap_err();
        assert_eq!(failure.code, code, "{}", failure.message);
        assert!(failure.message.contains(name), "{}", failure.message);
    };
    refused(FailureCode::PrivilegesMissing, "public.secret").await;
    server.sql("e19", "GRANT SELECT ON secret TO e19");
    refused(FailureCode::PrivilegesMissing, "public.hidden").await;
    server.sql("e19", "GRANT SELECT ON hidden TO e19; ALTER TABLE secret ENABLE ROW LEVEL SECURITY");
    refused(FailureCode::RowSecurity, "public.secret").await;
    server.sql("postgres", "GRANT pg_read_all_data TO e19");
    refused(FailureCode::RowSecurity, "public.secret").await;
    assert!(custody.stored().is_empty());
    server.sql("postgres", "ALTER ROLE e19 BYPASSRLS");
    Asked::of(server, "e19").by("e19", "x").run(&custody).await.unwrap();
}

/// What managed services take from those who are no superusers there, as far as a backup meets it.
const CLOUDS: [(&str, &str); 3] = [
    (
        "azure",
        "REVOKE ALL ON pg_authid, pg_largeobject, pg_statistic, pg_subscription, pg_user_mapping, pg_config, \
         pg_file_settings, pg_hba_file_rules, pg_replication_origin_status, pg_shadow FROM PUBLIC",
    ),
    (
        "rds",
        "REVOKE ALL ON pg_authid, pg_shadow, pg_largeobject, pg_file_settings, pg_hba_file_rules FROM PUBLIC; \
         REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    ),
    (
        "cloudsql",
        "REVOKE ALL ON pg_authid, pg_shadow, pg_user_mapping, pg_statistic, pg_largeobject FROM PUBLIC; \
         REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_ls_waldir(), pg_stat_file(text) FROM PUBLIC",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn e20_where_clouds_close_catalogues_the_owner_stores_everything_and_is_told_what_it_is_not_shown() {
    let server = Server::shared();
    server.sql("postgres", "CREATE ROLE e20 LOGIN PASSWORD 'x'");
    for (cloud, revoke) in CLOUDS {
        let name = format!("e20_{cloud}");
        let owned =
            format!("ALTER DATABASE {name} OWNER TO e20; GRANT CREATE ON SCHEMA public TO e20; {revoke}");
        fresh(server, &name, &owned);
        server.sql(&name, &format!("SET ROLE e20; {APPLICATION}"));
        let coverage = copy_by("e20", &name).await;
        let hides_subscriptions = revoke.contains("pg_subscription");
        assert_eq!(coverage.len(), usize::from(hides_subscriptions), "{cloud}: {coverage:?}");
        assert!(coverage.iter().all(|told| told.contains("subscriptions")), "{cloud}: {coverage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e20_a_catalogue_without_which_there_is_no_whole_backup_ends_the_run_by_its_name() {
    let server = Server::shared();
    server.sql("postgres", "CREATE ROLE e20_closed LOGIN PASSWORD 'x'");
    fresh(server, "e20_closed", "ALTER DATABASE e20_closed OWNER TO e20_closed");
    server.sql("e20_closed", "SET ROLE e20_closed; CREATE TABLE t (i int)");
    let closed = [
        ("pg_largeobject_metadata", FailureCode::PrivilegesMissing),
        ("pg_proc", FailureCode::PrivilegesMissing),
        ("pg_attribute", FailureCode::PrivilegesMissing),
    ];
    for (catalogue, code) in closed {
        let custody = TestCustody::new();
        server.sql("e20_closed", &format!("REVOKE ALL ON {catalogue} FROM PUBLIC"));
        let failure = Asked::of(server, "e20_closed").by("e20_closed", "x").run(&custody).await.unwrap_err();
        assert_eq!(failure.code, code, "{catalogue}: {}", failure.message);
        assert!(failure.message.contains(catalogue), "{}", failure.message);
        expect_nothing_left(server, "e20_closed", &custody).await;
        server.sql("e20_closed", &format!("GRANT SELECT ON {catalogue} TO PUBLIC"));
    }
}
