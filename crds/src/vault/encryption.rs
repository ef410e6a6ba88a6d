//! The key that seals a vault.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::customer_key::VaultKey;
use crate::rules::{fixed, not_yet, value_not_yet};

/// The key that seals the backups.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("mode", "`mode` is chosen when the vault is created: copy the points into a new vault instead"),
    validation = value_not_yet("mode", "CustomerManaged", "use SystemManaged with `recoveryRecipients`"),
    validation = not_yet("primary"),
    validation = not_yet("geo"),
    validation = Rule::new("self.mode != 'SystemManaged' || self.acceptKeyLoss || \
                            (has(self.recoveryRecipients) && size(self.recoveryRecipients) > 0)")
        .message("the only key would be a Secret of this namespace: add a recipient made by `coffer keygen` to `recoveryRecipients`, or set `acceptKeyLoss: true`"),
)]
pub struct Encryption {
    /// Who keeps the key. SystemManaged: Coffer makes one and keeps it in Secret `NAME-coffer-keys` of this
    /// namespace. CustomerManaged: a key management service of yours; not supported yet. Never changes.
    pub mode: EncryptionMode,
    /// The key and the identity that may use it, for CustomerManaged. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<VaultKey>,
    /// Another key under another identity, for the replicas of a CustomerManaged vault. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo: Option<VaultKey>,
    /// Public age recipients that can open every backup made from now on. Keep their identities off the cluster: they
    /// are the way back when the key's Secret is lost. Unset: there is no such way, and `acceptKeyLoss` must say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 8),
        inner(length(min = 62, max = 62), regex(pattern = "^age1[02-9ac-hj-np-z]{58}$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub recovery_recipients: Option<Vec<String>>,
    /// Whether a SystemManaged vault may go without a recovery recipient: whoever loses the Secret loses every backup.
    #[serde(default)]
    pub accept_key_loss: bool,
}

impl Encryption {
    /// The break-glass recipients, none when unset.
    pub fn recovery_recipients(&self) -> &[String] {
        self.recovery_recipients.as_deref().unwrap_or_default()
    }
}

/// Who keeps the vault's key.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncryptionMode {
    /// Coffer makes an age identity and keeps it in a Secret of the vault's namespace.
    SystemManaged,
    /// A key management service wraps the keys.
    CustomerManaged,
}
