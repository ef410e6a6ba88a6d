//! DeletedBackupInstance: what is left of an instance whose object is gone, beside its vault. The ledger is the truth.

mod status;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::{
    common::VaultReference,
    rules::{fixed, purge_is_one_way, undelete_is_one_way},
};

pub use status::{DeletedBackupInstanceStatus, DeletedOwner, DeletedState};

const STAYS: &str =
    "a DeletedBackupInstance is a view of what the vault's ledger holds: its vault may not be changed";

/// A deleted instance that still has points. Deleting the object deletes nothing; it returns from the vault's ledger.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "coffer.dev",
    version = "v1alpha1",
    kind = "DeletedBackupInstance",
    namespaced,
    shortname = "dbinst",
    category = "coffer",
    status = "DeletedBackupInstanceStatus",
    derive = "PartialEq",
    doc = "A deleted instance that still has points, written by the operator beside the vault. Its `undelete` brings the \
           instance back, its `purge` lets the points go; deleting the object deletes no data, and it returns from the vault's ledger.",
    printcolumn(name = "Namespace", type_ = "string", json_path = ".status.owner.namespace"),
    printcolumn(name = "Instance", type_ = "string", json_path = ".status.owner.name"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Deleted", type_ = "date", json_path = ".status.deletedTime"),
    printcolumn(name = "Purged", type_ = "string", json_path = ".status.scheduledPurgeTime"),
    printcolumn(name = "Points", type_ = "integer", json_path = ".status.recoveryPoints"),
    printcolumn(name = "Vault", type_ = "string", priority = "1", json_path = ".spec.vaultRef.name"),
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = "1",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message"
    ),
    selectable = ".spec.vaultRef.name",
    selectable = ".status.state",
    selectable = ".status.owner.namespace",
    selectable = ".status.owner.name"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = fixed("vaultRef", STAYS),
    validation = undelete_is_one_way(),
    validation = purge_is_one_way(),
)]
pub struct DeletedBackupInstanceSpec {
    /// The vault that holds the points, in this namespace.
    pub vault_ref: VaultReference,
    /// Brings the instance back: one of the same namespace, name and database is taken for it, else it is made once from
    /// the saved spec with `protection: Stopped`. It stays stopped until annotation coffer.dev/resume on it names this
    /// record. It cannot be taken back.
    #[serde(default)]
    pub undelete: bool,
    /// Lets the points go that the instance's `deletionPolicy` keeps: all of them, once the vault's `softDelete` time has
    /// passed from then on; at once where that is Disabled. Until they go, `undelete` takes precedence. It cannot be taken
    /// back.
    #[serde(default)]
    pub purge: bool,
}
