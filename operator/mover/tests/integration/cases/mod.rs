//! One database after the other with what PostgreSQL may hold, from a backup through a vault into another database. Each
//! test has the id of its case in its name: A rows and types, B kinds of tables, C constraints and code, D database and
//! server, E others at work and the server's behaviour, G the vault and its stored bytes, H restore.
mod a_rows;
mod a_sizes;
mod b_tables;
mod c_code;
mod d_database;
mod d_many;
mod d_server;
mod e_load;
mod e_locks;
mod e_lost;
mod e_privileges;
mod e_server;
mod e_versions;
mod g_bytes;
mod g_crash;
mod g_disk;
mod g_keys;
mod g_store;
mod h_restore;
mod h_select;
mod h_stages;
mod surroundings;
pub mod under_fire;

use contract::PointId;
use mover::restore::RestoreDone;

use crate::{
    compared::Database,
    support::{Installation, Server},
    vaulted::{Vault, limits},
};

/// The databases that hold many cases each, by their names.
const FIXTURES: [(&str, &str); 8] = [
    ("case_a1", include_str!("../../data/cases/a_binary.sql")),
    ("case_a2", include_str!("../../data/cases/a_text.sql")),
    ("case_a4", include_str!("../../data/cases/a_shapes.sql")),
    ("case_b1", include_str!("../../data/cases/b_partitions.sql")),
    ("case_b2", include_str!("../../data/cases/b_kinds.sql")),
    ("case_b3", include_str!("../../data/cases/b_heaps.sql")),
    ("case_c1", include_str!("../../data/cases/c_code.sql")),
    ("case_d4", include_str!("../../data/cases/d_rights.sql")),
];

/// The first major that knows all that every fixture asks of any.
const LEAST: u32 = 15;

/// The shared server, with the roles that the cases speak of.
fn server() -> &'static Server {
    Server::shared_with_roles()
}

/// A database made by a script, and its copy after a backup and a restore.
struct Copied {
    name: String,
    done: RestoreDone,
}

impl Copied {
    /// Makes the database, backs it up and restores it beside itself.
    async fn of(name: &str, sql: &str) -> Self {
        server().create_database(name);
        server().sql(name, sql);
        Self::of_existing(name).await
    }

    /// As [`Copied::of`], of a database that is there.
    async fn of_existing(name: &str) -> Self {
        let vault = Vault::new().await;
        let point = vault.back_up(server(), name).await;
        let copy = format!("{name}_copy");
        let done = vault.restore(name, server(), &point, &copy, limits()).await.unwrap();
        Self { name: name.to_owned(), done }
    }

    fn copy(&self) -> String {
        format!("{}_copy", self.name)
    }

    /// Schema, rows, large objects and sequences are the same on both sides, and so are the answers to these.
    async fn expect_same(&self, queries: &[&str]) {
        let copy = self.copy();
        let (server, original) = (server(), Database { server: server(), name: &self.name });
        original.expect_same(Database { server, name: &copy }).await;
        for sql in queries {
            assert_eq!(server.sql(&self.name, sql), server.sql(&copy, sql), "{sql}");
        }
    }

    /// What the copy says.
    fn ask(&self, sql: &str) -> String {
        server().sql(&self.copy(), sql)
    }
}

/// Every fixture on a server of this major, back on itself and on these newer ones.
async fn come_back_on(installation: &Installation, newer: &[Installation]) {
    let source = Server::start(installation, &[]);
    source.sql("postgres", include_str!("../../data/roles.sql"));
    let start = |installation| {
        let target = Server::start(installation, &[]);
        target.sql("postgres", include_str!("../../data/roles.sql"));
        target
    };
    let targets: Vec<Server> = newer.iter().map(start).collect();
    let mut points = Vec::new();
    for (name, sql) in FIXTURES {
        source.create_database(name);
        source.sql(name, sql);
        if !targets.iter().all(knows_lz4) {
            source.sql(name, "ALTER TABLE IF EXISTS app.toasted ALTER x SET COMPRESSION pglz");
        }
        let vault = Vault::new().await;
        let point = vault.back_up(&source, name).await;
        points.push((name, vault, point));
        let (_, vault, point) = &points[points.len() - 1];
        back_the_same(&source, name, vault, point, &source).await;
    }
    for target in &targets {
        for (name, vault, point) in &points {
            back_the_same(&source, name, vault, point, target).await;
        }
    }
}

/// A server that was built without it takes no column that asks for it.
fn knows_lz4(server: &Server) -> bool {
    let known = "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'";
    server.sql("postgres", known) == "t"
}

async fn back_the_same(source: &Server, name: &str, vault: &Vault, point: &PointId, target: &Server) {
    let copy = format!("{name}_copy");
    let run = format!("{name} {}", target.installation.major);
    vault.restore(&run, target, point, &copy, limits()).await.unwrap();
    let original = Database { server: source, name };
    original.expect_same(Database { server: target, name: &copy }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_newest_server_knows_comes_back_on_it() {
    if let Some(newest) = Installation::newer().last() {
        come_back_on(newest, &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every fixture on every major, and on the newest"]
async fn every_fixture_comes_back_on_every_major() {
    let all = Installation::all();
    let newest = &all[all.len() - 1..];
    for installation in all.iter().filter(|one| one.major >= LEAST) {
        come_back_on(installation, if installation == &newest[0] { &[] } else { newest }).await;
    }
}
