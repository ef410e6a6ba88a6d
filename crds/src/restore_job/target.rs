//! Where to restore to.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::{DatabaseCredentialsRef, Tls},
    rules::not_yet_but,
    vault::Storage,
    words,
};

/// Where to restore to: exactly one member.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.database), has(self.databases), has(self.files)].exists_one(x, x)")
        .message("set exactly one of `database`, `databases` and `files`"),
    validation = not_yet_but("files", "restore into a database"),
)]
pub struct RestoreTarget {
    /// One database of a server. It must not exist, or must be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<TargetDatabase>,
    /// Several databases of a server, or all that the point holds, with the roles that they need. They get their names all
    /// at once, when every one of them is loaded and checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub databases: Option<TargetDatabases>,
    /// Files instead of a server. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<TargetFiles>,
}

impl RestoreTarget {
    /// The server, of either kind of target that has one.
    pub fn server(&self) -> Option<TargetServer<'_>> {
        match (&self.database, &self.databases) {
            (Some(one), _) => Some(TargetServer {
                host: &one.host,
                port: one.port,
                credentials: &one.credentials_secret_ref,
                tls: one.tls.clone().unwrap_or_default(),
            }),
            (None, Some(several)) => Some(TargetServer {
                host: &several.host,
                port: several.port,
                credentials: &several.credentials_secret_ref,
                tls: several.tls.clone().unwrap_or_default(),
            }),
            (None, None) => None,
        }
    }
}

/// How to reach the server of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetServer<'a> {
    /// DNS name or IP address.
    pub host: &'a str,
    /// TCP port.
    pub port: i32,
    /// Who logs in.
    pub credentials: &'a DatabaseCredentialsRef,
    /// The protection of the connection, with the documented default.
    pub tls: Tls,
}

/// One database of a server.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetDatabase {
    /// DNS name or IP address of the server, reachable from pods of the vault's namespace.
    #[schemars(schema_with = "words::host")]
    pub host: String,
    /// TCP port of the server.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Name of the database. It is made if it does not exist, and must be empty if it does.
    #[schemars(schema_with = "words::database")]
    pub name: String,
    /// Secret of this namespace with the log-in of a role that may create databases or owns the empty one.
    pub credentials_secret_ref: DatabaseCredentialsRef,
    /// Protection of the connection. Unset: VerifyFull against the public authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Role that owns the new database, and gets what missing roles owned. Unset: the role of the point, which must exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub owner: Option<String>,
}

/// Several databases of a server.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetDatabases {
    /// DNS name or IP address of the server, reachable from pods of the vault's namespace.
    #[schemars(schema_with = "words::host")]
    pub host: String,
    /// TCP port of the server.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// Secret of this namespace with the log-in of a role that may create databases and roles.
    pub credentials_secret_ref: DatabaseCredentialsRef,
    /// Protection of the connection. Unset: VerifyFull against the public authorities of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Which databases of the point. Unset: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub names: Option<Vec<String>>,
    /// New names of databases by their old ones. Unset: names stay. None of the databases may exist, unless it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::rename_map")]
    pub rename: Option<BTreeMap<String, String>>,
}

/// Files instead of a server: per database a script or an archive, with roles, tablespaces and checksums.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetFiles {
    /// Where the files go.
    pub storage: Storage,
    /// Sql: one script per database. Archive: what pg_restore reads. Unset: Sql.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<FileLayout>,
}

/// The form of restored files.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileLayout {
    /// One SQL script per database.
    Sql,
    /// One archive per database that pg_restore reads.
    Archive,
}

fn default_port() -> i32 {
    5432
}
