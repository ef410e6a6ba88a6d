//! What a platform team may add to the pods of keeper and movers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, LocalObjectReference, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::words;

/// What the pods of keeper and movers get besides what Coffer gives them. Only these parts: security context,
/// volumes and command are Coffer's own.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.labels) || self.labels.all(k, !k.startsWith('coffer.dev/') && k != 'app.kubernetes.io/managed-by')")
        .message("`labels` must leave coffer.dev/ and app.kubernetes.io/managed-by to Coffer"),
    validation = Rule::new("!has(self.annotations) || self.annotations.all(k, !k.startsWith('coffer.dev/'))")
        .message("`annotations` must leave coffer.dev/ to Coffer"),
)]
pub struct PodTemplate {
    /// Requests and limits of the container. A mover's memory limit is never set below what its database needs.
    /// Unset: Coffer's own figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Labels a node must have. Unset: any node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::label_map")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Taints the pods put up with. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub tolerations: Option<Vec<Toleration>>,
    /// Rules about nodes and neighbours. A filesystem vault adds its own. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// How pods spread over the cluster. Unset: the scheduler's own way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
    /// Name of a PriorityClass. Unset: the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::object_name")]
    pub priority_class_name: Option<String>,
    /// Labels added to the pods. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::label_map")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations added to the pods. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::label_map")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Secrets of the vault's namespace to pull the image with. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "atomic"))]
    pub image_pull_secrets: Option<Vec<LocalObjectReference>>,
}
