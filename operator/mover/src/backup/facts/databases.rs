//! Which databases a server has.

use crate::{
    format::PgText,
    postgres::{PgError, Session},
};

/// A database of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub name: PgText,
    pub is_template: bool,
    pub allows_connections: bool,
    /// Somebody began to drop it.
    pub is_invalid: bool,
    /// Whether the role may connect to it.
    pub is_open: bool,
}

/// Asks for all of them, by name.
pub async fn read(session: &mut Session) -> Result<Vec<Candidate>, PgError> {
    let rows = session.query(QUERY).await?;
    let candidate = |row: &crate::postgres::Row| {
        Ok(Candidate {
            name: row.text(0)?,
            is_template: row.boolean(1)?,
            allows_connections: row.boolean(2)?,
            is_invalid: row.boolean(3)?,
            is_open: row.boolean(4)?,
        })
    };
    rows.iter().map(candidate).collect()
}

const QUERY: &str = "SELECT datname, datistemplate, datallowconn, datconnlimit = -2, has_database_privilege(oid, 'CONNECT') \
     FROM pg_database ORDER BY datname";
