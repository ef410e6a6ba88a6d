//! Writes: the ledger is told whose what is from now on, and people hear of it.

use contract::{LedgerRequest, Owner, OwnerChange};
use crds::vault::Adoption;
use crds::{BackupInstance, BackupVault, Reason};
use kube::ResourceExt as _;

use super::decide::{Entry, Standing, name};
use crate::cluster::Note;
use crate::context::Context;
use crate::controller::{Error, run};
use crate::keeper_client::{KeeperAddress, Trouble};

/// One adoption that is to be told.
struct Told<'a> {
    adoption: &'a Adoption,
    from: Owner,
    to: Owner,
    heir: &'a BackupInstance,
}

/// Tells the ledger, as far as the keeper takes it. What it refused a moment ago it is not asked again.
///
/// # Errors
/// The keeper's address could not be read, or no call be prepared.
pub async fn tell(vault: &BackupVault, context: &Context, entries: Vec<Entry<'_>>) -> Result<(), Error> {
    let uid = vault.uid().unwrap_or_default();
    let refused = context.not_adopted.of(&uid, context.clock.now().wall);
    let wanted: Vec<Told<'_>> = entries.into_iter().flat_map(each).collect();
    let wanted: Vec<Told<'_>> = wanted.into_iter().filter(|told| !refused.contains_key(&told.from)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let Some(address) = run::observe::keeper_address(&context.client, vault).await? else { return Ok(()) };
    for told in wanted {
        take(vault, context, &address, told).await?;
    }
    Ok(())
}

fn each(entry: Entry<'_>) -> Vec<Told<'_>> {
    match entry.standing {
        Standing::Take { from, to, heir } => {
            let adoption = entry.adoption;
            from.into_iter().map(|from| Told { adoption, from, to: to.clone(), heir }).collect()
        }
        Standing::Done | Standing::Open(_) => Vec::new(),
    }
}

async fn take(
    vault: &BackupVault,
    context: &Context,
    address: &KeeperAddress,
    told: Told<'_>,
) -> Result<(), Error> {
    let Told { adoption, from, to, heir } = told;
    let uid = vault.uid().unwrap_or_default();
    let points = context.keepers.catalogue(&uid).map_or(0, |seen| super::decide::points_of(&seen, &from));
    let change = OwnerChange::Adopted { from: from.clone(), to };
    let heard = context.tell_ledger(&uid, address, &LedgerRequest::Owner(change)).await?;
    let whose = name(&adoption.from);
    let note = match heard.map_err(|error| Trouble::from(&error)) {
        Ok(()) => {
            context.not_adopted.taken(&uid, &from);
            let message = format!("{points} point(s) of {whose} and its database are this one's now.");
            Note::normal(Reason::InstanceAdopted, message)
        }
        Err(Trouble::Refused { message, .. }) => {
            let wall = context.clock.now().wall;
            tracing::warn!(vault = vault.name_any(), message, "an adoption was refused");
            if !context.not_adopted.refused(&uid, &from, message.clone(), wall) {
                return Ok(());
            }
            Note::warning(Reason::AdoptionRefused, message)
        }
        // The next look asks again.
        Err(Trouble::Unreachable(message)) => {
            tracing::warn!(vault = vault.name_any(), message, "the ledger was not told of an adoption");
            return Ok(());
        }
    };
    context.notes.publish(heir, &note).await;
    let there =
        format!("BackupInstance {}/{}: {}", adoption.to.namespace, adoption.to.instance, note.message);
    context.notes.publish(vault, &Note { message: there, ..note }).await;
    Ok(())
}
