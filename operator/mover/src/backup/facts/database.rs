//! The database's own properties, and what its schema leans on: roles, extensions, tablespaces.

use super::server::ServerFacts;
use crate::{
    format::{DatabaseEntry, DatabaseSetting, ExtensionEntry, LocaleProvider, PgText, SecurityLabel},
    postgres::{PgError, Row, Session},
};

/// What the manifest says besides tables.
#[derive(Debug, Clone)]
pub struct DatabaseFacts {
    pub entry: DatabaseEntry,
    pub roles: Vec<PgText>,
    pub extensions: Vec<ExtensionEntry>,
    pub tablespaces: Vec<PgText>,
}

impl DatabaseFacts {
    /// Asks. The session is in the transaction whose snapshot the backup has.
    pub async fn read(session: &mut Session, server: &ServerFacts) -> Result<Self, PgError> {
        let row = session.query_one(properties_query(server.version)).await?;
        let settings = session.query(SETTINGS).await?;
        let labels = session.query(LABELS).await?;
        let entry = entry(&row, &settings, &labels)?;
        Ok(Self {
            entry,
            roles: texts(&session.query(ROLES).await?)?,
            extensions: session.query(EXTENSIONS).await?.iter().map(extension).collect::<Result<_, _>>()?,
            tablespaces: texts(&session.query(TABLESPACES).await?)?,
        })
    }
}

/// Which columns a version has for locales.
fn properties_query(version: u32) -> String {
    let provider = if version >= 150_000 { "d.datlocprovider" } else { "'c'" };
    let locale = match version {
        170_000.. => "d.datlocale",
        150_000.. => "d.daticulocale",
        _ => "NULL",
    };
    let rules = if version >= 160_000 { "d.daticurules" } else { "NULL" };
    let collation_version = if version >= 150_000 { "d.datcollversion" } else { "NULL" };
    format!(
        "SELECT d.datname, d.oid, pg_encoding_to_char(d.encoding), {provider}, d.datcollate, d.datctype, {locale}, {rules}, \
         {collation_version}, pg_get_userbyid(d.datdba), shobj_description(d.oid, 'pg_database'), t.spcname, d.datconnlimit, \
         d.datallowconn, d.datistemplate, d.datacl::text[] \
         FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = current_database()"
    )
}

const SETTINGS: &str = "SELECT r.rolname, unnest(s.setconfig) FROM pg_db_role_setting s \
     LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE s.setdatabase = \
     (SELECT oid FROM pg_database WHERE datname = current_database()) AND (s.setrole = 0 OR r.oid IS NOT NULL) \
     ORDER BY r.rolname NULLS FIRST";

const LABELS: &str = "SELECT l.provider, l.label FROM pg_shseclabel l WHERE l.classoid = 'pg_database'::regclass \
     AND l.objoid = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// Roles that anything in the database, or the database itself, mentions; temporary tables are nothing that is stored.
const ROLES: &str = "SELECT DISTINCT r.rolname FROM pg_roles r JOIN (\
     SELECT s.refobjid FROM pg_shdepend s, pg_database d WHERE d.datname = current_database() \
     AND s.refclassid = 'pg_authid'::regclass AND NOT (s.classid = 'pg_class'::regclass AND s.objid IN (\
     SELECT c.oid FROM pg_class c WHERE c.relpersistence = 't')) \
     AND (s.dbid = d.oid OR (s.dbid = 0 AND s.classid = 'pg_database'::regclass AND s.objid = d.oid)) \
     UNION SELECT m.lomowner FROM pg_largeobject_metadata m \
     UNION SELECT d.datdba FROM pg_database d WHERE d.datname = current_database() \
     UNION SELECT s.setrole FROM pg_db_role_setting s, pg_database d WHERE d.datname = current_database() \
     AND s.setdatabase = d.oid) m(oid) ON m.oid = r.oid ORDER BY 1";

const EXTENSIONS: &str = "SELECT e.extname, e.extversion, n.nspname FROM pg_extension e \
     JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY 1";

const TABLESPACES: &str = "SELECT DISTINCT t.spcname FROM pg_tablespace t WHERE t.spcname NOT IN ('pg_default', 'pg_global') \
     AND (EXISTS (SELECT FROM pg_class c WHERE c.reltablespace = t.oid AND c.relpersistence <> 't') \
     OR EXISTS (SELECT FROM pg_database d WHERE d.datname = current_database() AND d.dattablespace = t.oid)) ORDER BY 1";

fn entry(row: &Row, settings: &[Row], labels: &[Row]) -> Result<DatabaseEntry, PgError> {
    Ok(DatabaseEntry {
        name: row.text(0)?,
        oid: row.parse(1)?,
        encoding: row.text(2)?.to_string(),
        locale_provider: provider(row.bytes(3)?)?,
        collate: row.text(4)?,
        ctype: row.text(5)?,
        locale: row.optional_text(6)?,
        icu_rules: row.optional_text(7)?,
        collation_version: row.optional_text(8)?,
        owner: row.text(9)?,
        comment: row.optional_text(10)?,
        tablespace: row.text(11)?,
        connection_limit: row.parse(12)?,
        allow_connections: row.boolean(13)?,
        is_template: row.boolean(14)?,
        acl: row.optional_array(15)?,
        settings: settings
            .iter()
            .map(|row| Ok(DatabaseSetting { role: row.optional_text(0)?, setting: row.text(1)? }))
            .collect::<Result<_, PgError>>()?,
        security_labels: labels
            .iter()
            .map(|row| Ok(SecurityLabel { provider: row.text(0)?, label: row.text(1)? }))
            .collect::<Result<_, PgError>>()?,
    })
}

fn provider(letter: &[u8]) -> Result<LocaleProvider, PgError> {
    match letter {
        b"c" => Ok(LocaleProvider::Libc),
        b"i" => Ok(LocaleProvider::Icu),
        b"b" => Ok(LocaleProvider::Builtin),
        other => {
            let shown = String::from_utf8_lossy(other);
            Err(PgError::Answer(format!("the database's locale comes from an unknown provider {shown:?}")))
        }
    }
}

fn extension(row: &Row) -> Result<ExtensionEntry, PgError> {
    Ok(ExtensionEntry { name: row.text(0)?, version: row.text(1)?, schema: row.text(2)? })
}

fn texts(rows: &[Row]) -> Result<Vec<PgText>, PgError> {
    rows.iter().map(|row| row.text(0)).collect()
}
