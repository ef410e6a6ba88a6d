//! A backup from the first connection to the record: what holds for all that is read of a server.

use std::{sync::Arc, time::Duration};

use contract::{Databases, Failure, RunId, Stage};
use futures::future::try_join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    BackupDone, BackupError, BackupJobInput,
    adapt::LaneController,
    commit::{self, Server, Stored},
    databases::{self, Chosen},
    facts::globals::GlobalFacts,
    globals,
    lane::{ReadDatabase, Reading},
    lists::Lists,
    one::{LOOK_LOCK_TIMEOUT, Looked, One, Preflight},
    opened::Opened,
    plan::Work,
    preflight::{self, Obstacle},
    reading::read_all,
    source::{Source, cancel_all},
    stop::Stop,
    throttle::Throttle,
    together::Together,
};
use crate::{
    clock::Clock,
    custody::Custody,
    format::{Id, LeftOut},
    point::{PointWriter, WriterOptions},
    postgres::{Endpoint, PgError},
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

/// What goes into the point, as it was found before anything was written.
struct Found<'a> {
    databases: Vec<Database<'a>>,
    /// `None`: the point is of one database, and of nothing else.
    left_out: Option<Vec<LeftOut>>,
}

struct Database<'a> {
    one: One<'a>,
    preflight: Preflight,
}

impl<C: Custody> Backup<'_, C> {
    async fn work(&self) -> Result<BackupDone, BackupError> {
        let found = self.stop.or(self.preflight()).await?;
        let writer_id = random_id()?;
        let writer = self.stop.or(self.begin(writer_id)).await?;
        match self.fill(found, &writer, writer_id).await {
            Ok(done) => Ok(done),
            Err(error) => {
                writer.abandon().await;
                Err(error)
            }
        }
    }

    /// Looks at every database that is asked for.
    async fn preflight(&self) -> Result<Found<'_>, BackupError> {
        self.progress.stage(Stage::Connecting);
        let (sources, left_out) = match &self.input.databases {
            Databases::Connected => (vec![self.source.clone()], None),
            asked => {
                let chosen = self.choose(asked).await?;
                let sources = chosen.names.iter().map(|name| self.source.with_database(name)).collect();
                (sources, Some(chosen.left_out))
            }
        };
        let mut databases: Vec<Database<'_>> = Vec::new();
        let is_alone = sources.len() == 1;
        for (index, source) in sources.into_iter().enumerate() {
            let one = self.one(index, source);
            let preflight = one.preflight().await.map_err(|error| met_in(error, &one, is_alone))?;
            databases.push(Database { one, preflight });
        }
        if let Some(found) = too_much(&databases) {
            return Err(refused(found));
        }
        Ok(Found { databases, left_out })
    }

    async fn choose(&self, asked: &Databases) -> Result<Chosen, BackupError> {
        let mut session = self.source.connect().await.map_err(BackupError::Connect)?;
        self.progress.stage(Stage::Preflight);
        let chosen = databases::choose_databases(&mut session, asked, LOOK_LOCK_TIMEOUT).await;
        let chosen = chosen.map_err(BackupError::doing("list the databases"))?;
        session.close().await;
        chosen.map_err(refused)
    }

    fn one(&self, index: usize, source: Source) -> One<'_> {
        One {
            index,
            source,
            limits: &self.input.limits,
            progress: self.progress,
            clock: self.clock,
            stop: self.stop.clone(),
        }
    }

    async fn begin(&self, writer: Id) -> Result<PointWriter, BackupError> {
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
        found: Found<'_>,
        writer: &PointWriter,
        writer_id: Id,
    ) -> Result<BackupDone, BackupError> {
        let Found { databases, left_out } = found;
        let is_alone = databases.len() == 1;
        let together = Together::new(databases.len());
        let looked = databases.iter().map(async |Database { one, preflight }| {
            let looked = one.look(preflight, writer, &together).await;
            looked.map_err(|error| met_in(error, one, is_alone))
        });
        let looked = try_join_all(looked).await?;
        same_server(&looked)?;
        let (stored, missing) =
            self.stop.or(self.rows(databases, looked, writer, left_out.as_deref())).await?;
        self.progress.stage(Stage::Committing);
        let server = Server { writer: writer_id.into(), left_out: left_out.unwrap_or_default(), missing };
        let done = self.stop.or(commit::commit(writer, self.input, server, stored)).await?;
        self.progress.stored(done.summary.stored_bytes);
        Ok(done)
    }

    /// Reads all rows of all databases, and what the server has besides them. Gives what is stored of each, and what of the
    /// server is missing.
    async fn rows(
        &self,
        databases: Vec<Database<'_>>,
        looked: Vec<Looked>,
        writer: &PointWriter,
        left_out: Option<&[LeftOut]>,
    ) -> Result<(Vec<Stored>, Option<String>), BackupError> {
        self.progress.stage(Stage::Data);
        let is_alone = databases.len() == 1;
        let mut opened = Vec::new();
        for (database, looked) in databases.into_iter().zip(looked) {
            let Database { one, preflight } = database;
            let name = one.source.endpoint().database().to_owned();
            let planned = Opened::plan(one, preflight, looked).await;
            opened.push(planned.map_err(|error| if is_alone { error } else { error.met_in(&name) })?);
        }
        let missing = match (left_out, opened.first()) {
            (Some(left_out), Some(first)) => self.globals(first, writer, left_out).await?,
            _ => None,
        };
        let reading = self.reading(&mut opened, writer).await?;
        let server = &opened[0].preflight.server;
        let lanes =
            LaneController::new(self.input.limits.lanes, preflight::free_connections(server, opened.len()));
        read_all(&reading, lanes, opened[0].one.lock_timeout()).await?;
        let reading = Arc::into_inner(reading).expect("every lane has ended and given its share back");
        let mut stored = Vec::new();
        for (opened, read) in opened.into_iter().zip(reading.databases) {
            let name = opened.one.source.endpoint().database().to_owned();
            let finished = opened.finish(read).await;
            stored.push(finished.map_err(|error| if is_alone { error } else { error.met_in(&name) })?);
        }
        Ok((stored, missing))
    }

    /// The queue of all tables, and what lanes need of each database.
    async fn reading(
        &self,
        opened: &mut [Opened<'_>],
        writer: &PointWriter,
    ) -> Result<Arc<Reading>, BackupError> {
        let tables: Vec<_> =
            opened.iter_mut().map(|opened| std::mem::take(&mut opened.planned.tables)).collect();
        let all = || tables.iter().flatten();
        self.progress.expect(all().map(|table| table.bytes).sum(), all().count() as u64);
        let databases: Vec<ReadDatabase> = opened
            .iter()
            .map(|opened| ReadDatabase {
                source: opened.one.source.clone(),
                pins: opened.preflight.pins.clone(),
                snapshot: opened.snapshot.clone(),
                leader: Arc::clone(&opened.leader),
                lists: Lists::new(writer, opened.one.index, self.progress.clone()),
            })
            .collect();
        let (work, finished) = Work::new(tables);
        for table in finished {
            databases[table.database].lists.add(table).await?;
        }
        Ok(Arc::new(Reading {
            databases,
            writer: writer.clone(),
            throttle: Arc::new(Throttle::new(self.input.limits.bytes_per_second)),
            progress: self.progress.clone(),
            work: std::sync::Mutex::new(work),
            leader_wanted: Notify::new(),
            all_done: Notify::new(),
        }))
    }

    /// What the server has besides its databases, as the first one's snapshot shows it.
    async fn globals(
        &self,
        first: &Opened<'_>,
        writer: &PointWriter,
        left_out: &[LeftOut],
    ) -> Result<Option<String>, BackupError> {
        let server = &first.preflight.server;
        let mut session = first.leader.lock().await;
        let facts = GlobalFacts::read(&mut session, server.version).await;
        let facts = facts.map_err(BackupError::doing("read the roles"))?;
        drop(session);
        globals::store(writer, server, facts, left_out.to_vec()).await
    }
}

fn met_in(error: BackupError, one: &One<'_>, is_alone: bool) -> BackupError {
    if is_alone { error } else { error.met_in(one.source.endpoint().database()) }
}

fn refused(found: Obstacle) -> BackupError {
    BackupError::Refused { code: found.code, message: found.message }
}

/// What all databases together are too much for.
fn too_much(databases: &[Database<'_>]) -> Option<Obstacle> {
    let server = &databases.first()?.preflight.server;
    let tables = databases.iter().map(|database| database.preflight.tables).sum();
    preflight::tables(tables, server.locks).or_else(|| preflight::sessions(databases.len(), server))
}

/// A host's name may lead to several servers, each with databases of the same names.
fn same_server(looked: &[Looked]) -> Result<(), BackupError> {
    let mut started = looked.iter().map(|looked| &looked.leader.snapshot.server_started);
    let first = started.next();
    if started.all(|other| Some(other) == first) {
        return Ok(());
    }
    let source =
        PgError::Answer("the host's name leads to more than one server; give the address of one".to_owned());
    Err(BackupError::Source { doing: "look at all databases", source })
}
