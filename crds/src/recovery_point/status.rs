//! What the vault's catalogue says about a point.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeletionRequest, RetentionOverride};
use crate::common::{Condition, Time};

/// What the vault's catalogue says about a point.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryPointStatus {
    /// The generation that this status describes; -1 before the operator has written one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: it can be restored. Verified. And, only while True, DeletionBlocked and OverrideBlocked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Where the point stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PointState>,
    /// The instant whose data the point holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_time: Option<Time>,
    /// When the point may be deleted. Unset: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
    /// The retention rule that matched when the point was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub tag: Option<String>,
    /// Why that rule, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub tag_reason: Option<String>,
    /// The policy the point was made under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PointPolicy>,
    /// Name of the BackupJob that made the point. The object may be gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub job_name: Option<String>,
    /// Where its data is, and whose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub data_stores: Vec<DataStore>,
    /// The key that seals it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<PointEncryption>,
    /// The server it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PointSource>,
    /// Bytes that it takes in the storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub stored_bytes: Option<i64>,
    /// `storedBytes` for people, such as `18.3 GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub size: Option<String>,
    /// When it was last verified, by depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<VerifiedTimes>,
    /// Names of the legal holds on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub holds: Vec<String>,
    /// Why it ends at another time than the stamped one. Unset: it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_override: Option<RetentionOverride>,
    /// From when on its data may go, where it is being removed before its end. Until then `retentionOverride` brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_purge_time: Option<Time>,
    /// The requests of the spec that the vault has taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<AnsweredRequests>,
    /// What is not in it. Unset: everything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

/// The requests of a point's spec that the vault has taken. Each is asked of it once.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnsweredRequests {
    /// The request to delete the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_request: Option<DeletionRequest>,
    /// The other end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_override: Option<RetentionOverride>,
}

/// Where a point stands.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PointState {
    /// It can be restored.
    Available,
    /// It can be restored; something that was meant to be in it is not.
    Partial,
    /// It is in the archive and must be fetched first.
    Archived,
    /// It is being fetched from the archive.
    Rehydrating,
    /// It will be deleted, and can still be brought back.
    SoftDeleted,
    /// Its time is over; it will be deleted.
    Expired,
    /// A verification found damage. It is not counted as good.
    Damaged,
}

impl PointState {
    /// Whether a restore may begin at once.
    pub const fn is_restorable(self) -> bool {
        match self {
            Self::Available | Self::Partial | Self::SoftDeleted => true,
            Self::Archived | Self::Rehydrating | Self::Expired | Self::Damaged => false,
        }
    }
}

/// The policy a point was made under.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PointPolicy {
    /// Name of the BackupPolicy.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its version (generation).
    #[schemars(range(min = 0))]
    pub version: i64,
}

/// A place with data of a point.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataStore {
    /// Vault or Archive.
    pub tier: DataStoreTier,
    /// The database. Several databases of one point are not one instant: each has its own time.
    #[schemars(length(min = 1, max = 63))]
    pub database: String,
    /// The instant whose data it holds.
    pub point_time: Time,
    /// When it may be deleted here. Unset: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
}

/// A tier of storage.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataStoreTier {
    /// The vault's storage.
    Vault,
    /// The vault's second, cold place.
    Archive,
}

/// The key that seals a point.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PointEncryption {
    /// The chain key's id.
    #[schemars(length(min = 1, max = 128))]
    pub key_id: String,
    /// Version of the vault's key that wraps it. Unset for keys without versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub key_version: Option<String>,
}

/// The server a point was taken from.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PointSource {
    /// Version of the server.
    #[schemars(length(min = 1, max = 64))]
    pub server_version: String,
    /// System identifier of the server. Unset: the role could not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub system_identifier: Option<String>,
    /// Databases in the point.
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "atomic"))]
    pub databases: Vec<String>,
    /// Bytes of their data, before compression.
    #[schemars(range(min = 0))]
    pub size_bytes: i64,
    /// The role as which the server was read. Unset: the point was made before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub role: Option<String>,
    /// What read it, with versions, such as `coffer 0.1.0, pg_dump 17.2`. Unset: the point was made before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub program: Option<String>,
}

/// When a point was last verified, by depth.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedTimes {
    /// Every object was there with its size, and with its ETag where the store has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects_time: Option<Time>,
    /// Every object was read, and hash and seal of each were right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_time: Option<Time>,
    /// It was restored into a scratch database and compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_time: Option<Time>,
}

/// What is not in a point.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// How many of `names`, and of those that are not shown, tell of something that was meant to be in the point.
    #[schemars(range(min = 0))]
    pub missing: i64,
    /// What is left out, each in a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 255)), extend("x-kubernetes-list-type" = "atomic"))]
    pub names: Vec<String>,
}
