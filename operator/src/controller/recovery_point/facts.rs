//! What decisions about the points of one vault are made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{Owner, Pledges, PointId, PointView, RunId};
use crds::{BackupInstance, BackupVault, RecoveryPoint};
use kube::ResourceExt as _;

use super::memory::Answer;
use super::ranges::Ranges;
use crate::keeper_client::Catalogue;

/// A vault, its catalogue, and whom its points belong to.
#[derive(Debug)]
pub struct Facts<'a> {
    pub vault: &'a BackupVault,
    pub catalogue: &'a Catalogue,
    pub pledges: Pledges,
    /// The instances that refer to the vault.
    pub instances: &'a [Arc<BackupInstance>],
    /// UID of each living namespace by its name; ending ones are left out, since nothing can be created there.
    pub namespaces: &'a BTreeMap<String, String>,
    /// The RecoveryPoint objects that carry the vault's label, wherever they are.
    pub objects: &'a [Arc<RecoveryPoint>],
    /// Names of the BackupJobs that are still there, by their runs.
    pub jobs: &'a BTreeMap<RunId, String>,
    /// Points that a live restore reads.
    pub in_use: &'a BTreeSet<PointId>,
    /// What the keeper said of the requests of objects, by the object's UID.
    pub answers: &'a BTreeMap<String, Answer>,
    /// Points of a time that somebody wants to see.
    pub ranges: &'a Ranges,
    /// What storage says of expired points that it does not let go.
    pub undeleted: &'a BTreeMap<PointId, String>,
    /// Operator, keeper and storage do not agree on the time: nothing is deleted by it, and no end is promised.
    pub clock_skewed: bool,
    /// UID of namespace kube-system.
    pub cluster_id: &'a str,
}

impl Facts<'_> {
    /// The living instance that a point belongs to: the very one, not a successor of its name.
    pub fn instance_of(&self, point: &PointView) -> Option<&BackupInstance> {
        let Owner::Instance { cluster_id, namespace, namespace_uid, instance_uid, .. } = &point.owner else {
            return None;
        };
        if cluster_id != self.cluster_id || self.namespaces.get(namespace) != Some(namespace_uid) {
            return None;
        }
        let found = self.instances.iter().find(|found| found.uid().as_ref() == Some(instance_uid))?;
        Some(found)
    }

    /// The vault's own namespace.
    pub fn vault_namespace(&self) -> String {
        self.vault.namespace().unwrap_or_default()
    }
}

/// What the points of one owner have in common: the instance's UID, or that a command line made them.
pub fn owner_key(owner: &Owner) -> String {
    match owner {
        Owner::Instance { cluster_id, instance_uid, .. } => format!("{cluster_id}/{instance_uid}"),
        Owner::Cli { datasource_id } => format!("cli/{datasource_id}"),
    }
}
