//! What becomes of the points of an instance that is gone: its `deletionPolicy` and the vault's soft delete. Pure.

use contract::{Owner, Remains};
use crds::BackupInstanceSpec;
use crds::instance::DeletionPolicy;
use jiff::{SignedDuration, Timestamp};

use super::facts::Facts;
use crate::controller::life;
use crate::controller::vault::soft_delete;

/// By the spec that the instance was last claimed with, and the one that it had when it went: an edit that the ledger had not
/// heard of yet counts where it keeps more. Where none can be read the points are kept: what is deleted cannot be had back.
pub fn remains(facts: &Facts<'_>, owner: &Owner, now: Timestamp) -> Remains {
    let claimed = saved_spec(facts, owner).map(|spec| spec.deletion_policy);
    let last = life::uid(owner).and_then(|uid| facts.departed.get(uid)).map(|last| last.spec.deletion_policy);
    match keeps_most([claimed.unwrap_or_default()].into_iter().chain(last)) {
        DeletionPolicy::Retain => Remains::Kept,
        DeletionPolicy::RetainPerPolicy => Remains::AsStamped,
        DeletionPolicy::Delete => Remains::Purged { at: purge(facts, now) },
    }
}

fn keeps_most(policies: impl Iterator<Item = DeletionPolicy>) -> DeletionPolicy {
    let loses = |policy: &DeletionPolicy| match policy {
        DeletionPolicy::Retain => 0,
        DeletionPolicy::RetainPerPolicy => 1,
        DeletionPolicy::Delete => 2,
    };
    policies.min_by_key(loses).unwrap_or_default()
}

/// The spec of an instance as it was last claimed. Points of a server that it was never protected as follow what it was
/// protected as.
pub fn saved_spec(facts: &Facts<'_>, owner: &Owner) -> Option<BackupInstanceSpec> {
    let of_owner = facts.catalogue.owners.get(owner).filter(|view| !view.spec.is_empty());
    let newest = || {
        let claimed = life::views(facts.catalogue, life::uid(owner)?)
            .filter(|view| facts.is_own(&view.owner) && !view.spec.is_empty());
        claimed.max_by_key(|view| view.sequence)
    };
    serde_json::from_str(&of_owner.or_else(newest)?.spec).ok()
}

/// When points that are to go from now on do so.
pub fn purge(facts: &Facts<'_>, now: Timestamp) -> Timestamp {
    let days = soft_delete::days(facts.vault, facts.pledges).map_or(0, i64::from);
    now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
}
