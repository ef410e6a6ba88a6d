//! How a restore is going, or went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    backup_job::JobPoint,
    common::{Attempt, Condition, JobError, JobState, JobWarning, Progress, SubTask, Time},
};

/// How a restore is going, or went.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoreJobStatus {
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
    /// The point that is restored, as found when the job was taken up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_point: Option<JobPoint>,
    /// What is made, for people: the name of the database, or how many there will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub target: Option<String>,
    /// System identifier of the target server and name of the database, as seen before the first write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub target_id: Option<String>,
    /// When the operator took up the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_time: Option<Time>,
    /// When the first write was about to be made. Unset: nothing was written.
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
    /// Every pod run, oldest first. None follows one that has written anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["number"]))]
    pub attempts: Vec<Attempt>,
    /// The stages of the newest attempt, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub sub_tasks: Vec<SubTask>,
    /// Bytes written to the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub data_transferred_bytes: Option<i64>,
    /// What the new database holds, as checked against the point. Unset until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<RestoredObjects>,
    /// What went wrong, oldest first; the last one decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "atomic"))]
    pub errors: Vec<JobError>,
    /// What was left out or noticed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub warnings: Vec<JobWarning>,
}

/// What a restored database holds, as checked against the point.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestoredObjects {
    /// Tables with rows or without.
    #[schemars(range(min = 0))]
    pub tables: i64,
    /// Rows of all of them.
    #[schemars(range(min = 0))]
    pub rows: i64,
    /// Large objects.
    #[schemars(range(min = 0))]
    pub large_objects: i64,
}
