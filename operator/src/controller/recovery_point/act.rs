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

/// Asks the keeper for a tombstone of each point that is due, oldest first. What it refuses is told in the vault's status.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared.
pub async fn expire(vault: &BackupVault, context: &Context, mut expiry: Expiry) -> Result<(), Error> {
    let uid = vault.uid().unwrap_or_default();
    if !expiry.tombstones.is_empty()
        && let Some(keeper) = keeper(vault, context, &uid).await?
    {
        let Answers { gone, held_back } = ask(&keeper, &expiry).await;
        if held_back.count > 0 {
            expiry.held_back =
                HeldBack { count: expiry.held_back.count + held_back.count, message: held_back.message };
        }
        if gone > 0 {
            let text = format!("{gone} point(s) had expired and are being deleted.");
            let note = Note::normal(Reason::RetentionApplied, text);
            context.notes.publish(vault, &note).await;
        }
    }
    context.keepers.hold_back(&uid, expiry.held_back);
    Ok(())
}

/// What the keeper answered.
#[derive(Default)]
struct Answers {
    /// So many points have a tombstone now.
    gone: usize,
    /// The others, and what was said to the first of them.
    held_back: HeldBack,
}

/// Refusals that are about one point. After any other, and after none at all, nothing would be gained by asking on.
const OF_ONE_POINT: [&str; 4] = ["KeptAsLastGood", "NotFound", "Expired", "OwnedByCommandLine"];

/// Asks for each point, unless an answer holds for all of them.
async fn ask(keeper: &KeeperClient, expiry: &Expiry) -> Answers {
    let mut answers = Answers::default();
    for (number, (point, request)) in expiry.tombstones.iter().enumerate() {
        let Err(error) = keeper.tombstone(point, request).await else {
            answers.gone += 1;
            continue;
        };
        let trouble = Trouble::from(&error);
        let goes_on = match &trouble {
            Trouble::Refused { reason, .. } => OF_ONE_POINT.contains(&reason.as_str()),
            Trouble::Unreachable(_) => false,
        };
        answers.held_back.count += if goes_on { 1 } else { expiry.tombstones.len() - number };
        if answers.held_back.message.is_empty() {
            trouble.message().clone_into(&mut answers.held_back.message);
        }
        if !goes_on {
            break;
        }
    }
    answers
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
