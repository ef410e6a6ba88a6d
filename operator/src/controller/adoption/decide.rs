//! For each entry of `access.adopt`: whose what is taken over by whom, or what is waited for. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{Life, Owner, PointState, PointView};
use crds::vault::{AdoptFrom, AdoptTo, Adoption};
use crds::{BackupInstance, BackupVault, Reason};
use kube::ResourceExt as _;

use super::observe::entries;
use crate::controller::life;
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
    /// What the keeper has refused, by whose points it is about.
    pub refused: &'a BTreeMap<Owner, String>,
    /// Clocks differ so much that no end can be promised.
    pub clock_skewed: bool,
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
    /// The ledger is to be told, in this order, whose what is now.
    Take { changes: Vec<Change>, heir: &'a BackupInstance },
    /// Something is in the way.
    Open(Obstacle),
}

/// One owner of the lost cluster, or of the namespace that is gone, and the one that has what it had: of the same database, so that points of several databases
/// are never under one floor.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    pub from: Owner,
    pub to: Owner,
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
    let named = || owners(facts.catalogue).filter(|owner| is_named(from, owner));
    let known: BTreeSet<&Owner> = named().filter(|owner| !is_in_living_namespace(facts, owner)).collect();
    if known.is_empty() && named().next().is_some() {
        let text = "it is of this cluster, and its namespace is there: what was deleted in it is brought back by `undelete: \
                    true` of its DeletedBackupInstance; remove the entry";
        return Standing::Open(Obstacle::Blocked(text.into()));
    }
    if known.is_empty() {
        let text = "the vault's ledger has never heard of it: compare cluster, namespace and name";
        return Standing::Open(Obstacle::Blocked(text.into()));
    }
    let left: Vec<&Owner> = known
        .iter()
        .copied()
        .filter(|owner| has_something(facts.catalogue, owner) && !is_stray(facts, owner))
        .collect();
    if left.is_empty() {
        return done(facts, adoption, &known);
    }
    if facts.clock_skewed {
        let text = "clocks differ by more than five minutes, and no end can be promised";
        return Standing::Open(Obstacle::Waits(text.into()));
    }
    if from.cluster == facts.cluster_id && left.iter().any(|owner| !is_deleted(facts.catalogue, owner)) {
        let text = "its namespace is gone, and the ledger has not heard of its end yet";
        return Standing::Open(Obstacle::Waits(text.into()));
    }
    let (to, heir) = match heir(facts, &adoption.to) {
        Ok(found) => found,
        Err(obstacle) => return Standing::Open(obstacle),
    };
    match changes(facts, &known, &left, &to) {
        Ok(changes) => Standing::Take { changes, heir },
        Err(obstacle) => Standing::Open(obstacle),
    }
}

/// What was deleted there stays as it was promised then, unless it holds the very database that the heir protects. A namespace
/// that was made again under its name is another's: who of the two is meant, the entry does not say.
fn changes(
    facts: &Facts<'_>,
    known: &BTreeSet<&Owner>,
    left: &[&Owner],
    to: &Owner,
) -> Result<Vec<Change>, Obstacle> {
    // Within the cluster all that one instance ever was goes together, as when it is brought back.
    let heirs: BTreeSet<&str> = known
        .iter()
        .filter(|owner| {
            is_own(facts, owner) && (datasource(owner) == datasource(to) || is_of(facts, owner, to))
        })
        .filter_map(|owner| life::uid(owner))
        .collect();
    let is_taken = |owner: &&&Owner| {
        !is_deleted(facts.catalogue, owner)
            || datasource(owner) == datasource(to)
            || life::uid(owner).is_some_and(|uid| heirs.contains(uid))
    };
    let change =
        |from: &&Owner| Some(Change { from: (*from).clone(), to: with_datasource(to, datasource(from))? });
    let changes: Vec<Change> = left.iter().filter(is_taken).filter_map(change).collect();
    if changes.is_empty() {
        return Err(Obstacle::Blocked(DELETED.into()));
    }
    let namespaces: BTreeSet<&str> =
        changes.iter().filter_map(|change| namespace_uid(&change.from)).collect();
    if namespaces.len() > 1 {
        let uids = namespaces.into_iter().collect::<Vec<_>>().join(" and ");
        return Err(Obstacle::Blocked(format!(
            "there were several namespaces of this name, one after the other ({uids}), and both left points: restore \
             them from the vault's namespace instead"
        )));
    }
    Ok(changes)
}

/// Whether a deleted instance of this cluster was never protected as that: its points strayed to somebody else's server.
fn is_stray(facts: &Facts<'_>, owner: &Owner) -> bool {
    let view = facts.catalogue.owners.get(owner);
    is_own(facts, owner)
        && view.is_some_and(|view| view.spec.is_empty() && matches!(view.life, Life::Deleted { .. }))
}

fn is_own(facts: &Facts<'_>, owner: &Owner) -> bool {
    matches!(owner, Owner::Instance { cluster_id, .. } if cluster_id == facts.cluster_id)
}

/// Whether the same instance has taken an owner over.
fn is_of(facts: &Facts<'_>, owner: &Owner, to: &Owner) -> bool {
    let heir = facts.catalogue.owners.get(owner).and_then(|view| view.adopted_by.as_ref());
    heir.and_then(life::uid).is_some_and(|uid| life::uid(to) == Some(uid))
}

/// Nothing is left: it was taken over, by whom the entry names or by somebody else.
fn done<'a>(facts: &Facts<'_>, adoption: &Adoption, known: &BTreeSet<&Owner>) -> Standing<'a> {
    let AdoptTo { namespace, instance } = &adoption.to;
    let is_meant = |heir: &Owner| {
        matches!(heir, Owner::Instance { cluster_id, namespace: there, instance: name, .. }
            if cluster_id == facts.cluster_id && there == namespace && name == instance)
    };
    let views = known.iter().filter_map(|owner| facts.catalogue.owners.get(*owner));
    let heirs: Vec<&Owner> = views.filter_map(|view| view.adopted_by.as_ref()).collect();
    match heirs.iter().find(|heir| !is_meant(heir)) {
        Some(other) if !heirs.iter().any(|heir| is_meant(heir)) => Standing::Open(Obstacle::Blocked(
            format!("{} has taken over what it had, and keeps it: correct or remove the entry", whose(other)),
        )),
        Some(_) | None => Standing::Done,
    }
}

/// Why what is left is not taken.
const DELETED: &str = "it was deleted there, and its points stay or go as was promised then; restore them from the vault's \
                       namespace, and remove the entry";

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
    let mut open: Vec<(bool, String)> = Vec::new();
    for Entry { adoption, standing } in entries {
        let (is_blocked, what) = match standing {
            Standing::Done => continue,
            Standing::Open(Obstacle::Waits(what)) => (false, what.clone()),
            Standing::Open(Obstacle::Blocked(what)) => (true, what.clone()),
            Standing::Take { changes, .. } => {
                match changes.iter().find_map(|change| facts.refused.get(&change.from)) {
                    Some(said) => (true, said.clone()),
                    // In a moment it is done.
                    None => continue,
                }
            }
        };
        let sentence = format!("{}: {what}.", name(&adoption.from));
        open.push((is_blocked, sentence.chars().take(SENTENCE).collect()));
    }
    // Who has to act comes before what goes on by itself.
    open.sort_by_key(|(is_blocked, _)| !is_blocked);
    let reason = match open.first()? {
        (true, _) => Reason::AdoptionRefused,
        (false, _) => Reason::AdoptionWaiting,
    };
    let more = open.len().saturating_sub(TOLD);
    let mut message = open.iter().take(TOLD).map(|(_, said)| said.as_str()).collect::<Vec<_>>().join(" ");
    if more > 0 {
        message = format!("{message} And {more} more.");
    }
    Some((reason, message))
}

/// The former owner in words.
pub fn name(from: &AdoptFrom) -> String {
    format!("BackupInstance {}/{} of cluster {}", from.namespace, from.instance, from.cluster)
}

/// The one that has it now in words.
fn whose(owner: &Owner) -> String {
    match owner {
        Owner::Instance { cluster_id, namespace, instance, .. } => {
            format!("BackupInstance {namespace}/{instance} of cluster {cluster_id}")
        }
        Owner::Cli { .. } => "the command line".to_owned(),
    }
}

/// Whoever the ledger tells of, and whoever has points.
fn owners(catalogue: &Catalogue) -> impl Iterator<Item = &Owner> {
    catalogue.owners.keys().chain(points(catalogue).map(|point| &point.owner))
}

fn is_named(from: &AdoptFrom, owner: &Owner) -> bool {
    matches!(owner, Owner::Instance { cluster_id, namespace, instance, .. }
        if *cluster_id == from.cluster && *namespace == from.namespace && *instance == from.instance)
}

/// Whether an owner holds its database, or has points.
fn has_something(catalogue: &Catalogue, owner: &Owner) -> bool {
    let life = catalogue.owners.get(owner).map(|view| &view.life);
    matches!(life, Some(Life::Active | Life::ResumeRequired { .. })) || points_of(catalogue, owner) > 0
}

/// Whether an owner is of this cluster and of a namespace that is there: its own people have a say.
fn is_in_living_namespace(facts: &Facts<'_>, owner: &Owner) -> bool {
    matches!(owner, Owner::Instance { cluster_id, namespace, namespace_uid, .. }
        if cluster_id == facts.cluster_id && facts.namespaces.get(namespace) == Some(namespace_uid))
}

fn is_deleted(catalogue: &Catalogue, owner: &Owner) -> bool {
    matches!(catalogue.owners.get(owner).map(|view| &view.life), Some(Life::Deleted { .. }))
}

fn points(catalogue: &Catalogue) -> impl Iterator<Item = &PointView> {
    catalogue.points.values().filter(|point| point.state != PointState::Expired)
}

fn namespace_uid(owner: &Owner) -> Option<&str> {
    match owner {
        Owner::Instance { namespace_uid, .. } => Some(namespace_uid),
        Owner::Cli { .. } => None,
    }
}

fn datasource(owner: &Owner) -> &str {
    match owner {
        Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id } => datasource_id,
    }
}

/// The same instance as the owner of another database.
fn with_datasource(owner: &Owner, datasource: &str) -> Option<Owner> {
    match owner {
        Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, .. } => {
            let [cluster_id, namespace, namespace_uid] =
                [cluster_id, namespace, namespace_uid].map(String::clone);
            let (instance, instance_uid) = (instance.clone(), instance_uid.clone());
            let datasource_id = datasource.to_owned();
            Some(Owner::Instance {
                cluster_id,
                namespace,
                namespace_uid,
                instance,
                instance_uid,
                datasource_id,
            })
        }
        Owner::Cli { .. } => None,
    }
}

/// How many points an owner has.
pub fn points_of(catalogue: &Catalogue, owner: &Owner) -> usize {
    points(catalogue).filter(|point| point.owner == *owner).count()
}
