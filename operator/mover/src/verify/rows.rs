//! Level 3: every row is read; counts and digests are those of the manifest.

use std::collections::HashMap;

use super::{Progress, VerifyReport};
use crate::{
    digest::{Digest, StreamDigester},
    format::{Manifest, RowFormat, SegmentEntry, TableEntry, is_of_a_newer_writer},
    point::{PointReader, ReadError, cpu},
    schema::{SchemaError, SchemaReader},
    seal::{OpenError, Problem},
    store::Name,
};

/// What was read of a table in one format.
type Digests = HashMap<(u32, RowFormat), Digest>;

/// Reads all rows of all data stores.
pub(super) async fn check(
    reader: &PointReader,
    report: &mut VerifyReport,
    progress: Progress<'_>,
) -> Result<(), ReadError> {
    for data_store in 0..reader.record().manifests.len() {
        let manifest = reader.manifest(data_store).await?;
        if let Err(error) = read_schema(reader, &manifest).await {
            report.note(error)?;
        }
        let mut segments: Vec<SegmentEntry> = reader.list(&manifest).await?;
        segments.sort_by_key(|segment| segment.spans.first().map(|span| (span.object, span.offset)));
        let mut digests = Digests::new();
        for segment in &segments {
            match read_segment(reader, segment, progress).await {
                Ok(digest) => {
                    report.rows += digest.rows;
                    digests.entry((segment.table, segment.format)).or_default().add(digest);
                }
                Err(error) => report.note(error)?,
            }
            if report.is_full() {
                return Ok(());
            }
        }
        if report.is_sound() {
            compare(reader, &manifest, &digests, report).await?;
        }
    }
    Ok(())
}

async fn read_segment(
    reader: &PointReader,
    segment: &SegmentEntry,
    progress: Progress<'_>,
) -> Result<Digest, ReadError> {
    let object = segment.spans.first().map_or(0, |span| span.object);
    let name = Name::data(reader.record().writer, object);
    let mut rows = reader.rows(segment);
    let mut digester = StreamDigester::new(segment.format);
    let mut plain = Vec::new();
    while rows.next_into(&mut plain).await? {
        cpu(|| digester.push(&plain)).map_err(|error| ReadError::contradiction(&name, error.to_string()))?;
        progress(plain.len() as u64);
    }
    let digest = digester.finish().map_err(|error| ReadError::contradiction(&name, error.to_string()))?;
    if digest.rows != segment.rows {
        let what = format!("a segment has {} rows, and {} were listed", digest.rows, segment.rows);
        return Err(ReadError::contradiction(&name, what));
    }
    Ok(digest)
}

/// The schema stream holds as many entries as the manifest says, each of which can be read.
async fn read_schema(reader: &PointReader, manifest: &Manifest) -> Result<(), ReadError> {
    let object = manifest.schema.spans.first().map_or(0, |span| span.object);
    let name = Name::data(reader.record().writer, object);
    let mut schema = SchemaReader::new(reader.schema(&manifest.schema).into_async_read());
    let mut entries = 0u64;
    loop {
        match schema.next_entry().await {
            Ok(Some(_)) => entries += 1,
            Ok(None) => break,
            Err(error) => return Err(error_of_schema(&name, error)),
        }
    }
    if entries != manifest.schema.entries {
        let what = format!("the schema has {entries} entries, and {} were listed", manifest.schema.entries);
        return Err(ReadError::contradiction(&name, what));
    }
    Ok(())
}

/// What the stream of frames says of itself goes before what its reader makes of it.
fn error_of_schema(name: &Name, error: SchemaError) -> ReadError {
    match error {
        SchemaError::Read { source, position } => match source.downcast::<ReadError>() {
            Ok(error) => error,
            Err(source) => {
                ReadError::contradiction(name, crate::causes(&SchemaError::Read { source, position }))
            }
        },
        SchemaError::DecodeHeader { source, .. } if is_of_a_newer_writer(&source) => {
            OpenError::new(name, Problem::Newer(source.to_string())).into()
        }
        error => ReadError::contradiction(name, crate::causes(&error)),
    }
}

async fn compare(
    reader: &PointReader,
    manifest: &Manifest,
    digests: &Digests,
    report: &mut VerifyReport,
) -> Result<(), ReadError> {
    for table in reader.list::<TableEntry>(manifest).await? {
        report.tables += 1;
        for promised in &table.digests {
            let found = digests.get(&(table.id, promised.format)).copied().unwrap_or_default();
            if found.in_format(promised.format) != *promised {
                let name = Name::point(reader.record().point);
                let what =
                    format!("the rows of {}.{} are not those that were read", table.schema, table.name);
                report.note(ReadError::contradiction(&name, what))?;
            }
        }
    }
    Ok(())
}
