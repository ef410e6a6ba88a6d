//! What one mover process is to do. The only input of a mover pod.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Databases, Decision, Owner, PointId, RunId, Secret, VerifyTask};

/// One run of one mover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    pub version: u32,
    pub run: RunId,
    /// Counts from 1. For people: nothing is decided by it, since Kubernetes may start one pod's program twice.
    pub attempt: u32,
    /// How far the test clock is ahead of the wall clock; 0 outside tests.
    pub clock_offset_seconds: i64,
    /// The run stops itself at this instant, having committed nothing.
    pub deadline: Timestamp,
    pub task: Task,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    Check(Box<CheckTask>),
    Backup(Box<BackupTask>),
    Restore(Box<RestoreTask>),
    RestoreDatabases(Box<RestoreDatabasesTask>),
    Verify(Box<VerifyTask>),
}

/// Look at a source without writing anything anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckTask {
    /// Its `database` is the one to log in to first.
    pub source: Connection,
    /// A message without it is of the connection's own.
    #[serde(default)]
    pub databases: Databases,
}

/// Move databases of one server into the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupTask {
    pub keeper: KeeperEndpoint,
    /// Its `database` is the one to log in to first.
    pub source: Connection,
    /// A message without it is of the connection's own.
    #[serde(default)]
    pub databases: Databases,
    pub owner: Owner,
    pub decision: Decision,
    pub limits: Limits,
}

/// Move one point's database into a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreTask {
    pub keeper: KeeperEndpoint,
    pub point: PointId,
    /// Which database of the point; `None`: the only one, or of several the one that is called like the target's.
    #[serde(default)]
    pub database: Option<String>,
    pub target: RestoreTarget,
    /// Namespace, name and spec hash of the RestoreJob, for the ledger.
    pub requested_by: (String, String, String),
    pub limits: Limits,
    #[serde(default)]
    pub select: RestoreSelection,
}

/// What of a database is restored, by name; empty: all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreSelection {
    pub schemas: Vec<String>,
    /// `SCHEMA.TABLE`; a name with a dot stands in double quotes.
    pub tables: Vec<String>,
    /// New names, by `SCHEMA` or `SCHEMA.TABLE`.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
}

/// Move databases of one point into a server, with the roles that they need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreDatabasesTask {
    pub keeper: KeeperEndpoint,
    pub point: PointId,
    /// Its `database` is the one to log in to (`postgres`).
    pub connection: Connection,
    /// Which databases of the point; none: all of them.
    pub databases: Vec<String>,
    /// New names, by the old ones.
    pub rename: BTreeMap<String, String>,
    pub roles: RestoreRoles,
    /// Namespace, name and spec hash of the RestoreJob, for the ledger.
    pub requested_by: (String, String, String),
    pub limits: Limits,
}

/// What becomes of the roles of a point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreRoles {
    /// Those that are missing are made; those that are there stay as they are.
    #[default]
    CreateMissing,
    /// None is made.
    Skip,
}

/// Where a restore goes. The database must not exist, or must be empty; with a selection it may be in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreTarget {
    /// Its `database` is the one to log in to (`postgres`), not the one to make.
    pub connection: Connection,
    pub database: String,
    /// The new database's owner; `None`: the owner that the point names, when the role exists.
    pub owner: Option<String>,
}

/// How to reach a PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub credentials: Credentials,
    pub tls: Tls,
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Credentials {
    Password {
        username: String,
        password: Secret,
    },
    /// A libpq URI, keyword/value string or ADO.NET string. Only user and password are taken from it; a host, port or
    /// database in it that differs from the connection's is refused.
    ConnectionString(Secret),
}

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tls {
    pub mode: TlsMode,
    /// PEM bundle. `None`: the public authorities.
    pub ca: Option<String>,
    /// PEM certificate chain and private key.
    pub client: Option<(String, Secret)>,
}

/// As libpq's sslmode of the same name, but never weaker than asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsMode {
    #[default]
    VerifyFull,
    VerifyCa,
    Require,
    Disable,
}

/// What a run may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Connections that read or load at the same time, besides the leader. 1..32.
    pub lanes: u16,
    /// How long a lock may be waited for, and others may be made to wait by ours.
    pub lock_timeout_seconds: u32,
    /// `None`: unlimited.
    pub bytes_per_second: Option<u64>,
}

/// How to reach the vault's keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeeperEndpoint {
    /// `https://host:port`.
    pub url: String,
    /// PEM certificates, any of which the keeper may show: the current one and, while it is renewed, the next.
    pub certificates: Vec<String>,
    /// The run's token.
    pub token: Secret,
}
