//! The steps of a restore, in order.

use std::sync::Arc;

use contract::{RunId, Stage, Summary};
use jiff::Timestamp;
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use super::{
    Purpose, RestoreDone, RestoreError, RestoreInput,
    begun::{Begun, Undo},
    board::Board,
    compare::Comparison,
    database,
    foresee::foresee,
    lane::{self, Shared},
    large_objects,
    lent::Lent,
    load::{Loader, RowSource, Stream},
    names,
    naming::{self, Loaded},
    plan::{Plan, Unit},
    pre_data::{self, Rest},
    preflight::Place,
    ready::Ready,
    references::References,
    roots::Roots,
    statements::Executor,
    target::Sessions,
    unfinished,
};
use crate::{
    backup::Throttle,
    clock::Clock,
    custody::{Custody, RestoreStart},
    digest::Digest,
    format::{SegmentEntry, TableEntry},
    postgres::{PgError, Session},
    progress::ProgressSink,
    schema::SchemaReader,
};

/// One restore at work: of one database, unless the input says otherwise.
pub struct Work<'a, C, I = RestoreInput> {
    pub input: &'a I,
    pub custody: &'a C,
    pub run: &'a RunId,
    pub progress: &'a ProgressSink,
    pub clock: &'a Clock,
    pub begun: &'a Begun,
}

impl<'a, C: Custody, I> Work<'a, C, I> {
    /// The same run's work on something else.
    pub fn on<'b, J>(&self, input: &'b J) -> Work<'b, C, J>
    where
        'a: 'b,
    {
        let Self { input: _, custody, run, progress, clock, begun } = *self;
        Work { input, custody, run, progress, clock, begun }
    }

    /// Says to the ledger that the target is going to be written to.
    pub async fn announce(&self, start: RestoreStart) -> Result<(), RestoreError> {
        self.begun.announced();
        self.custody.restore_started(self.run, start).await.map_err(RestoreError::Custody)
    }

    /// Says to people that the target is written to from now on.
    pub fn started(&self) -> Timestamp {
        let started = self.clock.now();
        self.progress.started(started);
        started
    }
}

impl<C: Custody> Work<'_, C> {
    pub async fn run(&self) -> Result<RestoreDone, RestoreError> {
        let clock = Instant::now();
        let ready = self.prepare().await?;
        let started = self.start(&ready).await?;
        let mut warnings = ready.judged.warnings.clone();
        warnings.extend(ready.remarks());
        let comparison = self.restore(&ready, &mut warnings).await?;
        warnings.extend(ready.missing());
        let (manifest, record) = (&ready.manifest, ready.reader.record());
        let summary = Summary {
            // The manifest counts large objects' tables too; people are told what the record says, as at the backup.
            tables: ready.table_count(),
            rows: manifest.rows,
            large_objects: manifest.large_objects,
            plain_bytes: manifest.plain_bytes,
            stored_bytes: record.stored_bytes,
            seconds: clock.elapsed().as_secs(),
        };
        Ok(RestoreDone { started, summary, warnings, comparison })
    }

    /// Puts everything where it belongs; gives what was compared where that is asked for.
    async fn restore(
        &self,
        ready: &Ready,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Comparison>, RestoreError> {
        if let Place::InUse { .. } = &ready.judged.place {
            let sessions = self.begin(ready);
            warnings.extend(self.run_inside(ready, &sessions).await?);
            return Ok(None);
        }
        let (loaded, told, comparison) = self.load(ready).await?;
        warnings.extend(told);
        if self.input.purpose == Purpose::Keep {
            warnings.extend(naming::name(self.begun, &[loaded]).await?);
        }
        Ok(comparison)
    }

    /// Everything but the name.
    pub(super) async fn load<'b>(
        &self,
        ready: &'b Ready,
    ) -> Result<(Loaded<'b>, Vec<String>, Option<Comparison>), RestoreError> {
        let (sessions, oid) = self.make_database(ready).await?;
        let (session, rest) = self.fill(ready, &sessions).await?;
        let (mut warnings, comparison) = self.complete(ready, &sessions, session, rest).await?;
        let loaded = Loaded { ready, own_name: self.input.target.database.as_str().into(), oid };
        warnings.extend(loaded.give(&sessions).await?);
        Ok((loaded, warnings, comparison))
    }

    /// Says that the target is going to be written to; a rehearsal is nothing to the ledger.
    async fn start(&self, ready: &Ready) -> Result<Timestamp, RestoreError> {
        let server = ready.facts.system_identifier.clone().unwrap_or_else(|| ready.target.address());
        let (namespace, name, spec_hash) = self.input.requested_by.clone();
        let target = format!("{server}/{}", self.input.target.database);
        let point = self.input.point.clone();
        if self.input.purpose == Purpose::Keep {
            self.announce(RestoreStart { namespace, name, spec_hash, target, point }).await?;
        }
        Ok(self.started())
    }

    /// What opens sessions in the database; from now on there is something to take back.
    fn begin(&self, ready: &Ready) -> Sessions {
        let place = &ready.judged.place;
        let name = place.name().to_lossy();
        let sessions = ready.target.sessions(&name, &ready.outline.preamble, ready.facts.major);
        let undo = Undo {
            run: self.run.clone(),
            target: ready.target.clone(),
            place: place.clone(),
            sessions: sessions.clone(),
        };
        self.begun.add(undo);
        sessions
    }

    /// Makes the database, or marks the one that is there as unfinished. Its OID tells it from any other that may come to have
    /// its name.
    async fn make_database(&self, ready: &Ready) -> Result<(Sessions, u32), RestoreError> {
        let sessions = self.begin(ready);
        let place = &ready.judged.place;
        let name = place.name();
        let mut session = ready.target.maintenance().await.map_err(RestoreError::Connect)?;
        let comment = names::unfinished_comment(self.run, &self.input.point);
        let comment = database::comment(name, Some(comment.as_bytes()));
        if let Place::New { left_before, .. } = place {
            if *left_before {
                let what = format!("drop \"{name}\", which an earlier attempt left");
                let dropped = unfinished::drop(&ready.target, name, self.run).await;
                dropped.map_err(RestoreError::statement(what))?;
            }
            let create = database::create(name, &ready.manifest.database, ready.facts.major);
            session
                .execute(create)
                .await
                .map_err(|source| RestoreError::Create { name: name.to_string(), source })?;
            session
                .execute(database::close(name))
                .await
                .map_err(RestoreError::statement(format!("close \"{name}\"")))?;
        }
        let what = format!("mark \"{name}\" as unfinished");
        session.execute(comment).await.map_err(RestoreError::statement(what))?;
        let failed = RestoreError::statement(format!("look at \"{name}\""));
        let oid =
            session.query_one(database::oid(name)).await.and_then(|row| row.parse(0)).map_err(failed)?;
        session.close().await;
        Ok((sessions, oid))
    }

    /// Makes tables and all else that comes before rows, then loads the rows, and makes keys and all else that comes
    /// after them.
    async fn fill(&self, ready: &Ready, sessions: &Sessions) -> Result<(Session, Rest), RestoreError> {
        self.progress.stage(Stage::Schema);
        let owners = &ready.judged.owners;
        let session = sessions.for_rows().await.map_err(RestoreError::Connect)?;
        let lent = Lent::default();
        let mut executor = Executor::new(session, &lent);
        let schema = SchemaReader::new(ready.reader.schema(&ready.manifest.schema).into_async_read());
        let mut rest = pre_data::run(schema, &mut executor, owners, |entry| ready.take(entry)).await?;

        let mut session = executor.session;
        if !ready.facts.is_superuser {
            foresee(&mut session, &rest, owners).await?;
        }
        let mut plan = self.plan(ready, &rest, &mut session).await?;
        let loader = Loader {
            progress_schema: names::progress_schema(self.run),
            throttle: Throttle::new(self.input.limits.bytes_per_second),
        };
        let made = loader.prepare(&mut session).await;
        made.map_err(RestoreError::statement("make the list of what has landed"))?;
        if let Some((entry, segments)) = plan.large_objects.take() {
            self.progress.stage(Stage::LargeObjects);
            self.make_large_objects(ready, &loader, &mut session, &entry, &segments).await?;
            self.progress.table();
        }
        self.progress.stage(Stage::Data);
        for _ in 0..plan.empty_tables() {
            self.progress.table();
        }
        let configured = self.load_configuration(ready, &mut plan, &loader, &mut session).await?;
        let after_rows = std::mem::take(&mut rest.after_rows);
        let board =
            Board::new(plan, after_rows, |id| rest.tables.contains(id), usize::from(self.input.limits.lanes));
        for (unit, digest) in &configured {
            if board.landed(unit, *digest) {
                self.progress.table();
            }
        }
        let shared = Arc::new(Shared {
            board,
            reader: ready.reader.clone(),
            sessions: sessions.clone(),
            owners: owners.clone(),
            progress: self.progress.clone(),
            loader,
            lent,
            witness: AsyncMutex::new(session),
        });
        lane::run(Arc::clone(&shared), self.input.limits.lanes).await?;
        let differences = shared.board.differences();
        if !differences.is_empty() {
            return Err(RestoreError::Differences(differences));
        }
        let shared =
            Arc::into_inner(shared).ok_or_else(|| RestoreError::Lane("a lane goes on".to_owned()))?;
        let mut session = shared.witness.into_inner();
        let cleared = shared.loader.clear(&mut session).await;
        cleared.map_err(RestoreError::statement("remove the list of what has landed"))?;
        shared.lent.take_back(&mut session).await?;
        Ok((session, rest))
    }

    async fn plan(&self, ready: &Ready, rest: &Rest, session: &mut Session) -> Result<Plan, RestoreError> {
        let tables = ready.tables().await?;
        let segments = ready.segments(&tables).await?;
        let roots = Roots::find(session).await.map_err(RestoreError::statement("look at the partitions"))?;
        Plan::new(tables, segments, &rest.tables, &roots)
    }

    /// Before any other row: keys between these tables, and to them, are there already.
    async fn load_configuration(
        &self,
        ready: &Ready,
        plan: &mut Plan,
        loader: &Loader,
        session: &mut Session,
    ) -> Result<Vec<(Unit, Digest)>, RestoreError> {
        if plan.configuration.is_empty() {
            return Ok(Vec::new());
        }
        let references = References::find(session).await;
        plan.order_configuration(&references.map_err(RestoreError::statement("look at the foreign keys"))?);
        let source = RowSource { reader: &ready.reader, progress: self.progress };
        let mut loaded = Vec::new();
        for unit in std::mem::take(&mut plan.configuration) {
            if let Some(table) = plan.tables.get(unit.table) {
                let digest = loader.load_once(source, session, &unit, table).await?;
                loaded.push((unit, digest));
            }
        }
        Ok(loaded)
    }

    async fn make_large_objects(
        &self,
        ready: &Ready,
        loader: &Loader,
        session: &mut Session,
        entry: &TableEntry,
        segments: &[SegmentEntry],
    ) -> Result<(), RestoreError> {
        let table = "the list of large objects".to_owned();
        let mut loaded = Digest::default();
        for segment in segments {
            let failed = |source: PgError| RestoreError::Load { table: table.clone(), source };
            let copy = large_objects::begin_list(session, segment.format).await.map_err(failed)?;
            let copy = session.copy_in(copy).await.map_err(failed)?;
            let stream = Stream {
                reader: &ready.reader,
                progress: self.progress,
                throttle: &loader.throttle,
                table: table.clone(),
            };
            loaded.add(stream.send(segment, Some(copy)).await?);
        }
        if loaded.rows != entry.rows() {
            let sentence = format!("{table} has {} rows of {}", loaded.rows, entry.rows());
            return Err(RestoreError::Differences(vec![sentence]));
        }
        // The server makes them and gives them away without a byte from here, for hours if there are many millions.
        self.progress.stage(Stage::Schema);
        if segments.is_empty() { Ok(()) } else { large_objects::make(session).await }
    }
}
