//! Reads one segment: rows from the server into frames, counted and hashed on the way.

use super::{
    BackupError,
    packer::Packer,
    plan::{Job, Range, Segment},
    rows::Rows,
    statement,
    table::Table,
};
use crate::{
    digest::RowDigester,
    format::{RowFormat, TableKind},
    postgres::{CopyOut, PgError, Row, Session, sqlstate},
};

/// Plain bytes after which a segment ends with the next frame that ends with a row.
const PIECE_BYTES: u64 = 256 << 20;

/// Why a segment was not read.
#[derive(Debug)]
pub enum SegmentError {
    /// The server's fault or ours; the session may or may not live.
    Source(PgError),
    /// Another failure, which ends the run.
    Run(BackupError),
}

impl From<PgError> for SegmentError {
    fn from(error: PgError) -> Self {
        Self::Source(error)
    }
}

impl From<BackupError> for SegmentError {
    fn from(error: BackupError) -> Self {
        Self::Run(error)
    }
}

/// Reads a segment in a session that is inside a transaction with the right snapshot, and at [`statement::BEGIN`]. What is larger than [`PIECE_BYTES`]
/// comes as several, so that what names the packs stays bounded, and a restore can load them side by side. After an error nothing of it is
/// left in the packer, and the session, where it still lives, is back where it was.
pub async fn read(
    session: &mut Session,
    table: &Table,
    job: Job,
    packer: &mut Packer,
) -> Result<Vec<Segment>, SegmentError> {
    let mut segments = Vec::new();
    match copy(session, table, job, packer, &mut segments).await {
        Ok(()) => Ok(segments),
        Err(error) => {
            packer.forget(segments.iter().map(|segment| segment.plain_bytes).sum());
            packer.abandon_part().await?;
            if let SegmentError::Source(source) = &error
                && !source.ends_session()
            {
                session.execute(statement::BACK).await?;
            }
            Err(error)
        }
    }
}

async fn copy(
    session: &mut Session,
    table: &Table,
    job: Job,
    packer: &mut Packer,
    segments: &mut Vec<Segment>,
) -> Result<(), SegmentError> {
    let mut copy = session.copy_out(statement::read(table, job.range, job.format)).await?;
    check_name(table, copy.rows_before())?;
    let mut rows = Rows::new(job.format);
    let mut digester = RowDigester::default();
    loop {
        match take_what_is_there(&mut copy, &mut rows, &mut digester, packer).await? {
            Taken::Piece => segments.push(piece(&mut digester, packer).await?),
            Taken::All if copy.fill().await? => {}
            Taken::All => break,
        }
    }
    rows.finish(copy.rows())?;
    check_name(table, copy.rows_after())?;
    segments.push(piece(&mut digester, packer).await?);
    Ok(())
}

/// What was taken since the last piece.
async fn piece(digester: &mut RowDigester, packer: &mut Packer) -> Result<Segment, BackupError> {
    let digest = std::mem::take(digester).digest();
    let part = packer.finish_part().await?;
    Ok(Segment { digest, plain_bytes: part.plain_bytes, spans: part.spans })
}

/// How far the bytes that have come were taken.
enum Taken {
    All,
    /// To the end of a row with which enough is together.
    Piece,
}

/// The hot loop: every byte of every row passes here once, and nothing is allocated.
async fn take_what_is_there(
    copy: &mut CopyOut<'_>,
    rows: &mut Rows,
    digester: &mut RowDigester,
    packer: &mut Packer,
) -> Result<Taken, SegmentError> {
    while let Some(piece) = copy.piece()? {
        let (bytes, ends_row) = rows.accept(piece)?;
        if bytes.is_empty() && !ends_row {
            continue;
        }
        digester.push(bytes, ends_row);
        if bytes.len() <= packer.room() {
            packer.fill(bytes);
        } else {
            packer.push(bytes).await?;
            if ends_row && packer.part_bytes() >= PIECE_BYTES {
                return Ok(Taken::Piece);
            }
        }
    }
    Ok(Taken::All)
}

/// Somebody may have given the name to another table: what was read, or will be, is then not what was planned.
fn check_name(table: &Table, rows: &[Row]) -> Result<(), SegmentError> {
    if !matches!(table.kind, TableKind::Ordinary | TableKind::Configuration) {
        return Ok(());
    }
    let found = match rows {
        [row] => row.parse::<u32>(0)?,
        _ => return Err(PgError::Answer("the OID of a table was not told".to_owned()).into()),
    };
    if found == table.oid {
        return Ok(());
    }
    Err(BackupError::Exchanged { table: name(table), planned: table.oid, found }.into())
}

/// Whether the server gave a lock to others: it was waited for in vain, or two wait for each other.
pub fn is_lock_refused(error: &PgError) -> bool {
    error.is(sqlstate::LOCK_NOT_AVAILABLE) || error.is(sqlstate::DEADLOCK_DETECTED)
}

/// Of a segment that no format is left for. The server says the same of a row of which a damaged page tells an impossible
/// length; that is only ruled out by its own word for a limit, and in text, where rows grow.
pub fn too_large(table: &Table, job: Job, source: PgError) -> BackupError {
    if job.format == RowFormat::Binary && !source.is(sqlstate::PROGRAM_LIMIT_EXCEEDED) {
        return BackupError::ReadTable { table: name(table), source };
    }
    BackupError::RowTooLarge { table: name(table), place: place(job.range) }
}

/// A table's name for people.
pub fn name(table: &Table) -> String {
    match table.kind {
        TableKind::Ordinary | TableKind::Configuration => format!("\"{}\".\"{}\"", table.schema, table.name),
        TableKind::LargeObjects | TableKind::LargeObjectPages | TableKind::LargeObjectSlices => {
            "the large objects".to_owned()
        }
    }
}

/// A range for people.
pub fn place(range: Range) -> String {
    match range {
        Range::All => "anywhere".to_owned(),
        Range::Pages { first, end: Some(end) } => format!("pages {first} to {}", end - 1),
        Range::Pages { first, end: None } => format!("from page {first} on"),
        Range::Objects { first, last } => format!("objects {first} to {last}"),
    }
}
