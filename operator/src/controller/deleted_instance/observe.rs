//! What there is of a vault's instances, in the ledger and in the cluster. Reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{Owner, Pledges};
use crds::{BackupInstance, BackupVault, DeletedBackupInstance};
use kube::ResourceExt as _;

use super::facts::Facts;
use super::gone;
use crate::cluster::{self, Key, ReadError};
use crate::context::Context;
use crate::keeper_client::Catalogue;

/// Owned, so that decisions can borrow from it.
pub struct Seen {
    vault: Arc<BackupVault>,
    catalogue: Arc<Catalogue>,
    pledges: Pledges,
    clock_skewed: bool,
    instances: BTreeMap<String, Arc<BackupInstance>>,
    namespaces: BTreeMap<String, String>,
    records: Vec<Arc<DeletedBackupInstance>>,
    gone: BTreeSet<String>,
    departed: BTreeMap<String, Arc<BackupInstance>>,
    cluster_id: String,
}

/// `None` until the keeper has told its ledger: without it nobody would seem to have been there. An instance of which the
/// API server does not say whether it is there is taken for one that is.
pub async fn observe(vault: &Arc<BackupVault>, context: &Context) -> Option<Seen> {
    let uid = vault.uid().unwrap_or_default();
    let catalogue = context.keepers.catalogue(&uid)?;
    let key = Key::vault(&vault.namespace().unwrap_or_default(), &vault.name_any());
    let all = context.known.instances.all();
    let mut seen = Seen {
        vault: Arc::clone(vault),
        catalogue,
        pledges: context.keepers.pledges(&uid),
        clock_skewed: context.keepers.is_clock_skewed(&uid),
        instances: all.into_iter().filter_map(|held| Some((held.uid()?, held))).collect(),
        namespaces: context.living_namespaces(),
        records: context.known.deleted_instances.by(&key),
        gone: BTreeSet::new(),
        departed: BTreeMap::new(),
        cluster_id: context.settings.cluster_id.clone(),
    };
    let mut gone = BTreeSet::new();
    for owner in gone::candidates(&seen.facts()) {
        let Owner::Instance { namespace, instance, instance_uid, .. } = &owner else { continue };
        match is_there(context, namespace, instance, instance_uid).await {
            Ok(true) => {}
            Ok(false) => {
                gone.insert(instance_uid.clone());
                let last = context.known.departed_instances.of(instance_uid);
                seen.departed.extend(last.map(|last| (instance_uid.clone(), last)));
            }
            // Of the others' ends and returns none waits for it.
            Err(error) => {
                tracing::warn!(namespace, instance, %error, "whether an instance is there could not be read");
            }
        }
    }
    seen.gone = gone;
    Some(seen)
}

impl Seen {
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            vault: &self.vault,
            catalogue: &self.catalogue,
            pledges: self.pledges,
            clock_skewed: self.clock_skewed,
            instances: &self.instances,
            namespaces: &self.namespaces,
            records: &self.records,
            gone: &self.gone,
            departed: &self.departed,
            cluster_id: &self.cluster_id,
        }
    }
}

/// Asked of the API server itself: a watch may be late, and leaves out what this version cannot read.
async fn is_there(context: &Context, namespace: &str, name: &str, uid: &str) -> Result<bool, ReadError> {
    let found = cluster::uid::<BackupInstance>(&context.client, namespace, name).await?;
    Ok(found.as_deref() == Some(uid))
}
