//! The server and the database as a whole.

use contract::SourceServer;

use super::if_allowed;
use crate::{
    backup::pins::restrict_query,
    postgres::{PgError, Session},
};

/// What is the same for every table.
#[derive(Debug, Clone)]
pub struct ServerFacts {
    /// `server_version_num`.
    pub version: u32,
    /// As `SHOW server_version` prints it.
    pub version_text: String,
    /// The database's encoding, in PostgreSQL's words.
    pub encoding: String,
    pub is_standby: bool,
    /// Bytes of a page.
    pub block_size: u32,
    pub database_bytes: u64,
    pub system_identifier: Option<String>,
    /// Whether it can be told to leave views and foreign tables of users alone.
    pub knows_restrict: bool,
    pub locks: LockSettings,
    pub connections: ConnectionFacts,
    /// The process that answers, which a proxy may make differ from the one that was told at log-in.
    pub backend: i32,
    /// The role that asks.
    pub role: String,
    /// Settings that are on and let the server pass over damaged pages.
    pub hiding_damage: Option<String>,
}

/// What the table of locks is made from.
#[derive(Debug, Clone, Copy)]
pub struct LockSettings {
    pub per_transaction: u64,
    pub connections: u64,
    pub prepared: u64,
}

/// How many connections there may be and are.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionFacts {
    pub most: u32,
    pub reserved: u32,
    pub used: u32,
}

impl ServerFacts {
    pub fn major(&self) -> u32 {
        self.version / 10_000
    }

    /// For the record; `program` is what reads the server.
    pub fn source(&self, program: String) -> SourceServer {
        SourceServer {
            server_version: self.version_text.clone(),
            system_identifier: self.system_identifier.clone(),
            size_bytes: self.database_bytes,
            standby: self.is_standby,
            role: Some(self.role.clone()),
            program: Some(program),
        }
    }

    /// Asks. The session is in a transaction, and is so afterwards.
    pub async fn read(session: &mut Session) -> Result<Self, PgError> {
        let row = session.query_one(FACTS).await?;
        let knows_restrict = session.query_one(restrict_query()).await?.bytes(0)? != b"0";
        Ok(Self {
            version: row.parse(0)?,
            version_text: row.text(1)?.to_string(),
            encoding: row.text(2)?.to_string(),
            is_standby: row.boolean(3)?,
            block_size: row.parse(4)?,
            database_bytes: row.parse(5)?,
            locks: LockSettings {
                per_transaction: row.parse(6)?,
                connections: row.parse(7)?,
                prepared: row.parse(8)?,
            },
            connections: ConnectionFacts {
                most: row.parse(7)?,
                reserved: row.parse(9)?,
                used: row.parse(10)?,
            },
            backend: row.parse(11)?,
            hiding_damage: row.optional_text(12)?.map(|names| names.to_string()),
            role: row.text(13)?.to_string(),
            system_identifier: system_identifier(session).await?,
            knows_restrict,
        })
    }
}

const FACTS: &str = "SELECT current_setting('server_version_num'), current_setting('server_version'), \
     current_setting('server_encoding'), pg_is_in_recovery(), current_setting('block_size'), pg_database_size(d.oid), \
     current_setting('max_locks_per_transaction'), current_setting('max_connections'), \
     current_setting('max_prepared_transactions'), current_setting('superuser_reserved_connections'), \
     (SELECT count(*) FROM pg_stat_activity), pg_backend_pid(), \
     (SELECT string_agg(s.name, ', ') FROM pg_settings s WHERE s.setting = 'on' \
     AND s.name IN ('zero_damaged_pages', 'ignore_checksum_failure')), current_user \
     FROM pg_database d WHERE d.datname = current_database()";

/// `None` where the role may not ask.
async fn system_identifier(session: &mut Session) -> Result<Option<String>, PgError> {
    let found = if_allowed(session, "SELECT system_identifier FROM pg_control_system()").await?;
    found.unwrap_or_default().first().map(|row| row.text(0).map(|text| text.to_string())).transpose()
}
