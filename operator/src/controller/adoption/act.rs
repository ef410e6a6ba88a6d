//! Writes: the ledger is told whose what is from now on, and people hear of it.

use contract::{LedgerRequest, Owner, OwnerChange};
use crds::vault::Adoption;
use crds::{BackupInstance, BackupVault, Reason};
use kube::ResourceExt as _;

use super::decide::{Change, Entry, Standing, name, points_of};
use crate::cluster::Note;
use crate::context::Context;
use crate::controller::{Error, run};
use crate::keeper_client::{KeeperAddress, Trouble};
use crate::names;

/// One adoption that is to be told.
struct Told<'a> {
    adoption: &'a Adoption,
    change: Change,
    heir: &'a BackupInstance,
}

/// Tells the ledger, as far as the keeper takes it. What it refused a moment ago it is not asked again, and one that cannot be
/// reached is asked by the next look.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared.
pub async fn tell(vault: &BackupVault, context: &Context, entries: Vec<Entry<'_>>) -> Result<(), Error> {
    let (uid, wall) = (vault.uid().unwrap_or_default(), context.clock.now().wall);
    let mut wanted: Vec<Told<'_>> = entries.into_iter().flat_map(each).collect();
    wanted.retain(|told| context.not_adopted.may_ask(&uid, &told.change.from, wall));
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(address) = run::observe::keeper_address(&context.client, vault).await? else { return Ok(()) };
    for told in wanted {
        if !take(vault, context, &address, told).await? {
            return Ok(());
        }
    }
    Ok(())
}

fn each(entry: Entry<'_>) -> Vec<Told<'_>> {
    let adoption = entry.adoption;
    match entry.standing {
        Standing::Take { changes, heir } => {
            changes.into_iter().map(|change| Told { adoption, change, heir }).collect()
        }
        Standing::Done | Standing::Open(_) => Vec::new(),
    }
}

/// `false`: the keeper did not answer.
async fn take(
    vault: &BackupVault,
    context: &Context,
    address: &KeeperAddress,
    told: Told<'_>,
) -> Result<bool, Error> {
    let Told { adoption, change: Change { from, to }, heir } = told;
    let uid = vault.uid().unwrap_or_default();
    let points = context.keepers.catalogue(&uid).map_or(0, |seen| points_of(&seen, &from));
    let change = OwnerChange::Adopted { from: from.clone(), to, record: record(&from) };
    let heard = context.tell_ledger(&uid, address, &LedgerRequest::Owner(change)).await?;
    match heard.map_err(|error| Trouble::from(&error)) {
        Ok(()) => {
            context.not_adopted.taken(&uid, &from);
            let whose = name(&adoption.from);
            let message = format!("{points} point(s) of {whose} and its database are this one's now.");
            let note = Note::normal(Reason::InstanceAdopted, message);
            context.notes.publish(heir, &note).await;
            context.notes.publish(vault, &of_vault(adoption, note)).await;
        }
        Err(Trouble::Refused { message, .. }) => {
            tracing::warn!(vault = vault.name_any(), message, "an adoption was refused");
            if context.not_adopted.refused(&uid, &from, message.clone(), context.clock.now().wall) {
                // It may name instances of other namespaces, which are not for the heir's people to know.
                let note = of_vault(adoption, Note::warning(Reason::AdoptionRefused, message));
                context.notes.publish(vault, &note).await;
            }
        }
        Err(Trouble::Unreachable(message)) => {
            tracing::warn!(vault = vault.name_any(), message, "the ledger was not told of an adoption");
            return Ok(false);
        }
    }
    Ok(true)
}

fn of_vault(adoption: &Adoption, note: Note) -> Note {
    let message =
        format!("BackupInstance {}/{}: {}", adoption.to.namespace, adoption.to.instance, note.message);
    Note { message, ..note }
}

/// What the heir's people name to resume it, where what is taken over was deleted: as its record would have been called.
fn record(from: &Owner) -> String {
    match from {
        Owner::Instance { namespace, instance, instance_uid, .. } => {
            names::deleted_instance(namespace, instance, instance_uid)
        }
        Owner::Cli { .. } => String::new(),
    }
}
