//! Sends the rows of one unit, so that they are in exactly once, whatever becomes of the session.

use super::{
    RestoreError,
    lane::Shared,
    large_objects,
    plan::{Manner, Table, Unit},
    statements::Executor,
};
use crate::{
    backup::Throttle,
    digest::{Digest, StreamDigestError, StreamDigester},
    format::{PgText, RowFormat, SegmentEntry},
    point::PointReader,
    postgres::{BINARY_HEADER, BINARY_TRAILER, CopyIn, PgError, Session},
    progress::ProgressSink,
    schema::Sql,
};

/// How often a unit is begun when sessions are lost.
const ATTEMPTS: u32 = 3;

/// What loading needs besides a session.
pub struct Loader {
    /// The schema that holds the list of landed segments.
    pub progress_schema: PgText,
    pub throttle: Throttle,
}

/// The table of the segments that have landed, in a schema of its own.
const LANDED: &str = "landed";

impl Loader {
    /// Makes the list of landed segments, empty.
    pub async fn prepare(&self, session: &mut Session) -> Result<(), PgError> {
        // Whatever the role's, or the schema's last entry's, default is.
        let schema = Sql::default()
            .text("SET default_tablespace = ''; CREATE SCHEMA ")
            .name(&self.progress_schema)
            .text("; CREATE TABLE ");
        let table = schema.qualified(&self.progress_schema, &LANDED.into());
        let columns = " (table_id bigint NOT NULL, segment bigint NOT NULL, PRIMARY KEY (table_id, segment)) USING heap";
        session.execute(table.text(columns).into_bytes()).await
    }

    /// Removes the list of landed segments.
    pub async fn clear(&self, session: &mut Session) -> Result<(), PgError> {
        let table = Sql::default().text("DROP TABLE ").qualified(&self.progress_schema, &LANDED.into());
        session.execute(table.text("; DROP SCHEMA ").name(&self.progress_schema).into_bytes()).await
    }

    /// Loads one unit and gives the digest of its rows. A lost session is replaced, as long as the witness lives.
    pub async fn load(
        &self,
        shared: &Shared,
        executor: &mut Executor,
        unit: &Unit,
        table: &Table,
    ) -> Result<Digest, RestoreError> {
        let mut attempt = 1;
        loop {
            match self.load_once(shared.source(), &mut executor.session, unit, table).await {
                Err(RestoreError::Load { source, .. }) if source.ends_session() && attempt < ATTEMPTS => {
                    tracing::warn!(table = table.name(), %source, "the session was lost, the rows are sent again");
                    witness_lives(shared).await?;
                    end_lost(shared, executor.session.process_id()).await?;
                    let session = shared.sessions.for_rows().await.map_err(RestoreError::Connect)?;
                    executor.replace(session);
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Loads one unit and gives the digest of its rows.
    pub async fn load_once(
        &self,
        source: RowSource<'_>,
        session: &mut Session,
        unit: &Unit,
        table: &Table,
    ) -> Result<Digest, RestoreError> {
        let failed = |source| RestoreError::Load { table: table.name(), source };
        let format = unit.segment.format;
        let sql = match unit.manner {
            Manner::Whole => {
                let (schema, name) = table.destination();
                let truncate = Sql::default().text("TRUNCATE ONLY ").qualified(schema, name);
                // Both in one Query are one transaction.
                truncate.text("; ").raw(&table.copy(format, true)).into_bytes()
            }
            Manner::Part | Manner::LargeObjects => {
                if unit.manner == Manner::LargeObjects {
                    session.execute(large_objects::stage(table.entry.kind)).await.map_err(failed)?;
                }
                let rows = session.query(self.claim(&unit.segment)).await.map_err(failed)?;
                if rows.is_empty() {
                    session.execute("ROLLBACK").await.map_err(failed)?;
                    return self.send(source, None, unit, table).await;
                }
                match unit.manner {
                    Manner::LargeObjects => large_objects::copy(table.entry.kind, format),
                    Manner::Whole | Manner::Part => table.copy(format, false),
                }
            }
        };
        let copy = session.copy_in(sql).await.map_err(failed)?;
        let digest = self.send(source, Some(copy), unit, table).await?;
        match unit.manner {
            Manner::Whole => {}
            Manner::Part => session.execute("COMMIT").await.map_err(failed)?,
            Manner::LargeObjects => {
                session.execute(large_objects::put(table.entry.kind)).await.map_err(failed)?;
                session.execute("COMMIT").await.map_err(failed)?;
            }
        }
        Ok(digest)
    }

    /// Begins a transaction and says in it that the segment has landed. No row comes back where it has landed before.
    /// While an earlier session of ours, which we thought lost, is still at it, this waits for its end.
    fn claim(&self, segment: &SegmentEntry) -> Vec<u8> {
        let insert =
            Sql::default().text("BEGIN; INSERT INTO ").qualified(&self.progress_schema, &LANDED.into());
        let values = insert.text(" VALUES (").number(segment.table).text(", ").number(segment.number);
        values.text(") ON CONFLICT DO NOTHING RETURNING table_id").into_bytes()
    }

    async fn send(
        &self,
        source: RowSource<'_>,
        copy: Option<CopyIn<'_>>,
        unit: &Unit,
        table: &Table,
    ) -> Result<Digest, RestoreError> {
        let stream = Stream {
            reader: source.reader,
            progress: source.progress,
            throttle: &self.throttle,
            table: table.name(),
        };
        stream.send(&unit.segment, copy).await
    }
}

/// Where rows come from, and who is told of them.
#[derive(Clone, Copy)]
pub struct RowSource<'a> {
    pub reader: &'a PointReader,
    pub progress: &'a ProgressSink,
}

/// Where rows come from on their way to a COPY.
pub struct Stream<'a> {
    pub reader: &'a PointReader,
    pub progress: &'a ProgressSink,
    pub throttle: &'a Throttle,
    /// For people.
    pub table: String,
}

impl Stream<'_> {
    /// Reads the rows of a segment and sends them; without a COPY they are only read, for their digest.
    pub async fn send(
        &self,
        segment: &SegmentEntry,
        mut copy: Option<CopyIn<'_>>,
    ) -> Result<Digest, RestoreError> {
        let is_binary = segment.format == RowFormat::Binary;
        let mut digester = StreamDigester::new(segment.format);
        let mut rows = self.reader.rows(segment);
        let mut sent = 0;
        if let Some(copy) = copy.as_mut().filter(|_| is_binary) {
            copy.send(&BINARY_HEADER).await.map_err(|source| self.failed(source))?;
        }
        let unreadable = |error| RestoreError::read(format!("rows of {}", self.table))(error);
        let mut chunk = Vec::new();
        while rows.next_into(&mut chunk).await.map_err(unreadable)? {
            digester.push(&chunk).map_err(|source| self.odd(source))?;
            self.throttle.take(chunk.len()).await;
            if let Some(copy) = &mut copy
                && let Err(source) = copy.send(&chunk).await
            {
                self.progress.bytes_again(sent);
                return Err(self.failed(source));
            }
            sent += chunk.len() as u64;
            self.progress.bytes(chunk.len() as u64);
        }
        let digest = digester.finish().map_err(|source| self.odd(source))?;
        if let Some(mut copy) = copy {
            if is_binary {
                copy.send(&BINARY_TRAILER).await.map_err(|source| self.failed(source))?;
            }
            let taken = copy.finish().await.map_err(|source| {
                self.progress.bytes_again(sent);
                self.failed(source)
            })?;
            if taken != digest.rows {
                let sentence = format!("{} took {taken} rows of {}", self.table, digest.rows);
                return Err(RestoreError::Differences(vec![sentence]));
            }
        }
        Ok(digest)
    }

    fn failed(&self, source: PgError) -> RestoreError {
        RestoreError::Load { table: self.table.clone(), source }
    }

    fn odd(&self, source: StreamDigestError) -> RestoreError {
        RestoreError::Rows { table: self.table.clone(), source }
    }
}

/// Ends what is left of a lost session. Where nobody has told the server that the connection is gone, it would wait for us
/// with the table locked, and we for it.
async fn end_lost(shared: &Shared, process: i32) -> Result<(), RestoreError> {
    let end = format!(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE pid = {process} \
         AND usename = current_user AND application_name = pg_catalog.current_setting('application_name')"
    );
    let mut witness = shared.witness.lock().await;
    witness.execute(end).await.map_err(RestoreError::statement("end what is left of a lost session"))
}

/// Whether what was committed without waiting is surely there: it is, unless the server crashed.
async fn witness_lives(shared: &Shared) -> Result<(), RestoreError> {
    let mut witness = shared.witness.lock().await;
    witness.execute("SELECT 1").await.map_err(RestoreError::statement("see whether the server has restarted"))
}
