//! What there is of both sides of an adoption. Reads only, and only of what watches and the keeper have told.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::Owner;
use crds::vault::Adoption;
use crds::{BackupInstance, BackupVault};
use kube::ResourceExt as _;

use super::decide::Facts;
use crate::cluster::Key;
use crate::context::Context;
use crate::keeper_client::Catalogue;

/// Owned, so that decisions can borrow from it.
pub struct Seen {
    catalogue: Arc<Catalogue>,
    instances: Vec<Arc<BackupInstance>>,
    namespaces: BTreeMap<String, String>,
    refused: BTreeMap<Owner, String>,
    clock_skewed: bool,
}

/// `None` until the keeper has told its ledger: without it nobody would seem to have been there.
pub fn observe(vault: &BackupVault, context: &Context) -> Option<Seen> {
    let uid = vault.uid()?;
    let key = Key::vault(&vault.namespace().unwrap_or_default(), &vault.name_any());
    Some(Seen {
        catalogue: context.keepers.catalogue(&uid)?,
        instances: context.known.instances.by(&key),
        namespaces: context.living_namespaces(),
        refused: context.not_adopted.of(&uid),
        clock_skewed: context.keepers.is_clock_skewed(&uid),
    })
}

impl Seen {
    pub fn facts<'a>(&'a self, vault: &'a BackupVault, context: &'a Context) -> Facts<'a> {
        Facts {
            vault,
            catalogue: &self.catalogue,
            instances: &self.instances,
            namespaces: &self.namespaces,
            refused: &self.refused,
            clock_skewed: self.clock_skewed,
            cluster_id: &context.settings.cluster_id,
        }
    }
}

/// What the vault's administrators ask for.
pub fn entries(vault: &BackupVault) -> &[Adoption] {
    vault.spec.access.as_ref().and_then(|access| access.adopt.as_deref()).unwrap_or_default()
}
