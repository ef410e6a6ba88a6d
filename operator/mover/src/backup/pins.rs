//! The settings that every session of a backup pins, so that equal rows give equal bytes, whatever role, database and
//! server are set to, and so that no timeout of theirs ends a long run.
//!
//! All by `SET LOCAL`: nothing outlives the transaction, which matters behind a proxy that shares connections. None of
//! them takes a snapshot.

use std::time::Duration;

use crate::{postgres::Session, schema::Sql};

/// A setting, its value, and the first major version that knows it.
type Pin = (&'static str, &'static str, u32);

const PINS: [Pin; 20] = [
    ("statement_timeout", "0", 0),
    ("search_path", "''", 0),
    ("datestyle", "'ISO, MDY'", 0),
    ("intervalstyle", "'postgres'", 0),
    ("extra_float_digits", "3", 0),
    ("timezone", "'UTC'", 0),
    ("bytea_output", "'hex'", 0),
    ("lc_monetary", "'C'", 0),
    ("xmlbinary", "'base64'", 0),
    ("synchronize_seqscans", "off", 0),
    ("row_security", "off", 0),
    ("standard_conforming_strings", "on", 0),
    ("quote_all_identifiers", "off", 0),
    ("enable_tidscan", "on", 0),
    // A CHECK that rows have ceased to meet must not keep them from being read.
    ("constraint_exclusion", "off", 0),
    ("max_parallel_workers_per_gather", "0", 0),
    ("idle_in_transaction_session_timeout", "0", 0),
    ("jit", "off", 11),
    ("idle_session_timeout", "0", 14),
    ("transaction_timeout", "0", 17),
];

/// Came with minor versions of many major ones: views and foreign tables of users are then not read by mistake.
const RESTRICT: &str = "restrict_nonsystem_relation_kind";

/// Asks whether the server knows a setting that its major version does not tell of.
pub fn restrict_query() -> String {
    format!("SELECT count(*) FROM pg_catalog.pg_settings WHERE name = '{RESTRICT}'")
}

/// The settings for one server and database.
#[derive(Debug, Clone)]
pub struct Pins {
    statements: Vec<u8>,
}

impl Pins {
    /// `encoding` is the database's; `knows_restrict` is the answer to [`restrict_query`].
    pub fn new(encoding: &str, major: u32, knows_restrict: bool) -> Self {
        let mut sql = Sql::default();
        for (name, value, _) in PINS.iter().filter(|(_, _, since)| major >= *since) {
            sql = sql.text(&format!("SET LOCAL {name} = {value};"));
        }
        if knows_restrict {
            sql = sql.text(&format!("SET LOCAL {RESTRICT} = 'view, foreign-table';"));
        }
        let sql = sql.text("SET LOCAL client_encoding = ").literal(encoding.as_bytes()).text(";");
        Self { statements: sql.into_bytes() }
    }

    /// For the first questions, as far as the server has introduced itself at log-in.
    pub fn first(session: &Session) -> Self {
        let version = session.parameter("server_version").unwrap_or_default();
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        Self::new(
            session.parameter("server_encoding").unwrap_or("SQL_ASCII"),
            digits.parse().unwrap_or(0),
            false,
        )
    }

    /// Begins a transaction that sees one instant and changes nothing. With a snapshot it sees that one's instant; else
    /// its first query will fix one.
    pub fn begin(&self, snapshot: Option<&str>, lock_timeout: Duration) -> Vec<u8> {
        let mut sql = Sql::default().text("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;");
        if let Some(snapshot) = snapshot {
            sql = sql.text("SET TRANSACTION SNAPSHOT ").literal(snapshot.as_bytes()).text(";");
        }
        sql.raw(&self.statements).text(&set_lock_timeout(lock_timeout)).into_bytes()
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
        let pins = Pins::new("LATIN1", 16, false);
        let sql = String::from_utf8(pins.begin(Some("00000003-1B-1"), Duration::from_secs(2))).unwrap();
        assert!(sql.starts_with(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;SET TRANSACTION SNAPSHOT '00000003-1B-1';SET LOCAL statement_timeout = 0;"
        ));
        assert!(
            sql.ends_with("SET LOCAL client_encoding = 'LATIN1';SET LOCAL lock_timeout = 2000;"),
            "{sql}"
        );
        assert!(sql.contains("SET LOCAL jit = off;"));
        assert!(!sql.contains(" transaction_timeout") && !sql.contains("restrict_"), "16 knows neither");
    }
}
