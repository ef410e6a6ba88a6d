//! The end of a backup: the last list, the manifest, and the record that makes the point exist.

use std::collections::BTreeSet;

use contract::{DataStore, Summary, WriterId};
use jiff::{SignedDuration, Timestamp};

use super::{
    BackupDone, BackupError, BackupJobInput, databases,
    facts::{database::DatabaseFacts, sequences::Sequence, server::ServerFacts},
    lists::Totals,
    schema::StoredSchema,
};
use crate::{
    TOOL,
    format::{FORMAT, LeftOut, ListRef, Manifest, PgText, SequenceEntry},
    point::{Committed, PointWriter, RecordDraft},
};

/// What was stored of a database, to be told of in its manifest.
pub struct Stored {
    pub server: ServerFacts,
    pub schema: StoredSchema,
    pub rows: Rows,
    pub point_time: Timestamp,
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
}

/// What is told of the server as a whole.
pub struct Server {
    pub writer: WriterId,
    pub left_out: Vec<LeftOut>,
    /// What of the server could not be read.
    pub missing: Option<String>,
}

/// Writes lists, manifests, inventory and record, in this order.
pub async fn commit(
    writer: &PointWriter,
    input: &BackupJobInput,
    server: Server,
    mut stored: Vec<Stored>,
) -> Result<BackupDone, BackupError> {
    stored.iter_mut().for_each(sort_warnings);
    let Server { writer: writer_id, left_out, missing } = server;
    let mut coverage: Vec<String> = missing.into_iter().collect();
    coverage.extend(sentences(&stored, |stored| &stored.coverage));
    let mut draft = draft(input, &stored)?;
    // People are told every time, and it is no reason to look whether a backup is whole.
    draft.coverage = coverage.iter().cloned().chain(databases::sentences(&left_out)).collect();
    for (index, stored) in stored.into_iter().enumerate() {
        let mut list = writer.list::<SequenceEntry>(index);
        for sequence in &stored.rows.sequences {
            list.push(entry(sequence)).await?;
        }
        let sequence_pages = list.finish().await?;
        writer.add_database(&manifest(stored, sequence_pages)).await?;
    }
    let (point, started, warnings) = (writer.point().into(), draft.point_time, draft.warnings.clone());
    let data_stores = draft.data_stores.clone();
    let committed = writer.clone().commit(draft).await?;
    let summary = summary(&data_stores, &committed, started);
    Ok(BackupDone { point, writer: writer_id, started, summary, coverage, warnings })
}

/// What pg_dump left out is coverage, the rest of its warnings is not.
fn sort_warnings(stored: &mut Stored) {
    let said = std::mem::take(&mut stored.schema.warnings);
    let (unsaved, warnings): (Vec<String>, Vec<String>) =
        said.into_iter().partition(|warning| warning.contains("not dumped"));
    stored.coverage.extend(unsaved);
    stored.warnings.splice(0..0, warnings);
}

/// Sentences of all databases; of several, each with its database.
fn sentences(stored: &[Stored], of: impl Fn(&Stored) -> &Vec<String>) -> Vec<String> {
    let is_alone = stored.len() == 1;
    let told = |stored: &Stored, sentence: &String| match is_alone {
        true => sentence.clone(),
        false => format!("database \"{}\": {sentence}", stored.rows.database.entry.name),
    };
    stored
        .iter()
        .flat_map(|stored| of(stored).iter().map(|sentence| told(stored, sentence)).collect::<Vec<_>>())
        .collect()
}

fn draft(input: &BackupJobInput, stored: &[Stored]) -> Result<RecordDraft, BackupError> {
    let first = stored.iter().min_by_key(|stored| stored.point_time);
    let first = first.ok_or_else(|| BackupError::Dump("no database was read".to_owned()))?;
    let program = format!("{TOOL}, pg_dump {}", first.schema.stream.dump_version);
    let mut source = first.server.source(program);
    source.size_bytes = stored.iter().map(|stored| stored.server.database_bytes).sum();
    Ok(RecordDraft {
        owner: input.owner.clone().met_at(source.system_identifier.as_deref()),
        decision: input.decision.clone(),
        source,
        point_time: first.point_time,
        data_stores: stored.iter().map(data_store).collect(),
        coverage: Vec::new(),
        warnings: sentences(stored, |stored| &stored.warnings),
    })
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

fn manifest(stored: Stored, sequence_pages: Vec<ListRef>) -> Manifest {
    let Stored { server, schema, rows, point_time, coverage, warnings } = stored;
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
        coverage,
        warnings,
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

fn summary(data_stores: &[DataStore], committed: &Committed, started: Timestamp) -> Summary {
    let sum = |of: fn(&DataStore) -> u64| data_stores.iter().map(of).fold(0, u64::saturating_add);
    let seconds = committed.commit_time.duration_since(started).max(SignedDuration::ZERO).as_secs();
    Summary {
        tables: sum(|store| store.tables),
        rows: sum(|store| store.rows),
        large_objects: sum(|store| store.large_objects),
        plain_bytes: sum(|store| store.plain_bytes),
        stored_bytes: committed.stored_bytes,
        seconds: u64::try_from(seconds).unwrap_or(0),
    }
}
