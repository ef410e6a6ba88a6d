//! Reading the chain of entries, and its first link.

use bytes::Bytes;

use super::{LedgerError, LedgerHead, Place, State, stored_state};
use crate::{
    format::{FORMAT, Hash, Id, LedgerEntry, PROMISES_LIMIT, Promise},
    seal::{Expected, ObjectKind, SealError, Suite, open_document, seal_document},
    store::{Name, Place as StorePlace, SharedStore, StoreError},
};

/// The state at the end of the ledger.
pub(super) async fn read(place: &Place) -> Result<State, LedgerError> {
    let mut state = newest_state(place).await?.unwrap_or_else(State::empty);
    follow(place, &mut state).await?;
    if state.vault().is_none() {
        return Err(LedgerError::Empty);
    }
    Ok(state)
}

/// Folds in whatever entries there are after the head.
pub(super) async fn follow(place: &Place, state: &mut State) -> Result<(), LedgerError> {
    while let Some((entry, hash)) = next(place, state.head()).await? {
        state.apply(&entry, hash);
    }
    Ok(())
}

/// The entry after a head; `None` at the end.
pub(super) async fn next(
    place: &Place,
    head: LedgerHead,
) -> Result<Option<(LedgerEntry, Hash)>, LedgerError> {
    let sequence = head.sequence + 1;
    let name = Name::ledger(sequence);
    let stored = match place.store.get(&name, ObjectKind::LedgerEntry.stored_limit()).await {
        Err(error) if error.is_not_found() => return Ok(None),
        stored => stored?,
    };
    let broken = |what| LedgerError::Broken { object: name.to_string(), what };
    let entry: LedgerEntry =
        open_document(&name, &stored, &expected(place.vault, sequence), place.key.key())?;
    if entry.format != FORMAT || entry.sequence != sequence {
        return Err(broken("is an entry of another place in the ledger"));
    }
    if entry.previous != head.hash {
        return Err(broken("does not follow from the entry before it"));
    }
    if entry.promises.len() > PROMISES_LIMIT {
        return Err(broken("holds too many promises"));
    }
    Ok(Some((entry, Hash::of(&stored))))
}

/// Whether the ledger is not the one whose head was seen before, grown.
pub(super) async fn is_behind(
    place: &Place,
    state: &State,
    known: &contract::Head,
) -> Result<bool, LedgerError> {
    let head = state.head();
    if head.sequence < known.sequence {
        return Ok(true);
    }
    if head.sequence == known.sequence {
        return Ok(head.hash.to_string() != known.hash);
    }
    let name = Name::ledger(known.sequence);
    match place.store.get(&name, ObjectKind::LedgerEntry.stored_limit()).await {
        Ok(stored) => Ok(Hash::of(&stored).to_string() != known.hash),
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether storage holds the entry of a head, and the same one.
pub(super) async fn holds(store: &SharedStore, head: LedgerHead) -> Result<bool, StoreError> {
    match store.get(&Name::ledger(head.sequence), ObjectKind::LedgerEntry.stored_limit()).await {
        Ok(stored) => Ok(Hash::of(&stored) == head.hash),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Seals an entry for its place after a head.
pub(super) fn seal(
    place: &Place,
    head: LedgerHead,
    promises: Vec<Promise>,
) -> Result<(LedgerEntry, Bytes), SealError> {
    let entry = LedgerEntry {
        format: FORMAT,
        sequence: head.sequence + 1,
        previous: head.hash,
        time: place.clock.now(),
        promises,
    };
    let object = expected(place.vault, entry.sequence);
    let sealed = seal_document(&entry, &object, place.writer, Suite::Aes256Gcm, place.key.key())?;
    Ok((entry, sealed))
}

/// Writes the first entry. One that is there already, and opens, will do.
pub(crate) async fn create_genesis(place: &Place, promise: Promise) -> Result<(), LedgerError> {
    let nothing = LedgerHead { sequence: 0, hash: Hash::NONE };
    let (_, sealed) = seal(place, nothing, vec![promise])?;
    match place.store.create(&Name::ledger(1), sealed).await {
        Ok(_) => Ok(()),
        Err(error) if error.already_exists() => read_first(place).await.map(|_| ()),
        Err(error) => Err(error.into()),
    }
}

/// The first entry; proves that the key is this ledger's.
pub(crate) async fn read_first(place: &Place) -> Result<LedgerEntry, LedgerError> {
    let nothing = LedgerHead { sequence: 0, hash: Hash::NONE };
    let (entry, _) = next(place, nothing).await?.ok_or(LedgerError::Empty)?;
    let begins =
        matches!(entry.promises.first(), Some(Promise::Genesis { vault, .. }) if *vault == place.vault);
    if !begins {
        let object = Name::ledger(1).to_string();
        return Err(LedgerError::Broken { object, what: "is not the vault's beginning" });
    }
    Ok(entry)
}

/// The newest stored state that opens, is whole and whose last entry is in storage. A damaged one only makes the start
/// slower. One that was folded by whoever did not know a promise lacks it, although this release may know it. One whose
/// entry is lost is passed over: what is written after it would stand behind a hole, where nobody without it looks.
async fn newest_state(place: &Place) -> Result<Option<State>, StoreError> {
    let mut sequences: Vec<u64> = place
        .store
        .list(&StorePlace::ledger_states())
        .await?
        .iter()
        .filter_map(|listed| listed.name.last().parse().ok())
        .collect();
    sequences.sort_unstable();
    for sequence in sequences.into_iter().rev() {
        match stored_state::read(place, sequence).await {
            Ok(state) if state.has_unknown_promises() => {}
            Ok(state) if holds(&place.store, state.head()).await? => return Ok(Some(state)),
            Ok(_) => {
                tracing::warn!(sequence, "a stored state of the ledger is not used: its last entry is lost")
            }
            Err(error) => tracing::warn!(sequence, %error, "a stored state of the ledger is not used"),
        }
    }
    Ok(None)
}

pub(super) fn expected(vault: Id, sequence: u64) -> Expected {
    Expected {
        kind: ObjectKind::LedgerEntry,
        number: sequence,
        vault,
        chain: Id::NONE,
        point: Id::NONE,
        writer: None,
    }
}
