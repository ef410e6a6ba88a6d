//! Large values: through both ways, in memory that does not grow with them. What is long is asked of the full gate; a small
//! sibling of each always runs.

use std::{env, fs, process::Command};

use contract::Limits;

use super::server;
use crate::{
    compared::Database,
    support::Server,
    vaulted::{Vault, limits},
};

/// What the mover itself may use with two lanes, whatever the row.
const MEMORY_KIB: u64 = 128 << 10;

/// The lanes of [`MEMORY_KIB`].
fn two_lanes() -> Limits {
    Limits { lanes: 2, ..limits() }
}

/// Bytes of every value, of nothing, and of so many.
fn bytes_of(name: &str, length: u64) {
    let server = server();
    server.create_database(name);
    server.sql(
        name,
        &format!(
            "CREATE TABLE pieces (id int, b bytea); ALTER TABLE pieces ALTER b SET STORAGE EXTERNAL;
             INSERT INTO pieces VALUES (0, ''), (1, NULL);
             INSERT INTO pieces SELECT 2, decode(string_agg(lpad(to_hex(g), 2, '0'), '' ORDER BY g), 'hex') FROM generate_series(0, 255) g;
             INSERT INTO pieces SELECT 3, decode(repeat(md5('a') || md5('b'), {}), 'hex');
             UPDATE pieces SET b = substr(b || b, 1, {length}) WHERE id = 3",
            length / 64 + 1
        ),
    );
}

/// Through a backup and a restore in this process.
async fn come_back(server: &Server, name: &str) {
    let (vault, copy) = (Vault::new().await, format!("{name}_copy"));
    let point = vault.back_up(server, name).await;
    vault.restore(name, server, &point, &copy, limits()).await.unwrap();
    let sums = "SELECT id, length(b), md5(b) FROM pieces ORDER BY 1";
    assert_eq!(server.sql(name, sums), server.sql(&copy, sums));
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_bytea_of_no_byte_every_byte_and_many() {
    bytes_of("a_bytes", 40_000_000);
    come_back(server(), "a_bytes").await;
    let (original, copy) = ("a_bytes", "a_bytes_copy");
    let server = server();
    Database { server, name: original }.expect_same(Database { server, name: copy }).await;
    // A domain makes the same rows travel as text, of twice the size.
    server.sql(original, "CREATE DOMAIN words AS text; ALTER TABLE pieces ADD w words");
    server.sql("postgres", "DROP DATABASE a_bytes_copy");
    come_back(server, original).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: 600 MB in one value"]
async fn a6_bytea_of_600_mb() {
    bytes_of("a_many_bytes", 600_000_000);
    come_back(server(), "a_many_bytes").await;
}

#[tokio::test]
async fn a7_a_large_row_needs_no_more_memory_than_a_small_one() {
    bytes_of("a_row", 250_000_000);
    print!("{}", expect_bounded(server(), "a_row").await);
    let sums = "SELECT id, length(b), md5(b) FROM pieces ORDER BY 1";
    assert_eq!(server().sql("a_row", sums), server().sql("a_row_copy", sums));
}

#[tokio::test]
#[ignore = "long: a row of 1,040,000,000 bytes"]
async fn a7_the_largest_row_needs_no_more_memory_either() {
    bytes_of("a_largest_row", 520_000_000);
    server().sql("a_largest_row", "UPDATE pieces SET b = b || b WHERE id = 3");
    print!("{}", expect_bounded(server(), "a_largest_row").await);
    let sums = "SELECT id, length(b), md5(b) FROM pieces ORDER BY 1";
    assert!(server().sql("a_largest_row", sums).contains("1040000000"));
    assert_eq!(server().sql("a_largest_row", sums), server().sql("a_largest_row_copy", sums));
}

/// Says to a part that runs alone which server's which database to bring over, and by which vault.
const ALONE: &str = "COFFER_TEST_ALONE";

/// Backs a database up and restores it beside itself, each in a process of its own, whose peak of memory must stay below
/// [`MEMORY_KIB`]. What the peaks were.
pub async fn expect_bounded(server: &Server, database: &str) -> String {
    let vault = Vault::new().await;
    let told = format!("{} {database} {}", server.port, vault.key());
    let mut peaks = String::new();
    for part in ["there_alone", "back_alone"] {
        let mut child = Command::new(env::current_exe().unwrap());
        let name = format!("cases::a_sizes::{part}");
        child.args(["--exact", &name, "--include-ignored", "--nocapture"]).env(ALONE, &told);
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let peak = said.lines().find_map(|line| line.split_once("VmHWM:")?.1.trim().strip_suffix(" kB"));
        let peak: u64 = peak.unwrap().trim().parse().unwrap();
        assert!(peak <= MEMORY_KIB, "{part}: {peak} KiB");
        peaks += &format!("{database} {part}: a peak of {} MiB\n", peak >> 10);
    }
    peaks
}

/// What a part that runs alone was told: server, database, vault.
async fn told() -> Option<(u16, String, Vault)> {
    let told = env::var(ALONE).ok()?;
    let mut words = told.splitn(3, ' ');
    let mut word = || words.next().unwrap().to_owned();
    let (port, database, key) = (word().parse().unwrap(), word(), word());
    let mut vault = Vault::opened(&key).await;
    vault.limits = two_lanes();
    Some((port, database, vault))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the part of others that runs in a process of its own"]
async fn there_alone() {
    let Some((port, database, vault)) = told().await else { return };
    let source = Server::connection_on(port, &database);
    vault.back_up_as_far_as_possible(source, &database).await.unwrap();
    println!("{}", peak());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the part of others that runs in a process of its own"]
async fn back_alone() {
    let Some((port, database, vault)) = told().await else { return };
    let (target, copy) = (Server::connection_on(port, "postgres"), format!("{database}_copy"));
    let point = vault.only_point();
    vault.restore_by("alone000", target, &point, &copy, two_lanes()).await.unwrap();
    println!("{}", peak());
}

/// The line of the kernel's that tells the largest amount of memory that was held.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned()
}

/// One large object of so many MiB, which compresses badly enough to be many frames.
fn large_object(name: &str, mebibytes: u32) {
    let server = server();
    server.create_database(name);
    server.sql(
        name,
        &format!(
            "SELECT lo_create(77); DO $$ DECLARE piece bytea := decode(repeat(md5('piece'), 65536), 'hex'); BEGIN
               FOR i IN 0..{mebibytes} - 1 LOOP PERFORM lo_put(77, i::bigint * 1048576, piece || convert_to(i::text, 'UTF8')); END LOOP; END $$"
        ),
    );
}

async fn large_object_comes_back(name: &str) {
    let vault = Vault::new().await;
    let point = vault.back_up(server(), name).await;
    let copy = format!("{name}_copy");
    vault.restore(name, server(), &point, &copy, limits()).await.unwrap();
    let pages = "SELECT count(*), sum(hashtextextended(encode(data, 'escape'), pageno)), sum(length(data)) FROM pg_largeobject";
    assert_eq!(server().sql(name, pages), server().sql(&copy, pages));
}

#[tokio::test(flavor = "multi_thread")]
async fn d20_a_large_object_of_many_pages() {
    large_object("d_large", 12);
    large_object_comes_back("d_large").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: a large object of 1 GiB"]
async fn d20_a_large_object_of_1_gib() {
    large_object("d_largest", 1_024);
    large_object_comes_back("d_largest").await;
}
