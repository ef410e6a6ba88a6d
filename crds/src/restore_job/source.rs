//! What to restore.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::LocalPointReference,
    rules::{not_yet, not_yet_but},
    words,
};

/// What to restore: exactly one of `recoveryPointRef`, `instance` and `pointId`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.recoveryPointRef), has(self.instance), has(self.pointId)].exists_one(x, x)")
        .message("set exactly one of `recoveryPointRef`, `instance` and `pointId`"),
    validation = not_yet_but("pointId", "use `recoveryPointRef` or `instance`, or `coffer restore` without the cluster"),
)]
pub struct RestoreSource {
    /// A RecoveryPoint of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point_ref: Option<LocalPointReference>,
    /// A point of an instance, found by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<LatestOf>,
    /// Id of a point that is not shown as an object here. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::point_id")]
    pub point_id: Option<String>,
    /// Which database of a point that holds several, for `target.database`. Unset: the only one, or the one that is called
    /// like the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub database: Option<String>,
}

/// A point of an instance of this namespace, found by time when the job is taken up.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.latest) != has(self.before)").message("set exactly one of `latest: true` and `before`"),
    validation = not_yet("before"),
)]
pub struct LatestOf {
    /// Name of the BackupInstance. It may be deleted: its points carry the name.
    #[schemars(schema_with = "words::instance_name")]
    pub name: String,
    /// Always true: the newest good point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [true]))]
    pub latest: Option<bool>,
    /// The newest good point not after this time. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Time>,
}
