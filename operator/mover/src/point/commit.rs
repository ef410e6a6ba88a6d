//! The last steps of a writer: inventory, contents, and the record that makes the point exist.

use std::sync::atomic::Ordering;

use contract::{DataStore, Decision, Owner, SourceServer};
use jiff::Timestamp;

use super::{PointWriter, WriteError};
use crate::{
    format::{FORMAT, Hash, Record},
    seal::{Header, ObjectKind, seal_document},
    store::Name,
};

/// What the writer is told of the point, besides what it counts itself.
#[derive(Debug, Clone)]
pub struct RecordDraft {
    pub owner: Owner,
    pub decision: Decision,
    pub source: SourceServer,
    /// The clock just after the snapshot; the earliest, where there are several databases.
    pub point_time: Timestamp,
    /// One per database, in the order of [`PointWriter::add_database`].
    pub data_stores: Vec<DataStore>,
    /// Sentences. Shortened when the record would grow past its bound.
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}

/// A point that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub record_hash: Hash,
    pub commit_time: Timestamp,
    pub objects: u64,
    pub stored_bytes: u64,
}

impl PointWriter {
    /// Puts contents, inventory and last the record. Afterwards the point exists, and its custodian may accept it.
    ///
    /// # Errors
    /// [`WriteError::LostRace`] or [`WriteError::Voided`] when the point was decided before; no other call brings it back.
    pub async fn commit(self, draft: RecordDraft) -> Result<Committed, WriteError> {
        self.flush().await?;
        let rest = self.inner.inventory.lock().await.rest();
        if let Some(page) = rest {
            self.put_inventory(page).await?;
        }
        let record = self.record(draft).await?;
        self.check()?;
        let session = &self.inner.session;
        let object = session.expected(ObjectKind::Record, 0);
        let sealed =
            seal_document(&record, &object, session.writer, self.inner.suite, session.record_key.key())?;
        let record_hash = Hash::of(&sealed);
        let name = Name::point(session.point);
        match self.inner.store.create(&name, sealed).await {
            Ok(_) => {}
            Err(error) if error.already_exists() => return Err(self.decided(&name).await),
            Err(error) => return Err(error.into()),
        }
        self.stop_heartbeat();
        Ok(Committed {
            record_hash,
            commit_time: record.commit_time,
            objects: record.objects,
            stored_bytes: record.stored_bytes,
        })
    }

    async fn record(&self, draft: RecordDraft) -> Result<Record, WriteError> {
        let session = &self.inner.session;
        let record = Record {
            format: FORMAT,
            vault: session.vault,
            point: session.point,
            run: self.inner.run.clone(),
            writer: session.writer,
            chain: session.writer,
            chain_commitment: session.chain_key.commitment(session.vault, session.writer),
            owner: draft.owner,
            decision: draft.decision,
            point_time: draft.point_time,
            commit_time: self.inner.clock.now(),
            deadline: self.inner.deadline,
            source: draft.source,
            data_stores: draft.data_stores,
            manifests: self.inner.manifests.lock().await.clone(),
            globals: self.inner.globals.lock().await.clone(),
            inventory: self.inner.inventory.lock().await.references.clone(),
            contents: self.inner.contents.lock().await.references.clone(),
            objects: self.inner.objects.load(Ordering::Relaxed),
            stored_bytes: self.inner.stored_bytes.load(Ordering::Relaxed),
            coverage: draft.coverage,
            warnings: draft.warnings,
            tool: crate::TOOL.to_owned(),
        };
        shorten(record, ObjectKind::Record.plain_limit())
    }

    /// Why the record was refused: what is there says it.
    async fn decided(&self, name: &Name) -> WriteError {
        let stored = match self.inner.store.get(name, ObjectKind::Record.stored_limit()).await {
            Ok(stored) => stored,
            Err(error) => return error.into(),
        };
        match Header::decode(name, &stored) {
            Ok(header) if header.kind == ObjectKind::Void => WriteError::Voided,
            Ok(header) => WriteError::LostRace { winner: header.writer },
            Err(error) => WriteError::Undecided(error),
        }
    }
}

/// Gives up the last warnings, then the last sentences of coverage, until the record fits; says how many were given up.
fn shorten(mut record: Record, limit: usize) -> Result<Record, WriteError> {
    let length = |record: &Record| {
        serde_json::to_vec(record)
            .map(|text| text.len())
            .map_err(|error| WriteError::Seal(crate::seal::SealError::Document(error.to_string())))
    };
    // Room for the two sentences that tell what was left out.
    let limit = limit.saturating_sub(200);
    let lists: [fn(&mut Record) -> &mut Vec<String>; 2] =
        [|record| &mut record.warnings, |record| &mut record.coverage];
    for list in lists {
        let mut dropped = 0;
        while length(&record)? > limit && !list(&mut record).is_empty() {
            let sentences = list(&mut record);
            let keep = sentences.len() / 2;
            dropped += sentences.len() - keep;
            sentences.truncate(keep);
        }
        if dropped > 0 {
            list(&mut record).push(format!("{dropped} more are in the manifest"));
        }
    }
    let bytes = length(&record)?;
    if bytes > limit + 200 {
        return Err(WriteError::RecordTooLarge { bytes, limit });
    }
    Ok(record)
}
