//! A backup from the first connection to the record: what holds for all that is read of a server.

use std::{sync::Arc, time::Duration};

use contract::{Failure, RunId, Stage, WriterId};
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::{
    BackupDone, BackupError, BackupJobInput,
    adapt::LaneController,
    commit::{self, Rows, Stored},
    facts::sequences::Sequence,
    lane::Reading,
    lists::Lists,
    lock::Snapshot,
    one::{One, Planned, Preflight},
    plan::Work,
    preflight,
    reading::{SharedLeader, read_all},
    schema::StoredSchema,
    source::{Source, cancel_all},
    stop::Stop,
    throttle::Throttle,
};
use crate::{
    clock::Clock,
    custody::Custody,
    point::{PointWriter, WriterOptions},
    postgres::Endpoint,
    progress::{self, ProgressSink},
    seal::random_id,
    store,
};

/// Uploads at the same time.
const UPLOADS: u16 = 3;
/// How long the work may go on after it was told to stop, to end pg_dump and its sessions in order.
const STOPPING: Duration = Duration::from_secs(15);

/// Makes a backup. Nothing exists in the vault before the record does, and nothing is held at the source when this
/// returns, whatever the outcome.
///
/// # Errors
/// The cause, the stage it was met in, and what to do.
pub async fn run(
    input: &BackupJobInput,
    custody: &impl Custody,
    run: &RunId,
    progress: &ProgressSink,
    cancel: CancellationToken,
    clock: &Clock,
) -> Result<BackupDone, Failure> {
    let stop = Stop::new(cancel, input.deadline, clock);
    let endpoint = Endpoint::new(&input.source)
        .map_err(|error| BackupError::Connect(error).into_failure(Stage::Connecting))?;
    let source = Source::new(endpoint, run);
    let one = One { source: source.clone(), limits: &input.limits, progress, clock, stop: stop.clone() };
    let backup = Backup { input, custody, run, progress, clock, stop: stop.clone(), one };
    let outcome = {
        let work = backup.work();
        tokio::pin!(work);
        tokio::select! {
            biased;
            outcome = &mut work => outcome,
            () = progress::report(custody, run, progress.watch()) => Err(BackupError::Cancelled),
            reason = stop.stopped() => match tokio::time::timeout(STOPPING, &mut work).await {
                // It may have committed in the very moment.
                Ok(Ok(done)) => Ok(done),
                Ok(Err(_)) | Err(_) => Err(reason),
            },
        }
    };
    let left = source.cancel_handles();
    if !left.is_empty() {
        cancel_all(left).await;
    }
    outcome.map_err(|error| error.into_failure(progress.now().stage))
}

/// What one run works with.
struct Backup<'a, C> {
    input: &'a BackupJobInput,
    custody: &'a C,
    run: &'a RunId,
    progress: &'a ProgressSink,
    clock: &'a Clock,
    stop: Stop,
    one: One<'a>,
}

impl<C: Custody> Backup<'_, C> {
    async fn work(&self) -> Result<BackupDone, BackupError> {
        let preflight = self.stop.or(self.one.preflight()).await?;
        let writer_id = random_id()?;
        let writer = self.stop.or(self.begin(writer_id)).await?;
        match self.fill(preflight, &writer, writer_id.into()).await {
            Ok(done) => Ok(done),
            Err(error) => {
                writer.abandon().await;
                Err(error)
            }
        }
    }

    async fn begin(&self, writer: crate::format::Id) -> Result<PointWriter, BackupError> {
        let grant = self.custody.write_grant(self.run, &writer.into()).await.map_err(BackupError::Custody)?;
        let store = store::connect(&grant.storage, self.clock)?;
        let lanes = self.input.limits.lanes.max(1);
        let options = WriterOptions { lanes, uploads: UPLOADS };
        let writer = PointWriter::begin(
            store,
            &grant,
            self.run,
            writer,
            self.input.deadline,
            self.clock.clone(),
            options,
        );
        Ok(writer.await?)
    }

    async fn fill(
        &self,
        preflight: Preflight,
        writer: &PointWriter,
        writer_id: WriterId,
    ) -> Result<BackupDone, BackupError> {
        let looked = self.one.look(&preflight, writer).await?;
        let (leader, schema) = (looked.leader, looked.schema);
        let (snapshot, point_time) = (leader.snapshot, leader.point_time);
        let shared: SharedLeader = Arc::new(Mutex::new(leader.session));
        let rows = self.stop.or(self.rows(&preflight, writer, &shared, snapshot, looked.sequences)).await?;
        if let Some(leader) = Arc::into_inner(shared) {
            leader.into_inner().close().await;
        }
        self.stop.or(self.commit(preflight, (writer, writer_id), rows, schema, point_time)).await
    }

    async fn rows(
        &self,
        preflight: &Preflight,
        writer: &PointWriter,
        leader: &SharedLeader,
        snapshot: Snapshot,
        mut sequences: Vec<Sequence>,
    ) -> Result<Rows, BackupError> {
        self.progress.stage(Stage::Data);
        let Planned { large_objects, database, spellings, tables } = self.one.plan(preflight, leader).await?;
        self.progress.expect(tables.iter().map(|table| table.bytes).sum(), tables.len() as u64);
        let lists = Lists::new(writer, self.progress.clone());
        let (work, finished) = Work::new(tables);
        for table in finished {
            lists.add(table).await?;
        }
        let reading = Arc::new(Reading {
            source: self.one.source.clone(),
            pins: preflight.pins.clone(),
            snapshot,
            writer: writer.clone(),
            throttle: Arc::new(Throttle::new(self.input.limits.bytes_per_second)),
            progress: self.progress.clone(),
            lists,
            work: std::sync::Mutex::new(work),
            leader_wanted: Notify::new(),
            all_done: Notify::new(),
        });
        let lanes =
            LaneController::new(self.input.limits.lanes, preflight::free_connections(&preflight.server));
        read_all(&reading, leader, lanes, self.one.watch()).await?;
        let backwards = self.one.look_again(preflight, leader, &mut sequences, &spellings).await?;
        let reading = Arc::into_inner(reading).expect("every lane has ended and given its share back");
        let (pages, totals) = reading.lists.finish().await?;
        Ok(Rows {
            pages,
            totals,
            large_objects: large_objects.count,
            database,
            sequences,
            coverage: large_objects.missing().into_iter().collect(),
            warnings: backwards.into_iter().map(went_backwards).collect(),
        })
    }

    async fn commit(
        &self,
        preflight: Preflight,
        (writer, writer_id): (&PointWriter, WriterId),
        rows: Rows,
        schema: StoredSchema,
        point_time: Timestamp,
    ) -> Result<BackupDone, BackupError> {
        self.progress.stage(Stage::Committing);
        let Preflight { server, coverage, warnings, .. } = preflight;
        let stored = Stored { writer: writer_id, server, schema, rows, point_time, coverage, warnings };
        let done = commit::commit(writer, self.input, stored).await?;
        self.progress.stored(done.summary.stored_bytes);
        Ok(done)
    }
}

fn went_backwards(sequence: String) -> String {
    format!("sequence {sequence} was set back during the backup; the value further on is stored")
}
