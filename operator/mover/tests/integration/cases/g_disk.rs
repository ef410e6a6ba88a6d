//! G: a mover to whom every file system is read-only.

use std::{env, fs, path::Path, process::Command};

use contract::RunId;
use mover::custody::Custody as _;

use crate::{
    stores::S3Server,
    support::{Server, fresh},
    vaulted::{Vault, limits},
};

/// Says to the part that runs alone which server's database to bring over, and by which vault.
const ALONE: &str = "COFFER_TEST_READ_ONLY";

/// In mounts of its own makes everything read-only but the directory that is named first, if any, and runs the rest.
const READ_ONLY: &str = r#"
set -e
kept=$1; shift
mount --make-rprivate /
if [ -n "$kept" ]; then mount --bind "$kept" "$kept"; fi
while read -r _ _ _ _ place _; do
    case $place in "$kept"|/proc|/proc/*) ;; *) mount -o remount,bind,ro "$place" ;; esac
done </proc/self/mountinfo
exec "$@""#;

/// Runs [`alone`] where nothing can be written but below `kept`.
fn expect_success(server: &Server, database: &str, vault: &Vault, kept: &str) {
    let mut child = Command::new("unshare");
    child.args(["--map-root-user", "--mount", "--", "sh", "-c", READ_ONLY, "sh", kept]);
    child.arg(env::current_exe().unwrap()).args(["--exact", "cases::g_disk::alone", "--include-ignored"]);
    child.env(ALONE, format!("{} {database} {}", server.port, vault.key()));
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
    let rows = "SELECT count(*), sum(i), sum(length(t)) FROM t";
    assert_eq!(server.sql(&format!("{database}_copy"), rows), server.sql(database, rows));
}

/// More than one segment, so that lanes are used.
fn prepare(server: &Server, database: &str) {
    fresh(
        server,
        database,
        "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 20) AS t FROM generate_series(1, 20000) i;
         CREATE INDEX ON t (i); SELECT lo_from_bytea(0, 'a large object')",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn g29_a_mover_that_can_write_no_file_backs_up_verifies_and_restores() {
    let (server, s3) = (Server::shared(), S3Server::start());
    prepare(server, "g29");
    expect_success(server, "g29", &Vault::over(s3.storage()).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn g29_a_vault_in_a_directory_is_all_that_a_mover_writes_to() {
    let (server, directory) = (Server::shared(), tempfile::tempdir().unwrap());
    prepare(server, "g29b");
    let storage = crate::vaulted::storage(directory.path());
    expect_success(server, "g29b", &Vault::over(storage).await, directory.path().to_str().unwrap());
}

/// Backs up, verifies and restores, once it has seen that there is no place to write to.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the part of others that runs in a process of its own"]
async fn alone() {
    let Ok(told) = env::var(ALONE) else { return };
    let words: Vec<&str> = told.splitn(3, ' ').collect();
    let [port, database, key] = words[..] else { panic!("port, database and key") };
    let program = env::current_exe().unwrap();
    let own = [program.parent().unwrap(), &env::current_dir().unwrap(), &env::temp_dir()].map(Path::to_owned);
    let usual = ["/", "/tmp", "/var/tmp", "/run", "/dev/shm"].map(Path::new).map(Path::to_owned);
    for place in own.iter().chain(&usual) {
        let error = fs::write(place.join("coffer-test"), "x").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem, "{}", place.display());
    }
    let port = port.parse().unwrap();
    let vault = Vault::opened(key).await;
    let source = Server::connection_on(port, database);
    let point = vault.back_up_as_far_as_possible(source, database).await.unwrap().point;
    let report = vault.verify(&point).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    let (target, copy) = (Server::connection_on(port, "postgres"), format!("{database}_copy"));
    vault.restore_by("alone000", target, &point, &copy, limits()).await.unwrap();
    vault.custody.settle(&RunId(format!("backup of {database}")), false).await.unwrap();
    vault.custody.vault().close().await;
}
