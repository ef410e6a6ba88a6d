//! The settings that every session of a backup pins, so that equal rows give equal bytes, whatever role, database and
//! server are set to, and so that no timeout of theirs ends a long run.
//!
//! All by `SET LOCAL`: nothing outlives the transaction, which matters behind a proxy that shares connections. None of
//! them takes a snapshot.

use std::time::Duration;

use crate::{format::PgText, schema::literal};

/// A setting, its value, and whether every supported server knows it.
struct Pin {
    name: &'static str,
    value: &'static str,
    is_universal: bool,
}

const fn pin(name: &'static str, value: &'static str) -> Pin {
    Pin { name, value, is_universal: true }
}

const fn where_known(name: &'static str, value: &'static str) -> Pin {
    Pin { name, value, is_universal: false }
}

const PINS: [Pin; 21] = [
    pin("search_path", "''"),
    pin("datestyle", "'ISO, MDY'"),
    pin("intervalstyle", "'postgres'"),
    pin("extra_float_digits", "3"),
    pin("timezone", "'UTC'"),
    pin("bytea_output", "'hex'"),
    pin("lc_monetary", "'C'"),
    pin("xmlbinary", "'base64'"),
    pin("synchronize_seqscans", "off"),
    pin("row_security", "off"),
    pin("standard_conforming_strings", "on"),
    pin("quote_all_identifiers", "off"),
    pin("enable_tidscan", "on"),
    pin("statement_timeout", "0"),
    where_known("max_parallel_workers_per_gather", "0"),
    where_known("jit", "off"),
    where_known("idle_in_transaction_session_timeout", "0"),
    where_known("idle_session_timeout", "0"),
    where_known("transaction_timeout", "0"),
    where_known("restrict_nonsystem_relation_kind", "'view, foreign-table'"),
    where_known("array_nulls", "on"),
];

/// The query that tells which of the settings a server knows.
pub fn known_settings_query() -> String {
    let names: Vec<String> =
        PINS.iter().filter(|pin| !pin.is_universal).map(|pin| format!("'{}'", pin.name)).collect();
    format!("SELECT name FROM pg_catalog.pg_settings WHERE name IN ({})", names.join(", "))
}

/// The settings for one server and database.
#[derive(Debug, Clone)]
pub struct Pins {
    statements: Vec<u8>,
}

impl Pins {
    /// `encoding` is the database's; `known` is the answer to [`known_settings_query`].
    pub fn new(encoding: &str, known: &[PgText]) -> Self {
        let mut statements = Vec::new();
        for pin in &PINS {
            if pin.is_universal || known.iter().any(|name| name.as_bytes() == pin.name.as_bytes()) {
                statements.extend_from_slice(format!("SET LOCAL {} = {};", pin.name, pin.value).as_bytes());
            }
        }
        statements.extend_from_slice(b"SET LOCAL client_encoding = ");
        statements.extend_from_slice(&literal(encoding.as_bytes()));
        statements.push(b';');
        Self { statements }
    }

    /// Begins a transaction that sees one instant and changes nothing. With a snapshot it sees that one's instant; else
    /// its first query will fix one.
    pub fn begin(&self, snapshot: Option<&str>, lock_timeout: Duration) -> Vec<u8> {
        let mut sql = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;".to_vec();
        if let Some(snapshot) = snapshot {
            sql.extend_from_slice(b"SET TRANSACTION SNAPSHOT ");
            sql.extend_from_slice(&literal(snapshot.as_bytes()));
            sql.push(b';');
        }
        sql.extend_from_slice(&self.statements);
        sql.extend_from_slice(set_lock_timeout(lock_timeout).as_bytes());
        sql
    }
}

/// How long a lock may be waited for, from here to the end of the transaction or savepoint.
pub fn set_lock_timeout(timeout: Duration) -> String {
    format!("SET LOCAL lock_timeout = {};", timeout.as_millis().clamp(1, i32::MAX as u128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_taken_over_before_anything_else_is_said() {
        let pins = Pins::new("LATIN1", &["jit".into()]);
        let sql = String::from_utf8(pins.begin(Some("00000003-1B-1"), Duration::from_secs(2))).unwrap();
        assert!(sql.starts_with(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;SET TRANSACTION SNAPSHOT '00000003-1B-1';SET LOCAL search_path = '';"
        ));
        assert!(sql.ends_with("SET LOCAL client_encoding = 'LATIN1';SET LOCAL lock_timeout = 2000;"));
        assert!(sql.contains("SET LOCAL jit = off;"));
        assert!(!sql.contains("transaction_timeout = 0;SET LOCAL transaction") && !sql.contains("restrict_"));
    }
}
