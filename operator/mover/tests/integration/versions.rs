//! Every major version as a source, and as a target of those that are not newer.

use crate::{
    compared::Database,
    support::{Installation, Server},
    vaulted::{Vault, limits},
};

/// The first major whose servers know everything in `rich.sql`.
const RICH: u32 = 15;

/// A server with a database of one of nearly everything that its major knows.
fn source(installation: &Installation) -> Server {
    let server = Server::start(installation, &[]);
    server.create_database("rich");
    if installation.major < RICH {
        server.sql("rich", include_str!("../data/plain.sql"));
        return server;
    }
    server.sql("postgres", include_str!("../data/roles.sql"));
    server.sql("rich", include_str!("../data/rich.sql"));
    server.sql("rich", include_str!("../data/rich_rows.sql"));
    // Not every installation has every extension, nor the same version of it; nothing in the database needs them.
    let drop =
        "SET client_min_messages = error; DROP EXTENSION IF EXISTS hstore, citext, pg_trgm, btree_gist";
    server.sql("rich", drop);
    server
}

/// Backs a database up on each major and restores it on its own and on the newer ones that are chosen.
async fn every_major(is_target: impl Fn(&Installation, &[Installation]) -> bool) {
    let all = Installation::all();
    for installation in &all {
        let source = source(installation);
        let vault = Vault::new().await;
        let point = vault.back_up(&source, "rich").await;
        let rich = Database { server: &source, name: "rich" };
        vault.restore("own00000", &source, &point, "rich_back", limits()).await.unwrap();
        rich.expect_same(Database { server: &source, name: "rich_back" }).await;
        let newer = all.iter().filter(|newer| newer.major > installation.major);
        for newer in newer.filter(|newer| is_target(newer, &all)) {
            let target = Server::start(newer, &[]);
            target.sql("postgres", include_str!("../data/roles.sql"));
            let run = format!("newer-{}", newer.major);
            vault.restore(&run, &target, &point, "rich_back", limits()).await.unwrap();
            rich.expect_same(Database { server: &target, name: "rich_back" }).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_every_major_comes_back_on_its_own_and_on_the_newest() {
    every_major(|newer, all| Some(newer) == all.last()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b11_an_unlogged_partitioned_table_comes_to_servers_that_refuse_the_word() {
    let all = Installation::all();
    let (Some(older), Some(newest)) =
        (all.iter().rfind(|one| one.major < 18), all.iter().find(|one| one.major >= 18))
    else {
        return;
    };
    let (source, target) = (Server::start(older, &[]), Server::start(newest, &[]));
    source.create_database("unlogged");
    source.sql(
        "unlogged",
        "CREATE UNLOGGED TABLE root (i int) PARTITION BY RANGE (i);
         CREATE UNLOGGED TABLE part PARTITION OF root FOR VALUES FROM (0) TO (100);
         INSERT INTO root SELECT generate_series(0, 99)",
    );
    let vault = Vault::new().await;
    let point = vault.back_up(&source, "unlogged").await;
    vault.restore("unlogged", &target, &point, "unlogged_back", limits()).await.unwrap();
    assert_eq!(target.sql("unlogged_back", "SELECT count(*) FROM root"), "100");
    assert_eq!(
        target.sql("unlogged_back", "SELECT relpersistence FROM pg_class WHERE relname = 'part'"),
        "u"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_public_may_not_do_in_schema_public_it_may_not_after_a_restore() {
    let all = Installation::all();
    let Some(oldest) = all.first().filter(|oldest| oldest.major < 15) else { return };
    let server = Server::start(oldest, &[]);
    let vault = Vault::new().await;
    for (name, change) in [
        ("open", "SELECT 1"),
        ("closed", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"),
        ("shut", "REVOKE ALL ON SCHEMA public FROM PUBLIC"),
    ] {
        server.create_database(name);
        server.sql(name, change);
        let point = vault.back_up(&server, name).await;
        let copy = format!("{name}_copy");
        vault.restore(name, &server, &point, &copy, limits()).await.unwrap();
        let granted = "SELECT string_agg(privilege_type, ' ' ORDER BY 1) FROM pg_namespace, aclexplode(nspacl) acl \
             WHERE nspname = 'public' AND grantee = 0";
        assert_eq!(server.sql(&copy, granted), server.sql(name, granted), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every pair of majors"]
async fn h1_every_major_comes_back_on_every_newer_one() {
    every_major(|_, _| true).await;
}

/// The gate installs them; a machine without them tests less, which is told.
#[test]
fn every_major_that_is_promised_is_here_where_the_gate_says_so() {
    if std::env::var_os("COFFER_TEST_POSTGRES").is_some() {
        let majors: Vec<u32> = Installation::all().iter().map(|one| one.major).collect();
        assert_eq!(majors, [13, 15, 16, 17, 18]);
    }
}
