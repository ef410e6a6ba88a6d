//! Several databases of one server in one point.

use std::sync::Arc;

use contract::{Databases, FailureCode};
use mover::format::{
    Globals, LeftOutReason, MembershipEntry, Passwords, RoleEntry, SegmentEntry, TableEntry, TablespaceEntry,
};

use crate::support::{
    Asked, Installation, Point, Psql, Server, TestCustody, expect_nothing_left, fresh, until,
};

fn named(names: &[&str]) -> Databases {
    Databases::Named(names.iter().map(ToString::to_string).collect())
}

/// One of a point's databases.
async fn open(custody: &TestCustody, done: &mover::backup::BackupDone, index: usize) -> Point {
    let clock = mover::clock::Clock::system(jiff::SignedDuration::ZERO);
    let reader = custody.open(&done.point, &done.writer, &clock).await;
    let manifest = reader.manifest(index).await.unwrap();
    let tables = reader.list::<TableEntry>(&manifest).await.unwrap();
    let segments = reader.list::<SegmentEntry>(&manifest).await.unwrap();
    Point { reader, manifest, tables, segments }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_databases_are_read_by_one_queue_and_each_has_its_own_manifest() {
    let server = Server::shared();
    let many = "CREATE TABLE big AS SELECT g AS i, repeat('x', 400) AS t FROM generate_series(1, 150000) g;
                CREATE SEQUENCE s; SELECT setval('s', 42)";
    let small = "DO $$BEGIN FOR i IN 1..60 LOOP EXECUTE format('CREATE TABLE t%s AS SELECT %s AS i', i, i);
                 END LOOP; END$$";
    fresh(server, "sb \"one\"", many);
    fresh(server, "sb 'two\\", small);
    let custody = Arc::new(TestCustody::new());
    let asked = Asked::of(server, "postgres").of_databases(named(&["sb \"one\"", "sb 'two\\"]));
    let done = asked.run(&custody).await.unwrap();
    assert_eq!(done.warnings, [""; 0]);
    assert_eq!((done.summary.tables, done.summary.rows), (61, 150_060));

    let (one, two) = (open(&custody, &done, 0).await, open(&custody, &done, 1).await);
    let record = one.reader.record();
    let names: Vec<&str> = record.data_stores.iter().map(|store| store.database.as_str()).collect();
    assert_eq!(names, ["sb \"one\"", "sb 'two\\"]);
    let earliest = record.data_stores.iter().map(|store| store.snapshot_time).min();
    assert_eq!(Some(record.point_time), earliest);
    assert_eq!((one.tables.len(), two.tables.len()), (1, 60));
    assert!(one.tables[0].segments > 1, "a large table is read in pieces");
    one.expect_equal(server, "sb \"one\"").await;
    two.expect_equal(server, "sb 'two\\").await;
    // Pages lie in the order in which databases came to their end, each with the index of its own.
    let pages = [one.reader.contents_page(0).await.unwrap(), one.reader.contents_page(1).await.unwrap()];
    let mut listed = pages.map(|page| (page.data_store, page.tables.len()));
    listed.sort_unstable();
    assert_eq!(listed, [(0, 1), (1, 60)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_snapshots_are_fixed_before_any_row_is_read() {
    let server = Server::shared();
    fresh(server, "sb_first", "CREATE TABLE t AS SELECT g FROM generate_series(1, 100000) g");
    fresh(server, "sb_second", "CREATE TABLE t AS SELECT 1 AS g");
    let custody = Arc::new(TestCustody::new());
    let mut lock = Psql::start(server, "sb_second");
    lock.say("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE;");
    until(
        server,
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE datname = 'sb_second' AND mode = 'AccessExclusiveLock' AND granted",
        "1",
    )
    .await;
    let asked = Asked::of(server, "postgres").of_databases(named(&["sb_first", "sb_second"]));
    let running = asked.start(&custody);
    // The first has all its locks, and waits with them.
    until(
        server,
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         JOIN pg_stat_activity a ON a.pid = l.pid WHERE d.datname = 'sb_second' AND NOT granted
         AND a.application_name = 'coffer run-1'",
        "1",
    )
    .await;
    let locked = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         JOIN pg_stat_activity a ON a.pid = l.pid WHERE d.datname = 'sb_first' AND relation > 16383 AND l.granted
         AND mode = 'AccessShareLock' AND a.application_name = 'coffer run-1'";
    until(server, locked, "1").await;
    let readers = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'coffer run-1' AND datname = 'sb_first'
         AND query LIKE '%ROLLBACK TO SAVEPOINT segment'";
    assert_eq!(server.sql("postgres", readers), "0", "a lane reads");
    lock.say("INSERT INTO t VALUES (2); COMMIT;");
    lock.end();
    let done = running.await.unwrap().unwrap();
    let second = open(&custody, &done, 1).await;
    assert_eq!(second.table("public", "t").rows(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn d28_a_whole_server_has_its_roles_and_leaves_out_what_is_nobodys() {
    let server = Server::start(&Installation::usual(), &[]);
    let place = server.data_directory().join("place");
    std::fs::create_dir(&place).unwrap();
    server.sql(
        "postgres",
        &format!(
            "CREATE ROLE owners NOLOGIN; CREATE ROLE \"hostile\"\"; role\" LOGIN PASSWORD 'secret' CONNECTION LIMIT 7
               VALID UNTIL '2030-01-01 00:00:00+00';
             COMMENT ON ROLE owners IS 'who''s that'; GRANT owners TO \"hostile\"\"; role\" WITH ADMIN OPTION;
             ALTER ROLE owners SET work_mem = '8MB'; ALTER ROLE ALL SET lock_timeout = '5s';
             CREATE TABLESPACE place OWNER owners LOCATION '{}';
             CREATE DATABASE template_own IS_TEMPLATE true; CREATE DATABASE sealed ALLOW_CONNECTIONS false;
             CREATE DATABASE app; CREATE DATABASE rdsadmin; CREATE DATABASE scratch_1;
             CREATE ROLE reader LOGIN PASSWORD 'x'; GRANT pg_read_all_data TO owners",
            place.display()
        ),
    );
    server.sql("app", "CREATE TABLE t AS SELECT 1 AS i; GRANT SELECT ON t TO reader");
    let custody = Arc::new(TestCustody::new());
    let asked = Databases::Matching { include: vec!["*".into()], exclude: vec!["scratch_*".into()] };
    let done = Asked::of(&server, "postgres").of_databases(asked.clone()).run(&custody).await.unwrap();
    assert!(done.coverage.is_empty() && done.warnings.is_empty(), "{done:?}");

    let point = open(&custody, &done, 0).await;
    let record = point.reader.record();
    let names: Vec<&str> = record.data_stores.iter().map(|store| store.database.as_str()).collect();
    assert_eq!(names, ["app", "postgres"]);
    for left in ["rdsadmin", "sealed", "template0", "template1", "template_own"] {
        assert!(
            record.coverage.iter().any(|sentence| sentence.contains(left)),
            "{left}: {:?}",
            record.coverage
        );
    }
    let globals: Globals = point.reader.globals().await.unwrap().unwrap();
    assert_eq!((globals.bootstrap.clone(), globals.passwords), ("postgres".into(), Passwords::Stored));
    let left = |name: &str| {
        globals.left_out.iter().find(|left| left.database == name.into()).map(|left| left.reason)
    };
    assert_eq!(left("scratch_1"), Some(LeftOutReason::NotAsked));
    assert_eq!(left("rdsadmin"), Some(LeftOutReason::Provider));
    assert_eq!(left("sealed"), Some(LeftOutReason::NoConnections));

    expect_roles(&point, &globals).await;

    // Whoever may not read passwords makes the same backup without them, and it says so.
    let custody = Arc::new(TestCustody::new());
    let done =
        Asked::of(&server, "postgres").of_databases(asked).by("reader", "x").run(&custody).await.unwrap();
    let point = open(&custody, &done, 0).await;
    assert_eq!(point.reader.globals().await.unwrap().unwrap().passwords, Passwords::Closed);
    assert!(done.coverage.iter().any(|sentence| sentence.contains("passwords")), "{:?}", done.coverage);
}

/// What was made above, as the point tells it.
async fn expect_roles(point: &Point, globals: &Globals) {
    let roles = point.reader.list_of::<RoleEntry>(&globals.lists).await.unwrap();
    let role = |name: &str| roles.iter().find(|role| role.name == name.into()).unwrap();
    let hostile = role("hostile\"; role");
    assert!(hostile.may_log_in && hostile.connection_limit == 7 && !hostile.is_superuser);
    assert_eq!(hostile.valid_until, Some("2030-01-01 00:00:00+00".into()));
    assert!(hostile.password.as_ref().unwrap().as_bytes().starts_with(b"SCRAM-SHA-256$"));
    assert_eq!(role("owners").comment, Some("who's that".into()));
    let memberships = point.reader.list_of::<MembershipEntry>(&globals.lists).await.unwrap();
    let found = memberships.iter().find(|found| found.role == "owners".into()).unwrap();
    assert!(found.admin && found.member == "hostile\"; role".into());
    assert!(memberships.iter().any(|found| found.role == "pg_read_all_data".into()));
    let tablespaces = point.reader.list_of::<TablespaceEntry>(&globals.lists).await.unwrap();
    assert_eq!((tablespaces.len(), tablespaces[0].owner.clone()), (1, "owners".into()));
    let settings: Vec<String> = globals.settings.iter().map(|setting| setting.setting.to_string()).collect();
    assert_eq!(settings, ["lock_timeout=5s", "work_mem=8MB"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_its_database_and_a_missing_one_is_told_before_anything_is_written() {
    let server = Server::shared();
    fresh(server, "sb_ready", "CREATE TABLE t AS SELECT 1 AS i");
    fresh(server, "sb_locked", "CREATE TABLE t AS SELECT 1 AS i");
    let custody = Arc::new(TestCustody::new());
    let gone = Asked::of(server, "postgres").of_databases(named(&["sb_ready", "sb_gone"]));
    let failure = gone.run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::DatabaseNotFound);
    assert!(failure.message.contains("sb_gone"), "{}", failure.message);

    let mut lock = Psql::start(server, "sb_locked");
    lock.say("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE;");
    let held = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE datname = 'sb_locked' AND mode = 'AccessExclusiveLock' AND granted";
    until(server, held, "1").await;
    let asked = Asked::of(server, "postgres").of_databases(named(&["sb_ready", "sb_locked"]));
    let failure = asked.with_lock_timeout(1).run(&custody).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::LockTimeout);
    assert!(failure.message.contains("database \"sb_locked\""), "{}", failure.message);
    lock.end();
    expect_nothing_left(server, "sb_ready", &custody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_b01_databases_that_match_are_in_the_point_and_those_made_later_in_the_next() {
    let server = Server::start(&Installation::usual(), &[]);
    server.sql("postgres", "CREATE DATABASE app_one; CREATE DATABASE app_two; CREATE DATABASE scratch");
    let asked = Databases::Matching { include: vec!["app_*".into()], exclude: Vec::new() };
    let held = async || {
        let custody = Arc::new(TestCustody::new());
        let done = Asked::of(&server, "postgres").of_databases(asked.clone()).run(&custody).await.unwrap();
        let point = open(&custody, &done, 0).await;
        point.reader.record().data_stores.iter().map(|store| store.database.clone()).collect::<Vec<_>>()
    };
    assert_eq!(held().await, ["app_one", "app_two"]);
    server.sql("postgres", "CREATE DATABASE app_three; DROP DATABASE app_one");
    assert_eq!(held().await, ["app_three", "app_two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_a47_a_point_remembers_version_role_program_and_sizes() {
    let server = Server::shared();
    fresh(server, "a47", "CREATE TABLE t AS SELECT g, repeat('x', 100) AS x FROM generate_series(1, 1000) g");
    server.sql("postgres", "CREATE ROLE a47_reader LOGIN PASSWORD 'x' IN ROLE pg_read_all_data");
    let custody = Arc::new(TestCustody::new());
    let done = Asked::of(server, "a47").by("a47_reader", "x").run(&custody).await.unwrap();
    let point = open(&custody, &done, 0).await;
    let record = point.reader.record();
    assert_eq!(record.source.server_version, server.sql("a47", "SHOW server_version"));
    assert_eq!(record.source.role.as_deref(), Some("a47_reader"));
    let program = format!("{}, pg_dump {}", mover::TOOL, point.manifest.schema.dump_version);
    assert_eq!(record.source.program, Some(program));
    assert!(!point.manifest.schema.dump_version.is_empty());
    assert!(record.source.size_bytes > 1_000_000, "pg_database_size, of which the rows are a part");
    let store = &record.data_stores[0];
    assert_eq!((store.database.as_str(), store.rows), ("a47", 1000));
    assert!(store.plain_bytes > 100_000 && record.stored_bytes > 0);
}
