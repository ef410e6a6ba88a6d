//! A database of a point as files that psql loads: whoever has them needs neither Coffer nor its keys.
//!
//! ```text
//! README.txt            what this is, and how it is loaded
//! database.sql          the database itself: encoding, locale, owner, privileges, settings
//! load.sql              all that follows, in order
//! schema.sql  keys.sql  sequences.sql  grants.sql  views.sql  event-triggers.sql  large-objects.sql
//! data/00001.txt .bin   rows of each table, in COPY's text or binary format
//! SHA256SUMS            of every file
//! ```
//!
//! The directory gets its name when everything in it is written and synced. Only its owner may read it.

mod folder;
mod rows;
mod script;
mod whole;

use std::{collections::HashMap, path::PathBuf};

use contract::{Failure, Limits, PointId, RunId, Stage, Summary};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{RestoreError, preflight::Objection, ready::index_of, select::Chosen, selection::Selection};
use crate::{
    backup::Throttle,
    clock::Clock,
    custody::Custody,
    format::{Manifest, SegmentEntry, SequenceEntry, TableEntry, TableKind},
    point::PointReader,
    progress::{self, ProgressSink},
    schema::SchemaReader,
    seal, store,
};
use folder::Folder;

/// What is to be written, and where.
#[derive(Debug, Clone)]
pub struct FilesInput {
    pub point: PointId,
    /// Which database of the point; `None`: the only one that it has.
    pub database: Option<String>,
    /// Is not there yet; the directory above it is.
    pub directory: PathBuf,
    pub selection: Selection,
    pub limits: Limits,
    /// The run stops itself at this instant, and leaves nothing behind.
    pub deadline: Timestamp,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesDone {
    pub summary: Summary,
    /// What is not as it was in the source, each in a sentence.
    pub warnings: Vec<String>,
}

/// Writes the files. The digest of every table's rows is compared with the point's on the way.
///
/// # Errors
/// With the stage in which it failed; nothing is left behind, or the message says what.
pub async fn run(
    input: &FilesInput,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    cancel: CancellationToken,
    clock: &Clock,
) -> Result<FilesDone, Failure> {
    let left = input.deadline.duration_since(clock.now());
    let files = Files { input, custody, run, progress, clock };
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(RestoreError::Cancelled),
        () = tokio::time::sleep(left.try_into().unwrap_or_default()) => Err(RestoreError::DeadlineExceeded),
        ended = files.write() => ended,
        () = progress::report(custody, run, progress.watch()) => Err(RestoreError::Cancelled),
    };
    ended.map_err(|error| error.into_failure(progress.now().stage))
}

struct Files<'a, C> {
    input: &'a FilesInput,
    custody: &'a C,
    run: &'a RunId,
    progress: &'a ProgressSink,
    clock: &'a Clock,
}

impl<C: Custody> Files<'_, C> {
    async fn write(&self) -> Result<FilesDone, RestoreError> {
        let began = Instant::now();
        self.progress.stage(Stage::Starting);
        let reader = self.open().await?;
        let index = index_of(&reader, self.input.database.as_deref())?;
        let manifest = reader.manifest(index).await.map_err(RestoreError::read("the manifest"))?;
        let chosen = self.choose(&reader, &manifest).await?;
        let mut folder = Folder::make(&self.input.directory, self.run)?;

        self.progress.stage(Stage::Schema);
        let schema = SchemaReader::new(reader.schema(&manifest.schema).into_async_read());
        let schema = script::write(&mut folder, schema, chosen.as_ref()).await?;
        let values = reader.list::<SequenceEntry>(&manifest).await;
        let mut values = values.map_err(RestoreError::read("the list of sequences"))?;
        let tables = reader.list::<TableEntry>(&manifest).await;
        let mut tables = tables.map_err(RestoreError::read("the list of tables"))?;
        if let Some(chosen) = &chosen {
            values.retain(|value| chosen.has_value_of(&value.schema, &value.name));
            tables.retain(|table| {
                table.kind == TableKind::Ordinary && chosen.has_rows_of(&table.schema, &table.name)
            });
        }
        script::write_sequences(&mut folder, &values)?;
        let plain_bytes = tables.iter().map(|table| table.plain_bytes).sum();
        self.progress.expect(plain_bytes, tables.len() as u64);

        self.progress.stage(Stage::Data);
        let segments = by_table(&reader, &manifest).await?;
        let writer = rows::Writer {
            reader: &reader,
            progress: self.progress,
            throttle: &Throttle::new(self.input.limits.bytes_per_second),
            roots: &schema.roots,
        };
        let mut loads = Vec::new();
        for table in &tables {
            let segments = segments.get(&table.id).map_or(&[][..], Vec::as_slice);
            loads.push((table.kind, writer.write(&mut folder, table, segments).await?));
            self.progress.table();
        }

        self.progress.stage(Stage::Finishing);
        whole::write(&mut folder, &manifest, &loads, schema.has_event_triggers, chosen.is_some())?;
        folder.finish()?;
        let mut warnings: Vec<String> = chosen.map_or_else(Vec::new, |chosen| chosen.remarks);
        warnings.extend(manifest.coverage.iter().map(|missing| format!("not in the point: {missing}")));
        let has_large_objects = tables.iter().any(|table| table.kind == TableKind::LargeObjects);
        let summary = Summary {
            tables: tables.iter().filter(|table| table.kind == TableKind::Ordinary).count() as u64,
            rows: tables.iter().filter(|table| is_of_people(table.kind)).map(TableEntry::rows).sum(),
            large_objects: if has_large_objects { manifest.large_objects } else { 0 },
            plain_bytes,
            stored_bytes: reader.record().stored_bytes,
            seconds: began.elapsed().as_secs(),
        };
        Ok(FilesDone { summary, warnings })
    }

    async fn open(&self) -> Result<PointReader, RestoreError> {
        let reader_id = seal::random_id()?;
        let grant = self.custody.read_grant(self.run, &self.input.point, &reader_id.into()).await;
        let grant = grant.map_err(RestoreError::Custody)?;
        let reader = PointReader::open(store::connect(&grant.storage, self.clock)?, &grant).await;
        let reader = reader.map_err(RestoreError::read("the record"))?;
        if reader.record().manifests.is_empty() {
            return Err(RestoreError::EmptyPoint);
        }
        Ok(reader)
    }

    async fn choose(
        &self,
        reader: &PointReader,
        manifest: &Manifest,
    ) -> Result<Option<Chosen>, RestoreError> {
        let selection = &self.input.selection;
        let refused = |sentences: Vec<String>| {
            let code = contract::FailureCode::BadAssignment;
            RestoreError::Refused(
                sentences.into_iter().map(|sentence| Objection { code, sentence }).collect(),
            )
        };
        if !selection.renames.is_empty() {
            let sentence = "files keep the names that were stored: rename after loading them".to_owned();
            return Err(refused(vec![sentence]));
        }
        if selection.is_everything() {
            return Ok(None);
        }
        let schema = SchemaReader::new(reader.schema(&manifest.schema).into_async_read());
        let mut chosen = Chosen::read(schema, selection).await?;
        match std::mem::take(&mut chosen.unknown) {
            unknown if unknown.is_empty() => Ok(Some(chosen)),
            unknown => Err(refused(unknown)),
        }
    }
}

/// Whether its rows are what people call rows.
fn is_of_people(kind: TableKind) -> bool {
    matches!(kind, TableKind::Ordinary | TableKind::Configuration)
}

async fn by_table(
    reader: &PointReader,
    manifest: &Manifest,
) -> Result<HashMap<u32, Vec<SegmentEntry>>, RestoreError> {
    let segments = reader.list::<SegmentEntry>(manifest).await;
    let mut by_table: HashMap<u32, Vec<SegmentEntry>> = HashMap::new();
    for segment in segments.map_err(RestoreError::read("the list of segments"))? {
        by_table.entry(segment.table).or_default().push(segment);
    }
    for segments in by_table.values_mut() {
        segments.sort_by_key(|segment| segment.spans.first().map(|span| (span.object, span.offset)));
    }
    Ok(by_table)
}
