//! What a database has that a role for backups has to read.

use crate::{
    backup::is_ours,
    format::PgText,
    postgres::{PgError, Session},
};

/// One database, as the script has to know it. Names are in UTF-8 wherever the server can give them so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseFacts {
    /// `server_version_num`.
    pub version: u32,
    /// As `SHOW server_version` prints it.
    pub version_text: String,
    pub name: PgText,
    pub schemas: Vec<PgText>,
    /// Whoever has made schemas, tables or sequences, and may make more.
    pub owners: Vec<PgText>,
    /// Tables with row security, as SQL writes them.
    pub row_security: Vec<PgText>,
    pub large_objects: u64,
    /// Catalogues that everybody may read on a server as it is installed, and that were closed on this one.
    pub closed_catalogues: Vec<ClosedCatalogue>,
}

/// A catalogue without its usual rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedCatalogue {
    pub name: PgText,
    /// Of a catalogue that is open column by column; empty: the whole of it.
    pub columns: Vec<PgText>,
}

impl DatabaseFacts {
    /// Asks. The session is in a transaction, and is so afterwards.
    pub(super) async fn read(session: &mut Session) -> Result<Self, PgError> {
        // In SQL_ASCII nobody knows what the bytes mean: they come, and go into the script, as they are.
        session.execute("SET LOCAL client_encoding = 'UTF8'").await?;
        let row = session.query_one(DATABASE).await?;
        Ok(Self {
            version: row.parse(0)?,
            version_text: row.text(1)?.to_string(),
            name: row.text(2)?,
            large_objects: row.parse(3)?,
            schemas: names(session, SCHEMAS).await?,
            owners: names(session, OWNERS).await?,
            row_security: names(session, &row_security()).await?,
            closed_catalogues: closed_catalogues(session).await?,
        })
    }
}

async fn names(session: &mut Session, sql: &str) -> Result<Vec<PgText>, PgError> {
    session.query(sql).await?.iter().map(|row| row.text(0)).collect()
}

async fn closed_catalogues(session: &mut Session) -> Result<Vec<ClosedCatalogue>, PgError> {
    let mut closed: Vec<ClosedCatalogue> = Vec::new();
    for row in session.query(CLOSED_CATALOGUES).await? {
        let (name, column) = (row.text(0)?, row.optional_text(1)?);
        match closed.last_mut().filter(|last| last.name == name) {
            Some(last) => last.columns.extend(column),
            None => closed.push(ClosedCatalogue { name, columns: column.into_iter().collect() }),
        }
    }
    Ok(closed)
}

const DATABASE: &str = "SELECT current_setting('server_version_num'), current_setting('server_version'), \
     current_database(), (SELECT count(*) FROM pg_largeobject_metadata)";

const SCHEMAS: &str = "SELECT n.nspname FROM pg_namespace n \
     WHERE left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema' ORDER BY 1";

/// Predefined roles make nothing.
const OWNERS: &str = "SELECT r.rolname FROM pg_roles r WHERE left(r.rolname::text, 3) <> 'pg_' AND r.oid IN (\
     SELECT n.nspowner FROM pg_namespace n WHERE left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema' \
     UNION SELECT c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE left(n.nspname::text, 3) <> 'pg_' AND n.nspname <> 'information_schema' \
     UNION SELECT d.datdba FROM pg_database d WHERE d.datname = current_database()) ORDER BY 1";

fn row_security() -> String {
    format!(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relrowsecurity AND {} ORDER BY 1",
        is_ours()
    )
}

/// What a server grants to everybody when it is made is kept in `pg_init_privs`.
const CLOSED_CATALOGUES: &str = "\
    SELECT c.relname, a.attname FROM pg_init_privs i \
      JOIN pg_class c ON c.oid = i.objoid AND c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') \
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.objsubid AND i.objsubid > 0 \
     WHERE i.classoid = 'pg_class'::regclass AND i.privtype = 'i' \
       AND EXISTS (SELECT FROM aclexplode(i.initprivs) g WHERE g.grantee = 0 AND g.privilege_type = 'SELECT') \
       AND NOT CASE WHEN i.objsubid = 0 THEN has_table_privilege('public', c.oid, 'SELECT') \
                    ELSE has_column_privilege('public', c.oid, i.objsubid::int2, 'SELECT') END \
     ORDER BY 1, i.objsubid";
