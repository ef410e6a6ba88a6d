//! What the operator has seen of a vault. No probe times: the status of an idle vault is not written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lock::SoftDelete;
use crate::common::{Condition, NextExpiry, Time};

/// What the operator has seen of a vault.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupVaultStatus {
    /// The generation that this status describes; -1 before the operator has seen the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, StorageReachable, KeyAccessible; and, only while True, Reconciling, Stalled, RecoveryKeyMissing,
    /// NamespaceUnprotected, KeeperUnavailable, RolledBack, RetentionBlocked, AdoptionPending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The last value of annotation coffer.dev/revalidate that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub revalidated: Option<String>,
    /// The id in the storage, made once when the vault was initialised there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub vault_id: Option<String>,
    /// What proves to a person that a storage holds this vault and no planted one. Keep it with the recovery kit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub fingerprint: Option<String>,
    /// The newest entry of the vault's ledger that was seen. A storage behind it is RolledBack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerHead>,
    /// S3 or Filesystem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub provider: Option<String>,
    /// Local: one place. Geo: replicas elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redundancy: Option<Redundancy>,
    /// What the storage can do, as probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<StorageCapabilities>,
    /// The vault's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<EncryptionStatus>,
    /// Whom the keeper is to the storage and the key service, known before any key call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityStatus>,
    /// The keeper of the vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper: Option<KeeperStatus>,
    /// Instances that use this vault. While there are any it cannot be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub instances: Option<i32>,
    /// Deleted instances that still have points in this vault. While there are any it cannot be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub deleted_instances: Option<i32>,
    /// The soft delete in force: what the spec asks for, or what the ledger has promised where that is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_delete: Option<SoftDelete>,
    /// Points in the catalogue, of all owners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub recovery_points: Option<i64>,
    /// What retention will delete next, of all owners. Unset: nothing, as things stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<NextExpiry>,
    /// Bytes that these points take in the storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub stored_bytes: Option<i64>,
    /// `storedBytes` for people, such as `18.3 GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub stored: Option<String>,
}

/// An entry of a vault's ledger.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerHead {
    /// Its number, counted from 1.
    #[schemars(range(min = 0))]
    pub sequence: i64,
    /// Its hash, which includes every entry before it; SHA-256, hexadecimal.
    #[schemars(length(min = 1, max = 128))]
    pub hash: String,
}

/// Where the copies of a vault are.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redundancy {
    /// In one place.
    Local,
    /// In several places.
    Geo,
}

/// What a storage can do, as probed and never assumed. An unset answer was not asked for yet.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageCapabilities {
    /// A create-only write of an existing object is refused. Without it no vault works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_only: Option<bool>,
    /// An overwrite with a stale version is refused. Informative: no step needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditional_overwrite: Option<bool>,
    /// The store keeps former versions of an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versioning: Option<bool>,
    /// The store can lock objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_lock: Option<bool>,
}

/// The key of a vault.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionStatus {
    /// Name of the Secret that holds the key of a SystemManaged vault. Whoever loses it needs a recovery recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub key_secret_name: Option<String>,
    /// Version of the key in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub key_version: Option<String>,
    /// When the key expires, where its service says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_expiry_time: Option<Time>,
    /// Recovery recipients that new backups are readable for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub recovery_recipients: Option<i32>,
}

/// Whom the keeper is to others.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityStatus {
    /// The subject of the keeper's ServiceAccount token, to be written into a provider's trust policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub subject: Option<String>,
}

/// The keeper of a vault.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeeperStatus {
    /// Version of the running keeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,
    /// When its certificate ends. It is renewed four months before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_expiry_time: Option<Time>,
}
