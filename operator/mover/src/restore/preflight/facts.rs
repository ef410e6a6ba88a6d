//! What the target says of itself.

use std::collections::{BTreeSet, HashMap};

use data_encoding::HEXLOWER;

use crate::{
    format::{Manifest, PgText},
    postgres::{PgError, Row, Session},
    restore::target::Target,
    schema::Sql,
};

/// How many of the objects in a database that is not empty are named.
const EXAMPLES: u32 = 5;
/// From here on membership and the right to become the role are two things.
pub(super) const WITH_SET_OPTION: u32 = 16;

/// What was seen of the target, before anything was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub major: u32,
    /// As the server prints it.
    pub version: String,
    pub is_standby: bool,
    pub user: PgText,
    pub is_superuser: bool,
    pub may_create_databases: bool,
    /// `None`: the role may not read it.
    pub system_identifier: Option<String>,
    /// Connections that are left for roles without privileges.
    pub free_connections: i64,
    pub has_icu: bool,
    /// Of the roles that the point names, those that are there.
    pub roles: HashMap<PgText, Role>,
    /// Of the extensions that the point needs, those that can be created.
    pub extensions: Vec<PgText>,
    /// Of the tablespaces that the point names, those that are there, and whether the user may create in them.
    pub tablespaces: HashMap<PgText, bool>,
    /// The database that the restore is to make, where there is one already.
    pub existing: Option<ExistingDatabase>,
    /// The comment of the database that goes by the unfinished name, where there is one.
    pub unfinished: Option<Option<PgText>>,
}

/// A role of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// Whether the user may give objects to it.
    pub is_open: bool,
}

/// A database that is there already under the wanted name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingDatabase {
    pub encoding: String,
    pub collate: PgText,
    pub ctype: PgText,
    pub comment: Option<PgText>,
    /// Whether the user owns it, or may act as its owner.
    pub is_owned: bool,
    /// Some of the objects in it; none: it is empty.
    pub contents: Vec<String>,
}

/// What is asked for.
pub struct Question<'a> {
    pub manifest: &'a Manifest,
    /// The database that the restore is to make.
    pub database: &'a str,
    /// What it is called until it is finished.
    pub unfinished: &'a str,
    /// The owner that was asked for.
    pub owner: Option<&'a str>,
}

impl Facts {
    /// Takes roles that are made before anything is given to them for roles that are there.
    pub fn expect_roles(&mut self, created: &BTreeSet<PgText>) {
        for role in created {
            self.roles.entry(role.clone()).or_insert(Role { is_open: true });
        }
    }

    /// Looks. `session` is one in any database of the target.
    pub async fn gather(
        session: &mut Session,
        target: &Target,
        question: &Question<'_>,
    ) -> Result<Self, PgError> {
        let server = session.query_one(SERVER).await?;
        let major = server.parse::<u32>(0)? / 10_000;
        let mut existing = existing(session, question.database).await?;
        if let Some(existing) = &mut existing {
            existing.contents = contents(target, question.database).await?;
        }
        // What turns a name into bytes turns it into the client's encoding first; into this one it turns nothing.
        session.execute("SET client_encoding = 'SQL_ASCII'").await?;
        let roles = roles(session, question, major).await?;
        let extensions = extensions(session, question).await?;
        let tablespaces = tablespaces(session, question).await?;
        session.execute("SET client_encoding = 'UTF8'").await?;
        Ok(Self {
            major,
            version: server.text(1)?.to_string(),
            is_standby: server.boolean(2)?,
            user: server.text(3)?,
            is_superuser: server.boolean(4)?,
            may_create_databases: server.boolean(5)?,
            free_connections: server.parse(6)?,
            has_icu: server.boolean(7)?,
            system_identifier: system_identifier(session).await,
            roles,
            extensions,
            tablespaces,
            existing,
            unfinished: unfinished(session, question.unfinished).await?,
        })
    }
}

const SERVER: &str = "\
    SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('server_version'), \
           pg_catalog.pg_is_in_recovery(), rolname, rolsuper, rolsuper OR rolcreatedb, \
           pg_catalog.current_setting('max_connections')::integer \
             - CASE WHEN rolsuper THEN 0 ELSE pg_catalog.current_setting('superuser_reserved_connections')::integer END \
             - (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'), \
           EXISTS (SELECT FROM pg_catalog.pg_collation WHERE collprovider = 'i') \
    FROM pg_catalog.pg_roles WHERE rolname = current_user";

/// Managed services may keep it to themselves.
async fn system_identifier(session: &mut Session) -> Option<String> {
    let row = session.query_one("SELECT system_identifier FROM pg_catalog.pg_control_system()").await;
    row.and_then(|row| row.text(0)).map(|text| text.to_string()).ok()
}

async fn existing(session: &mut Session, name: &str) -> Result<Option<ExistingDatabase>, PgError> {
    let sql = Sql::default()
        .text(
            "SELECT pg_catalog.pg_encoding_to_char(encoding), datcollate, datctype, \
             pg_catalog.shobj_description(oid, 'pg_database'), \
             pg_catalog.pg_has_role(current_user, datdba, 'USAGE') FROM pg_catalog.pg_database WHERE datname = ",
        )
        .literal(name.as_bytes());
    let rows = session.query(sql.into_bytes()).await?;
    rows.first().map(read_existing).transpose()
}

fn read_existing(row: &Row) -> Result<ExistingDatabase, PgError> {
    Ok(ExistingDatabase {
        encoding: row.text(0)?.to_string(),
        collate: row.text(1)?,
        ctype: row.text(2)?,
        comment: row.optional_text(3)?,
        is_owned: row.boolean(4)?,
        contents: Vec::new(),
    })
}

async fn unfinished(session: &mut Session, name: &str) -> Result<Option<Option<PgText>>, PgError> {
    let sql = Sql::default()
        .text("SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = ")
        .literal(name.as_bytes());
    let rows = session.query(sql.into_bytes()).await?;
    rows.first().map(|row| row.optional_text(0)).transpose()
}

async fn roles(
    session: &mut Session,
    question: &Question<'_>,
    major: u32,
) -> Result<HashMap<PgText, Role>, PgError> {
    // To give an object away takes the right to become its owner; to fill and alter it afterwards, the owner's rights.
    let right = if major >= WITH_SET_OPTION { "SET" } else { "MEMBER" };
    let wanted = question.owner.map(PgText::from);
    let wanted: Vec<&PgText> = question.manifest.roles.iter().chain(&wanted).collect();
    let sql = Sql::default()
        .text("SELECT ")
        .text(&bytes_of("rolname"))
        .text(", pg_catalog.pg_has_role(current_user, oid, 'USAGE') AND pg_catalog.pg_has_role(current_user, oid, ")
        .literal(right.as_bytes())
        .text(") FROM pg_catalog.pg_roles WHERE ")
        .text(&bytes_of("rolname"));
    let rows = session.query(one_of(sql, &wanted)).await?;
    rows.iter().map(|row| Ok((name(row)?, Role { is_open: row.boolean(1)? }))).collect()
}

async fn extensions(session: &mut Session, question: &Question<'_>) -> Result<Vec<PgText>, PgError> {
    let wanted: Vec<&PgText> = question.manifest.extensions.iter().map(|extension| &extension.name).collect();
    let name_of = bytes_of("name");
    let sql = format!("SELECT {name_of} FROM pg_catalog.pg_available_extensions WHERE {name_of}");
    let rows = session.query(one_of(Sql::default().text(&sql), &wanted)).await?;
    rows.iter().map(name).collect()
}

async fn tablespaces(
    session: &mut Session,
    question: &Question<'_>,
) -> Result<HashMap<PgText, bool>, PgError> {
    let own = &question.manifest.database.tablespace;
    let wanted: Vec<&PgText> = question.manifest.tablespaces.iter().chain([own]).collect();
    let name_of = bytes_of("spcname");
    let sql = format!(
        "SELECT {name_of}, pg_catalog.has_tablespace_privilege(oid, 'CREATE') FROM pg_catalog.pg_tablespace \
         WHERE {name_of}"
    );
    let rows = session.query(one_of(Sql::default().text(&sql), &wanted)).await?;
    rows.iter().map(|row| Ok((name(row)?, row.boolean(1)?))).collect()
}

/// A name that belongs to the whole server, as its bytes: they need not be text in the encoding of this session.
fn bytes_of(name: &str) -> String {
    format!("pg_catalog.encode(pg_catalog.namesend({name}), 'hex')")
}

/// What [`bytes_of`] gave, in the first column.
fn name(row: &Row) -> Result<PgText, PgError> {
    let bytes = HEXLOWER.decode(row.bytes(0)?);
    bytes.map(PgText::new).map_err(|_| PgError::Answer("a name that is not in hex".to_owned()))
}

/// Ends a query whose last words are [`bytes_of`]. A null makes the list valid where nothing is wanted.
fn one_of(mut sql: Sql, wanted: &[&PgText]) -> Vec<u8> {
    sql = sql.text(" IN (");
    for name in wanted {
        sql = sql.literal(HEXLOWER.encode(name.as_bytes()).as_bytes()).text(", ");
    }
    sql.text("NULL)").into_bytes()
}

/// Some of what a database holds that neither template0 nor an extension has put there.
async fn contents(target: &Target, database: &str) -> Result<Vec<String>, PgError> {
    let mut session = target.look_into(database).await?;
    let rows = session.query(format!("{CONTENTS} LIMIT {EXAMPLES}")).await?;
    session.close().await;
    rows.iter().map(|row| row.text(0).map(|text| text.to_string())).collect()
}

const CONTENTS: &str = "\
    WITH own (catalogue, oid, what) AS ( \
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 'relation ' || c.oid::pg_catalog.regclass::text \
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND n.nspname !~ '^pg_(toast|temp)' \
        UNION ALL \
        SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, 'function ' || oid::pg_catalog.regprocedure::text \
          FROM pg_catalog.pg_proc \
        UNION ALL \
        SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, 'type ' || oid::pg_catalog.regtype::text \
          FROM pg_catalog.pg_type WHERE typrelid = 0 AND typelem = 0 \
        UNION ALL \
        SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, 'schema ' || oid::pg_catalog.regnamespace::text \
          FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_(toast|temp)' \
        UNION ALL \
        SELECT 'pg_catalog.pg_largeobject_metadata'::pg_catalog.regclass, oid, 'large object ' || oid \
          FROM pg_catalog.pg_largeobject_metadata \
        UNION ALL \
        SELECT 'pg_catalog.pg_default_acl'::pg_catalog.regclass, oid, 'default privileges ' || oid \
          FROM pg_catalog.pg_default_acl \
        UNION ALL \
        SELECT 'pg_catalog.pg_event_trigger'::pg_catalog.regclass, oid, 'event trigger ' || evtname \
          FROM pg_catalog.pg_event_trigger \
        UNION ALL \
        SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, oid, 'publication ' || pubname \
          FROM pg_catalog.pg_publication \
        UNION ALL \
        SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid, 'foreign data wrapper ' || fdwname \
          FROM pg_catalog.pg_foreign_data_wrapper) \
    SELECT what FROM own WHERE oid >= 16384 AND NOT EXISTS ( \
        SELECT FROM pg_catalog.pg_depend d \
         WHERE d.classid = own.catalogue AND d.objid = own.oid AND d.deptype = 'e') \
    ORDER BY what";
