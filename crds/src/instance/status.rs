//! What the operator has seen of an instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::{Condition, JobState, NextExpiry, Time},
    policy::BackupPolicySpec,
};

/// What the operator has seen of an instance.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupInstanceStatus {
    /// The generation that this status describes; -1 before the operator has seen the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, BackupReady, LastBackupSucceeded, RecoveryPointFresh, CopiesHealthy; and, only while True, Reconciling,
    /// Stalled, PolicyMissing, ApproachingLimit, ResumeRequired, RetentionResumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// Where the instance stands, for people. Conditions are the truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<InstanceState>,
    /// The last value of annotation coffer.dev/revalidate that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub revalidated: Option<String>,
    /// The last value of annotation coffer.dev/sync that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub synced: Option<String>,
    /// System identifier of the server and name of the database, as last seen. The same datasource cannot be
    /// protected twice in one vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub datasource_id: Option<String>,
    /// Every check with its result, in the order they are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub checks: Vec<Check>,
    /// The last round of checks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check: Option<LastCheck>,
    /// Rights that the role lacks, one SQL statement each, for the first ten objects at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 512)), extend("x-kubernetes-list-type" = "atomic"))]
    pub missing_grants: Vec<String>,
    /// Relations of the database at the last check or point. The memory of a mover is sized by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub relations: Option<i64>,
    /// Major and minor version of the server, as last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub server_version: Option<String>,
    /// The version (generation) of the policy that the next backup will follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub policy_version: Option<i64>,
    /// The policy as last seen. It keeps acting when the object vanishes, with PolicyMissing=True.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_snapshot: Option<PolicySnapshot>,
    /// The last job that ended, whether well or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<LastBackup>,
    /// When the last job that ended well did so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_time: Option<Time>,
    /// The newest point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_recovery_point: Option<LatestPoint>,
    /// Slots up to then are used: no job is made for one of them (again). It is set when all checks have passed for the
    /// first time, and with each job of a slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_slot_time: Option<Time>,
    /// When the next backup is due, without its spread. Unset: none, while protection is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_backup_time: Option<Time>,
    /// When points begin to expire again after protection was Stopped: a day after the end of that, so that nothing is lost
    /// by a mistake. Unset: they expire as stamped, or protection is Stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_resume_time: Option<Time>,
    /// Points of this instance in the vault, shown as objects or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub recovery_points: Option<i64>,
    /// What retention will delete next. Unset: nothing, as things stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<NextExpiry>,
    /// The DeletedBackupInstance that the instance was brought back from, while it waits for annotation coffer.dev/resume to name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub brought_back_from: Option<String>,
    /// Jobs of the last seven days, recomputed when one ends and at most daily.
    #[serde(default, rename = "jobs7d", skip_serializing_if = "Option::is_none")]
    pub jobs_7d: Option<JobCounts>,
    /// Slots for which no job was made, because the operator was away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_slots: Option<MissedSlots>,
}

/// Where an instance stands.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InstanceState {
    /// Checks have not all passed yet.
    ConfiguringProtection,
    /// A check failed before the first backup. Nothing runs.
    ConfiguringProtectionFailed,
    /// Backups run and points expire.
    ProtectionConfigured,
    /// It has worked, and is being checked again: after a change of server or credentials, or when somebody asked.
    UpdatingProtection,
    /// No new backups; points expire, and the newest is kept.
    BackupsSuspended,
    /// Nothing runs and nothing expires.
    ProtectionStopped,
    /// Server, credentials or a right were lost. The schedule keeps trying.
    ProtectionError,
}

/// One check of an instance.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What is checked, such as `Credentials` or `Privileges`.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Passed, Warning, Failed, or Skipped because an earlier check stands in the way.
    pub result: CheckResult,
    /// One of the reasons in docs/api.md. Unset for a check that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub reason: Option<String>,
    /// What was found, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub message: Option<String>,
}

/// The last round of checks: when, of what, and its worst result.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastCheck {
    /// When it ended.
    pub time: Time,
    /// Hash of what was checked: spec, versions of the Secrets, revalidation token. Another one asks for a new round.
    #[schemars(length(min = 1, max = 64))]
    pub inputs: String,
    /// The worst result of its checks.
    pub result: CheckResult,
}

/// How a check ended.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckResult {
    /// As it should be.
    Passed,
    /// Backups run, and something should be looked at.
    Warning,
    /// Backups cannot run.
    Failed,
    /// Not checked: an earlier check stands in the way.
    Skipped,
}

/// A policy as it was last seen.
#[derive(JsonSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicySnapshot {
    /// Name of the BackupPolicy.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its version (generation).
    #[schemars(range(min = 0))]
    pub version: i64,
    /// Its spec, as it was then.
    pub spec: BackupPolicySpec,
}

/// The last job that ended.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastBackup {
    /// Name of the BackupJob. The object may be gone.
    #[schemars(length(min = 1, max = 253))]
    pub job_name: String,
    /// How it ended.
    pub state: JobState,
    /// When it ended.
    pub completion_time: Time,
    /// The code of the error that decided, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub error_code: Option<String>,
}

/// The newest point of an instance.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatestPoint {
    /// Name of the RecoveryPoint. The object may not be shown.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The instant whose data it holds.
    pub point_time: Time,
}

/// Jobs of some days, counted by how they ended.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobCounts {
    /// Ended well, with or without warnings; also those whose objects are gone by `jobHistory` of the policy, by their points.
    #[schemars(range(min = 0))]
    pub completed: i32,
    /// Ended badly, after the last attempt, of those whose objects are there.
    #[schemars(range(min = 0))]
    pub failed: i32,
    /// Never started within their window, of those whose objects are there.
    #[schemars(range(min = 0))]
    pub expired: i32,
    /// Ended because somebody asked for it.
    #[schemars(range(min = 0))]
    pub cancelled: i32,
}

/// Slots for which no job was made.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MissedSlots {
    /// How many there were.
    #[schemars(range(min = 1))]
    pub count: i64,
    /// The first of them.
    pub since: Time,
}
