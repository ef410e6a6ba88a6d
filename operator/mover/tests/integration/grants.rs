//! The script of grants, run on real servers: with nothing but what it gives a whole backup is made, also of what came later.

use std::process::Stdio;

use mover::{
    grants::{self, GrantRequest},
    postgres::Endpoint,
};

use crate::{
    compared::Database,
    support::{Installation, Server, fresh},
    vaulted::{Vault, limits},
};
use contract::{Connection, Credentials, FailureCode, Secret};

const ROLE: &str = "back'\"up $coffer$";

/// Of everything that a role without rights does not see, something; owned by one who is no superuser.
const PRIVATE: &str = r#"
    REVOKE CONNECT ON DATABASE "Priv ate" FROM PUBLIC;
    GRANT CREATE ON DATABASE "Priv ate" TO keeper_of_it;
    SET ROLE keeper_of_it;
    CREATE SCHEMA "a""b
    c";
    CREATE TABLE "a""b
    c"."T" (id bigserial PRIMARY KEY, words text);
    INSERT INTO "a""b
    c"."T" (words) SELECT 'word ' || g FROM generate_series(1, 2000) g;
    CREATE SCHEMA shop;
    CREATE TABLE shop.parts (id int, half int) PARTITION BY LIST (half);
    CREATE TABLE shop.parts_0 PARTITION OF shop.parts FOR VALUES IN (0);
    CREATE TABLE shop.parts_1 PARTITION OF shop.parts FOR VALUES IN (1);
    INSERT INTO shop.parts SELECT g, g % 2 FROM generate_series(1, 500) g;
    CREATE VIEW shop.seen AS SELECT id FROM shop.parts;
    CREATE MATERIALIZED VIEW shop.kept AS SELECT count(*) FROM shop.parts;
    CREATE TABLE shop.secret (of text, what text);
    INSERT INTO shop.secret VALUES ('you', 'one'), ('me', 'two');
    ALTER TABLE shop.secret ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON shop.secret USING (of = current_user);
    SELECT lo_from_bytea(70001, 'a large object'), lo_from_bytea(70002, '');
    RESET ROLE;
"#;

/// As managed services do it.
const CLOSED: &str = "
    REVOKE ALL ON pg_catalog.pg_authid, pg_catalog.pg_subscription, pg_catalog.pg_user_mapping FROM PUBLIC;
    REVOKE SELECT ON pg_catalog.pg_user_mappings FROM PUBLIC;
    DO $$BEGIN EXECUTE (SELECT 'REVOKE SELECT (' || string_agg(quote_ident(attname), ', ') || ') ON pg_subscription FROM PUBLIC'
        FROM pg_attribute WHERE attrelid = 'pg_subscription'::regclass AND attnum > 0); END$$;
";

const LATER: &str = "
    SET ROLE keeper_of_it;
    CREATE SCHEMA later; CREATE TABLE later.t (id serial); INSERT INTO later.t DEFAULT VALUES; CREATE TABLE shop.later ();
";

const DATABASE: &str = "Priv ate";
/// It needs quotes, too, so that what pg_dump says of both differs in nothing else.
const BACK: &str = "Priv back";

fn connection_of_role(server: &Server) -> Connection {
    let password = Secret::new("pass");
    let credentials = Credentials::Password { username: ROLE.into(), password };
    Connection { credentials, ..server.connection(DATABASE) }
}

/// Has the administrator run the script as a person would, and everything in it must be well.
fn run_script(server: &Server, database: &str, script: &[u8]) {
    use std::io::Write as _;
    let mut psql = server.client("psql");
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"]).env("PGDATABASE", database);
    let mut child = psql.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(script));
}

async fn script_for(server: &Server, databases: &[&str], object_by_object: bool) -> Vec<u8> {
    let mut facts = Vec::new();
    for database in databases {
        facts.push(grants::look(&Endpoint::new(&server.connection(database)).unwrap()).await.unwrap());
    }
    GrantRequest::new(ROLE, object_by_object).unwrap().script(&facts)
}

/// Without the script a backup is refused; with it, it is whole, also after new tables have come.
async fn expect_enough(installation: &Installation, object_by_object: bool, is_closed: bool) {
    let server = Server::start(installation, &[]);
    server.sql("postgres", "CREATE ROLE keeper_of_it");
    fresh(&server, DATABASE, PRIVATE);
    if is_closed {
        server.sql(DATABASE, CLOSED);
    }
    let quoted = format!("\"{}\"", ROLE.replace('"', "\"\""));
    server.sql("postgres", &format!("CREATE ROLE {quoted} LOGIN PASSWORD 'pass'"));
    server.sql("postgres", &format!("GRANT CONNECT ON DATABASE \"{DATABASE}\" TO {quoted}"));
    let vault = Vault::new().await;
    let refused = vault.back_up_as_far_as_possible(connection_of_role(&server), "before").await.unwrap_err();
    assert_eq!(refused.code, FailureCode::PrivilegesMissing, "{}", refused.message);
    server.sql("postgres", &format!("REVOKE CONNECT ON DATABASE \"{DATABASE}\" FROM {quoted}"));

    let script = script_for(&server, &[DATABASE], object_by_object).await;
    run_script(&server, DATABASE, &script);
    run_script(&server, DATABASE, &script);
    let server_wide = String::from_utf8_lossy(&script).contains("pg_read_all_data TO");
    assert_eq!(server_wide, installation.major >= 14 && !object_by_object);

    server.sql(DATABASE, LATER);
    let done = vault.back_up_as_far_as_possible(connection_of_role(&server), "after").await.unwrap();
    assert_eq!(done.coverage, [""; 0], "{installation:?}");
    vault.restore("grants", &server, &done.point, BACK, limits()).await.unwrap();
    let source = Database { server: &server, name: DATABASE };
    source.expect_same(Database { server: &server, name: BACK }).await;
}

fn installation(major: u32) -> Option<Installation> {
    Installation::all().into_iter().find(|one| one.major == major)
}

#[tokio::test(flavor = "multi_thread")]
async fn with_what_the_script_grants_everything_is_backed_up() {
    for major in [13, 17, 18] {
        let Some(installation) = installation(major) else { continue };
        expect_enough(&installation, false, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn object_by_object_it_is_enough_also_on_servers_that_closed_their_catalogues() {
    for (major, object_by_object) in [(13, true), (17, true), (17, false)] {
        let Some(installation) = installation(major) else { continue };
        expect_enough(&installation, object_by_object, true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_script_serves_several_databases() {
    let server = Server::start(&Installation::usual(), &[]);
    server.sql("postgres", "CREATE ROLE keeper_of_it");
    let other = "a'b \"c\"\\ =d";
    fresh(&server, DATABASE, PRIVATE);
    fresh(&server, other, "CREATE TABLE t (i int)");
    let script = script_for(&server, &[DATABASE, other], true).await;
    run_script(&server, "postgres", &script);
    let may = |table: &str| {
        format!("SELECT has_table_privilege('{}', '{table}', 'SELECT')", ROLE.replace('\'', "''"))
    };
    assert_eq!(server.sql(DATABASE, &may("shop.parts")), "t");
    assert_eq!(server.sql(other, &may("public.t")), "t");
}
