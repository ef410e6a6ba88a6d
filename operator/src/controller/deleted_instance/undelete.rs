//! The way back of a deleted instance: to one that is there in its place, or to one that is made from what was saved. Pure.

use contract::{Owner, OwnerChange, OwnerView};
use crds::common::VaultReference;
use crds::instance::Protection;
use crds::{BackupInstance, BackupInstanceSpec, BackupVault, Reason};
use kube::ResourceExt as _;

use super::facts::{Facts, Gone};
use super::remains::saved_spec;

/// What is to be done about an instance that somebody wants back.
#[derive(Debug, Clone, PartialEq)]
pub enum Return {
    /// Nobody has asked.
    NotAsked,
    /// The instance of this UID takes the points over.
    To(String),
    /// It is made once more, stopped.
    Make(Box<BackupInstance>),
    /// It goes on by itself.
    Waits(String),
    /// Somebody has to act.
    Blocked(Reason, String),
}

/// Decides for one deleted instance.
pub fn undelete(facts: &Facts<'_>, gone: &Gone<'_>) -> Return {
    let record = gone.record().and_then(|name| facts.record(&name)).filter(|record| record.spec.undelete);
    let (Some(view), Some(record)) = (gone.newest(), record) else { return Return::NotAsked };
    let Owner::Instance { namespace, instance: name, .. } = &view.owner else {
        return Return::NotAsked;
    };
    if facts.has_lost_its_namespace(&view.owner) {
        if record.spec.purge {
            return Return::NotAsked;
        }
        let text = format!(
            "Namespace {namespace} in which the instance was is gone or going; one that is made again under the name is \
             another's. Have `access.adopt` of the vault say who takes its points over, or set `purge: true` to let them go \
             (docs/deletion.md)."
        );
        return Return::Blocked(Reason::NamespaceGone, text);
    }
    let saved = saved_spec(facts, &view.owner);
    let is_there = |held: &&std::sync::Arc<BackupInstance>| {
        held.namespace().as_ref() == Some(namespace) && held.name_any() == *name
    };
    match (facts.instances.values().find(is_there), saved) {
        (Some(held), saved) => take(facts, held, gone, saved.as_ref()),
        (None, Some(saved)) => Return::Make(Box::new(stopped(facts.vault, namespace, name, saved))),
        (None, None) => Return::Blocked(
            Reason::UndeleteRefused,
            format!(
                "The saved spec cannot be read by this version: make BackupInstance {namespace}/{name} for the same database \
                 yourself, and it takes the points over."
            ),
        ),
    }
}

/// The ledger is told for each datasource that the instance had: its points are all of them the other's.
pub fn changes(gone: &Gone<'_>, uid: &str) -> Vec<OwnerChange> {
    let record = gone.record().unwrap_or_default();
    let to = |view: &OwnerView| match view.owner.clone() {
        Owner::Instance { cluster_id, namespace, namespace_uid, instance, datasource_id, .. } => {
            let instance_uid = uid.to_owned();
            Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, datasource_id }
        }
        owner @ Owner::Cli { .. } => owner,
    };
    gone.views
        .iter()
        .map(|view| OwnerChange::Undeleted {
            owner: view.owner.clone(),
            to: to(view),
            record: record.clone(),
        })
        .collect()
}

/// An instance of the same namespace and name takes the points over if it protects the same database in the same vault: by
/// what a check has found, or before that by what its spec says.
fn take(
    facts: &Facts<'_>,
    held: &BackupInstance,
    gone: &Gone<'_>,
    saved: Option<&BackupInstanceSpec>,
) -> Return {
    if held.metadata.deletion_timestamp.is_some() {
        return Return::Waits("An instance of the name is being deleted.".into());
    }
    let uid = held.uid().unwrap_or_default();
    let found = held.status.as_ref().and_then(|status| status.datasource_id.as_ref());
    let (namespace, name) = (held.namespace().unwrap_or_default(), held.name_any());
    // Only instances of this vault ever learn of what it holds.
    if !is_in(held, facts.vault) {
        return Return::Blocked(
            Reason::InstanceInTheWay,
            format!(
                "BackupInstance {namespace}/{name} is there and is protected in another vault: delete it or move it to another \
                 name, and the deleted one is brought back."
            ),
        );
    }
    let of = |view: &&OwnerView, datasource: &String| matches!(&view.owner, Owner::Instance { datasource_id, .. } if datasource_id == datasource);
    match found {
        Some(found) if gone.views.iter().any(|view| of(view, found)) => Return::To(uid),
        Some(_) => Return::Blocked(
            Reason::InstanceInTheWay,
            format!(
                "BackupInstance {namespace}/{name} is there and protects another database: delete it or move it to another \
                 name, and the deleted one is brought back."
            ),
        ),
        None if saved.is_some_and(|saved| is_same_source(&held.spec, saved)) => Return::To(uid),
        None => Return::Waits(format!(
            "BackupInstance {namespace}/{name} is there, and it is not known yet which database it protects."
        )),
    }
}

fn is_same_source(left: &BackupInstanceSpec, right: &BackupInstanceSpec) -> bool {
    let source = |spec: &BackupInstanceSpec| {
        let server = &spec.postgresql;
        (server.host.to_ascii_lowercase(), server.port, server.database.clone(), server.databases.clone())
    };
    source(left) == source(right)
}

/// Whether this is the vault that an instance refers to.
fn is_in(instance: &BackupInstance, vault: &BackupVault) -> bool {
    let own = instance.namespace().unwrap_or_default();
    let reference = &instance.spec.vault_ref;
    reference.name == vault.name_any() && Some(reference.namespace_or(&own)) == vault.namespace().as_deref()
}

/// In this vault, whichever its spec named last: here are the points.
fn stopped(vault: &BackupVault, namespace: &str, name: &str, mut spec: BackupInstanceSpec) -> BackupInstance {
    spec.protection = Protection::Stopped;
    spec.vault_ref = VaultReference { name: vault.name_any(), namespace: vault.namespace() };
    let mut instance = BackupInstance::new(name, spec);
    instance.metadata.namespace = Some(namespace.to_owned());
    instance
}
