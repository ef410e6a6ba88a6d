//! Whether two databases are the same, as far as anybody outside our own backup can see.
#![allow(dead_code, reason = "each test program uses its own part of this")]

use std::collections::BTreeMap;

use jiff::SignedDuration;
use mover::{
    clock::Clock,
    format::{RowDigest, TableEntry},
    point::PointReader,
    store,
};

use crate::{
    stored::{Manner, StoredPoint},
    support::{Installation, Server},
};

/// The schema with all that belongs to the database, its name aside, as this version's pg_dump writes it.
pub fn schema(server: &Server, client: &Installation, database: &str) -> String {
    let dump =
        server.client_of(client, "pg_dump").args(["--schema-only", "--create", database]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8_lossy(&dump.stdout);
    let is_salted = |line: &&str| {
        line.starts_with("\\restrict")
            || line.starts_with("\\unrestrict")
            || line.starts_with("-- Dumped from")
    };
    dump.lines().filter(|line| !is_salted(line)).collect::<Vec<_>>().join("\n").replace(database, "DATABASE")
}

/// Digests of all tables by name, as a point has them.
pub async fn digests(point: &StoredPoint) -> BTreeMap<String, Vec<RowDigest>> {
    let clock = Clock::system(SignedDuration::ZERO);
    let store = store::connect(&point.grant.storage, &clock).unwrap();
    let reader = PointReader::open(store, &point.grant).await.unwrap();
    let tables = reader.list::<TableEntry>(&point.manifest).await.unwrap();
    tables.into_iter().map(|table| (format!("{}.{}", table.schema, table.name), table.digests)).collect()
}

/// A database on a server.
#[derive(Clone, Copy)]
pub struct Database<'a> {
    pub server: &'a Server,
    pub name: &'a str,
}

impl Database<'_> {
    /// Every line of schema, every row of every table, every large object and every sequence is the same. The schemas
    /// are read by one pg_dump, that of the newer server. Since a newer server writes definitions in other words, there it is
    /// what stock pg_dump and psql have brought over that the schema is compared with.
    pub async fn expect_same(self, other: Database<'_>) {
        self.expect_same_schema(other);
        assert_eq!(self.rows().await, other.rows().await);
        let sequences = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2";
        assert_eq!(self.server.sql(self.name, sequences), other.server.sql(other.name, sequences));
    }

    /// Every line of schema is the same, as [`Database::expect_same`] compares them.
    pub fn expect_same_schema(self, other: Database<'_>) {
        let client = &other.server.installation;
        let before = if self.server.installation.major == client.major {
            schema(self.server, client, self.name)
        } else {
            self.as_stock_tools_bring_it_to(other)
        };
        let after = schema(other.server, client, other.name);
        for (before, after) in before.lines().zip(after.lines()) {
            assert_eq!(before, after);
        }
        assert_eq!(before, after);
    }

    /// The schema of a database of the same name on another server, made by the pg_dump that a backup would use. While it is
    /// there, the one that is compared with it makes room where it has the name.
    fn as_stock_tools_bring_it_to(self, other: Database<'_>) -> String {
        let mut dump = self.server.client("pg_dump");
        let dump = dump.args(["--schema-only", "--create", self.name]).output().unwrap();
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        let name = format!("\"{}\"", self.name.replace('"', "\"\""));
        let makes_room = self.name == other.name;
        if makes_room {
            other.server.sql("template1", &format!("ALTER DATABASE {name} RENAME TO aside"));
        }
        other.server.sql("template1", &String::from_utf8_lossy(&dump.stdout));
        let schema = schema(other.server, &other.server.installation, self.name);
        if makes_room {
            let back = format!("DROP DATABASE {name}; ALTER DATABASE aside RENAME TO {name}");
            other.server.sql("template1", &back);
        }
        schema
    }

    /// What the server puts into which partition of a hash of an enum is its own affair: those are left out.
    async fn rows(self) -> BTreeMap<String, Vec<RowDigest>> {
        let point = StoredPoint::of(self.server, self.name, Manner::default()).await;
        let mut digests = digests(&point).await;
        digests.retain(|table, _| !table.starts_with("app.by_mood"));
        digests
    }
}
