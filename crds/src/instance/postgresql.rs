//! A PostgreSQL server and what of it is protected.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::{DatabaseCredentialsRef, Tls},
    rules::not_yet,
    words,
};

/// A PostgreSQL server, any that can be reached over the network, and what of it is protected.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.database) != has(self.databases)")
        .message("set exactly one of `database` and `databases`"),
    validation = not_yet("excludeTables"),
    validation = not_yet("excludeTableData"),
)]
pub struct Postgresql {
    /// DNS name or IP address of the server, reachable from pods of the vault's namespace.
    #[schemars(schema_with = "words::host")]
    pub host: String,
    /// TCP port of the server.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Name of the one database that is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::database")]
    pub database: Option<String>,
    /// Patterns of the databases that are protected, 100 at most, with the server's roles. Coffer logs in to `postgres` to ask
    /// for them. Each database has a snapshot of its own: they are not of one instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub databases: Option<DatabaseSelection>,
    /// Secret of this namespace with the log-in. It is read before each run, so a rotated password is taken up.
    pub credentials_secret_ref: DatabaseCredentialsRef,
    /// Protection of the connection. Unset: VerifyFull against the public authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Patterns of tables that are left out altogether. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub exclude_tables: Option<Vec<String>>,
    /// Patterns of tables whose rows are left out. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 255)), extend("x-kubernetes-list-type" = "set"))]
    pub exclude_table_data: Option<Vec<String>>,
    /// Seconds that a backup waits for a table lock before it steps back and lets others pass.
    #[serde(default = "default_lock_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    pub lock_timeout_seconds: i32,
    /// The most connections that read data at the same time. A run begins with two and takes more while it helps.
    #[serde(default = "default_lanes")]
    #[schemars(range(min = 1, max = 32))]
    pub lanes: i32,
    /// Bytes per second that a backup may read from the server. Unset: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_i64))]
    pub bytes_per_second: Option<i64>,
}

impl Postgresql {
    /// The database to log in to first: the one that is protected, else the one that every server has.
    pub fn first_database(&self) -> &str {
        self.database.as_deref().unwrap_or(MAINTENANCE_DATABASE)
    }

    /// The protection of the connection, with the documented default.
    pub fn tls(&self) -> Tls {
        self.tls.clone().unwrap_or_default()
    }
}

const MAINTENANCE_DATABASE: &str = "postgres";

/// Patterns of databases: `*` and `?` as in a shell. Templates, databases that take no connections and those of the provider
/// of a managed service are left out whatever the patterns.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseSelection {
    /// Databases that are protected. A pattern that matches nothing fails the backup.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub include: Vec<String>,
    /// Databases that are left out of those. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub exclude: Option<Vec<String>>,
}

fn default_port() -> i32 {
    5432
}

fn default_lock_timeout() -> i32 {
    10
}

fn default_lanes() -> i32 {
    4
}
