//! The manifest: what of one database is stored, and where.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FrameSpan, ListKind, PgText, Reference};

/// One database of a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub format: u16,
    pub database: DatabaseEntry,
    /// The writer's clock just after the snapshot was fixed.
    pub snapshot_time: Timestamp,
    /// `server_version_num`.
    pub server_version: u32,
    /// As `SHOW server_version` prints it.
    pub server_version_text: String,
    pub schema: SchemaStreamRef,
    /// The pages of each list, in order.
    pub lists: Vec<ListRef>,
    /// Entries in the list of tables, and so on.
    pub tables: u64,
    pub segments: u64,
    pub sequences: u64,
    pub large_objects: u64,
    /// Rows of tables; large objects are not counted.
    pub rows: u64,
    pub plain_bytes: u64,
    /// Roles that schema, ACL or settings mention.
    pub roles: Vec<PgText>,
    pub extensions: Vec<ExtensionEntry>,
    /// Tablespaces other than `pg_default` that something lives in.
    pub tablespaces: Vec<PgText>,
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
    pub tool: String,
}

/// The properties of a database that `CREATE DATABASE` and `ALTER DATABASE` give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseEntry {
    pub name: PgText,
    pub oid: u32,
    /// PostgreSQL's name, such as `UTF8`.
    pub encoding: String,
    pub locale_provider: LocaleProvider,
    pub collate: PgText,
    pub ctype: PgText,
    /// The locale of the providers `icu` and `builtin`.
    pub locale: Option<PgText>,
    pub icu_rules: Option<PgText>,
    pub collation_version: Option<PgText>,
    pub owner: PgText,
    pub comment: Option<PgText>,
    pub tablespace: PgText,
    /// -1: unlimited.
    pub connection_limit: i32,
    pub allow_connections: bool,
    pub is_template: bool,
    /// aclitems in PostgreSQL's notation; `None`: never set.
    pub acl: Option<Vec<PgText>>,
    pub settings: Vec<DatabaseSetting>,
    pub security_labels: Vec<SecurityLabel>,
}

/// Who provides a database's locale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LocaleProvider {
    Libc,
    Icu,
    Builtin,
}

/// One row and one element of `pg_db_role_setting`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSetting {
    /// `None`: for everyone in the database.
    pub role: Option<PgText>,
    /// `name=value`.
    pub setting: PgText,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityLabel {
    pub provider: PgText,
    pub label: PgText,
}

/// An extension that the schema stream creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionEntry {
    pub name: PgText,
    pub version: PgText,
    pub schema: PgText,
}

/// Where the schema stream is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaStreamRef {
    pub entries: u64,
    pub plain_bytes: u64,
    pub spans: Vec<FrameSpan>,
    /// Version of pg_dump's archive that it was made from, such as `1.14`.
    pub archive_version: String,
    /// Version of the pg_dump that made it.
    pub dump_version: String,
}

impl SchemaStreamRef {
    /// The major version of the pg_dump that made it, as in `16.4` and `18beta1`; `None` where it does not say.
    pub fn dump_major(&self) -> Option<u32> {
        let digits = self.dump_version.split(|character: char| !character.is_ascii_digit()).next();
        digits.and_then(|major| major.parse().ok())
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRef {
    pub list: ListKind,
    /// How many entries the page has.
    pub entries: u32,
    #[serde(flatten)]
    pub object: Reference,
}
