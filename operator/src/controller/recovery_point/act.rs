//! Writes: tombstones at the keeper, then the objects, each status last.

use crds::{BackupVault, Reason, RecoveryPoint};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

use super::expiry::Expiry;
use super::shown::Changes;
use crate::cluster::{self, Note, WriteError};
use crate::context::Context;
use crate::controller::{Error, vault};
use crate::keeper_client::{HeldBack, KeeperClient, Trouble};
use crate::names;

/// Asks the keeper for a tombstone of each point that is due, oldest first. Its first refusal ends the pass and is told
/// in the vault's status: what holds one back (a clock, a rolled back bucket) most likely holds back all.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared.
pub async fn expire(vault: &BackupVault, context: &Context, mut expiry: Expiry) -> Result<(), Error> {
    let uid = vault.uid().unwrap_or_default();
    if !expiry.tombstones.is_empty()
        && let Some(keeper) = keeper(vault, context, &uid).await?
    {
        let due = expiry.tombstones.len();
        let (gone, refused) = ask(&keeper, &expiry).await;
        if let Some(message) = refused {
            expiry.held_back = HeldBack { count: expiry.held_back.count + due - gone, message };
        }
        if gone > 0 {
            let note = Note::normal(
                Reason::RetentionApplied,
                format!("{gone} point(s) had expired and are being deleted."),
            );
            context.notes.publish(vault, &note).await;
        }
    }
    context.keepers.hold_back(&uid, expiry.held_back);
    Ok(())
}

/// How many points have a tombstone now, and what the keeper said to the first that it refused.
async fn ask(keeper: &KeeperClient, expiry: &Expiry) -> (usize, Option<String>) {
    for (gone, (point, request)) in expiry.tombstones.iter().enumerate() {
        if let Err(error) = keeper.tombstone(point, request).await {
            return (gone, Some(Trouble::from(&error).message().to_owned()));
        }
    }
    (expiry.tombstones.len(), None)
}

/// `None` while the keeper has no address yet.
async fn keeper(vault: &BackupVault, context: &Context, uid: &str) -> Result<Option<KeeperClient>, Error> {
    let (namespace, name) = (vault.namespace().unwrap_or_default(), vault.name_any());
    let map: Option<ConfigMap> = cluster::get(&context.client, &namespace, &names::keeper(&name)).await?;
    match map.and_then(|map| vault::address(&map, &namespace, &name)) {
        Some(address) => Ok(Some(context.keeper(uid, &address)?)),
        None => Ok(None),
    }
}

/// Makes the objects the view that they should be.
///
/// # Errors
/// The first write that failed; the rest is done the next time.
pub async fn show(context: &Context, changes: Changes) -> Result<(), Error> {
    let client = &context.client;
    for (object, status) in changes.create {
        let created = match cluster::create(client, &object).await {
            Ok(created) => created,
            // The watch has not told of it yet: its status comes with the next look.
            Err(error) if cluster::is_already_exists(error.cause()) => continue,
            // Its namespace began to end meanwhile; the next look shows it beside the vault.
            Err(error) if cluster::is_namespace_ending(error.cause()) => continue,
            Err(error) => return Err(error.into()),
        };
        cluster::apply_status(client, &created, &status).await?;
    }
    for (object, status) in changes.update {
        cluster::apply_status(client, object.as_ref(), &status).await?;
    }
    for object in changes.remove {
        remove(context, &object).await?;
    }
    Ok(())
}

async fn remove(context: &Context, object: &RecoveryPoint) -> Result<(), WriteError> {
    let namespace = object.namespace().unwrap_or_default();
    cluster::delete::<RecoveryPoint>(&context.client, &namespace, &object.name_any(), object.uid()).await
}
