//! What decisions about the deleted instances of one vault are made from. Data only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{Life, Owner, OwnerView, Pledges, PointState, PointView, Remains};
use crds::{BackupInstance, BackupVault, DeletedBackupInstance};
use jiff::Timestamp;
use kube::ResourceExt as _;

use crate::controller::life;
use crate::keeper_client::Catalogue;
use crate::names;

/// A vault, its ledger, and what there is in the cluster.
#[derive(Debug)]
pub struct Facts<'a> {
    pub vault: &'a BackupVault,
    pub catalogue: &'a Catalogue,
    pub pledges: Pledges,
    /// Operator, keeper and storage do not agree on the time: no purge is promised by it.
    pub clock_skewed: bool,
    /// All instances by UID.
    pub instances: &'a BTreeMap<String, Arc<BackupInstance>>,
    /// UID of each living namespace by its name.
    pub namespaces: &'a BTreeMap<String, String>,
    /// The records that there are of this vault.
    pub records: &'a [Arc<DeletedBackupInstance>],
    /// UIDs of instances of which the API server itself says that they are not there.
    pub gone: &'a BTreeSet<String>,
    /// Instances whose deletion the watch has told of, as they were last, by UID; not those that went before this operator
    /// began.
    pub departed: &'a BTreeMap<String, Arc<BackupInstance>>,
    pub cluster_id: &'a str,
}

/// One instance that is gone: what the ledger says of each datasource that it had.
#[derive(Debug, Clone)]
pub struct Gone<'a> {
    pub views: Vec<&'a OwnerView>,
    /// Points that are left.
    pub points: usize,
}

impl<'a> Facts<'a> {
    /// The instances of this cluster whose end is in the ledger, by UID. An end that concerns no point any more is left out.
    pub fn deleted(&self) -> BTreeMap<&'a str, Gone<'a>> {
        let mut deleted: BTreeMap<&str, Gone<'a>> = BTreeMap::new();
        for view in self.own_views().filter(|view| matches!(view.life, Life::Deleted { .. })) {
            let points = self.points_of(&view.owner).count();
            let Some(uid) = life::uid(&view.owner).filter(|_| points > 0) else { continue };
            let gone = deleted.entry(uid).or_insert_with(|| Gone { views: Vec::new(), points: 0 });
            gone.views.push(view);
            gone.points += points;
        }
        deleted
    }

    /// What the ledger says of instances of this cluster.
    pub fn own_views(&self) -> impl Iterator<Item = &'a OwnerView> {
        self.catalogue.owners.values().filter(|view| self.is_own(&view.owner))
    }

    /// The points of an owner that have no tombstone.
    pub fn points_of(&self, owner: &Owner) -> impl Iterator<Item = &'a PointView> {
        self.catalogue
            .points
            .values()
            .filter(move |point| point.state != PointState::Expired && point.owner == *owner)
    }

    /// Other clusters have operators of their own.
    pub fn is_own(&self, owner: &Owner) -> bool {
        matches!(owner, Owner::Instance { cluster_id, .. } if cluster_id == self.cluster_id)
    }

    /// Whether the namespace of an instance is gone, or going; one that was made again under its name is another.
    pub fn has_lost_its_namespace(&self, owner: &Owner) -> bool {
        matches!(owner, Owner::Instance { namespace, namespace_uid, .. }
            if self.namespaces.get(namespace) != Some(namespace_uid))
    }

    pub fn record(&self, name: &str) -> Option<&'a DeletedBackupInstance> {
        self.records.iter().map(Arc::as_ref).find(|record| record.name_any() == name)
    }
}

impl Gone<'_> {
    /// The newest of what the ledger says: of it the record tells.
    pub fn newest(&self) -> Option<&OwnerView> {
        self.views.iter().copied().max_by_key(|view| view.sequence)
    }

    /// Name of the record.
    pub fn record(&self) -> Option<String> {
        match &self.newest()?.owner {
            Owner::Instance { namespace, instance, instance_uid, .. } => {
                Some(names::deleted_instance(namespace, instance, instance_uid))
            }
            Owner::Cli { .. } => None,
        }
    }

    /// When it was noticed, what becomes of the points, and why it is gone. Where the points of several databases end
    /// otherwise, the end that comes first is told.
    pub fn end(&self) -> Option<(Timestamp, Remains, &str)> {
        match &self.newest()?.life {
            Life::Deleted { time, points, reason } => {
                Some((*time, self.remains().fold(*points, weaker), reason))
            }
            Life::Active | Life::ResumeRequired { .. } | Life::Released => None,
        }
    }

    /// Whether not all of its points end so.
    pub fn is_mixed(&self) -> bool {
        let mut remains = self.remains();
        let first = remains.next();
        remains.any(|other| Some(other) != first)
    }

    /// What becomes of the points of each database that it had.
    fn remains(&self) -> impl Iterator<Item = Remains> {
        self.views.iter().filter_map(|view| match view.life {
            Life::Deleted { points, .. } => Some(points),
            Life::Active | Life::ResumeRequired { .. } | Life::Released => None,
        })
    }
}

/// That of two with which points go sooner.
fn weaker(one: Remains, other: Remains) -> Remains {
    match (one, other) {
        (Remains::Purged { at }, Remains::Purged { at: then }) => Remains::Purged { at: at.min(then) },
        (purged @ Remains::Purged { .. }, _) | (_, purged @ Remains::Purged { .. }) => purged,
        (Remains::AsStamped, _) | (_, Remains::AsStamped) => Remains::AsStamped,
        (Remains::Kept, Remains::Kept) => Remains::Kept,
    }
}
