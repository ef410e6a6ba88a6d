//! What the operator has seen of a policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Condition, Time};

/// What the operator has seen of a policy.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupPolicyStatus {
    /// The generation that this status describes; -1 before the operator has seen the policy. It is the version
    /// that points are made under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; and, only while True, Reconciling and Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Instances that use this policy. While there are any it cannot be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub instances: Option<i32>,
    /// Deleted instances that used this policy and still have points: it would act again when one is brought back. While
    /// there are any the policy cannot be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub deleted_instances: Option<i32>,
    /// The rules' times, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub schedule: Option<String>,
    /// What is kept how long, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub retention: Option<String>,
    /// The next slots of all rules, at most ten, in the order of their times. At least five of them lie ahead, if there
    /// are so many; those that have passed go when the list is made anew. An instance starts later by its spread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), extend("x-kubernetes-list-type" = "atomic"))]
    pub next_slots: Vec<NextSlot>,
}

/// A slot that is to come.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextSlot {
    /// The backup rule.
    #[schemars(length(min = 1, max = 63))]
    pub rule: String,
    /// The nominal minute.
    pub time: Time,
}
