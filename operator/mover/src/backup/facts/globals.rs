//! What belongs to the server as a whole: roles, who is a member of which, tablespaces, privileges on parameters.

use super::if_allowed;
use crate::{
    format::{
        DatabaseSetting, MembershipEntry, ParameterEntry, Passwords, PgText, RoleEntry, SecurityLabel,
        TablespaceEntry,
    },
    postgres::{PgError, Row, Session},
};

/// The first versions with inheritance and the right to become the role as properties of a membership, and with privileges
/// on parameters.
const WITH_OPTIONS: u32 = 160_000;
const WITH_PARAMETERS: u32 = 150_000;

/// All of it, in memory: as much as the server has roles.
#[derive(Debug)]
pub struct GlobalFacts {
    /// The role that the server was initialised with.
    pub bootstrap: PgText,
    pub passwords: Passwords,
    pub roles: Vec<RoleEntry>,
    pub memberships: Vec<MembershipEntry>,
    pub tablespaces: Vec<TablespaceEntry>,
    /// Of roles in every database.
    pub settings: Vec<DatabaseSetting>,
    pub parameters: Vec<ParameterEntry>,
}

impl GlobalFacts {
    /// Asks. The session is in a transaction, and is so afterwards.
    pub async fn read(session: &mut Session, version: u32) -> Result<Self, PgError> {
        let bootstrap = session.query_one("SELECT rolname FROM pg_roles WHERE oid = 10").await?.text(0)?;
        let labels = Labels::read(session).await?;
        let (passwords, roles) = roles(session, &labels).await?;
        let tablespaces = session.query(TABLESPACES).await?;
        let parameters = match version {
            WITH_PARAMETERS.. => session.query(PARAMETERS).await?,
            _ => Vec::new(),
        };
        Ok(Self {
            bootstrap,
            passwords,
            roles,
            memberships: memberships(session, version).await?,
            tablespaces: tablespaces.iter().map(|row| tablespace(row, &labels)).collect::<Result<_, _>>()?,
            settings: session.query(SETTINGS).await?.iter().map(setting).collect::<Result<_, _>>()?,
            parameters: parameters
                .iter()
                .map(|row| Ok(ParameterEntry { name: row.text(0)?, acl: row.array(1)? }))
                .collect::<Result<_, PgError>>()?,
        })
    }
}

/// Security labels of roles and tablespaces, by catalogue and OID.
struct Labels(Vec<(u32, u32, SecurityLabel)>);

impl Labels {
    async fn read(session: &mut Session) -> Result<Self, PgError> {
        let label = |row: &Row| {
            let label = SecurityLabel { provider: row.text(2)?, label: row.text(3)? };
            Ok::<_, PgError>((row.parse(0)?, row.parse(1)?, label))
        };
        session.query(LABELS).await?.iter().map(label).collect::<Result<_, _>>().map(Self)
    }

    fn of(&self, catalogue: u32, oid: u32) -> Vec<SecurityLabel> {
        let labels = self.0.iter().filter(|(of, object, _)| (*of, *object) == (catalogue, oid));
        labels.map(|(_, _, label)| label.clone()).collect()
    }
}

/// `pg_authid` and `pg_tablespace`.
const ROLE_CATALOGUE: u32 = 1260;
const TABLESPACE_CATALOGUE: u32 = 1213;

const LABELS: &str = "SELECT classoid, objoid, provider, label FROM pg_shseclabel WHERE classoid IN (1260, 1213) ORDER BY 1, 2, 3";

/// Those of superusers and replication, too: whoever may read `pg_authid` gets the passwords with them.
async fn roles(session: &mut Session, labels: &Labels) -> Result<(Passwords, Vec<RoleEntry>), PgError> {
    let (passwords, rows) = match if_allowed(session, &roles_query("pg_authid", "r.rolpassword")).await? {
        Some(rows) => (Passwords::Stored, rows),
        None => (Passwords::Closed, session.query(roles_query("pg_roles", "NULL")).await?),
    };
    let roles = rows.iter().map(|row| role(row, labels)).collect::<Result<_, _>>()?;
    Ok((passwords, roles))
}

fn roles_query(catalogue: &str, password: &str) -> String {
    format!(
        "SELECT r.oid, r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, \
         r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil::text, {password}, shobj_description(r.oid, 'pg_authid') \
         FROM {catalogue} r WHERE left(r.rolname::text, 3) <> 'pg_' ORDER BY r.rolname"
    )
}

fn role(row: &Row, labels: &Labels) -> Result<RoleEntry, PgError> {
    Ok(RoleEntry {
        security_labels: labels.of(ROLE_CATALOGUE, row.parse(0)?),
        name: row.text(1)?,
        is_superuser: row.boolean(2)?,
        inherits: row.boolean(3)?,
        may_create_roles: row.boolean(4)?,
        may_create_databases: row.boolean(5)?,
        may_log_in: row.boolean(6)?,
        may_replicate: row.boolean(7)?,
        bypasses_row_security: row.boolean(8)?,
        connection_limit: row.parse(9)?,
        valid_until: row.optional_text(10)?,
        password: row.optional_text(11)?,
        comment: row.optional_text(12)?,
    })
}

async fn memberships(session: &mut Session, version: u32) -> Result<Vec<MembershipEntry>, PgError> {
    let options = if version >= WITH_OPTIONS { "m.inherit_option, m.set_option" } else { "NULL, NULL" };
    let sql = format!(
        "SELECT r.rolname, u.rolname, g.rolname, m.admin_option, {options} FROM pg_auth_members m \
         JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member \
         LEFT JOIN pg_roles g ON g.oid = m.grantor WHERE left(u.rolname::text, 3) <> 'pg_' ORDER BY 1, 2, 3"
    );
    let optional = |row: &Row, column| row.optional(column)?.map(|_| row.boolean(column)).transpose();
    let membership = |row: &Row| {
        Ok(MembershipEntry {
            role: row.text(0)?,
            member: row.text(1)?,
            grantor: row.optional_text(2)?,
            admin: row.boolean(3)?,
            inherit: optional(row, 4)?,
            set: optional(row, 5)?,
        })
    };
    session.query(sql).await?.iter().map(membership).collect()
}

const TABLESPACES: &str = "SELECT t.oid, t.spcname, pg_get_userbyid(t.spcowner), pg_tablespace_location(t.oid), t.spcacl::text[], \
     coalesce(t.spcoptions, '{}'), shobj_description(t.oid, 'pg_tablespace') FROM pg_tablespace t \
     WHERE left(t.spcname::text, 3) <> 'pg_' ORDER BY t.spcname";

fn tablespace(row: &Row, labels: &Labels) -> Result<TablespaceEntry, PgError> {
    Ok(TablespaceEntry {
        security_labels: labels.of(TABLESPACE_CATALOGUE, row.parse(0)?),
        name: row.text(1)?,
        owner: row.text(2)?,
        location: row.text(3)?,
        acl: row.optional_array(4)?,
        options: row.array(5)?,
        comment: row.optional_text(6)?,
    })
}

/// What is set in every database. What is set in one is told with that one.
const SETTINGS: &str = "SELECT r.rolname, unnest(s.setconfig) FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole \
     WHERE s.setdatabase = 0 AND (s.setrole = 0 OR r.oid IS NOT NULL) ORDER BY r.rolname NULLS FIRST";

fn setting(row: &Row) -> Result<DatabaseSetting, PgError> {
    Ok(DatabaseSetting { role: row.optional_text(0)?, setting: row.text(1)? })
}

const PARAMETERS: &str = "SELECT parname, paracl::text[] FROM pg_parameter_acl ORDER BY parname";
