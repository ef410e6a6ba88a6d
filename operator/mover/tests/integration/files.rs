//! A point as files: loaded by psql alone, it is the database that it was.

use std::{fs, path::Path};

use contract::{Failure, FailureCode, Limits, PointId, RunId};
use jiff::{SignedDuration, Timestamp};
use mover::{
    clock::Clock,
    progress::ProgressSink,
    restore::{
        Selection,
        files::{self, FilesDone, FilesInput},
    },
};
use tokio_util::sync::CancellationToken;

use crate::{
    compared::Database,
    support::{Installation, Server},
    vaulted::{Vault, limits},
};

async fn written(
    vault: &Vault,
    point: &PointId,
    directory: &Path,
    selection: Selection,
    limits: Limits,
    cancel: CancellationToken,
) -> Result<FilesDone, Failure> {
    let input = FilesInput {
        database: None,
        point: point.clone(),
        directory: directory.to_owned(),
        selection,
        limits,
        deadline: Timestamp::MAX,
    };
    let clock = Clock::system(SignedDuration::ZERO);
    let (run, progress) = (RunId("files".into()), ProgressSink::new(1));
    files::run(&input, &vault.custody, &run, &progress, cancel, &clock).await
}

/// psql, as the files' own words say to use it.
fn load(server: &Server, database: &str, directory: &Path, script: &str) {
    let mut psql = server.client("psql");
    psql.args(["-X", "-q", "-d", database, "-f", script]).current_dir(directory);
    let loaded = psql.output().unwrap();
    assert!(loaded.status.success(), "{script}: {}", String::from_utf8_lossy(&loaded.stderr));
}

fn expect_sums(directory: &Path) {
    let mut check = std::process::Command::new("sha256sum");
    let checked = check.args(["--check", "--quiet", "SHA256SUMS"]).current_dir(directory).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let listed = fs::read_to_string(directory.join("SHA256SUMS")).unwrap().lines().count();
    let files = |path: &Path| {
        fs::read_dir(path).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
    };
    assert_eq!(listed + 1, files(directory) + files(&directory.join("data")));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_rich_database_are_loaded_by_psql_into_the_same_database() {
    let installation = Installation::usual();
    let (server, other) = (Server::start(&installation, &[]), Server::start(&installation, &[]));
    for server in [&server, &other] {
        server.sql("postgres", include_str!("../data/roles.sql"));
    }
    server.create_database("rich");
    server.sql("rich", include_str!("../data/rich.sql"));
    server.sql("rich", include_str!("../data/rich_rows.sql"));
    let vault = Vault::new().await;
    let point = vault.back_up(&server, "rich").await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("rich");
    let everything = Selection::default();
    let done =
        written(&vault, &point, &directory, everything.clone(), limits(), CancellationToken::new()).await;
    let manifest = vault.manifest(&point).await;
    assert_eq!(done.unwrap().summary.rows, manifest.rows);
    expect_sums(&directory);

    load(&other, "postgres", &directory, "database.sql");
    load(&other, "rich", &directory, "load.sql");
    Database { server: &server, name: "rich" }.expect_same(Database { server: &other, name: "rich" }).await;

    let again = written(&vault, &point, &directory, everything, limits(), CancellationToken::new()).await;
    assert_eq!(again.unwrap_err().code, FailureCode::TargetExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_type_and_of_odd_names_are_loaded_in_one_transaction() {
    let server = Server::shared_with_roles();
    server.create_database("files_types");
    server.sql("files_types", include_str!("../data/types.sql"));
    server.sql(
        "files_types",
        "CREATE TABLE \"two\nlines\" (\"a\nb\" int GENERATED ALWAYS AS IDENTITY, \"c\\d'\" text);
         INSERT INTO \"two\nlines\" (\"c\\d'\") VALUES ('x'), (NULL);
         CREATE TABLE \"quote'\"\"s\" (\"\"\"\" money, nothing xml); INSERT INTO \"quote'\"\"s\" VALUES (1.5, '<a/>');
         CREATE TABLE none (); INSERT INTO none DEFAULT VALUES; CREATE TABLE empty (i int);
         CREATE TYPE kind AS ENUM ('a', 'b', 'c', 'd');
         CREATE TABLE hashed (k kind, n int) PARTITION BY HASH (k);
         CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO hashed SELECT (enum_range(NULL::kind))[g % 4 + 1], g FROM generate_series(1, 100) g",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(server, "files_types").await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("types");
    let everything = Selection::default();
    written(&vault, &point, &directory, everything, limits(), CancellationToken::new()).await.unwrap();
    server.create_database("files_types_back");
    let mut psql = server.client("psql");
    psql.args(["-X", "-q", "-1", "-d", "files_types_back", "-f", "load.sql"]).current_dir(&directory);
    let loaded = psql.output().unwrap();
    assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    let hashed = "SELECT count(*), sum(n) FROM hashed";
    assert_eq!(server.sql("files_types_back", hashed), server.sql("files_types", hashed));
    // Where the rows of each partition land is the server's own affair.
    for database in ["files_types", "files_types_back"] {
        server.sql(database, "DROP TABLE hashed");
    }
    Database { server, name: "files_types" }.expect_same(Database { server, name: "files_types_back" }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_one_table_hold_it_and_a_run_that_is_stopped_leaves_none() {
    let server = Server::shared_with_roles();
    server.create_database("files_table");
    server.sql("files_table", include_str!("../data/cases/h_shop.sql"));
    let vault = Vault::new().await;
    let point = vault.back_up(server, "files_table").await;
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("orders");
    let orders = Selection { relations: vec![("shop".into(), "orders".into())], ..Selection::default() };
    let stopped = CancellationToken::new();
    let slow = Limits { bytes_per_second: Some(1_000), ..limits() };
    let unfinished = async {
        while fs::read_dir(place.path()).unwrap().count() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stopped.cancel();
    };
    let slowly = written(&vault, &point, &directory, Selection::default(), slow, stopped.clone());
    let (ended, ()) = tokio::join!(slowly, unfinished);
    assert_eq!(ended.unwrap_err().code, FailureCode::Cancelled);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);

    let done = written(&vault, &point, &directory, orders, limits(), CancellationToken::new()).await.unwrap();
    assert_eq!((done.summary.tables, done.summary.rows), (1, 5000));
    server.create_database("files_table_back");
    load(server, "files_table_back", &directory, "load.sql");
    let rows =
        "SELECT count(*), sum(id), sum(amount), md5(string_agg(note, '' ORDER BY id)) FROM shop.orders";
    assert_eq!(server.sql("files_table_back", rows), server.sql("files_table", rows));
}
