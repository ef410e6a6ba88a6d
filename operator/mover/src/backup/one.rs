//! One database of a backup: what it is, its locks and its snapshot, its schema, and what is to be read of it.

use std::time::Duration;

use contract::{Limits, Stage};
use tokio::sync::SemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{
    BackupError,
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
    lock::{self, Leader},
    pins::Pins,
    preflight,
    reading::SharedLeader,
    schema::{self, SchemaFailure, StoredSchema},
    source::Source,
    stop::Stop,
    table::Table,
    together::Together,
    watch::{LockWatch, watched},
};
use crate::{clock::Clock, point::PointWriter, progress::ProgressSink};

/// How long the first questions may wait for a lock on a catalogue.
pub const LOOK_LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// What the backup of one database works with.
pub struct One<'a> {
    /// Its place among the databases of the run.
    pub index: usize,
    pub source: Source,
    pub limits: &'a Limits,
    pub progress: &'a ProgressSink,
    pub clock: &'a Clock,
    pub stop: Stop,
}

/// What was found before anything was written.
pub struct Preflight {
    pub server: ServerFacts,
    pub pins: Pins,
    pub client: DumpClient,
    pub names: Vec<TableName>,
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
    pub sees_subscriptions: bool,
    /// How many have to be locked.
    pub tables: u64,
}

/// The leader's snapshot, and what was read under it before any row.
pub struct Looked {
    pub leader: Leader,
    pub sequences: Vec<Sequence>,
    pub schema: StoredSchema,
}

/// What is to be read, and what is told of the database besides.
pub struct Planned {
    pub large_objects: LargeObjects,
    pub database: DatabaseFacts,
    pub spellings: Spellings,
    pub tables: Vec<Table>,
}

impl One<'_> {
    /// Asks what the database is, and whether it can be backed up.
    pub async fn preflight(&self) -> Result<Preflight, BackupError> {
        self.progress.stage(Stage::Connecting);
        let mut session = self.source.connect().await.map_err(BackupError::Connect)?;
        self.progress.stage(Stage::Preflight);
        let failed = BackupError::doing("look at the source");
        let pins = Pins::first(&session);
        session.execute(pins.begin(None, LOOK_LOCK_TIMEOUT)).await.map_err(&failed)?;
        let server = ServerFacts::read(&mut session).await.map_err(&failed)?;
        let privileges = PrivilegeFacts::read(&mut session, server.version).await.map_err(&failed)?;
        let client = DumpClient::for_server(server.major()).await;
        let newest = client.as_ref().map_or_else(|newest| *newest, |client| Some(client.major));
        if let Some(found) = preflight::first_obstacle(&server, &privileges, session.process_id(), newest) {
            return Err(BackupError::Refused { code: found.code, message: found.message });
        }
        let client = client.map_err(|_| BackupError::Dump("no pg_dump is new enough".to_owned()))?;
        let names = tables::names(&mut session).await.map_err(&failed)?;
        session.close().await;
        let pins = Pins::new(&server.encoding, server.major(), server.knows_restrict);
        let coverage = preflight::coverage(&server, &privileges);
        let sees_subscriptions = privileges.sees_subscriptions;
        let warnings = preflight::warnings(&privileges);
        let tables = privileges.tables;
        Ok(Preflight { server, pins, client, names, coverage, warnings, sees_subscriptions, tables })
    }

    /// Locks, fixes the snapshot and stores the schema, and waits until all others have done the same. When pg_dump is refused
    /// a lock or waits too long for one, or somebody else for one of ours, everything is let go and tried again.
    pub async fn look(
        &self,
        preflight: &Preflight,
        writer: &PointWriter,
        together: &Together,
    ) -> Result<Looked, BackupError> {
        let mut names = preflight.names.clone();
        let mut tried = 1;
        loop {
            self.progress.stage(Stage::Locking);
            let locked =
                lock::lock_then_look(&self.source, &preflight.pins, names, self.lock_timeout(), self.clock);
            let mut leader = self.stop.or(locked).await?;
            let failed = BackupError::doing("read the sequences");
            let sequences =
                self.stop.or(async { sequences::read(&mut leader.session).await.map_err(failed) }).await?;
            match self.under_locks(preflight, writer, together, &mut leader).await {
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
            together.locked.leave(self.index);
            together.stored.leave(self.index);
            leader.session.close().await;
            self.stop.or(lock::pause(tried)).await?;
            tried += 1;
            names = self.stop.or(lock::list(&self.source, &preflight.pins)).await?;
        }
    }

    /// What is done while everything is locked. Whoever waits for one of our locks is looked for all the time.
    async fn under_locks(
        &self,
        preflight: &Preflight,
        writer: &PointWriter,
        together: &Together,
        leader: &mut Leader,
    ) -> Result<StoredSchema, SchemaFailure> {
        together.locked.arrive(self.index);
        self.wait_for(together.locked.all_here(), leader).await?;
        self.progress.started(leader.point_time);
        let turn = self.turn(together, leader).await?;
        self.progress.stage(Stage::Schema);
        let stored = self.schema(preflight, writer, leader).await?;
        drop(turn);
        together.stored.arrive(self.index);
        self.wait_for(together.stored.all_here(), leader).await?;
        Ok(stored)
    }

    /// Waits until another pg_dump may run.
    async fn turn<'a>(
        &self,
        together: &'a Together,
        leader: &mut Leader,
    ) -> Result<SemaphorePermit<'a>, SchemaFailure> {
        if let Ok(turn) = together.dumps.try_acquire() {
            return Ok(turn);
        }
        let (watch, session) = (self.watch(), &mut leader.session);
        let turn = watched(together.dumps.acquire(), |done| watch.until_done(session, done));
        let turn = self.stop.or(turn).await.map_err(SchemaFailure::of_watch)?;
        Ok(turn.expect("nobody closes the semaphore"))
    }

    async fn wait_for(&self, all: CancellationToken, leader: &mut Leader) -> Result<(), SchemaFailure> {
        if all.is_cancelled() {
            return Ok(());
        }
        let watching = self.watch().until_done(&mut leader.session, all);
        self.stop.or(watching).await.map_err(SchemaFailure::of_watch)
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
        let (watch, session) = (self.watch().with_dump(), &mut leader.session);
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

    /// Asks under the leader's snapshot what there is to read.
    pub async fn plan(&self, preflight: &Preflight, leader: &SharedLeader) -> Result<Planned, BackupError> {
        let server = &preflight.server;
        let failed = BackupError::doing("plan what is to be read");
        let mut session = leader.lock().await;
        let large_objects = LargeObjects::read(&mut session, server.block_size).await.map_err(&failed)?;
        let database = DatabaseFacts::read(&mut session, server).await.map_err(&failed)?;
        let scope =
            Scope { version: server.version, is_standby: server.is_standby, block_size: server.block_size };
        let mut tables = tables::with_rows(&mut session, scope).await.map_err(&failed)?;
        tables.extend(large_objects.tables.iter().cloned());
        let spellings = Spellings::read(&mut session).await.map_err(&failed)?;
        Ok(Planned { large_objects, database, spellings, tables })
    }

    /// What can only be told when every row is read: that all of it was read under the leader's locks, where the sequences
    /// are by now, and that nothing that rows spell out has changed. Gives the sequences that went backwards.
    pub async fn look_again(
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

    pub fn lock_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.limits.lock_timeout_seconds.max(1)))
    }

    fn watch(&self) -> LockWatch {
        LockWatch::new(self.source.application(), self.lock_timeout())
    }
}
