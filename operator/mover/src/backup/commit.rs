//! The end of a backup: the last list, the manifest, and the record that makes the point exist.

use std::collections::BTreeSet;

use contract::{DataStore, Summary, WriterId};
use jiff::{SignedDuration, Timestamp};

use super::{
    BackupDone, BackupError, BackupJobInput,
    facts::{database::DatabaseFacts, sequences::Sequence, server::ServerFacts},
    lists::Totals,
    schema::StoredSchema,
};
use crate::{
    TOOL,
    format::{FORMAT, ListRef, Manifest, PgText, SequenceEntry},
    point::{Committed, PointWriter, RecordDraft},
};

/// What was stored of a database, to be told of in its manifest.
pub struct Stored {
    pub writer: WriterId,
    pub server: ServerFacts,
    pub schema: StoredSchema,
    pub rows: Rows,
    pub point_time: Timestamp,
    /// What was known from the start not to be read.
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}

/// The rows and what goes with them.
pub struct Rows {
    /// Of the lists of tables and segments.
    pub pages: Vec<ListRef>,
    pub totals: Totals,
    pub large_objects: u64,
    pub database: DatabaseFacts,
    pub sequences: Vec<Sequence>,
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}

/// Writes list, manifest, inventory and record, in this order.
pub async fn commit(
    writer: &PointWriter,
    input: &BackupJobInput,
    stored: Stored,
) -> Result<BackupDone, BackupError> {
    let mut list = writer.list::<SequenceEntry>();
    for sequence in &stored.rows.sequences {
        list.push(entry(sequence)).await?;
    }
    let sequence_pages = list.finish().await?;
    let data_store = data_store(&stored);
    let draft = draft(input, &stored, data_store.clone());
    let point_time = stored.point_time;
    let (coverage, warnings) = (draft.coverage.clone(), draft.warnings.clone());
    let writer_id = stored.writer.clone();
    writer.add_database(&manifest(stored, sequence_pages, &draft)).await?;
    let point = writer.point().into();
    let committed = writer.clone().commit(draft).await?;
    let summary = summary(&data_store, &committed, point_time);
    Ok(BackupDone { point, writer: writer_id, started: point_time, summary, coverage, warnings })
}

fn draft(input: &BackupJobInput, stored: &Stored, data_store: DataStore) -> RecordDraft {
    // What pg_dump left out is coverage, the rest of its warnings is not.
    let (unsaved, mut warnings): (Vec<String>, Vec<String>) =
        stored.schema.warnings.iter().cloned().partition(|warning| warning.contains("not dumped"));
    warnings.extend(stored.warnings.iter().cloned());
    warnings.extend(stored.rows.warnings.iter().cloned());
    RecordDraft {
        owner: input.owner.clone(),
        decision: input.decision.clone(),
        source: stored.server.source(),
        point_time: stored.point_time,
        data_stores: vec![data_store],
        coverage: [stored.coverage.clone(), stored.rows.coverage.clone(), unsaved].concat(),
        warnings,
    }
}

fn data_store(stored: &Stored) -> DataStore {
    let Rows { totals, large_objects, database, .. } = &stored.rows;
    DataStore {
        database: database.entry.name.to_string(),
        snapshot_time: stored.point_time,
        tables: totals.tables,
        rows: totals.rows,
        large_objects: *large_objects,
        plain_bytes: totals.plain_bytes,
    }
}

fn manifest(stored: Stored, sequence_pages: Vec<ListRef>, draft: &RecordDraft) -> Manifest {
    let Stored { server, schema, rows, point_time, .. } = stored;
    let named = rows.database.roles.into_iter().chain(schema.owners);
    let roles: BTreeSet<PgText> = named.filter(|role| !role.as_bytes().starts_with(b"pg_")).collect();
    Manifest {
        format: FORMAT,
        database: rows.database.entry,
        snapshot_time: point_time,
        server_version: server.version,
        server_version_text: server.version_text,
        schema: schema.stream,
        lists: [rows.pages, sequence_pages].concat(),
        tables: rows.totals.entries,
        segments: rows.totals.segments,
        sequences: rows.sequences.len() as u64,
        large_objects: rows.large_objects,
        rows: rows.totals.rows,
        plain_bytes: rows.totals.plain_bytes,
        roles: roles.into_iter().collect(),
        extensions: rows.database.extensions,
        tablespaces: rows.database.tablespaces,
        coverage: draft.coverage.clone(),
        warnings: draft.warnings.clone(),
        tool: TOOL.to_owned(),
    }
}

fn entry(sequence: &Sequence) -> SequenceEntry {
    SequenceEntry {
        schema: sequence.schema.clone(),
        name: sequence.name.clone(),
        last_value: sequence.value.last,
        is_called: sequence.value.is_called,
    }
}

fn summary(data_store: &DataStore, committed: &Committed, started: Timestamp) -> Summary {
    let seconds = committed.commit_time.duration_since(started).max(SignedDuration::ZERO).as_secs();
    Summary {
        tables: data_store.tables,
        rows: data_store.rows,
        large_objects: data_store.large_objects,
        plain_bytes: data_store.plain_bytes,
        stored_bytes: committed.stored_bytes,
        seconds: u64::try_from(seconds).unwrap_or(0),
    }
}
