//! What the ledger holds of a deleted instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    BackupInstanceSpec,
    common::{Condition, Time},
    words,
};

/// What the ledger holds of a deleted instance.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedBackupInstanceStatus {
    /// The generation that this status describes; -1 before the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: the record stands; False when the instance is to be brought back and cannot be. And, only while True,
    /// Reconciling and Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// What becomes of the points, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeletedState>,
    /// Whose points they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<DeletedOwner>,
    /// When it was noticed that the instance is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_time: Option<Time>,
    /// When the points go. Unset: never, or each when its own time is over; `state` says which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_purge_time: Option<Time>,
    /// Why it is gone, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub reason: Option<String>,
    /// Points that are still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub recovery_points: Option<i64>,
    /// The instance's spec as it was last seen. Unset: it never was, or it is of another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_spec: Option<BackupInstanceSpec>,
}

/// What becomes of the points of a deleted instance.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeletedState {
    /// They stay, and never expire.
    Retained,
    /// They expire as stamped, and the newest stays.
    RetainedPerPolicy,
    /// They stay until the scheduled purge, and go then.
    SoftDeleted,
    /// They are being deleted.
    Purging,
}

/// An instance that is gone.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedOwner {
    /// Namespace of the instance.
    #[schemars(schema_with = "words::namespace")]
    pub namespace: String,
    /// UID of that namespace: one that was made again under the same name is another.
    #[schemars(length(min = 1, max = 64))]
    pub namespace_uid: String,
    /// Name of the instance.
    #[schemars(schema_with = "words::object_name")]
    pub name: String,
    /// Its UID: one that was made again under the same name is another.
    #[schemars(length(min = 1, max = 64))]
    pub uid: String,
    /// System identifier of the server and name of the database.
    #[schemars(length(min = 1, max = 512))]
    pub datasource_id: String,
}
