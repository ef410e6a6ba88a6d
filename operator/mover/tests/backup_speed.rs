//! How long a backup takes beside pg_dump.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::process::Command;

use support::{Asked, Installation, Server, TestCustody, fresh};

/// Not a test of correctness: `cargo test --release --test backup_speed -- --ignored --nocapture` prints how long a table of
/// about 1 GiB takes beside pg_dump.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn measure() {
    let settings = ["shared_buffers=2GB", "max_wal_size=8GB", "autovacuum=off"];
    let server = Server::start(&Installation::oldest(), &settings);
    fresh(
        &server,
        "measured",
        "CREATE TABLE orders (id bigint, made timestamptz, amount numeric(12,2), note text, key uuid, extra jsonb, a int, b int, c text, d date); \
         INSERT INTO orders SELECT g, '2024-01-01'::timestamptz + g * '1 second'::interval, g % 100000 / 100.0, \
         'note ' || md5(g::text), md5(g::text)::uuid, jsonb_build_object('n', g, 'k', md5((g % 1000)::text)), g % 7, g % 1000, \
         'status ' || g % 5, '2024-01-01'::date + g % 1000 FROM generate_series(1, 4000000) g; VACUUM ANALYZE orders",
    );
    eprintln!("heap: {}", server.sql("measured", "SELECT pg_size_pretty(pg_table_size('orders'))"));
    let client = |arguments: &str| {
        let program = server.installation.program("pg_dump");
        let mut shell = server.client("psql");
        let environment: Vec<_> =
            shell.get_envs().map(|(n, v)| (n.to_owned(), v.map(ToOwned::to_owned))).collect();
        shell = Command::new("sh");
        shell.arg("-c").arg(arguments.replace("pg_dump", &program.display().to_string()));
        for (name, value) in environment {
            shell.env(name, value.unwrap_or_default());
        }
        let start = std::time::Instant::now();
        assert!(shell.status().unwrap().success());
        start.elapsed()
    };
    for round in 1..=3 {
        let custody = TestCustody::new();
        let start = std::time::Instant::now();
        let mut asked = Asked::of(&server, "measured");
        asked.limits.lanes = 2;
        let done = asked.run(&custody).await.unwrap();
        eprintln!(
            "{round}: coffer {:?}, {} plain, {} stored",
            start.elapsed(),
            done.summary.plain_bytes,
            done.summary.stored_bytes
        );
        drop(custody);
        eprintln!(
            "{round}: pg_dump -Fc -Z0 | zstd -1 {:?}",
            client(
                "pg_dump -Fc -Z0 -d measured | zstd -1 > /tmp/coffer-measure; stat -c %s /tmp/coffer-measure; rm /tmp/coffer-measure"
            )
        );
        if round == 1 {
            eprintln!(
                "{round}: pg_dump -Fc {:?}",
                client(
                    "pg_dump -Fc -d measured > /tmp/coffer-measure; stat -c %s /tmp/coffer-measure; rm /tmp/coffer-measure"
                )
            );
        }
    }
}
