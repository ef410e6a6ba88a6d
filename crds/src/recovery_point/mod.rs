//! RecoveryPoint: a view of one restorable backup. The record in storage is the point.

mod status;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::VaultReference,
    rules::{fixed, one_way},
    words,
};

pub use status::{
    AnsweredRequests, Coverage, DataStore, DataStoreTier, PointEncryption, PointPolicy, PointSource,
    PointState, RecoveryPointStatus, VerifiedTimes,
};

const STAYS: &str =
    "a RecoveryPoint is a view of what the vault holds: which vault and which point may not be changed";

/// A view of one restorable backup. Deleting the object deletes nothing; it returns from the vault's catalogue.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "coffer.dev",
    version = "v1alpha1",
    kind = "RecoveryPoint",
    namespaced,
    shortname = "rpoint",
    category = "coffer",
    status = "RecoveryPointStatus",
    derive = "PartialEq",
    doc = "A view of one restorable backup, written by the operator. Deleting it deletes no data; it returns from the vault.",
    printcolumn(name = "Instance", type_ = "string", json_path = ".metadata.labels.coffer\\.dev/instance"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Taken", type_ = "date", json_path = ".status.pointTime"),
    printcolumn(name = "Size", type_ = "string", json_path = ".status.size"),
    printcolumn(name = "Tag", type_ = "string", json_path = ".status.tag"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expirationTime"),
    printcolumn(
        name = "Verified",
        type_ = "date",
        priority = "1",
        json_path = ".status.verified.objectsTime"
    ),
    printcolumn(name = "Id", type_ = "string", priority = "1", json_path = ".spec.pointId"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    selectable = ".spec.vaultRef.name",
    selectable = ".spec.pointId",
    selectable = ".status.state",
    selectable = ".status.tag"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("vaultRef", STAYS),
    validation = fixed("pointId", STAYS),
    validation = one_way("deletionRequest", "a request to delete a point is not taken back: set `retentionOverride` to keep the point after all"),
)]
pub struct RecoveryPointSpec {
    /// The vault that holds the point.
    pub vault_ref: VaultReference,
    /// Its id in the vault.
    #[schemars(schema_with = "words::point_id")]
    pub point_id: String,
    /// Another end than the stamped one, within the vault's `retention`. It also brings a point back that is being removed.
    /// Unset: the stamped one stands, or the end that was given last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_override: Option<RetentionOverride>,
    /// A request to delete the point before its end. It cannot be taken back; a `retentionOverride` keeps the point after all,
    /// for as long as the vault's soft delete lets it be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_request: Option<DeletionRequest>,
}

/// Another end of a point than the stamped one.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionOverride {
    /// Until when the point is kept.
    pub until: Time,
    /// Why, for the ledger.
    #[schemars(length(min = 1, max = 512))]
    pub reason: String,
}

/// A request to delete a point.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletionRequest {
    /// Why, for the ledger.
    #[schemars(length(min = 1, max = 512))]
    pub reason: String,
}
