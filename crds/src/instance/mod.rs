//! BackupInstance: what is protected, in which vault, under which policy.

mod postgresql;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::{PolicyReference, VaultReference},
    rules::{fixed, fixed_optional},
};

pub use postgresql::{DatabaseSelection, Postgresql};
pub use status::{
    BackupInstanceStatus, Check, CheckResult, InstanceState, JobCounts, LastBackup, LastCheck, LatestPoint,
    MissedSlots, PolicySnapshot,
};

const VAULT_STAYS: &str =
    "the vault may not be changed: the points would stay behind. Create another instance for another vault";

/// One database, or all databases of one server, with the vault and the policy that protect it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "coffer.dev",
    version = "v1alpha1",
    kind = "BackupInstance",
    namespaced,
    shortname = "binst",
    category = "coffer",
    status = "BackupInstanceStatus",
    derive = "PartialEq",
    doc = "One database with the vault and the policy that protect it. Deleting it deletes no data.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Checks", type_ = "string", json_path = ".status.conditions[?(@.type==\"BackupReady\")].reason"),
    printcolumn(name = "Policy", type_ = "string", priority = "1", json_path = ".spec.policyRef.name"),
    printcolumn(name = "Vault", type_ = "string", priority = "1", json_path = ".spec.vaultRef.name"),
    printcolumn(name = "Last backup", type_ = "date", json_path = ".status.lastBackup.completionTime"),
    printcolumn(name = "Last result", type_ = "string", json_path = ".status.lastBackup.state"),
    printcolumn(name = "Points", type_ = "integer", json_path = ".status.recoveryPoints"),
    printcolumn(name = "Next", type_ = "string", priority = "1", json_path = ".status.nextBackupTime"),
    printcolumn(name = "Message", type_ = "string", priority = "1", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Check message", type_ = "string", priority = "1", json_path = ".status.conditions[?(@.type==\"BackupReady\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    selectable = ".spec.vaultRef.name",
    selectable = ".spec.vaultRef.namespace",
    selectable = ".spec.policyRef.name",
    selectable = ".spec.protection",
    selectable = ".status.state",
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$')")
        .message("the name of an instance must have at most 40 lower-case letters, digits and hyphens: names of jobs and points are made from it"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("vaultRef.name", VAULT_STAYS),
    validation = fixed_optional("vaultRef.__namespace__", VAULT_STAYS),
    validation = Rule::new("!has(self.policyRef.__namespace__) || (has(self.vaultRef.__namespace__) && self.policyRef.__namespace__ == self.vaultRef.__namespace__)")
        .message("the policy must be in this namespace (leave `policyRef.namespace` out) or in the vault's (name the same in both references)"),
)]
pub struct BackupInstanceSpec {
    /// The vault that holds the points. Never changes.
    pub vault_ref: VaultReference,
    /// The policy that says when to back up and how long to keep. May be changed; later points follow the new one.
    pub policy_ref: PolicyReference,
    /// The PostgreSQL server and what of it is protected.
    pub postgresql: Postgresql,
    /// Enabled: backups run and points expire. Suspended: no new backups; points expire, and the newest is kept.
    /// Stopped: nothing runs and nothing expires; a day after the end of that, points begin to expire again.
    #[serde(default)]
    pub protection: Protection,
    /// What happens to the points when this object is deleted. Retain: they stay, and never expire. RetainPerPolicy:
    /// they expire as stamped, and the newest stays. Delete: they go when the days of the vault's `softDelete` are over, at
    /// once where that is Disabled. Until they are gone a DeletedBackupInstance beside the vault stands for them.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// Whether an instance is backed up.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protection {
    /// Backups run and points expire.
    #[default]
    Enabled,
    /// No new backups. Points expire, and the newest is kept.
    Suspended,
    /// Nothing runs and nothing expires.
    Stopped,
}

/// What happens to the points of a deleted instance.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeletionPolicy {
    /// They stay, and never expire.
    #[default]
    Retain,
    /// They expire as stamped; the newest are kept.
    RetainPerPolicy,
    /// They are deleted.
    Delete,
}
