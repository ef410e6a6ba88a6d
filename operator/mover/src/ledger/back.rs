//! Reading the entries back from the newest, for people who ask what happened.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::{LedgerError, LedgerHead, chain::expected};
use crate::{
    clock::later,
    format::{FORMAT, Hash, Id, LedgerEntry},
    seal::{LedgerKey, ObjectKind, open_document},
    store::{Name, SharedStore},
};

/// Clocks of writers differ: entries are read until they are so much older than what was asked for.
const SLACK: SignedDuration = SignedDuration::from_hours(24);
/// Entries that are asked for at the same time.
const AHEAD: usize = 32;

/// The entries of `since` and later, newest first, as their writers had the time; `None`: all of them.
///
/// # Errors
/// When an entry is missing, damaged, or not the one that the entry after it follows from; when storage does not answer.
pub(crate) async fn entries(
    store: &SharedStore,
    vault: Id,
    key: &LedgerKey,
    head: LedgerHead,
    since: Option<Timestamp>,
) -> Result<Vec<LedgerEntry>, LedgerError> {
    let read = |sequence| read(store, vault, key, sequence);
    let mut stored = stream::iter((1..=head.sequence).rev()).map(read).buffered(AHEAD);
    let (mut entries, mut expected) = (Vec::new(), head.hash);
    while let Some((entry, hash)) = stored.try_next().await? {
        if hash != expected {
            let object = Name::ledger(entry.sequence).to_string();
            return Err(LedgerError::Broken {
                object,
                what: "is not the one that the entry after it follows",
            });
        }
        expected = entry.previous;
        match since {
            Some(since) if later(entry.time, SLACK) < since => break,
            Some(since) if entry.time < since => {}
            Some(_) | None => entries.push(entry),
        }
    }
    Ok(entries)
}

async fn read(
    store: &SharedStore,
    vault: Id,
    key: &LedgerKey,
    sequence: u64,
) -> Result<(LedgerEntry, Hash), LedgerError> {
    let name = Name::ledger(sequence);
    let stored = store.get(&name, ObjectKind::LedgerEntry.stored_limit()).await?;
    let entry: LedgerEntry = open_document(&name, &stored, &expected(vault, sequence), key.key())?;
    if entry.format != FORMAT || entry.sequence != sequence {
        let what = "is an entry of another place in the ledger";
        return Err(LedgerError::Broken { object: name.to_string(), what });
    }
    Ok((entry, Hash::of(&stored)))
}
