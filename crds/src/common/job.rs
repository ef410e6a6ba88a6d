//! What BackupJob and RestoreJob share: states, attempts, progress.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a job stands. For people and field selectors; code reads facts.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum JobState {
    /// Accepted, nothing started.
    Created,
    /// Waiting: for a place, for the vault, or for an error to pass before the start window ends.
    Pending,
    /// A mover has fixed its snapshot, or a restore has begun; until the vault has accepted the point.
    Running,
    /// Asked to stop; it is not yet settled whether the point was committed first.
    Cancelling,
    /// Ended well.
    Completed,
    /// Ended well with something left out; `warnings` says what.
    CompletedWithWarnings,
    /// Ended badly; `errors` says why.
    Failed,
    /// The start window closed before anything could start. Nothing was written.
    Expired,
    /// Stopped on request before a point was committed.
    Cancelled,
}

impl JobState {
    /// Every state, in the order a job may pass them.
    pub const ALL: [Self; 9] = [
        Self::Created,
        Self::Pending,
        Self::Running,
        Self::Cancelling,
        Self::Completed,
        Self::CompletedWithWarnings,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
    ];

    /// The state as it is written in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Cancelling => "Cancelling",
            Self::Completed => "Completed",
            Self::CompletedWithWarnings => "CompletedWithWarnings",
            Self::Failed => "Failed",
            Self::Expired => "Expired",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether the job has ended. Nothing about an ended job changes again.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Created | Self::Pending | Self::Running | Self::Cancelling => false,
            Self::Completed
            | Self::CompletedWithWarnings
            | Self::Failed
            | Self::Expired
            | Self::Cancelled => true,
        }
    }

    /// Whether the job ended well.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Completed | Self::CompletedWithWarnings)
    }
}

/// One pod run of a job.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Counted from 1.
    #[schemars(range(min = 1, max = 1000))]
    pub number: i32,
    /// Name of the Job in the vault's namespace. It is removed once the result is recorded.
    #[schemars(length(min = 1, max = 63))]
    pub job_name: String,
    /// When the Job was created.
    pub start_time: Time,
    /// When its pod had ended and the result was recorded. Unset while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<Time>,
    /// How it ended. Unset while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AttemptOutcome>,
    /// The pod's exit code, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 255))]
    pub exit_code: Option<i32>,
    /// The code of the error that ended it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub error_code: Option<String>,
    /// What happened, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
}

/// How one attempt ended.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptOutcome {
    /// It did its work.
    Succeeded,
    /// It failed, and the next attempt may succeed.
    RetryableFailure,
    /// It failed, and no further attempt will help.
    PermanentFailure,
    /// Its pod vanished without a word: evicted, its node lost, or killed.
    Lost,
    /// Another process of the same run committed first. Its own objects are garbage by proof.
    LostRace,
    /// It was stopped: cancelled, out of time, or silent for too long.
    Stopped,
}

/// How far a job is. Written at most every 30 seconds and every percent.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What the mover is doing.
    pub stage: Stage,
    /// Bytes of source data done, before compression.
    #[schemars(range(min = 0))]
    pub bytes_done: i64,
    /// Bytes of source data in all, as estimated. Unset: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes_total: Option<i64>,
    /// Percent done, an estimate. Unset: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: Option<i32>,
    /// Mean speed since the last write; once the job has ended well, of the whole run. Unset: not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes_per_second: Option<i64>,
}

/// The stages of backups and restores, in the order they pass.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// The pod is being placed and started.
    Starting,
    /// Connections to server, keeper and storage are being made.
    Connecting,
    /// Versions, privileges and the target are being checked.
    Preflight,
    /// Backup: tables are being locked and the snapshot fixed.
    Locking,
    /// The schema is being read, or created.
    Schema,
    /// Rows are being moved.
    Data,
    /// Large objects are being moved.
    LargeObjects,
    /// Restore: indexes, constraints and the rest of the schema.
    Indexes,
    /// Backup: lists, manifest and the record are being written. Restore: counts and digests are being compared.
    Committing,
    /// Backup: the mover is done, and the vault is checking what it left.
    Accepting,
    /// Restore: the database gets its own name, its ACL and its settings.
    Finishing,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 11] = [
        Self::Starting,
        Self::Connecting,
        Self::Preflight,
        Self::Locking,
        Self::Schema,
        Self::Data,
        Self::LargeObjects,
        Self::Indexes,
        Self::Committing,
        Self::Accepting,
        Self::Finishing,
    ];

    /// The stage as it is written in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Connecting => "Connecting",
            Self::Preflight => "Preflight",
            Self::Locking => "Locking",
            Self::Schema => "Schema",
            Self::Data => "Data",
            Self::LargeObjects => "LargeObjects",
            Self::Indexes => "Indexes",
            Self::Committing => "Committing",
            Self::Accepting => "Accepting",
            Self::Finishing => "Finishing",
        }
    }
}

/// One stage of the newest attempt, with when it began and ended.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubTask {
    /// The stage, such as `Data`.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Where it stands.
    pub state: JobState,
    /// When it began. Unset: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it ended. Unset: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_states_and_stages_are_their_yaml() {
        for stage in Stage::ALL {
            assert_eq!(serde_json::to_value(stage).expect("a unit variant is a string"), stage.as_str());
        }
        for state in JobState::ALL {
            assert_eq!(serde_json::to_value(state).expect("a unit variant is a string"), state.as_str());
        }
    }

    #[test]
    fn only_an_ended_job_is_a_success() {
        assert!(JobState::ALL.iter().all(|state| state.is_terminal() || !state.is_success()));
    }
}
