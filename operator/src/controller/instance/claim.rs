//! The claim on a datasource: one instance of a vault protects it at a time. The ledger keeps the claims, so that also one
//! that is gone and has points left is known. Pure.

use contract::{Holder, Life, Owner, OwnerChange, OwnerView};
use crds::common::{ConditionType, is_true};
use crds::{BackupInstance, BackupVault, Reason};
use kube::ResourceExt as _;

use super::observe::Seen;
use super::references::Objection;
use super::status::find;
use crate::names;

/// What the keeper said when it was asked for the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It is the instance's.
    Held,
    /// Somebody else holds it.
    Protected(Box<Holder>),
    /// The keeper would not, in its words.
    Refused(String),
    /// The keeper did not answer.
    Unanswered(String),
}

/// The claim to be asked for; `None` while nothing can be asked, and when the ledger has all of them already. What the
/// instance protected before is claimed again, too, when its spec has changed: `deletionPolicy` is of all its points.
pub fn wanted(instance: &BackupInstance, seen: &Seen) -> Option<OwnerChange> {
    let vault = seen.vault.as_ref()?;
    let conditions = vault.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let is_told = is_true(conditions, ConditionType::Ready)
        && !is_true(conditions, ConditionType::KeeperUnavailable)
        && seen.points.is_some();
    let owner = seen.owner.clone().filter(|_| is_told)?;
    let spec = spec(instance);
    let is_first = own(seen, &owner).is_none_or(|view| view.life == Life::Released);
    let owner = if is_first && is_admitted(instance, vault) {
        owner
    } else {
        behind(seen, &spec).next()?.owner.clone()
    };
    Some(OwnerChange::Claimed { owner, spec })
}

/// Notes what the keeper has just taken, so that the status can tell of it at once.
pub fn note(seen: &mut Seen, taken: &OwnerChange) {
    let OwnerChange::Claimed { owner, spec } = taken else { return };
    for view in seen.views.iter_mut().filter(|view| view.owner == *owner) {
        view.spec.clone_from(spec);
    }
}

/// Whether the ledger has the spec as it is for all that the instance has protected. What is in it governs should the
/// instance be deleted now. While the ledger is not read, nothing is known of one that may have been claimed.
pub fn is_known(instance: &BackupInstance, seen: &Seen) -> bool {
    let is_unchecked = instance.status.as_ref().and_then(|status| status.datasource_id.as_ref()).is_none();
    is_unchecked || (seen.points.is_some() && behind(seen, &spec(instance)).next().is_none())
}

/// What the ledger has of the instance under another spec than this. What becomes of its points, should it be deleted, is in
/// its spec: also while the vault does not take its namespace, and while it waits to be resumed. One that was deleted is not to
/// be claimed, but to be brought back.
fn behind<'a>(seen: &'a Seen, spec: &'a str) -> impl Iterator<Item = &'a OwnerView> {
    let is_own = |owner: &Owner| seen.owner.as_ref().is_none_or(|own| is_same_instance(own, owner));
    let lives = |life: &Life| matches!(life, Life::Active | Life::ResumeRequired { .. });
    seen.views.iter().filter(move |view| lives(&view.life) && view.spec != spec && is_own(&view.owner))
}

/// Whether two are one instance, whatever each protects. A copy of the cluster has other points.
fn is_same_instance(one: &Owner, other: &Owner) -> bool {
    let identity = |owner: &Owner| match owner {
        Owner::Instance { cluster_id, namespace, namespace_uid, instance, instance_uid, .. } => {
            Some([cluster_id, namespace, namespace_uid, instance, instance_uid].map(String::clone))
        }
        Owner::Cli { .. } => None,
    };
    identity(one).is_some_and(|identified| identity(other).as_ref() == Some(&identified))
}

/// As the ledger is to have it.
fn spec(instance: &BackupInstance) -> String {
    serde_json::to_string(&instance.spec).unwrap_or_default()
}

/// Whether the vault takes instances of the namespace.
fn is_admitted(instance: &BackupInstance, vault: &BackupVault) -> bool {
    let (own, there) = (instance.namespace().unwrap_or_default(), vault.namespace().unwrap_or_default());
    vault.spec.allows_namespace(&there, &own)
}

/// What keeps the instance from its datasource, if anything does.
pub fn objection(instance: &BackupInstance, seen: &Seen) -> Option<Objection> {
    let view = seen.owner.as_ref().and_then(|owner| own(seen, owner));
    if view.is_some_and(|view| matches!(view.life, Life::Deleted { .. })) {
        return Some(deleted(instance, seen));
    }
    let is_held = view.is_some_and(|view| matches!(view.life, Life::Active | Life::ResumeRequired { .. }));
    match &seen.claim {
        Some(Claimed::Protected(holder)) => {
            let message = protected(instance, seen, holder);
            Some(Objection { reason: Reason::DuplicateDatasource, message, may_pass: false })
        }
        Some(Claimed::Refused(said)) if !is_held => {
            let message = format!("The vault's keeper does not let the database be protected: {said}.");
            Some(Objection { reason: Reason::VaultNotReady, message, may_pass: true })
        }
        Some(Claimed::Unanswered(said)) if !is_held => Some(before(instance).unwrap_or_else(|| Objection {
            reason: Reason::KeeperUnavailable,
            message: format!(
                "The vault's keeper cannot say whether the database is protected already: {said}."
            ),
            may_pass: true,
        })),
        // Nothing has changed as far as anybody knows.
        None if seen.points.is_none() => before(instance),
        Some(Claimed::Held | Claimed::Refused(_) | Claimed::Unanswered(_)) | None => None,
    }
}

fn own<'a>(seen: &'a Seen, owner: &Owner) -> Option<&'a OwnerView> {
    seen.views.iter().find(|view| view.owner == *owner)
}

/// What was said before of another holder.
fn before(instance: &BackupInstance) -> Option<Objection> {
    let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let ready = find(conditions, ConditionType::Ready)?;
    (ready.reason == Reason::DuplicateDatasource.as_str()).then(|| Objection {
        reason: Reason::DuplicateDatasource,
        message: ready.message.clone(),
        may_pass: false,
    })
}

/// An object with the UID of one whose end is in the ledger, such as from a copy of the cluster's state.
fn deleted(instance: &BackupInstance, seen: &Seen) -> Objection {
    let (namespace, uid) = (instance.namespace().unwrap_or_default(), instance.uid().unwrap_or_default());
    let record = names::deleted_instance(&namespace, &instance.name_any(), &uid);
    let message = format!(
        "The vault's ledger has this instance as deleted: set `undelete: true` on DeletedBackupInstance {record} in \
         namespace {} to protect it again.",
        vault_namespace(seen)
    );
    Objection { reason: Reason::OwnerDeleted, message, may_pass: false }
}

/// Names of other namespaces are not this namespace's to know.
fn protected(instance: &BackupInstance, seen: &Seen, holder: &Holder) -> String {
    let elsewhere = |whose: &str| {
        format!(
            "The database is protected in this vault by {whose}: ask the owners of the vault, who can give this one what a deleted \
             namespace has left (docs/deletion.md), or use another vault."
        )
    };
    let Owner::Instance { cluster_id, namespace, namespace_uid, instance: name, instance_uid, .. } =
        &holder.owner
    else {
        return elsewhere("somebody else");
    };
    match &seen.owner {
        Some(Owner::Instance { cluster_id: own, .. }) if own != cluster_id => {
            return abroad(instance, seen, [cluster_id, namespace, name]);
        }
        Some(Owner::Instance { namespace_uid: own, .. })
            if own == namespace_uid && instance.namespace().as_ref() == Some(namespace) => {}
        Some(_) | None => return elsewhere("an instance of another namespace"),
    }
    match &holder.life {
        Life::Active | Life::Released => format!(
            "The database is protected in this vault by BackupInstance {name} already: use that instance, or another vault."
        ),
        Life::ResumeRequired { record } => format!(
            "The database is protected in this vault by BackupInstance {name}, which was brought back: resume that one by \
             annotation {}={record}, or use another vault.",
            crds::annotations::RESUME
        ),
        Life::Deleted { .. } => format!(
            "The database was protected in this vault by BackupInstance {name}, which was deleted and has points left: have \
             `undelete: true` set on DeletedBackupInstance {} in namespace {} (this instance takes them over if it has that \
             name), or use another vault.",
            names::deleted_instance(namespace, name, instance_uid),
            vault_namespace(seen)
        ),
    }
}

/// Held by an instance of another cluster, by cluster, namespace and name. If that cluster was lost, the vault's administrators
/// can say so, and this is what they have to write.
fn abroad(instance: &BackupInstance, seen: &Seen, from: [&String; 3]) -> String {
    let (entry, vault) = (entry(instance, seen, from), vault_namespace(seen));
    format!(
        "The database is held in this vault by an instance of another cluster. If that cluster was lost, have `{entry}` \
         added to `spec.access` of BackupVault {} in namespace {vault}: its points and the database are this instance's then. \
         Else use another vault.",
        instance.spec.vault_ref.name
    )
}

/// What says that the instance takes over what another one had.
fn entry(instance: &BackupInstance, seen: &Seen, [cluster, namespace, name]: [&String; 3]) -> String {
    let own = instance.namespace().unwrap_or_default();
    let whose = if *namespace == own || own == vault_namespace(seen) {
        format!("{{cluster: {cluster}, namespace: {namespace}, instance: {name}}}")
    } else {
        // The list of the vault's points has the rest.
        format!("{{cluster: {cluster}, namespace: NAMESPACE, instance: NAME}}")
    };
    format!("adopt: [{{from: {whose}, to: {{namespace: {own}, instance: {}}}}}]", instance.name_any())
}

fn vault_namespace(seen: &Seen) -> String {
    seen.vault.as_ref().and_then(|vault| vault.namespace()).unwrap_or_default()
}
