//! What a backup has to know of its source. Everything here asks, and decides nothing.
//!
//! The queries name catalogues without their schema: the sessions have an empty search path, where `pg_catalog` is what
//! is looked at.

pub mod database;
pub mod databases;
pub mod globals;
pub mod large_objects;
pub mod privileges;
pub mod sequences;
pub mod server;
pub mod spellings;
pub mod tables;

use crate::postgres::{PgError, Row, Session, sqlstate};

/// Relations `c` in schemas `n` of users: what pg_dump would take, too.
const USER_SCHEMAS: &str = "left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema'";

/// Whether relation `c` was made by an extension.
const MEMBER: &str = "EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
     AND d.objsubid = 0 AND d.deptype = 'e')";

/// Whether an extension wants rows of relation `c` kept.
const CONFIGURED: &str = "EXISTS (SELECT FROM pg_extension e WHERE c.oid = ANY (e.extconfig))";

/// What a query gives; `None` where the role may not ask. The session is in a transaction, and is so afterwards.
async fn if_allowed(session: &mut Session, sql: &str) -> Result<Option<Vec<Row>>, PgError> {
    session.execute("SAVEPOINT optional").await?;
    let found = match session.query(sql).await {
        Ok(rows) => Some(rows),
        Err(error) if error.is(sqlstate::INSUFFICIENT_PRIVILEGE) => None,
        Err(error) => return Err(error),
    };
    session.execute("ROLLBACK TO SAVEPOINT optional; RELEASE SAVEPOINT optional").await?;
    Ok(found)
}

/// Relations whose rows or values are users' own. What an extension has made, it will make again.
pub(crate) fn is_ours() -> String {
    format!("{USER_SCHEMAS} AND (NOT {MEMBER} OR {CONFIGURED})")
}
