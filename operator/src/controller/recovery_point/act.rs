//! Writes: tombstones and what people ask of single points at the keeper, then the objects, each status last.

use contract::PointId;
use crds::recovery_point::AnsweredRequests;
use crds::{BackupVault, Reason, RecoveryPoint, RecoveryPointStatus};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;

use super::expiry::Expiry;
use super::memory::Answer;
use super::requests::Asked;
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
        // The next poll of the keeper tells more of them; until then they are not asked for again.
        context.keepers.expire(&uid, &gone);
        let gone = gone.len();
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
    /// These have a tombstone now.
    gone: Vec<PointId>,
    /// The others, and what was said to the first of them.
    held_back: HeldBack,
}

/// Refusals that are about one point. After any other, and after none at all, nothing would be gained by asking on.
const OF_ONE_POINT: [&str; 8] = [
    "KeptAsLastGood",
    "NotFound",
    "Expired",
    "OwnedByCommandLine",
    "NotExpired",
    "KeptAfterDeletion",
    "ResumeRequired",
    "AnothersPoint",
];

/// Asks for each point, unless an answer holds for all of them.
async fn ask(keeper: &KeeperClient, expiry: &Expiry) -> Answers {
    let mut answers = Answers::default();
    for (number, (point, request)) in expiry.tombstones.iter().enumerate() {
        let Err(error) = keeper.tombstone(point, request).await else {
            answers.gone.push(point.clone());
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

/// Asks the keeper for what people ask of single points, and remembers its answers. Returns whether it took anything: then
/// the catalogue is another one.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared.
pub async fn answer(
    vault: &BackupVault,
    context: &Context,
    asked: &[Asked],
    wall: Timestamp,
) -> Result<bool, Error> {
    let uid = vault.uid().unwrap_or_default();
    if asked.is_empty() {
        return Ok(false);
    }
    let Some(keeper) = keeper(vault, context, &uid).await? else { return Ok(false) };
    let mut is_news = false;
    for one in asked {
        let answer = answer_one(&keeper, one, context).await;
        is_news |= answer.taken != AnsweredRequests::default();
        let object = one.object.uid().unwrap_or_default();
        context.asked.answered(&object, one.object.metadata.generation, answer, wall);
    }
    if is_news {
        let known = context.keepers.catalogue(&uid).map_or(0, |catalogue| catalogue.sequence);
        match keeper.points(known).await {
            Ok(points) => {
                context.keepers.fold(&uid, points);
            }
            // What it took is in the ledger; the next poll tells of it.
            Err(error) => tracing::info!(%error, "the points that were changed could not be listed"),
        }
    }
    Ok(is_news)
}

async fn answer_one(keeper: &KeeperClient, asked: &Asked, context: &Context) -> Answer {
    let mut answer = Answer::default();
    if let Some(request) = &asked.another_end {
        match keeper.override_end(&asked.point, request).await {
            Ok(_) => answer.taken.retention_override.clone_from(&asked.object.spec.retention_override),
            Err(error) => answer.override_refused = Some(Trouble::from(&error).message().to_owned()),
        }
    }
    if let Some(request) = &asked.removal {
        match keeper.remove(&asked.point, request).await {
            Ok(_) => {
                answer.taken.deletion_request.clone_from(&asked.object.spec.deletion_request);
                let text = match request.purge {
                    Some(purge) => format!("The point is removed; until {purge} it can be brought back."),
                    None => "The point is removed, and its data are being deleted.".to_owned(),
                };
                context.notes.publish(asked.object.as_ref(), &Note::normal(Reason::PointRemoved, text)).await;
            }
            Err(error) => answer.deletion_refused = Some(Trouble::from(&error).message().to_owned()),
        }
    }
    answer
}

/// Makes the objects the view that they should be.
///
/// # Errors
/// The first write that failed, once all others were tried: one namespace that takes no more objects keeps no other one's
/// points from being shown.
pub async fn show(context: &Context, changes: Changes) -> Result<(), Error> {
    let client = &context.client;
    let mut outcome = Ok(());
    for (object, status) in changes.create {
        outcome = outcome.and(create(context, &object, &status).await);
    }
    for (object, status) in changes.update {
        outcome = outcome.and(cluster::apply_status(client, object.as_ref(), &status).await.map(|_| ()));
    }
    for object in changes.remove {
        outcome = outcome.and(remove(context, &object).await);
    }
    Ok(outcome?)
}

async fn create(
    context: &Context,
    object: &RecoveryPoint,
    status: &RecoveryPointStatus,
) -> Result<(), WriteError> {
    match cluster::create(&context.client, object).await {
        Ok(created) => cluster::apply_status(&context.client, &created, status).await.map(|_| ()),
        // The watch has not told of it yet: its status comes with the next look.
        Err(error) if cluster::is_already_exists(error.cause()) => Ok(()),
        // Its namespace began to end meanwhile; the next look shows it beside the vault.
        Err(error) if cluster::is_namespace_ending(error.cause()) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn remove(context: &Context, object: &RecoveryPoint) -> Result<(), WriteError> {
    let namespace = object.namespace().unwrap_or_default();
    cluster::delete::<RecoveryPoint>(&context.client, &namespace, &object.name_any(), object.uid()).await
}
