//! Several databases of a server and what they share, from one server into another.

use contract::{Databases, FailureCode, PointId};
use mover::restore::Roles;

use crate::{
    compared::Database,
    support::{Installation, Server},
    vaulted::Vault,
};

const ROLES: &str = "
    CREATE ROLE owners; CREATE ROLE \"hostile\"\"; DROP\" LOGIN PASSWORD 'secret' CONNECTION LIMIT 7
      VALID UNTIL '2030-01-01 00:00:00+00'; CREATE ROLE clerk NOINHERIT LOGIN BYPASSRLS; CREATE ROLE maker CREATEDB CREATEROLE;
    COMMENT ON ROLE owners IS 'who''s that';
    GRANT owners TO \"hostile\"\"; DROP\" WITH ADMIN OPTION; GRANT pg_read_all_data TO clerk; GRANT owners TO clerk;
    ALTER ROLE owners SET work_mem = '8MB'; ALTER ROLE clerk SET search_path = a, \"B c\";
    CREATE DATABASE \"d 'one'\\\" OWNER owners CONNECTION LIMIT 5; CREATE DATABASE d_two;
    ALTER DATABASE d_two SET statement_timeout = '1h'; ALTER ROLE clerk IN DATABASE d_two SET jit = off;
    REVOKE CONNECT ON DATABASE d_two FROM PUBLIC; GRANT CONNECT ON DATABASE d_two TO clerk; COMMENT ON DATABASE d_two IS 'two';
    CREATE DATABASE d_template IS_TEMPLATE true; CREATE DATABASE d_sealed ALLOW_CONNECTIONS false";

const NAMES: [&str; 2] = ["d 'one'\\", "d_two"];

/// A server with two databases, and what they share.
fn source(installation: &Installation) -> Server {
    let server = Server::start(installation, &[]);
    server.sql("postgres", ROLES);
    server.sql(NAMES[0], "CREATE TABLE t AS SELECT g AS i, repeat('x', 200) AS t FROM generate_series(1, 60000) g; ALTER TABLE t OWNER TO owners");
    server.sql(NAMES[1], "CREATE TABLE u (i int PRIMARY KEY); INSERT INTO u VALUES (1), (2); GRANT SELECT ON u TO clerk; SELECT lo_from_bytea(70001, 'x')");
    server
}

fn users() -> Databases {
    Databases::Matching { include: vec!["*".into()], exclude: vec!["postgres".into()] }
}

async fn backed_up(vault: &Vault, server: &Server) -> PointId {
    vault.back_up_databases(server.connection("postgres"), users(), "all").await.unwrap().point
}

/// What belongs to the server and its databases, in words that every version knows.
fn properties(server: &Server) -> String {
    server.sql(
        "postgres",
        "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls, rolconnlimit,
           rolvaliduntil AT TIME ZONE 'UTC', rolpassword, shobj_description(oid, 'pg_authid') FROM pg_authid
         WHERE rolname !~ '^(pg_|postgres$)' ORDER BY 1;
         SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members
         WHERE member::regrole::text !~ '^pg_' ORDER BY roleid::regrole::text, member::regrole::text;
         SELECT setrole::regrole, datname, setconfig FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase
         ORDER BY setrole::regrole::text, datname;
         SELECT datname, pg_get_userbyid(datdba), datconnlimit,
           (SELECT string_agg(grantee::regrole || ' ' || privilege_type || is_grantable, ', ' ORDER BY grantee::regrole::text, privilege_type)
             FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))), shobj_description(oid, 'pg_database') FROM pg_database
         WHERE datname ~ '^d' AND datname NOT IN ('d_template', 'd_sealed') ORDER BY 1",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn d27_a_whole_server_comes_back_on_another_one_of_its_own_and_of_a_newer_major() {
    let source = source(&Installation::usual());
    let vault = Vault::new().await;
    let point = backed_up(&vault, &source).await;
    let mut majors = vec![Installation::usual()];
    majors.extend(Installation::all().into_iter().find(|one| one.major == 17));
    for (number, installation) in majors.iter().enumerate() {
        let target = Server::start(installation, &[]);
        let input = vault.server_restore(&target, &point);
        let done = vault.restore_server(&format!("whole{number}"), &input).await.unwrap();
        assert_eq!(properties(&source), properties(&target), "{}", installation.major);
        assert_eq!(done.warnings, [""; 0]);
        assert_eq!((done.summary.tables, done.summary.rows, done.summary.large_objects), (2, 60_002, 1));
        for name in NAMES {
            Database { server: &source, name }.expect_same(Database { server: &target, name }).await;
        }
        let left = "SELECT count(*) FROM pg_database WHERE datname ~ 'incomplete' OR datname IN ('d_template', 'd_sealed')";
        assert_eq!(target.sql("postgres", left), "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d27_one_database_of_many_comes_back_by_its_name_and_without_one_all_are_told() {
    let source = source(&Installation::usual());
    let vault = Vault::new().await;
    let point = backed_up(&vault, &source).await;
    let told =
        vault.restore("unnamed0", &source, &point, "copy", crate::vaulted::limits()).await.unwrap_err();
    assert!(told.message.contains("\"d_two\"") && told.message.contains("name one"), "{}", told.message);
    vault.restore_database("named000", &source, &point, "d_two", "copy").await.unwrap();
    Database { server: &source, name: "d_two" }.expect_same(Database { server: &source, name: "copy" }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d22_roles_that_are_there_stay_and_where_they_differ_it_is_told() {
    let source = source(&Installation::usual());
    let vault = Vault::new().await;
    let point = backed_up(&vault, &source).await;
    let target = Server::start(&Installation::usual(), &[]);
    target.sql(
        "postgres",
        "CREATE ROLE clerk SUPERUSER; CREATE ROLE owners; ALTER ROLE clerk SET work_mem = '1MB'",
    );
    let input = vault.server_restore(&target, &point);
    let done = vault.restore_server("roles000", &input).await.unwrap();
    let told = |part: &str| done.warnings.iter().any(|warning| warning.contains(part));
    assert!(told("role \"clerk\" is there already") && told("NOSUPERUSER"), "{:?}", done.warnings);
    assert!(!told("role \"owners\" is there already"), "{:?}", done.warnings);
    assert!(told("\"clerk\" is a member of \"owners\"") && told("search_path"), "{:?}", done.warnings);
    let clerk = "SELECT rolsuper, rolbypassrls, (SELECT setconfig FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0)
                 FROM pg_roles r WHERE rolname = 'clerk'";
    assert_eq!(target.sql("postgres", clerk), "t|f|{work_mem=1MB}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d25_without_passwords_roles_come_back_without_them_and_it_is_told_twice() {
    let source = source(&Installation::usual());
    source.sql("postgres", "CREATE ROLE plain LOGIN PASSWORD 'x'; GRANT CONNECT ON DATABASE d_two TO plain");
    source.sql("d_two", "GRANT SELECT ON u TO plain; GRANT SELECT ON LARGE OBJECT 70001 TO plain");
    let vault = Vault::new().await;
    let mut connection = source.connection("postgres");
    connection.credentials =
        contract::Credentials::Password { username: "plain".into(), password: contract::Secret::new("x") };
    let asked = Databases::Named(vec!["d_two".into()]);
    let backup = vault.back_up_databases(connection, asked, "plain").await.unwrap();
    assert!(backup.coverage.iter().any(|sentence| sentence.contains("passwords")), "{:?}", backup.coverage);
    let target = Server::start(&Installation::usual(), &[]);
    let done = vault.restore_server("closed00", &vault.server_restore(&target, &backup.point)).await.unwrap();
    assert!(done.warnings.iter().any(|warning| warning.contains("\"plain\"")), "{:?}", done.warnings);
    let with = "SELECT count(*) FROM pg_authid WHERE rolpassword IS NOT NULL AND rolname <> 'postgres'";
    assert_eq!(target.sql("postgres", with), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn d23_options_and_grantors_of_memberships_and_privileges_on_parameters() {
    let Some(newest) = Installation::all().into_iter().rfind(|one| one.major >= 16) else { return };
    let source = Server::start(&newest, &[]);
    source.sql(
        "postgres",
        "CREATE ROLE a_group; CREATE ROLE chief; CREATE ROLE a_clerk; CREATE ROLE other;
         GRANT a_group TO chief WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
         GRANT a_group TO a_clerk WITH INHERIT TRUE, SET FALSE GRANTED BY chief;
         GRANT a_group TO a_clerk WITH INHERIT FALSE, SET TRUE; GRANT SET, ALTER SYSTEM ON PARAMETER log_statement TO other;
         CREATE DATABASE d_members",
    );
    let vault = Vault::new().await;
    let asked = Databases::Named(vec!["d_members".into()]);
    let point = vault.back_up_databases(source.connection("postgres"), asked, "members").await.unwrap().point;
    let target = Server::start(&newest, &[]);
    let done = vault.restore_server("members0", &vault.server_restore(&target, &point)).await.unwrap();
    assert_eq!(done.warnings, [""; 0]);
    let memberships =
        "SELECT roleid::regrole, member::regrole, grantor::regrole, admin_option, inherit_option, set_option
                       FROM pg_auth_members WHERE member::regrole::text !~ '^pg_' ORDER BY roleid::regrole::text, member::regrole::text, grantor::regrole::text;
                       SELECT parname, paracl FROM pg_parameter_acl";
    assert_eq!(source.sql("postgres", memberships), target.sql("postgres", memberships));
}

#[tokio::test(flavor = "multi_thread")]
async fn d26_tablespaces_are_refused_by_name_or_another_is_taken() {
    let source = Server::start(&Installation::usual(), &[]);
    let place = source.data_directory().join("place");
    std::fs::create_dir(&place).unwrap();
    source.sql("postgres", &format!("CREATE TABLESPACE \"fast 1\" LOCATION '{}'", place.display()));
    source.sql("postgres", "CREATE DATABASE d_placed; CREATE DATABASE d_inside TABLESPACE \"fast 1\"");
    source.sql(
        "d_placed",
        "CREATE TABLE t (i int) TABLESPACE \"fast 1\"; CREATE INDEX ON t (i) TABLESPACE \"fast 1\"",
    );
    let vault = Vault::new().await;
    let point = backed_up(&vault, &source).await;
    let target = Server::start(&Installation::usual(), &[]);
    let mut input = vault.server_restore(&target, &point);
    let refused = vault.restore_server("spaces00", &input).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TablespaceMissing);
    assert!(refused.message.contains("\"fast 1\""), "{}", refused.message);
    input.tablespaces.insert("fast 1".into(), "pg_default".into());
    vault.restore_server("spaces01", &input).await.unwrap();
    assert_eq!(target.sql("d_placed", "SELECT count(*) FROM pg_class WHERE reltablespace > 1664"), "0");
    let of = "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database WHERE datname ~ '^d_'";
    assert_eq!(target.sql("postgres", of), "d_inside,d_placed");
}

#[tokio::test(flavor = "multi_thread")]
async fn d29_when_one_database_cannot_be_restored_none_is_there_afterwards() {
    let source = source(&Installation::usual());
    // Restored after the others, and refused only once it is loaded: the view needs what the target has not.
    source.sql("d_two", "CREATE FUNCTION place() RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('d.place')$$;
        CREATE TABLE z (i text CHECK (place() = i)); ALTER DATABASE d_two SET d.place = 'here'");
    source.sql("d_two", "INSERT INTO z VALUES ('here')");
    let vault = Vault::new().await;
    let point = backed_up(&vault, &source).await;
    let target = Server::start(&Installation::usual(), &[]);
    target.sql("postgres", "CREATE ROLE owners");
    let mut input = vault.server_restore(&target, &point);
    input.roles = Roles::Skip;
    let refused = vault.restore_server("skip0000", &input).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::RoleMissing);
    assert_eq!(target.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'"), "0");
    input.roles = Roles::CreateMissing;
    input.rename.insert("d_two".into(), "postgres".into());
    target.sql("postgres", "CREATE TABLE in_use (i int)");
    let refused = vault.restore_server("full0000", &input).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TargetNotEmpty);
    assert_eq!(target.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'"), "0");

    input.rename.clear();
    let failed = vault.restore_server("torn0000", &input).await.unwrap_err();
    let told = |part: &str| assert!(failed.message.contains(part), "{}", failed.message);
    told("database \"d_two\"");
    told("roles that were made stay: ");
    assert_eq!(target.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ '^d'"), "0");
    assert_eq!(target.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'clerk'"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn d24_settings_of_roles_come_back_with_their_roles_and_those_of_a_database_with_it() {
    let source = source(&Installation::usual());
    source.sql("postgres", "ALTER ROLE ALL SET lock_timeout = '1h'; ALTER ROLE owners SET \"x.Y\" = 'it''s'");
    let vault = Vault::new().await;
    let point = backed_up(&vault, &source).await;
    let target = Server::start(&Installation::usual(), &[]);
    let done = vault.restore_server("settings", &vault.server_restore(&target, &point)).await.unwrap();
    let settings = "SELECT setrole::regrole, datname, setconfig FROM pg_db_role_setting
                    LEFT JOIN pg_database d ON d.oid = setdatabase WHERE setrole <> 0 OR setdatabase <> 0 ORDER BY setrole::regrole::text, datname";
    assert_eq!(source.sql("postgres", settings), target.sql("postgres", settings));
    // What is set for everybody is the target's own matter.
    assert_eq!(done.warnings.len(), 1, "{:?}", done.warnings);
    assert!(done.warnings[0].contains("lock_timeout"), "{:?}", done.warnings);
    let of_all = "SELECT count(*) FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = 0";
    assert_eq!(target.sql("postgres", of_all), "0");
}
