//! The schema: pg_dump's archive under the leader's snapshot, entry by entry into the schema stream.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{io::AsyncRead, process::ChildStdout};
use tokio_util::sync::CancellationToken;

use super::{
    BackupError,
    dump::{DumpEnd, DumpProcess, DumpRequest},
    packer::Packer,
    stop::Stop,
    throttle::Throttle,
    watch::watched,
};
use crate::{
    archive::{ArchiveError, ArchiveReader},
    format::{PgText, SchemaStreamRef},
    point::{PackKind, PointWriter},
    progress::ProgressSink,
    schema::{self, Entry, Kind},
};

/// `pg_class`, in the archive's notes on where an object was found.
const PG_CLASS: u32 = 1259;

/// What was stored.
pub struct StoredSchema {
    pub stream: SchemaStreamRef,
    /// OIDs of all tables that it defines.
    pub tables: HashSet<u32>,
    /// Roles that own something. The server keeps no note of what belongs to the role that it was initialised with.
    pub owners: BTreeSet<PgText>,
    /// What pg_dump warned of.
    pub warnings: Vec<String>,
}

/// Why it was not.
pub enum SchemaFailure {
    /// pg_dump was refused a lock.
    Locked(String),
    /// pg_dump ended with an error; these were its last words.
    Ended(String),
    Other(BackupError),
}

impl From<BackupError> for SchemaFailure {
    fn from(error: BackupError) -> Self {
        Self::Other(error)
    }
}

impl SchemaFailure {
    /// What a look at those who wait ended with.
    pub fn of_watch(error: BackupError) -> Self {
        match error {
            BackupError::Blocking { .. } | BackupError::DumpBlocked { .. } => Self::Locked(error.to_string()),
            other => Self::Other(other),
        }
    }
}

/// Runs pg_dump and stores what it writes. `watching` fails when somebody has waited too long for a lock of ours, or pg_dump for
/// another's.
pub async fn store<W>(
    request: &DumpRequest<'_>,
    writer: &PointWriter,
    progress: &ProgressSink,
    stop: &Stop,
    watching: impl FnOnce(CancellationToken) -> W,
) -> Result<StoredSchema, SchemaFailure>
where
    W: Future<Output = Result<(), BackupError>>,
{
    let (mut process, output) = DumpProcess::start(request)?;
    let finished = tokio::select! {
        biased;
        reason = stop.stopped() => Err(SchemaFailure::Other(reason)),
        ends = watched(read_both(&mut process, output, writer, progress), watching) => {
            ends.map_err(SchemaFailure::of_watch)
        }
    };
    match finished {
        Ok((stored, end)) => judge(stored, end?, request.lock_timeout),
        Err(failure) => {
            process.stop().await;
            Err(failure)
        }
    }
}

/// pg_dump's own end tells more than that its archive was cut short; when it was we who stopped reading, our reason does.
fn judge(
    stored: Result<StoredSchema, BackupError>,
    end: DumpEnd,
    lock_timeout: Duration,
) -> Result<StoredSchema, SchemaFailure> {
    let ended_early = match &stored {
        Ok(_) => true,
        Err(error) => {
            matches!(error, BackupError::Archive(ArchiveError::Truncated { .. } | ArchiveError::NotAnArchive))
        }
    };
    if !end.is_success && ended_early {
        let said = last_lines(&end.said);
        return Err(if is_lock_failure(&end.said) {
            SchemaFailure::Locked(format!(
                "pg_dump was refused a lock within {} s: {said}",
                lock_timeout.as_secs()
            ))
        } else {
            SchemaFailure::Ended(said)
        });
    }
    let mut stored = stored?;
    stored.warnings = warnings(&end.said);
    Ok(stored)
}

async fn read_both(
    process: &mut DumpProcess,
    output: ChildStdout,
    writer: &PointWriter,
    progress: &ProgressSink,
) -> (Result<StoredSchema, BackupError>, Result<DumpEnd, BackupError>) {
    // When the archive cannot be read on, the pipe is closed, and pg_dump ends by itself.
    tokio::join!(read_archive(output, writer, progress), process.end())
}

async fn read_archive(
    output: impl AsyncRead + Unpin,
    writer: &PointWriter,
    progress: &ProgressSink,
) -> Result<StoredSchema, BackupError> {
    let unlimited = Arc::new(Throttle::new(None));
    let mut packer = Packer::new(writer.clone(), PackKind::Schema, unlimited, progress.clone());
    let mut reader = ArchiveReader::open(output).await?;
    let (mut tables, mut owners) = (HashSet::new(), BTreeSet::new());
    let (mut entries, mut encoded) = (0, Vec::new());
    while let Some(entry) = reader.next_entry().await? {
        let entry = Entry::try_from(entry)?;
        if entry.kind == Kind::Table && entry.catalogue.catalogue == PG_CLASS {
            tables.insert(entry.catalogue.object);
        }
        if let Some(owner) = entry.owner.as_ref().filter(|_| entry.is_given_away())
            && !owners.contains(owner)
        {
            owners.insert(owner.clone());
        }
        encoded.clear();
        schema::encode(&entry, &mut encoded)?;
        packer.push(&encoded).await?;
        entries += 1;
    }
    let header = reader.header();
    let archive_version = format!("{}.{}", header.version.major, header.version.minor);
    let dump_version = header.dump_version.as_ref().map(ToString::to_string).unwrap_or_default();
    reader.finish().await?;
    let part = packer.finish_part().await?;
    packer.finish().await?;
    let stream = SchemaStreamRef {
        entries,
        plain_bytes: part.plain_bytes,
        spans: part.spans,
        archive_version,
        dump_version,
    };
    Ok(StoredSchema { stream, tables, owners, warnings: Vec::new() })
}

/// The wait for a lock is ended by a timeout of statement or lock; the statement was LOCK TABLE.
fn is_lock_failure(said: &str) -> bool {
    said.contains("LOCK TABLE") && !said.contains("permission denied")
}

/// Whether pg_dump's connection ended or did not come about; by libpq's words, which are English where no language is set.
pub fn is_connection_failure(said: &str) -> bool {
    const WORDS: [&str; 9] = [
        "server closed the connection",
        "terminating connection",
        "could not receive data",
        "Connection refused",
        "timeout expired",
        "too many",
        "remaining connection slots",
        "the database system is",
        "authentication failed",
    ];
    WORDS.iter().any(|words| said.contains(words))
}

/// Warnings, one a line, without the program's name.
fn warnings(said: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| line.split_once("warning: "))
        .map(|(_, warning)| format!("pg_dump: {warning}"))
        .collect()
}

/// The end of what was said, in one line. Of a query that it quotes the first line is enough: its reason comes before.
fn last_lines(said: &str) -> String {
    const LINES: usize = 6;
    let spoken = |line: &&str| line.starts_with("pg_dump: ");
    let mut lines: Vec<&str> = said.lines().filter(spoken).collect();
    if lines.is_empty() {
        lines = said.lines().filter(|line| !line.trim().is_empty()).collect();
    }
    let end = lines[lines.len().saturating_sub(LINES)..].join("; ");
    let end: String = end.chars().take(2_000).collect();
    if end.is_empty() { "it ended with an error and said nothing".to_owned() } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_lock_is_told_from_other_failures() {
        let refused = "pg_dump: error: query failed: ERROR:  canceling statement due to statement timeout\n\
                       pg_dump: detail: Query was: LOCK TABLE app.orders IN ACCESS SHARE MODE\n";
        assert!(is_lock_failure(refused));
        assert!(!is_lock_failure("pg_dump: error: aborting because of server version mismatch"));
        let denied = refused
            .replace("canceling statement due to statement timeout", "permission denied for table orders");
        assert!(!is_lock_failure(&denied));
        assert_eq!(last_lines(refused).lines().count(), 1);
        let quoting = "pg_dump: error: query failed: ERROR:  permission denied for table pg_proc\n\
                       pg_dump: detail: Query was: SELECT 1\n1\n2\n3\n4\n5\n6\n7\n";
        assert!(last_lines(quoting).contains("permission denied for table pg_proc"));
        assert_eq!(last_lines("\n"), "it ended with an error and said nothing");
    }

    #[test]
    fn warnings_are_kept_one_by_one() {
        let said = "pg_dump: warning: subscriptions not dumped because current user is not a superuser\npg_dump: note\n";
        assert_eq!(
            warnings(said),
            ["pg_dump: subscriptions not dumped because current user is not a superuser"]
        );
    }
}
