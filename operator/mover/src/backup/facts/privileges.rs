//! What the role may not read, before anything is locked.

use super::{if_allowed, is_ours};
use crate::postgres::{PgError, Session};

/// How many names are kept of each list; the rest is counted.
const NAMED: usize = 10;

/// Names that are shown, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    pub names: Vec<String>,
    pub count: u64,
}

impl Listed {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, name: String) {
        self.count += 1;
        if self.names.len() < NAMED {
            self.names.push(name);
        }
    }
}

impl std::fmt::Display for Listed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.names.join(", "))?;
        let more = self.count.saturating_sub(self.names.len() as u64);
        if more > 0 { write!(formatter, " and {more} more") } else { Ok(()) }
    }
}

/// Relations that cannot be read, by reason.
#[derive(Debug, Clone, Default)]
pub struct PrivilegeFacts {
    /// The role that asks.
    pub role: String,
    /// Tables and sequences without SELECT, or in a schema without USAGE.
    pub denied: Listed,
    /// Tables of which policies would hide rows from this role.
    pub hidden_by_policies: Listed,
    /// Tables with system column `oid`, which newer servers cannot take.
    pub with_oids: Listed,
    /// Tables that hold rows or define columns: each has to be locked.
    pub tables: u64,
    /// Everything that takes memory in pg_dump.
    pub relations: u64,
    /// Unlogged tables: a standby has no rows of them.
    pub unlogged: Listed,
    /// User mappings whose options, such as passwords, the server does not show to the role; pg_dump then writes none, and
    /// no warning.
    pub hidden_mappings: Listed,
    /// Indexes that the server has given up; pg_dump leaves them out without a word.
    pub invalid_indexes: Listed,
    /// Whether the role may see which subscriptions there are. Some managed services forbid it, and pg_dump then fails.
    pub sees_subscriptions: bool,
}

impl PrivilegeFacts {
    /// Asks. `version` is `server_version_num`.
    pub async fn read(session: &mut Session, version: u32) -> Result<Self, PgError> {
        let row = session.query_one(ROLE).await?;
        let mut facts = Self {
            role: row.text(0)?.to_string(),
            sees_subscriptions: row.boolean(1)?,
            hidden_mappings: hidden_mappings(session).await?,
            invalid_indexes: invalid_indexes(session).await?,
            ..Self::default()
        };
        session
            .query_each(query(version), |row| {
                let name = || Ok::<_, PgError>(format!("{}.{}", row.text(0)?, row.text(1)?));
                facts.relations += 1;
                let is_table = matches!(row.bytes(2)?, b"r" | b"p");
                facts.tables += u64::from(is_table);
                if !row.boolean(3)? {
                    facts.denied.add(name()?);
                } else if row.boolean(4)? {
                    facts.hidden_by_policies.add(name()?);
                }
                if row.boolean(5)? {
                    facts.with_oids.add(name()?);
                }
                if is_table && row.bytes(6)? == b"u" {
                    facts.unlogged.add(name()?);
                }
                Ok(())
            })
            .await?;
        Ok(facts)
    }
}

const ROLE: &str =
    "SELECT current_user, coalesce(has_column_privilege('pg_subscription', 'subdbid', 'SELECT'), false)";

/// The condition is that of the view `pg_user_mappings` itself, from which pg_dump takes the options. Where even the view is
/// closed, pg_dump fails and says so.
async fn hidden_mappings(session: &mut Session) -> Result<Listed, PgError> {
    let mut hidden = Listed::default();
    for row in if_allowed(session, HIDDEN_MAPPINGS).await?.unwrap_or_default() {
        hidden.add(format!("{} at {}", row.text(0)?, row.text(1)?));
    }
    Ok(hidden)
}

async fn invalid_indexes(session: &mut Session) -> Result<Listed, PgError> {
    let mut invalid = Listed::default();
    for row in session.query(format!("{INVALID_INDEXES} AND {} ORDER BY 1, 2", is_ours())).await? {
        invalid.add(format!("{}.{}", row.text(0)?, row.text(1)?));
    }
    Ok(invalid)
}

/// Of a partitioned table they are kept: they become valid with the last partition's.
const INVALID_INDEXES: &str = "\
    SELECT quote_ident(n.nspname), quote_ident(c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
      JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'i' AND NOT i.indisvalid";

const HIDDEN_MAPPINGS: &str = "\
    SELECT coalesce(m.usename, 'PUBLIC'), m.srvname FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid \
     WHERE NOT ((m.umuser <> 0 AND m.usename = current_user \
            AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE'))) \
        OR (m.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE')) \
        OR (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)) ORDER BY 1, 2";

/// Members of extensions are made by the extension; only what it registered for dumping is read.
fn query(version: u32) -> String {
    let with_oids = if version < 120_000 { "c.relhasoids" } else { "false" };
    format!(
        "SELECT quote_ident(n.nspname), quote_ident(c.relname), c.relkind, \
         c.relkind NOT IN ('r', 'p', 'S') OR (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')), \
         c.relkind = 'r' AND c.relrowsecurity AND row_security_active(c.oid), {with_oids}, c.relpersistence \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND {}",
        is_ours()
    )
}
