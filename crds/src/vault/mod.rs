//! BackupVault: where backups live, the key that seals them, and the rules about who may do what.

mod access;
mod customer_key;
mod encryption;
mod limits;
mod lock;
mod pod_template;
mod recipient;
mod retention;
mod status;
mod storage;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::{always_on_stays, not_yet, not_yet_but};

pub use access::{
    Access, AccessAction, AccessEffect, AccessRule, AccessSubject, AdoptFrom, AdoptTo, Adoption,
    AllowedNamespaces, NamespaceSelector, SelectorOperator, SelectorRequirement, SubjectKind,
};
pub use customer_key::{
    AwsKmsKey, AzureKeyVaultKey, GcpKmsKey, IdentityKind, IdentityReference, KeyReference, VaultKey,
    VaultTransitKey,
};
pub use encryption::{Encryption, EncryptionMode};
pub use limits::Limits;
pub use lock::{
    Immutability, ImmutabilityMode, ImmutabilityState, SOFT_DELETE_DAYS, SoftDelete, SoftDeleteState,
};
pub use pod_template::PodTemplate;
pub use recipient::is_recipient;
pub use retention::RetentionRange;
pub use status::{
    BackupVaultStatus, EncryptionStatus, IdentityStatus, KeeperStatus, LedgerHead, Redundancy,
    StorageCapabilities,
};
pub use storage::{
    Addressing, Archive, AzureBlobStorage, FilesystemStorage, GcsStorage, Replica, S3Storage, Storage,
};

/// Where backups live, the key that seals them, and the rules about who may do what.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "coffer.dev",
    version = "v1alpha1",
    kind = "BackupVault",
    namespaced,
    shortname = "bvault",
    category = "coffer",
    status = "BackupVaultStatus",
    derive = "PartialEq",
    doc = "Where backups live, the key that seals them, and the rules about who may do what. Its namespace is the trust boundary.",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Provider", type_ = "string", json_path = ".status.provider"),
    printcolumn(name = "Instances", type_ = "integer", json_path = ".status.instances"),
    printcolumn(name = "Points", type_ = "integer", json_path = ".status.recoveryPoints"),
    printcolumn(name = "Stored", type_ = "string", json_path = ".status.stored"),
    printcolumn(name = "Message", type_ = "string", priority = "1", json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    selectable = ".spec.encryption.mode",
    selectable = ".status.provider",
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')")
        .message("the name of a vault must have at most 40 lower-case letters, digits and hyphens, a letter first"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = not_yet("archive"),
    validation = not_yet_but("replicas", "back up to a vault in each place"),
    validation = not_yet("immutability"),
    validation = always_on_stays(),
    validation = not_yet("crossNamespaceRestore"),
)]
pub struct BackupVaultSpec {
    /// Where the backups are stored: exactly one of the members. Provider, bucket or claim, and prefix never change.
    pub storage: Storage,
    /// A second, cold place that points move to by policy. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// Copies of the whole vault in other places. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub replicas: Option<Vec<Replica>>,
    /// The key that seals the backups.
    pub encryption: Encryption,
    /// The range that every point's keeping must lie in.
    #[serde(default)]
    pub retention: RetentionRange,
    /// A lock on stored objects. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immutability: Option<Immutability>,
    /// Whether a deleted instance can be brought back, and for how long. Unset: Enabled, 14 days. What is in force when
    /// an instance is deleted governs it; instances with `deletionPolicy` Retain and RetainPerPolicy keep their points
    /// whatever is set here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_delete: Option<SoftDelete>,
    /// Who may use this vault. Unset: instances of its own namespace only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Whether points of one namespace may be restored from another. Unset: they may not. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_namespace_restore: Option<CrossNamespaceRestore>,
    /// How many of the newest points of each instance are shown as RecoveryPoint objects. All of them stay in
    /// storage and can be restored; the number bounds only what the API server holds.
    #[serde(default = "default_recovery_point_window")]
    #[schemars(range(min = 0, max = 50))]
    pub recovery_point_window: i32,
    /// How much may run at once, and how fast.
    #[serde(default)]
    pub limits: Limits,
    /// What the pods of keeper and movers get besides what Coffer gives them. Unset: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_template: Option<PodTemplate>,
}

impl BackupVaultSpec {
    /// Whether instances of `namespace` may use this vault, which lives in `own`.
    pub fn allows_namespace(&self, own: &str, namespace: &str) -> bool {
        own == namespace
            || self
                .access
                .as_ref()
                .and_then(|access| access.allowed_namespaces.as_ref())
                .and_then(|allowed| allowed.names.as_ref())
                .is_some_and(|names| names.iter().any(|name| name == namespace))
    }
}

/// Whether points may be restored by another namespace than their own.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CrossNamespaceRestore {
    /// They may, where access rules and RBAC agree.
    Enabled,
    /// They may not.
    Disabled,
    /// They may not, and this setting never changes again.
    PermanentlyDisabled,
}

fn default_recovery_point_window() -> i32 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_serves_its_own_namespace_and_those_it_names() {
        let spec: BackupVaultSpec = serde_json::from_value(serde_json::json!({
            "storage": {"filesystem": {"claimName": "backups"}},
            "encryption": {"mode": "SystemManaged"},
            "access": {"allowedNamespaces": {"names": ["shop"]}},
        }))
        .expect("a small spec parses");
        assert!(spec.allows_namespace("vaults", "vaults"));
        assert!(spec.allows_namespace("vaults", "shop"));
        assert!(!spec.allows_namespace("vaults", "other"));
        assert_eq!(spec.recovery_point_window, 10);
        assert_eq!(spec.limits.concurrent_backups, 4);
    }
}
