//! Writes: instances that come back, the ledger, then the records, each status last.

use std::collections::BTreeMap;

use contract::{LedgerRequest, OwnerChange, Remains};
use crds::{BackupInstance, BackupVault, DeletedBackupInstance, DeletedBackupInstanceStatus, Reason};
use kube::ResourceExt as _;

use super::decide::{Comeback, Decision, Way};
use super::undelete;
use super::view::Changes;
use crate::cluster::{self, Note, WriteError};
use crate::context::Context;
use crate::controller::{Error, run};
use crate::keeper_client::{KeeperAddress, Trouble};
use crate::names;

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What stood in the way, by the names of records.
    pub refused: BTreeMap<String, String>,
}

/// Tells the ledger, as far as the keeper takes it.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared.
pub async fn tell(vault: &BackupVault, context: &Context, decision: Decision<'_>) -> Result<Told, Error> {
    let mut told = Told::default();
    if decision.changes.is_empty() && decision.returns.is_empty() {
        return Ok(told);
    }
    let Some(address) = run::observe::keeper_address(&context.client, vault).await? else { return Ok(told) };
    for change in decision.changes {
        let note = note(&change);
        match append(vault, context, &address, change).await? {
            Ok(()) => context.notes.publish(vault, &note).await,
            Err(message) => {
                let name = vault.name_any();
                tracing::warn!(vault = name, message, "the ledger was not told of an instance's end");
                told.refused.insert(String::new(), message);
            }
        }
    }
    for comeback in decision.returns {
        let record = comeback.record.clone();
        if let Err(message) = bring_back(vault, context, &address, comeback).await? {
            told.refused.insert(record, message);
        }
    }
    Ok(told)
}

/// One that comes back: it is made if it is not there, and then the ledger is told whose the points are.
async fn bring_back(
    vault: &BackupVault,
    context: &Context,
    address: &KeeperAddress,
    comeback: Comeback<'_>,
) -> Result<Result<(), String>, Error> {
    let uid = match comeback.way {
        Way::There(uid) => uid,
        Way::Make(instance) => match make(context, &instance).await {
            Ok(Some(uid)) => uid,
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(refusal(&error))),
        },
    };
    let mut outcome = Ok(());
    for change in undelete::changes(&comeback.gone, &uid) {
        let note = note(&change);
        match append(vault, context, address, change).await? {
            Ok(()) => context.notes.publish(vault, &note).await,
            // Of one of its databases; the others come back all the same.
            Err(message) => outcome = Err(message),
        }
    }
    Ok(outcome)
}

/// The UID of the new instance; `None` where there is one by now: the next look sees it.
async fn make(context: &Context, instance: &BackupInstance) -> Result<Option<String>, WriteError> {
    match cluster::create(&context.client, instance).await {
        Ok(made) => Ok(made.uid()),
        Err(error) if cluster::is_already_exists(error.cause()) => Ok(None),
        // It will be told that its namespace is gone.
        Err(error) if cluster::is_namespace_ending(error.cause()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The API server's own words.
fn refusal(error: &WriteError) -> String {
    match error.cause() {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

async fn append(
    vault: &BackupVault,
    context: &Context,
    address: &KeeperAddress,
    change: OwnerChange,
) -> Result<Result<(), String>, Error> {
    let uid = vault.uid().unwrap_or_default();
    let told = context.tell_ledger(&uid, address, &LedgerRequest::Owner(change)).await?;
    Ok(told.map_err(|error| Trouble::from(&error).message().to_owned()))
}

/// What the vault's people read of a change.
fn note(change: &OwnerChange) -> Note {
    let (reason, text) = match change {
        OwnerChange::Deleted { owner, points, reason } => {
            let record = record(owner);
            let what = match points {
                Remains::Kept => "its points stay".to_owned(),
                Remains::AsStamped => "its points expire as stamped".to_owned(),
                Remains::Purged { at } => format!("its points go at {at:.0}"),
            };
            (Reason::InstanceDeleted, format!("{reason}; {what}. See DeletedBackupInstance {record}."))
        }
        OwnerChange::Undeleted { to, record, .. } => {
            let text =
                format!("{} has the points of {record}; it stays stopped until it is resumed.", name(to));
            (Reason::InstanceUndeleted, text)
        }
        OwnerChange::Adopted { from, to, .. } => {
            (Reason::InstanceAdopted, format!("{} has what {} had in another cluster.", name(to), name(from)))
        }
        OwnerChange::Claimed { owner, .. }
        | OwnerChange::Resumed { owner }
        | OwnerChange::Released { owner } => {
            (Reason::InstanceReleased, format!("Nothing is left of {}.", name(owner)))
        }
    };
    Note::normal(reason, text)
}

fn name(owner: &contract::Owner) -> String {
    match owner {
        contract::Owner::Instance { namespace, instance, .. } => {
            format!("BackupInstance {namespace}/{instance}")
        }
        contract::Owner::Cli { datasource_id } => datasource_id.clone(),
    }
}

fn record(owner: &contract::Owner) -> String {
    match owner {
        contract::Owner::Instance { namespace, instance, instance_uid, .. } => {
            names::deleted_instance(namespace, instance, instance_uid)
        }
        contract::Owner::Cli { datasource_id } => datasource_id.clone(),
    }
}

/// Makes the records the view that they should be.
///
/// # Errors
/// The first write that failed, once all others were tried.
pub async fn show(context: &Context, changes: Changes) -> Result<(), Error> {
    let client = &context.client;
    let mut outcome = Ok(());
    for (object, status) in changes.create {
        outcome = outcome.and(create(context, &object, &status).await);
    }
    for (object, status) in changes.update {
        outcome = outcome.and(cluster::apply_status(client, object.as_ref(), &status).await);
    }
    for object in changes.remove {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let deleted = cluster::delete::<DeletedBackupInstance>(client, &namespace, &name, object.uid()).await;
        outcome = outcome.and(deleted);
    }
    Ok(outcome?)
}

async fn create(
    context: &Context,
    object: &DeletedBackupInstance,
    status: &DeletedBackupInstanceStatus,
) -> Result<(), WriteError> {
    match cluster::create(&context.client, object).await {
        Ok(created) => cluster::apply_status(&context.client, &created, status).await,
        // The watch has not told of it yet: its status comes with the next look.
        Err(error) if cluster::is_already_exists(error.cause()) => Ok(()),
        Err(error) if cluster::is_namespace_ending(error.cause()) => Ok(()),
        Err(error) => Err(error),
    }
}
