//! What the target has of what all its databases share.

use std::collections::{HashMap, HashSet};

use data_encoding::HEXLOWER;

use crate::{
    format::PgText,
    postgres::{PgError, Row, Session},
};

/// The target, as far as roles are concerned.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub major: u32,
    pub is_superuser: bool,
    /// The role that the server was initialised with.
    pub bootstrap: PgText,
    pub roles: HashMap<PgText, Properties>,
    /// Who is a member of which role: the role, then the member.
    pub memberships: HashSet<(PgText, PgText)>,
    /// Settings in every database: the role, if it is of one, and `name=value`.
    pub settings: HashSet<(Option<PgText>, PgText)>,
}

/// What can be told of a role without its password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// Superuser, inherits, may create roles and databases, log in, replicate, bypass row security.
    pub flags: [bool; 7],
    pub connection_limit: i32,
    pub valid_until: Option<PgText>,
}

impl Facts {
    /// Looks, in any database of the target.
    pub async fn gather(session: &mut Session) -> Result<Self, PgError> {
        session.execute("SET timezone = 'UTC'; SET datestyle = 'ISO, MDY'").await?;
        let server = session.query_one(SERVER).await?;
        let mut facts = Self {
            major: server.parse::<u32>(0)? / 10_000,
            is_superuser: server.boolean(1)?,
            bootstrap: name(&server, 2)?,
            ..Self::default()
        };
        for row in session.query(ROLES).await? {
            facts.roles.insert(name(&row, 0)?, properties(&row)?);
        }
        for row in session.query(MEMBERSHIPS).await? {
            facts.memberships.insert((name(&row, 0)?, name(&row, 1)?));
        }
        for row in session.query(SETTINGS).await? {
            let role = row.optional(0)?.map(|_| name(&row, 0)).transpose()?;
            facts.settings.insert((role, row.text(1)?));
        }
        Ok(facts)
    }
}

/// A name that belongs to the whole server comes as its bytes: it need not be text in the encoding of this session.
fn name(row: &Row, column: usize) -> Result<PgText, PgError> {
    let bytes = HEXLOWER.decode(row.bytes(column)?);
    bytes.map(PgText::new).map_err(|_| PgError::Answer("a name that is not in hex".to_owned()))
}

fn properties(row: &Row) -> Result<Properties, PgError> {
    let mut flags = [false; 7];
    for (column, flag) in (1..).zip(&mut flags) {
        *flag = row.boolean(column)?;
    }
    Ok(Properties { flags, connection_limit: row.parse(8)?, valid_until: row.optional_text(9)? })
}

const SERVER: &str = "\
    SELECT pg_catalog.current_setting('server_version_num'), rolsuper, \
           (SELECT pg_catalog.encode(pg_catalog.namesend(b.rolname), 'hex') FROM pg_catalog.pg_roles b WHERE b.oid = 10) \
    FROM pg_catalog.pg_roles WHERE rolname = current_user";

const ROLES: &str = "\
    SELECT pg_catalog.encode(pg_catalog.namesend(rolname), 'hex'), rolsuper, rolinherit, rolcreaterole, rolcreatedb, \
           rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil::text FROM pg_catalog.pg_roles";

const MEMBERSHIPS: &str = "\
    SELECT pg_catalog.encode(pg_catalog.namesend(r.rolname), 'hex'), pg_catalog.encode(pg_catalog.namesend(u.rolname), 'hex') \
    FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.roleid \
    JOIN pg_catalog.pg_roles u ON u.oid = m.member";

const SETTINGS: &str = "\
    SELECT pg_catalog.encode(pg_catalog.namesend(r.rolname), 'hex'), pg_catalog.unnest(s.setconfig) \
    FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = 0";
