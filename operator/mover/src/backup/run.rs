//! A backup from the first connection to the record.

use std::{sync::Arc, time::Duration};

use contract::{Failure, RunId, Stage, WriterId};
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::{
    BackupDone, BackupError, BackupJobInput,
    adapt::LaneController,
    commit::{self, Rows, Stored},
    dump::{DumpClient, DumpRequest},
    facts::{
        database::DatabaseFacts,
        large_objects::LargeObjects,
        privileges::PrivilegeFacts,
        sequences::{self, Sequence},
        server::ServerFacts,
        spellings::Spellings,
        tables::{self, Scope, TableName},
    },
    lane::Reading,
    lists::Lists,
    lock::{self, Leader, Snapshot},
    pins::Pins,
    plan::Work,
    preflight,
    reading::{SharedLeader, read_all},
    schema::{self, SchemaFailure, StoredSchema},
    source::{Source, cancel_all},
    stop::Stop,
    throttle::Throttle,
    watch::LockWatch,
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
/// How long the first questions may wait for a lock on a catalogue.
const LOOK_LOCK_TIMEOUT: Duration = Duration::from_secs(10);

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
    let backup = Backup { input, custody, run, progress, clock, stop: stop.clone(), source: source.clone() };
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
    source: Source,
}

/// What was found before anything was written.
struct Preflight {
    server: ServerFacts,
    pins: Pins,
    client: DumpClient,
    names: Vec<TableName>,
    coverage: Vec<String>,
    warnings: Vec<String>,
    sees_subscriptions: bool,
}

/// The leader's snapshot, and what was read under it before any row.
struct Looked {
    leader: Leader,
    sequences: Vec<Sequence>,
    schema: StoredSchema,
}

impl<C: Custody> Backup<'_, C> {
    async fn work(&self) -> Result<BackupDone, BackupError> {
        let preflight = self.stop.or(self.preflight()).await?;
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

    async fn preflight(&self) -> Result<Preflight, BackupError> {
        self.progress.stage(Stage::Connecting);
        let mut session = self.source.connect().await.map_err(BackupError::Connect)?;
        self.progress.stage(Stage::Preflight);
        let failed = BackupError::doing("look at the source");
        let pins = Pins::first(&session);
        session.execute(pins.begin(None, LOOK_LOCK_TIMEOUT)).await.map_err(&failed)?;
        let server = ServerFacts::read(&mut session).await.map_err(&failed)?;
        let privileges = PrivilegeFacts::read(&mut session, server.version).await.map_err(&failed)?;
        let client = DumpClient::for_server(server.major()).await;
        let newest = client.as_ref().map(|client| client.major);
        let newest = if newest.is_some() { newest } else { DumpClient::newest().await };
        if let Some(found) = preflight::first_obstacle(&server, &privileges, session.process_id(), newest) {
            return Err(BackupError::Refused { code: found.code, message: found.message });
        }
        let client = client.ok_or_else(|| BackupError::Dump("no pg_dump is new enough".to_owned()))?;
        let names = tables::names(&mut session).await.map_err(&failed)?;
        session.close().await;
        let pins = Pins::new(&server.encoding, server.major(), server.knows_restrict);
        let coverage = preflight::coverage(&server, &privileges);
        let sees_subscriptions = privileges.sees_subscriptions;
        let warnings = preflight::warnings(&privileges);
        Ok(Preflight { server, pins, client, names, coverage, warnings, sees_subscriptions })
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
        let looked = self.look(&preflight, writer).await?;
        let (leader, schema) = (looked.leader, looked.schema);
        let (snapshot, point_time) = (leader.snapshot, leader.point_time);
        let shared: SharedLeader = Arc::new(Mutex::new(leader.session));
        let rows = self.stop.or(self.rows(&preflight, writer, &shared, snapshot, looked.sequences)).await?;
        if let Some(leader) = Arc::into_inner(shared) {
            leader.into_inner().close().await;
        }
        self.stop.or(self.commit(preflight, (writer, writer_id), rows, schema, point_time)).await
    }

    /// Locks, fixes the snapshot and stores the schema. When pg_dump is refused a lock, or somebody has waited too long
    /// for one of ours, everything is let go and tried again.
    async fn look(&self, preflight: &Preflight, writer: &PointWriter) -> Result<Looked, BackupError> {
        let mut names = preflight.names.clone();
        let mut tried = 1;
        loop {
            self.progress.stage(Stage::Locking);
            let locked =
                lock::lock_then_look(&self.source, &preflight.pins, names, self.lock_timeout(), self.clock);
            let mut leader = self.stop.or(locked).await?;
            self.progress.started(leader.point_time);
            let failed = BackupError::doing("read the sequences");
            let sequences =
                self.stop.or(async { sequences::read(&mut leader.session).await.map_err(failed) }).await?;
            self.progress.stage(Stage::Schema);
            match self.schema(preflight, writer, &mut leader).await {
                Ok(schema) => return Ok(Looked { leader, sequences, schema }),
                Err(SchemaFailure::Other(error)) => return Err(error),
                Err(SchemaFailure::Ended(said)) => return Err(self.why_dump_ended(&mut leader, said).await),
                Err(SchemaFailure::Locked(why)) if tried >= lock::TRIES => {
                    return Err(BackupError::LockTimeout(why));
                }
                Err(SchemaFailure::Locked(why)) => {
                    tracing::info!(why, tried, "the locks are let go and taken again")
                }
            }
            leader.session.close().await;
            self.stop.or(lock::pause(tried)).await?;
            tried += 1;
            names = self.stop.or(lock::list(&self.source, &preflight.pins)).await?;
        }
    }

    async fn schema(
        &self,
        preflight: &Preflight,
        writer: &PointWriter,
        leader: &mut Leader,
    ) -> Result<StoredSchema, SchemaFailure> {
        let request = DumpRequest {
            client: &preflight.client,
            endpoint: self.source.endpoint(),
            application: self.source.application(),
            snapshot: &leader.snapshot.id,
            encoding: &preflight.server.encoding,
            lock_timeout: self.lock_timeout(),
            with_subscriptions: preflight.sees_subscriptions,
        };
        let (watch, session) = (self.watch(), &mut leader.session);
        let watching = |done| watch.until_done(session, done);
        let stored = schema::store(&request, writer, self.progress, &self.stop, watching).await?;
        let defined =
            tables::defined(&mut leader.session).await.map_err(BackupError::doing("list the tables"))?;
        match lock::differ(&stored.tables, &defined) {
            None => Ok(stored),
            Some(difference) => Err(SchemaFailure::Other(BackupError::Dump(difference))),
        }
    }

    /// A server that is lost, or has no connection left, is told by what it says to ourselves, in terms of which a retry can
    /// be decided; all else by pg_dump's own words.
    async fn why_dump_ended(&self, leader: &mut Leader, said: String) -> BackupError {
        if let Err(source) = leader.session.execute("SELECT 1").await {
            return BackupError::Source { doing: "keep the locks while pg_dump runs", source };
        }
        if !schema::is_connection_failure(&said) {
            return BackupError::Dump(said);
        }
        match self.source.connect().await {
            Ok(session) => {
                session.close().await;
                BackupError::DumpDisconnected(said)
            }
            Err(error) => BackupError::Connect(error),
        }
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
        let server = &preflight.server;
        let failed = BackupError::doing("plan what is to be read");
        let (large_objects, database, spellings, all) = {
            let mut session = leader.lock().await;
            let large_objects = LargeObjects::read(&mut session, server.block_size).await.map_err(&failed)?;
            let database = DatabaseFacts::read(&mut session, server).await.map_err(&failed)?;
            let scope = Scope {
                version: server.version,
                is_standby: server.is_standby,
                block_size: server.block_size,
            };
            let mut all = tables::with_rows(&mut session, scope).await.map_err(&failed)?;
            all.extend(large_objects.tables.iter().cloned());
            let spellings = Spellings::read(&mut session).await.map_err(&failed)?;
            (large_objects, database, spellings, all)
        };
        self.progress.expect(all.iter().map(|table| table.bytes).sum(), all.len() as u64);
        let lists = Lists::new(writer, self.progress.clone());
        let (work, finished) = Work::new(all);
        for table in finished {
            lists.add(table).await?;
        }
        let reading = Arc::new(Reading {
            source: self.source.clone(),
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
        let lanes = LaneController::new(self.input.limits.lanes, preflight::free_connections(server));
        read_all(&reading, leader, lanes, self.watch()).await?;
        let backwards = self.look_again(preflight, leader, &mut sequences, &spellings).await?;
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

    /// What can only be told when every row is read: that all of it was read under the leader's locks, where the sequences
    /// are by now, and that nothing that rows spell out has changed. Gives the sequences that went backwards.
    async fn look_again(
        &self,
        preflight: &Preflight,
        leader: &SharedLeader,
        sequences: &mut [Sequence],
        spellings: &Spellings,
    ) -> Result<Vec<String>, BackupError> {
        let mut session = leader.lock().await;
        // Its locks are what keeps a TRUNCATE out of tables that were read after it: it must have lived to this moment.
        session.execute("SELECT 1").await.map_err(BackupError::doing("see whether every lock was held"))?;
        let failed = BackupError::doing("read the sequences again");
        let backwards = sequences::read_again(&mut session, sequences).await.map_err(failed)?;
        let failed = BackupError::doing("look at the names that rows spell out");
        session.execute("COMMIT").await.map_err(&failed)?;
        session.execute(preflight.pins.begin(None, LOOK_LOCK_TIMEOUT)).await.map_err(&failed)?;
        let now = Spellings::read(&mut session).await.map_err(&failed)?;
        // Rows that were read after a label was renamed have the new one, and the schema has the old one.
        match spellings.changed_in(&now) {
            None => Ok(backwards),
            Some(name) => Err(BackupError::TypeChanged { name: name.to_owned() }),
        }
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

    fn lock_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.input.limits.lock_timeout_seconds.max(1)))
    }

    fn watch(&self) -> LockWatch {
        LockWatch::new(self.source.application(), self.lock_timeout())
    }
}

fn went_backwards(sequence: String) -> String {
    format!("sequence {sequence} was set back during the backup; the value further on is stored")
}
