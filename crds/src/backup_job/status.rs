//! How a backup is going, or went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{
    Attempt, Condition, JobError, JobState, JobWarning, Progress, SubTask, Time, VaultReference,
};

/// How a backup is going, or went.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupJobStatus {
    /// The generation that this status describes; -1 before the operator has seen the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready; Complete or Failed once it has ended; and, only while True, Reconciling and Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Where the job stands, for people and field selectors. Terminal is terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Why there is this job, and under which policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<CreatedBy>,
    /// The vault that the job was accepted for, with its namespace. The job ends there, also when its instance is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_ref: Option<VaultReference>,
    /// How long the point will be kept and why. Decided once, at the first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<JobRetention>,
    /// When the operator took up the job. Windows of a job on demand count from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_time: Option<Time>,
    /// By when the job must have started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_deadline_time: Option<Time>,
    /// By when the job must have finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_deadline_time: Option<Time>,
    /// When a mover fixed its snapshot. Unset: not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the job ended. Unset: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Time from start to end for people, such as `4m 12s`. Unset until it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub duration: Option<String>,
    /// How far the job is. Unset before the first attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Every pod run, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["number"]))]
    pub attempts: Vec<Attempt>,
    /// The stages of the newest attempt, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub sub_tasks: Vec<SubTask>,
    /// Bytes read from the database, before compression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub data_transferred_bytes: Option<i64>,
    /// Bytes that the point takes in the storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub stored_bytes: Option<i64>,
    /// `storedBytes` for people, such as `18.3 GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub size: Option<String>,
    /// The point that was made. Unset: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point: Option<JobPoint>,
    /// What went wrong, oldest first; the last one decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub errors: Vec<JobError>,
    /// What was left out or noticed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub warnings: Vec<JobWarning>,
}

/// Why there is a job, and under which policy.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreatedBy {
    /// Name of the BackupPolicy.
    #[schemars(length(min = 1, max = 253))]
    pub policy: String,
    /// Namespace of the BackupPolicy. Unset: the job's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub policy_namespace: Option<String>,
    /// Its version (generation).
    #[schemars(range(min = 0))]
    pub version: i64,
    /// The backup rule whose tag the point got. Unset: on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub rule: Option<String>,
    /// Its slot, the nominal minute. Unset: on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Time>,
    /// Other rules whose slots this job stands for: they were due at the same time, or waited with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "set"))]
    pub merged_rules: Vec<String>,
}

/// How long a point will be kept and why.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRetention {
    /// The retention rule that matched.
    #[schemars(length(min = 1, max = 63))]
    pub tag: String,
    /// Its keeping.
    #[schemars(length(min = 1, max = 16))]
    pub keep: String,
    /// The time zone whose calendar counts it, as an IANA name.
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Why this rule, in a sentence.
    #[schemars(length(max = 512))]
    pub reason: String,
    /// How many of the instance's newest good points nothing may delete, by this policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep_at_least: Option<i32>,
    /// When the point may be deleted. Unset until the vault has accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
}

/// The point that a job made.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobPoint {
    /// Name of the RecoveryPoint.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its id in the vault.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// The instant whose data it holds.
    pub point_time: Time,
}
