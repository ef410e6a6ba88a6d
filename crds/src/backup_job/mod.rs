//! BackupJob: one backup of one instance.

mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::{InstanceReference, JobState, Time},
    rules::{cancel_is_one_way, fixed, fixed_optional, job_name_fits_a_label, terminal_is_terminal},
    words,
};

pub use status::{BackupJobStatus, CreatedBy, JobPoint, JobRetention};

const STAYS: &str = "the spec of a job may not be changed, save `cancel`: create a new job instead";

/// One backup of one instance. The operator makes one for each slot; people make one for a backup on demand.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "coffer.dev",
    version = "v1alpha1",
    kind = "BackupJob",
    namespaced,
    shortname = "bjob",
    category = "coffer",
    status = "BackupJobStatus",
    derive = "PartialEq",
    doc = "One backup of one instance. The operator makes one for each slot; create one yourself for a backup on demand.",
    printcolumn(name = "Instance", type_ = "string", json_path = ".spec.instanceRef.name"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Stage", type_ = "string", priority = "1", json_path = ".status.progress.stage"),
    printcolumn(name = "Percent", type_ = "integer", json_path = ".status.progress.percent"),
    printcolumn(name = "Size", type_ = "string", json_path = ".status.size"),
    printcolumn(name = "Duration", type_ = "string", json_path = ".status.duration"),
    printcolumn(name = "Tag", type_ = "string", priority = "1", json_path = ".status.retention.tag"),
    printcolumn(name = "Point", type_ = "string", priority = "1", json_path = ".status.recoveryPoint.name"),
    printcolumn(name = "Message", type_ = "string", priority = "1", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    selectable = ".spec.instanceRef.name",
    selectable = ".spec.slot.rule",
    selectable = ".spec.retentionTag",
    selectable = ".status.state",
    validation = terminal_is_terminal(),
    validation = job_name_fits_a_label(),
    validation = Rule::new("has(self.spec.slot) || !self.metadata.name.matches('-[0-9]{8}t[0-9]{4}z$')")
        .message("names that end like a slot (-YYYYMMDDtHHMMz) belong to the schedule: choose another name"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.slot) != has(self.retentionTag)")
        .message("set `retentionTag` to the name of a retention rule of the policy; `slot` belongs to the schedule"),
    validation = fixed("instanceRef", STAYS),
    validation = fixed_optional("slot", STAYS),
    validation = fixed_optional("retentionTag", STAYS),
    validation = cancel_is_one_way(),
)]
pub struct BackupJobSpec {
    /// The instance to back up.
    pub instance_ref: InstanceReference,
    /// The due time this job is for. Only the operator may set it. Unset: the backup is on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// Name of the retention rule whose keeping the point gets, and exactly that. Unset for a slot, whose rule
    /// is found by the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::rule_name")]
    pub retention_tag: Option<String>,
    /// Set to true to stop the job. It stays true; leave it out of Git. A point that was committed first stays.
    #[serde(default)]
    pub cancel: bool,
}

/// One due time of one rule.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// Name of the backup rule.
    #[schemars(schema_with = "words::rule_name")]
    pub rule: String,
    /// The nominal minute.
    pub time: Time,
}

impl BackupJob {
    /// Where the job stands; Created before the operator has seen it.
    pub fn state(&self) -> JobState {
        self.status.as_ref().and_then(|status| status.state).unwrap_or(JobState::Created)
    }

    /// Whether the job has ended. Nothing about an ended job changes again.
    pub fn is_terminal(&self) -> bool {
        self.state().is_terminal()
    }

    /// Whether the operator made the job for a slot, rather than a person on demand.
    pub fn is_scheduled(&self) -> bool {
        self.spec.slot.is_some()
    }
}
