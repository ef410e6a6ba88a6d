//! The state as a stored object: a head record and parts of at most a megabyte.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{LedgerError, LedgerHead, Place, State};
use crate::{
    format::{FORMAT, Id, LEDGER_STATE_LIMIT, StateHead, StatePart},
    seal::{
        Expected, ObjectKind, OpenError, Problem, SealError, Suite, open_records, parse, parse_versioned,
        seal_records,
    },
    store::Name,
};

/// Plain bytes of a part from which on no further entry is added; one more always fits below the bound of a record.
const PART: usize = 512 * 1024;
/// Records that a state can have: what its largest size could hold.
const RECORDS: usize = 65_536;

/// The state as it is stored.
pub(super) fn seal(place: &Place, state: &State) -> Result<Bytes, SealError> {
    let mut parts = Parts::default();
    if let Some(vault) = &state.vault {
        parts.one(&StatePart::Vault(vault.clone()))?;
    }
    parts.many("points", state.points())?;
    parts.many("reads", state.reads.values())?;
    parts.many("restores", state.restores.values())?;
    parts.many("owners", state.owners.values().map(Arc::as_ref))?;
    // Always there: a program that does not know owners and ends passes over a state with a part that it does not know.
    parts.one(&StatePart::Pledges(state.pledges))?;
    let head = StateHead {
        format: FORMAT,
        sequence: state.head.sequence,
        hash: state.head.hash,
        records: u32::try_from(parts.0.len()).map_err(|_| SealError::Full)?,
    };
    let mut records = vec![text(&head)?];
    records.append(&mut parts.0);
    let object = expected(place.vault, state.head.sequence);
    seal_records(&records, &object, place.writer, Suite::Aes256Gcm, place.key.key())
}

/// Reads a stored state.
pub(super) async fn read(place: &Place, sequence: u64) -> Result<State, LedgerError> {
    let name = Name::ledger_state(sequence);
    let stored = place.store.get(&name, LEDGER_STATE_LIMIT).await?;
    let object = expected(place.vault, sequence);
    let records = open_records(&name, &stored, &object, place.key.key(), RECORDS)?;
    let contradiction = |what: &str| OpenError::new(&name, Problem::Contradiction(what.to_owned()));
    let (head, parts) = records.split_first().ok_or_else(|| contradiction("it is empty"))?;
    let head: StateHead = parse_versioned(&name, head)?;
    let fits = head.format == FORMAT
        && head.sequence == sequence
        && u32::try_from(parts.len()).is_ok_and(|parts| parts == head.records);
    if !fits {
        return Err(contradiction("its head tells of another state").into());
    }
    let mut state = State::empty();
    state.head = LedgerHead { sequence, hash: head.hash };
    for part in parts {
        match parse(&name, part)? {
            StatePart::Vault(vault) => state.vault = Some(vault),
            StatePart::Points(points) => {
                state.points.extend(points.into_iter().map(|point| (point.point.id, point.into())));
            }
            StatePart::Reads(reads) => {
                state.reads.extend(reads.into_iter().map(|read| (read.run.clone(), read)));
            }
            StatePart::Restores(restores) => state.restores.extend(
                restores
                    .into_iter()
                    .map(|restore| ((restore.namespace.clone(), restore.name.clone()), restore)),
            ),
            StatePart::Owners(owners) => {
                state.owners.extend(owners.into_iter().map(|known| (known.owner.clone(), known.into())));
            }
            StatePart::Pledges(pledges) => state.pledges = pledges,
        }
    }
    if state.vault.as_ref().is_none_or(|vault| vault.vault != place.vault) {
        return Err(contradiction("it tells of another vault").into());
    }
    Ok(state)
}

#[derive(Default)]
struct Parts(Vec<Vec<u8>>);

impl Parts {
    fn one(&mut self, part: &StatePart) -> Result<(), SealError> {
        self.0.push(text(part)?);
        Ok(())
    }

    /// Entries of one kind, in as many parts as they need.
    fn many<T: Serialize>(&mut self, kind: &str, entries: impl Iterator<Item = T>) -> Result<(), SealError> {
        let mut part = Vec::new();
        for entry in entries {
            part.extend_from_slice(if part.is_empty() { b"" } else { b"," });
            part.extend_from_slice(&text(&entry)?);
            if part.len() >= PART {
                self.close(kind, &mut part);
            }
        }
        if !part.is_empty() {
            self.close(kind, &mut part);
        }
        Ok(())
    }

    fn close(&mut self, kind: &str, part: &mut Vec<u8>) {
        let mut record = format!("{{\"{kind}\":[").into_bytes();
        record.append(part);
        record.extend_from_slice(b"]}");
        self.0.push(record);
    }
}

fn text(value: &impl Serialize) -> Result<Vec<u8>, SealError> {
    serde_json::to_vec(value).map_err(|error| SealError::Document(error.to_string()))
}

fn expected(vault: Id, sequence: u64) -> Expected {
    Expected {
        kind: ObjectKind::LedgerState,
        number: sequence,
        vault,
        chain: Id::NONE,
        point: Id::NONE,
        writer: None,
    }
}
