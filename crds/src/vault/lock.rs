//! Immutability and soft delete. Immutability is in the schema so that vaults can be written down; it is refused by a rule
//! until it is acted on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A lock on stored objects.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Immutability {
    /// Disabled: none. Unlocked: objects are locked, and the setting may be taken back. Locked: it may not.
    pub state: ImmutabilityState,
    /// Governance: whoever has the verb `bypass-governance` may lift it. Compliance: nobody may. Unset: Governance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ImmutabilityMode>,
    /// Days after Locked was asked for in which it may still be taken back. Unset: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 3, max = 36500))]
    pub cooling_off_days: Option<i32>,
}

/// How strongly stored objects are locked.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImmutabilityState {
    /// No lock.
    Disabled,
    /// Locked objects; the setting may be taken back.
    Unlocked,
    /// Locked objects; the setting never changes again.
    Locked,
}

/// Who may lift a lock.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImmutabilityMode {
    /// Whoever has the verb `bypass-governance` on the vault.
    Governance,
    /// Nobody, before the time is over.
    Compliance,
}

/// Days that a deleted instance can be brought back where nothing else is said.
pub const SOFT_DELETE_DAYS: i32 = 14;

/// What happens to the points of an instance that is deleted with `deletionPolicy: Delete`.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SoftDelete {
    /// Disabled, Enabled, or AlwaysOn, which never changes again.
    pub state: SoftDeleteState,
    /// Days a deleted instance can be brought back. Unset: 14. With AlwaysOn they may only grow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 14, max = 180))]
    pub retention_days: Option<i32>,
}

/// Whether deleted instances can be brought back.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SoftDeleteState {
    /// They cannot.
    Disabled,
    /// They can.
    Enabled,
    /// They can, and this setting never changes again.
    AlwaysOn,
}
