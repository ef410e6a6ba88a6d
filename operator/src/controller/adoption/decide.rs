//! For each entry of `access.adopt`: whose what is taken over by whom, or what is waited for. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{Life, Owner, PointState, PointView};
use crds::vault::{AdoptFrom, AdoptTo, Adoption};
use crds::{BackupInstance, BackupVault, Reason};
use kube::ResourceExt as _;

use super::observe::entries;
use crate::keeper_client::Catalogue;

/// Entries that are told of at most; the rest is counted.
const TOLD: usize = 3;
/// Most characters of what is told of one entry.
const SENTENCE: usize = 320;

/// A vault, its ledger, and what there is in the cluster.
#[derive(Debug)]
pub struct Facts<'a> {
    pub vault: &'a BackupVault,
    pub catalogue: &'a Catalogue,
    /// The instances that refer to the vault.
    pub instances: &'a [Arc<BackupInstance>],
    /// UID of each living namespace by its name.
    pub namespaces: &'a BTreeMap<String, String>,
    /// What the keeper has refused a moment ago, by whose points it is about.
    pub refused: &'a BTreeMap<Owner, String>,
    /// UID of namespace kube-system.
    pub cluster_id: &'a str,
}

/// One entry and where it stands.
#[derive(Debug, PartialEq)]
pub struct Entry<'a> {
    pub adoption: &'a Adoption,
    pub standing: Standing<'a>,
}

/// Where an entry stands.
#[derive(Debug, PartialEq)]
pub enum Standing<'a> {
    /// The instance has nothing left that could be taken over.
    Done,
    /// The ledger is to be told, in this order, that what these had is another's.
    Take { from: Vec<Owner>, to: Owner, heir: &'a BackupInstance },
    /// Something is in the way.
    Open(Obstacle),
}

/// What keeps an entry from being done, in words for the vault's people.
#[derive(Debug, PartialEq)]
pub enum Obstacle {
    /// It goes on by itself.
    Waits(String),
    /// Somebody has to act.
    Blocked(String),
}

/// Decides.
pub fn decide<'a>(facts: &Facts<'a>) -> Vec<Entry<'a>> {
    let entry = |adoption: &'a Adoption| Entry { adoption, standing: standing(facts, adoption) };
    entries(facts.vault).iter().map(entry).collect()
}

fn standing<'a>(facts: &Facts<'a>, adoption: &'a Adoption) -> Standing<'a> {
    let from = &adoption.from;
    if from.cluster == facts.cluster_id {
        let text = "it is of this cluster: what was deleted here is brought back by `undelete: true` of its \
                    DeletedBackupInstance; remove the entry";
        return Standing::Open(Obstacle::Blocked(text.into()));
    }
    let known: BTreeSet<&Owner> = owners(facts.catalogue).filter(|owner| is_named(from, owner)).collect();
    if known.is_empty() {
        let text = "the vault's ledger has never heard of it: compare cluster, namespace and name";
        return Standing::Open(Obstacle::Blocked(text.into()));
    }
    let mut left: Vec<Owner> =
        known.into_iter().filter(|owner| has_something(facts.catalogue, owner)).cloned().collect();
    if left.is_empty() {
        return Standing::Done;
    }
    match heir(facts, &adoption.to) {
        Ok((to, heir)) => {
            // Whoever holds the heir's own database is in the way of all others.
            left.sort_by_key(|owner| datasource(owner) != datasource(&to));
            Standing::Take { from: left, to, heir }
        }
        Err(obstacle) => Standing::Open(obstacle),
    }
}

/// The instance that takes over, as the ledger is to know it.
fn heir<'a>(facts: &Facts<'a>, to: &AdoptTo) -> Result<(Owner, &'a BackupInstance), Obstacle> {
    let AdoptTo { namespace, instance: name } = to;
    let waits = |what: String| Err(Obstacle::Waits(what));
    let vault_namespace = facts.vault.namespace().unwrap_or_default();
    if !facts.vault.spec.allows_namespace(&vault_namespace, namespace) {
        let text = format!(
            "the vault does not take instances of namespace {namespace}: add it to `access.allowedNamespaces.names`"
        );
        return Err(Obstacle::Blocked(text));
    }
    let is_it = |held: &&Arc<BackupInstance>| {
        held.namespace().as_ref() == Some(namespace) && held.name_any() == *name
    };
    let Some(found) = facts.instances.iter().find(is_it) else {
        return waits(format!("no BackupInstance {namespace}/{name} refers to this vault yet"));
    };
    if found.metadata.deletion_timestamp.is_some() {
        return waits(format!("BackupInstance {namespace}/{name} is being deleted"));
    }
    let datasource_id = found.status.as_ref().and_then(|status| status.datasource_id.clone());
    let identified = found.uid().zip(facts.namespaces.get(namespace).cloned()).zip(datasource_id);
    let Some(((instance_uid, namespace_uid), datasource_id)) = identified else {
        return waits(format!(
            "no check of BackupInstance {namespace}/{name} has told yet which database it protects"
        ));
    };
    let owner = Owner::Instance {
        cluster_id: facts.cluster_id.to_owned(),
        namespace: namespace.clone(),
        namespace_uid,
        instance: name.clone(),
        instance_uid,
        datasource_id,
    };
    Ok((owner, found.as_ref()))
}

/// What the entries ask for and is waited for, or cannot be, in words for the vault's people.
pub fn pending(facts: &Facts<'_>, entries: &[Entry<'_>]) -> Option<(Reason, String)> {
    let mut is_refused = false;
    let mut open = Vec::new();
    for Entry { adoption, standing } in entries {
        let what = match standing {
            Standing::Done => continue,
            Standing::Open(Obstacle::Waits(what)) => what.clone(),
            Standing::Open(Obstacle::Blocked(what)) => {
                is_refused = true;
                what.clone()
            }
            Standing::Take { from, .. } => match from.iter().find_map(|from| facts.refused.get(from)) {
                Some(said) => {
                    is_refused = true;
                    said.clone()
                }
                // In a moment it is done.
                None => continue,
            },
        };
        let sentence = format!("{}: {what}.", name(&adoption.from));
        open.push(sentence.chars().take(SENTENCE).collect::<String>());
    }
    let more = open.len().saturating_sub(TOLD);
    let mut message = open.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(" ");
    if more > 0 {
        message = format!("{message} And {more} more.");
    }
    let reason = if is_refused { Reason::AdoptionRefused } else { Reason::AdoptionWaiting };
    (!open.is_empty()).then_some((reason, message))
}

/// The former owner in words.
pub fn name(from: &AdoptFrom) -> String {
    format!("BackupInstance {}/{} of cluster {}", from.namespace, from.instance, from.cluster)
}

/// Whoever the ledger tells of, and whoever has points.
fn owners(catalogue: &Catalogue) -> impl Iterator<Item = &Owner> {
    catalogue.owners.keys().chain(left(catalogue).map(|point| &point.owner))
}

fn is_named(from: &AdoptFrom, owner: &Owner) -> bool {
    matches!(owner, Owner::Instance { cluster_id, namespace, instance, .. }
        if *cluster_id == from.cluster && *namespace == from.namespace && *instance == from.instance)
}

/// Whether an owner holds its database, or has points.
fn has_something(catalogue: &Catalogue, owner: &Owner) -> bool {
    let life = catalogue.owners.get(owner).map(|view| &view.life);
    matches!(life, Some(Life::Active | Life::ResumeRequired { .. }))
        || left(catalogue).any(|point| point.owner == *owner)
}

fn left(catalogue: &Catalogue) -> impl Iterator<Item = &PointView> {
    catalogue.points.values().filter(|point| point.state != PointState::Expired)
}

fn datasource(owner: &Owner) -> &str {
    match owner {
        Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id } => datasource_id,
    }
}

/// How many points an owner has.
pub fn points_of(catalogue: &Catalogue, owner: &Owner) -> usize {
    left(catalogue).filter(|point| point.owner == *owner).count()
}
