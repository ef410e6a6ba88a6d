//! What a server has besides its databases.

use serde::{Deserialize, Serialize};

use super::{DatabaseSetting, ListEntry, ListKind, ListRef, PgText, SecurityLabel};

/// Roles, tablespaces and what else all databases of a server share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Globals {
    pub format: u16,
    /// `server_version_num`.
    pub server_version: u32,
    /// The role that the server was initialised with.
    pub bootstrap: PgText,
    /// Whether the roles have their passwords.
    pub passwords: Passwords,
    /// The pages of each list, in order.
    pub lists: Vec<ListRef>,
    pub roles: u64,
    pub memberships: u64,
    pub tablespaces: u64,
    /// Settings of roles in every database, and of every role in every database.
    pub settings: Vec<DatabaseSetting>,
    pub parameters: Vec<ParameterEntry>,
    /// Databases of the server that are not in the point.
    pub left_out: Vec<LeftOut>,
}

/// What is known of the roles' passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Passwords {
    /// As the server keeps them, encrypted or hashed.
    Stored,
    /// The role that made the backup may not read them.
    Closed,
}

/// A role. The names of roles that the server itself has begin with `pg_` and are not among them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleEntry {
    pub name: PgText,
    pub is_superuser: bool,
    pub inherits: bool,
    pub may_create_roles: bool,
    pub may_create_databases: bool,
    pub may_log_in: bool,
    pub may_replicate: bool,
    pub bypasses_row_security: bool,
    /// -1: unlimited.
    pub connection_limit: i32,
    /// As PostgreSQL prints a timestamp with time zone, in UTC.
    pub valid_until: Option<PgText>,
    /// As the server keeps it.
    pub password: Option<PgText>,
    pub comment: Option<PgText>,
    pub security_labels: Vec<SecurityLabel>,
}

/// Without the password.
impl std::fmt::Debug for RoleEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RoleEntry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// That a role is a member of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipEntry {
    pub role: PgText,
    pub member: PgText,
    /// `None`: the server does not know any more.
    pub grantor: Option<PgText>,
    pub admin: bool,
    /// `None`: the server is older than 16, and the member's own property decides.
    pub inherit: Option<bool>,
    /// `None`: the server is older than 16.
    pub set: Option<bool>,
}

/// A tablespace of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TablespaceEntry {
    pub name: PgText,
    pub owner: PgText,
    /// A directory of the server.
    pub location: PgText,
    /// aclitems in PostgreSQL's notation; `None`: never set.
    pub acl: Option<Vec<PgText>>,
    /// `name=value`.
    pub options: Vec<PgText>,
    pub comment: Option<PgText>,
    pub security_labels: Vec<SecurityLabel>,
}

/// Who may set a parameter of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterEntry {
    pub name: PgText,
    /// aclitems in PostgreSQL's notation.
    pub acl: Vec<PgText>,
}

/// A database that is not in a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub database: PgText,
    pub reason: LeftOutReason,
}

/// Why a database is not in a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LeftOutReason {
    /// Others are made from it.
    Template,
    /// It takes no connections.
    NoConnections,
    /// The provider of a managed service keeps its own things in it.
    Provider,
    /// Somebody began to drop it.
    Invalid,
    /// It was not asked for.
    NotAsked,
}

impl ListEntry for RoleEntry {
    const LIST: ListKind = ListKind::Roles;
}

impl ListEntry for MembershipEntry {
    const LIST: ListKind = ListKind::Memberships;
}

impl ListEntry for TablespaceEntry {
    const LIST: ListKind = ListKind::Tablespaces;
}
