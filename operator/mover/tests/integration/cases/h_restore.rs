//! Targets that cannot take a restore, or not easily.

use contract::{Credentials, FailureCode, Limits, RestoreTarget, RunId, Secret};
use jiff::{SignedDuration, Timestamp};
use mover::{
    clock::Clock,
    format::Hash,
    progress::ProgressSink,
    restore::{Check, Purpose, RestoreInput, Selection, run},
};
use tokio_util::sync::CancellationToken;

use super::{Copied, server, surroundings::with_volume};
use crate::{
    compared::Database,
    stored::{Manner, StoredPoint},
    support::{Installation, Server, fresh},
    vaulted::{Vault, limits},
};

#[tokio::test(flavor = "multi_thread")]
async fn h8_a_disk_that_is_full_is_told_and_nothing_stays_on_it() {
    let directory = tempfile::tempdir().unwrap();
    let own = Server::start(&with_volume(&Installation::usual(), directory.path(), 48), &[]);
    let volume = directory.path().join("volume");
    own.sql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", volume.display()));
    fresh(
        &own,
        "h_full",
        "CREATE TABLE big (id int, x text) TABLESPACE small; ALTER TABLE big ALTER x SET STORAGE PLAIN;
         INSERT INTO big SELECT g, repeat('x', 1900) FROM generate_series(1, 15000) g",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(&own, "h_full").await;
    let failure = vault.restore("h_full00", &own, &point, "h_full_copy", limits()).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::TargetFull);
    for words in ["public.big", "No space left on device", "free space on the server's disk"] {
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    let left = "SELECT count(*) FROM pg_database WHERE datname ~ '^h_full_copy'";
    assert_eq!(own.sql("postgres", left), "0");

    own.sql("postgres", "DROP DATABASE h_full");
    vault.restore("h_full00", &own, &point, "h_full_copy", limits()).await.unwrap();
    assert_eq!(own.sql("h_full_copy", "SELECT count(*), count(DISTINCT id) FROM big"), "15000|15000");
}

#[tokio::test(flavor = "multi_thread")]
async fn h9_without_connections_a_restore_is_refused_and_with_few_it_uses_those() {
    let server = server();
    fresh(
        server,
        "h_few",
        "CREATE ROLE crowded LOGIN CREATEDB PASSWORD 'x' CONNECTION LIMIT 3; ALTER DATABASE h_few OWNER TO crowded; SET ROLE crowded;
         CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, x text); INSERT INTO s.t SELECT g, repeat('x', 50) FROM generate_series(1, 50000) g;
         CREATE TABLE s.u AS SELECT * FROM s.t; CREATE TABLE s.v AS SELECT * FROM s.t; CREATE INDEX ON s.u (x)",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server, "h_few").await;
    let all = Limits { lanes: 60, ..limits() };
    let refused = vault.restore("h_few000", server, &point, "h_few_none", all).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::TooManyConnections);
    assert!(refused.message.contains("the restore needs 62"), "{}", refused.message);
    assert_eq!(server.sql("postgres", "SELECT count(*) FROM pg_database WHERE datname ~ '^h_few_'"), "0");

    let mut few = server.connection("postgres");
    few.credentials = Credentials::Password { username: "crowded".into(), password: Secret::new("x") };
    vault.restore_by("h_few001", few, &point, "h_few_copy", limits()).await.unwrap();
    Database { server, name: "h_few" }.expect_same(Database { server, name: "h_few_copy" }).await;
}

// H10.1 H10.2
#[tokio::test(flavor = "multi_thread")]
async fn h10_views_are_filled_after_what_they_stand_on_and_the_planner_knows_all() {
    let copied = Copied::of(
        "h_views",
        "CREATE TABLE t (id int, k int); INSERT INTO t SELECT g, g % 10 FROM generate_series(1, 1000) g;
         CREATE TABLE p (k int) PARTITION BY LIST (k); CREATE TABLE p_1 PARTITION OF p DEFAULT; INSERT INTO p SELECT k FROM t;
         CREATE MATERIALIZED VIEW z AS SELECT k, count(*) AS n FROM t GROUP BY k; CREATE MATERIALIZED VIEW y AS SELECT sum(n) AS n FROM z;
         CREATE FUNCTION of_y() RETURNS numeric LANGUAGE sql STABLE AS 'SELECT n FROM public.y';
         CREATE MATERIALIZED VIEW a AS SELECT n, 1 AS one FROM y; CREATE VIEW b AS SELECT n FROM a; CREATE MATERIALIZED VIEW c AS SELECT n FROM b;
         CREATE INDEX ON t ((id % 7)); CREATE STATISTICS both_columns ON id, k FROM t; ANALYZE",
    )
    .await;
    assert_eq!(copied.done.warnings, [""; 0]);
    assert_eq!(
        copied.ask("SELECT (SELECT n FROM c), (SELECT n FROM a), (SELECT count(*) FROM z)"),
        "1000|1000|10"
    );
    copied
        .expect_same(&[
            "SELECT tablename, attname, n_distinct, most_common_vals FROM pg_stats WHERE schemaname = 'public' ORDER BY 1, 2",
            "SELECT relname, reltuples FROM pg_class WHERE relkind IN ('r', 'm', 'p') AND relnamespace = 'public'::regnamespace ORDER BY 1",
            "SELECT statistics_name, n_distinct FROM pg_stats_ext",
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h13_a_point_of_a_newer_format_is_refused_as_such() {
    let server = server();
    fresh(server, "h_newer", "CREATE TABLE t (i int)");
    let mut point = StoredPoint::of(server, "h_newer", Manner::default()).await;
    let record = crate::stored::record(&point);
    let mut bytes = std::fs::read(&record).unwrap();
    // The number of the format, behind the magic bytes: FORMAT.md says where.
    assert_eq!(bytes[8..10], [1, 0]);
    bytes[8] = 2;
    std::fs::write(&record, &bytes).unwrap();
    point.grant.record_hash = Hash::of(&bytes).to_string();
    let input = RestoreInput {
        point: point.point(),
        database: None,
        tablespaces: std::collections::BTreeMap::new(),
        target: RestoreTarget {
            connection: server.connection("postgres"),
            database: "h_newer_copy".into(),
            owner: None,
        },
        requested_by: ("ns".into(), "restore".into(), "hash".into()),
        limits: limits(),
        deadline: Timestamp::MAX,
        check: Check::Reread,
        purpose: Purpose::Keep,
        selection: Selection::default(),
    };
    let clock = Clock::system(SignedDuration::ZERO);
    let (run_id, progress) = (RunId("h_newer0".into()), ProgressSink::new(1));
    let refused =
        run(&input, &point, &run_id, &progress, CancellationToken::new(), &clock).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::FormatUnsupported);
    assert!(refused.message.contains("format 2"), "{}", refused.message);
    assert_eq!(point.heard(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn h16_one_point_becomes_several_databases_whatever_their_names() {
    let server = server();
    fresh(
        server,
        "h_origin",
        "CREATE TABLE t (i int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server, "h_origin").await;
    let names = [r#"H "quoted" ' \ dbname=x"#, "häß 表 %s", &"h".repeat(63)];
    for (number, name) in names.into_iter().enumerate() {
        vault.restore(&format!("h_name{number:02}"), server, &point, name, limits()).await.unwrap();
        let mut psql = server.client("psql");
        let asked = psql.args(["-XAtqc", "SELECT current_database(), sum(i) FROM t", "-d", &quoted(name)]);
        let answer = asked.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout).trim_end(), format!("{name}|5050"));
    }
    let too_long = vault.restore("h_name09", server, &point, &"h".repeat(64), limits()).await.unwrap_err();
    assert_eq!(too_long.code, FailureCode::BadAssignment);
}

/// psql takes a name with `=` for a connection string, so each is given as one.
fn quoted(name: &str) -> String {
    format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))
}
