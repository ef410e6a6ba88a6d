//! What becomes of the points of an instance that is gone: its `deletionPolicy` and the vault's soft delete. Pure.

use contract::{Owner, Remains};
use crds::BackupInstanceSpec;
use crds::instance::DeletionPolicy;
use jiff::{SignedDuration, Timestamp};

use super::facts::Facts;
use crate::controller::vault::soft_delete;

/// By the spec that the instance was last claimed with. Where none can be read the points are kept: what is deleted cannot be
/// had back.
pub fn remains(facts: &Facts<'_>, owner: &Owner, now: Timestamp) -> Remains {
    match saved_spec(facts, owner).map(|spec| spec.deletion_policy) {
        None | Some(DeletionPolicy::Retain) => Remains::Kept,
        Some(DeletionPolicy::RetainPerPolicy) => Remains::AsStamped,
        Some(DeletionPolicy::Delete) => Remains::Purged { at: purge(facts, now) },
    }
}

/// The spec of an instance as it was last claimed.
pub fn saved_spec(facts: &Facts<'_>, owner: &Owner) -> Option<BackupInstanceSpec> {
    let view = facts.catalogue.owners.get(owner)?;
    serde_json::from_str(&view.spec).ok()
}

fn purge(facts: &Facts<'_>, now: Timestamp) -> Timestamp {
    let days = soft_delete::days(facts.vault, facts.pledges).map_or(0, i64::from);
    now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
}
