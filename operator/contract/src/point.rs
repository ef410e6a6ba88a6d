//! Recovery points as all processes speak of them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Override, Removal, datasource};

/// The UID of the job object that a run serves; on the command line a random UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub String);

/// A recovery point: 32 lower-case hex digits of a hash over vault id and run. The same run always has the same point.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointId(pub String);

/// One process that writes: 32 random lower-case hex digits. Also the id of the chain of keys that a full point begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriterId(pub String);

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for PointId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for WriterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whose point it is. Decided when it is made, written into record and ledger, and trusted above any label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Owner {
    /// An instance of a cluster. The UIDs keep a namespace or instance that somebody re-created under the same name
    /// from seeing what its predecessor left.
    Instance {
        cluster_id: String,
        namespace: String,
        namespace_uid: String,
        instance: String,
        instance_uid: String,
        datasource_id: String,
    },
    /// The command line. Retention never touches such points.
    Cli { datasource_id: String },
}

impl Owner {
    /// The same owner of the server that was met: points of another one are no substitute for what the expected one held.
    #[must_use]
    pub fn met_at(mut self, system_identifier: Option<&str>) -> Self {
        let (Self::Instance { datasource_id, .. } | Self::Cli { datasource_id }) = &mut self;
        *datasource_id = datasource::met_at(datasource_id, system_identifier);
        self
    }
}

/// What made a run begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Trigger {
    /// A due time of a rule.
    Slot { rule: String, slot: Timestamp },
    /// A person, at the time the job was created.
    OnDemand { requested: Timestamp },
    /// The command line.
    Cli,
}

/// The policy that a point was made under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyVersion {
    pub namespace: String,
    pub name: String,
    /// The policy's `metadata.generation`.
    pub version: i64,
}

/// What was promised for a point. Made once, at a job's first attempt, and copied to every later attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The retention rule that the point falls under.
    pub tag: String,
    /// How long it is kept from its own time on, such as `P3M`; `None`: until somebody removes it (command line only).
    pub keep: Option<String>,
    /// IANA name of the zone in which `keep` is counted.
    pub time_zone: String,
    /// Why this tag, in a sentence.
    pub reason: String,
    /// How many of the newest good points of the instance nothing may delete.
    pub keep_at_least: u32,
    pub policy: Option<PolicyVersion>,
    pub trigger: Trigger,
}

/// What a point is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PointState {
    /// It can be restored.
    Available,
    /// A check found bytes missing or changed. It does not count for any floor.
    Damaged,
    /// It is being removed before its time: it can be restored and brought back, and does not count for any floor.
    SoftDeleted,
    /// A tombstone is in the ledger: its data go or are gone.
    Expired,
}

/// When a point was last found whole after it was accepted, by depth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Verified {
    /// Every object was read, and hash and seal of each were right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<Timestamp>,
    /// It was restored into a scratch database and compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<Timestamp>,
}

impl Verified {
    /// Whether it was never read in full.
    pub fn is_never(&self) -> bool {
        *self == Self::default()
    }
}

/// The server that a point was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceServer {
    /// As `SHOW server_version` prints it.
    pub server_version: String,
    /// `pg_control_system().system_identifier`; `None` where the role may not read it.
    pub system_identifier: Option<String>,
    /// Sum of `pg_database_size`, bytes.
    pub size_bytes: u64,
    pub standby: bool,
    /// The role that read it. `None`: the point was made before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What read it, such as `coffer 0.1.0, pg_dump 17.2`. `None` as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// One database inside a point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataStore {
    pub database: String,
    /// The instant of its snapshot.
    pub snapshot_time: Timestamp,
    pub tables: u64,
    pub rows: u64,
    pub large_objects: u64,
    /// Bytes of rows and large objects before compression.
    pub plain_bytes: u64,
}

/// How the sentence of a coverage begins that tells of databases that no backup holds, so that none is missing.
pub const NEVER_STORED: &str = "databases that no backup holds: ";

impl PointView {
    /// The sentences about what was meant to be in the point and is not.
    pub fn missing(&self) -> impl Iterator<Item = &String> {
        self.coverage.iter().filter(|sentence| !sentence.starts_with(NEVER_STORED))
    }
}

/// A point as the keeper tells of it: the record, and what the ledger has promised since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PointView {
    pub id: PointId,
    pub run: RunId,
    pub writer: WriterId,
    /// The newest ledger entry that concerns the point.
    pub sequence: u64,
    pub owner: Owner,
    pub decision: Decision,
    /// The mover's clock just after the snapshot.
    pub point_time: Timestamp,
    /// When the record was written.
    pub commit_time: Timestamp,
    /// As it is now: stamped, overridden, or the end of its removal. `None`: it does not expire.
    pub expiration_time: Option<Timestamp>,
    /// Another end than the stamped one was given to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
    /// It goes before its time, and can still be brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Removal>,
    pub state: PointState,
    #[serde(default)]
    pub verified: Verified,
    pub source: SourceServer,
    pub data_stores: Vec<DataStore>,
    /// Bytes of all its objects in storage.
    pub stored_bytes: u64,
    pub objects: u64,
    /// What the role could not read, each in a sentence.
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}
