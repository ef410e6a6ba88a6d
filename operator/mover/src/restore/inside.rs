//! Selected objects into a database that is in use: everything in one transaction of one session, so that either all of it
//! is there or nothing has happened, and nobody sees half of it.
//!
//! What the selection merely depends on may be there already and is taken as it is; what is selected may not.

use std::collections::HashSet;

use contract::Stage;

use super::{
    Check, RestoreError,
    compare::{self, Comparison},
    lent::Lent,
    plan::{Plan, Table, place},
    pre_data::Rest,
    ready::Ready,
    rename,
    roots::Roots,
    sequences,
    target::Sessions,
    work::Work,
};
use crate::{
    backup::Throttle,
    custody::Custody,
    digest::Digest,
    format::PgText,
    postgres::{PgError, Session, sqlstate},
    restore::load::Stream,
    schema::{Entry, Kind, Owners, SchemaReader, SessionState, Sql, qualified},
};

/// The session says when it is done, and then it is.
const DURABLE: &str = "SET synchronous_commit = on";

impl<C: Custody> Work<'_, C> {
    /// Restores what is chosen; what somebody should look at, each in a sentence.
    pub(super) async fn run_inside(
        &self,
        ready: &Ready,
        sessions: &Sessions,
    ) -> Result<Vec<String>, RestoreError> {
        self.progress.stage(Stage::Schema);
        let mut session = sessions.for_rows().await.map_err(RestoreError::Connect)?;
        let began = session.execute(format!("{DURABLE}; BEGIN")).await;
        began.map_err(RestoreError::statement("begin the transaction"))?;
        let aside = rename::put_aside(&mut session, ready.renames(), self.run).await?;

        let mut inside = Inside::new(ready, session);
        let mut schema = SchemaReader::new(ready.reader.schema(&ready.manifest.schema).into_async_read());
        let mut rest = Rest::default();
        while let Some(entry) = schema.next_entry().await? {
            if let Some(due) = ready.take(entry).and_then(|entry| rest.sort(entry)) {
                inside.restore(&due).await?;
                rest.note_made(&due);
            }
        }
        self.progress.stage(Stage::Data);
        let tables = self.load_inside(ready, &rest, &mut inside.session).await?;
        self.progress.stage(Stage::Indexes);
        for entry in &rest.after_rows {
            inside.restore(entry).await?;
        }
        self.progress.stage(Stage::Finishing);
        let mut values = ready.sequences().await?;
        values.retain(|value| !inside.has_skipped_sequence(&value.schema, &value.name));
        sequences::set(&mut inside.session, &values).await?;
        for entry in rest.grants.iter().chain(&rest.refreshes).chain(&rest.event_triggers) {
            inside.restore(entry).await?;
        }
        let mut warnings = std::mem::take(&mut inside.remarks);
        let Inside { mut session, lent, .. } = inside;
        if self.input.check == Check::Reread {
            let tables = ready.tables().await?;
            let tables = compare::reread_in(&mut session, &tables).await?;
            warnings.extend(Comparison { tables, schema: None }.into_remarks()?);
        }
        analyse(&mut session, &tables).await?;
        lent.take_back(&mut session).await?;
        rename::apply(&mut session, ready.renames()).await?;
        rename::put_back(&mut session, aside).await?;
        self.begun.being_named();
        // When its answer is lost nobody knows: the message says what was attempted, and the names can be looked up.
        session.execute("COMMIT").await.map_err(RestoreError::statement("commit the restored objects"))?;
        self.begun.forget(ready.judged.place.name());
        session.close().await;
        Ok(warnings)
    }

    /// Loads the rows, table after table.
    async fn load_inside(
        &self,
        ready: &Ready,
        rest: &Rest,
        session: &mut Session,
    ) -> Result<Vec<Table>, RestoreError> {
        let throttle = Throttle::new(self.input.limits.bytes_per_second);
        let tables = ready.tables().await?;
        let segments = ready.segments(&tables).await?;
        let roots = Roots::find(session).await.map_err(RestoreError::statement("look at the partitions"))?;
        let mut plan = Plan::new(tables, segments, &rest.tables, &roots)?;
        let mut digests = vec![[Digest::default(); 2]; plan.tables.len()];
        for unit in std::mem::take(&mut plan.units) {
            let Some((table, digests)) = plan.tables.get(unit.table).zip(digests.get_mut(unit.table)) else {
                continue;
            };
            let format = unit.segment.format;
            let copy = session.copy_in(table.copy(format, false)).await;
            let copy = copy.map_err(|source| RestoreError::Load { table: table.name(), source })?;
            let stream = Stream {
                reader: &ready.reader,
                progress: self.progress,
                throttle: &throttle,
                table: table.name(),
            };
            digests[place(format)].add(stream.send(&unit.segment, Some(copy)).await?);
        }
        for _ in &plan.tables {
            self.progress.table();
        }
        let differs =
            plan.tables.iter().zip(&digests).filter_map(|(table, digests)| table.difference(digests));
        let differences: Vec<String> = differs.collect();
        if differences.is_empty() { Ok(plan.tables) } else { Err(RestoreError::Differences(differences)) }
    }
}

/// The session, and what was met on the way.
struct Inside<'a> {
    ready: &'a Ready,
    session: Session,
    lent: Lent,
    /// Entries whose object was there already.
    skipped: HashSet<u32>,
    skipped_sequences: HashSet<(PgText, PgText)>,
    remarks: Vec<String>,
}

impl<'a> Inside<'a> {
    fn new(ready: &'a Ready, session: Session) -> Self {
        Self {
            ready,
            session,
            lent: Lent::default(),
            skipped: HashSet::new(),
            skipped_sequences: HashSet::new(),
            remarks: Vec::new(),
        }
    }

    fn has_skipped_sequence(&self, schema: &PgText, name: &PgText) -> bool {
        self.skipped_sequences.contains(&(schema.clone(), name.clone()))
    }

    /// Executes an entry. What is said of an object that was there already is not said again.
    async fn restore(&mut self, entry: &Entry) -> Result<(), RestoreError> {
        let is_only_needed = self.ready.is_only_needed(entry);
        if is_only_needed
            && entry.dependencies.iter().any(|id| self.skipped.contains(id))
            && speaks_of(entry.kind)
        {
            return Ok(());
        }
        // A role that may create in a schema need not be one that may create schemas.
        if is_only_needed && entry.kind == Kind::Schema && self.has_schema(entry).await? {
            self.skip(entry);
            return Ok(());
        }
        self.execute(entry, b"SAVEPOINT entry").await?;
        let mut done = self.attempt(entry).await;
        if let Err(source) = &done
            && source.is(sqlstate::INSUFFICIENT_PRIVILEGE)
            && let (Some(schema), Some(owner)) = (&entry.namespace, &entry.owner)
        {
            self.execute(entry, b"ROLLBACK TO SAVEPOINT entry").await?;
            let owner = self.ready.judged.owners.of(owner);
            if self.lent.lend(&mut self.session, schema, owner).await {
                done = self.attempt(entry).await;
            }
        }
        match done {
            Ok(()) => self.execute(entry, b"RELEASE SAVEPOINT entry").await,
            Err(source) if is_there_already(&source) && is_only_needed => {
                self.execute(entry, b"ROLLBACK TO SAVEPOINT entry").await?;
                self.skip(entry);
                Ok(())
            }
            Err(source) if is_there_already(&source) => {
                Err(RestoreError::ObjectExists { object: entry.to_string(), source })
            }
            Err(source) if !source.ends_session() && entry.kind == Kind::MaterializedViewData => {
                self.execute(entry, b"ROLLBACK TO SAVEPOINT entry").await?;
                self.remarks.push(format!("{entry} was not filled, REFRESH it when you can: {source}"));
                Ok(())
            }
            Err(source) => Err(RestoreError::Statement { what: format!("restore {entry}"), source }),
        }
    }

    async fn has_schema(&mut self, entry: &Entry) -> Result<bool, RestoreError> {
        let name = entry.tag.as_bytes();
        let sql = Sql::default().text("SELECT FROM pg_catalog.pg_namespace WHERE nspname = ").literal(name);
        let found = self.session.query(sql.into_bytes()).await;
        Ok(!found.map_err(RestoreError::statement(format!("look for {entry}")))?.is_empty())
    }

    /// The session's defaults are set anew each time: a savepoint that is rolled back takes them back, too.
    async fn attempt(&mut self, entry: &Entry) -> Result<(), PgError> {
        let owners: &Owners = &self.ready.judged.owners;
        let statements = SessionState::default().statements(entry, owners);
        for statement in statements.map_err(|error| PgError::Answer(error.to_string()))? {
            self.session.execute(&statement.sql).await?;
        }
        Ok(())
    }

    fn skip(&mut self, entry: &Entry) {
        self.skipped.insert(entry.id);
        if entry.kind == Kind::Sequence {
            self.skipped_sequences.insert((entry.namespace.clone().unwrap_or_default(), entry.tag.clone()));
        }
        // Everything is in some schema, and extensions are told apart by their names.
        if !matches!(entry.kind, Kind::Schema | Kind::Extension | Kind::Language) {
            self.remarks.push(format!("{entry} is there already and was taken as it is"));
        }
    }

    async fn execute(&mut self, entry: &Entry, sql: &[u8]) -> Result<(), RestoreError> {
        self.session.execute(sql).await.map_err(RestoreError::statement(format!("restore {entry}")))
    }
}

/// Whether the entry alters another's object rather than making one.
fn speaks_of(kind: Kind) -> bool {
    matches!(kind, Kind::Acl | Kind::Comment | Kind::SecurityLabel | Kind::CheckConstraint)
}

/// `duplicate_object`, `duplicate_table`, `duplicate_schema`, `duplicate_function`.
fn is_there_already(error: &PgError) -> bool {
    ["42710", "42P07", "42P06", "42723"].iter().any(|sqlstate| error.is(sqlstate))
}

/// Statistics of the tables, while nobody waits for them.
async fn analyse(session: &mut Session, tables: &[Table]) -> Result<(), RestoreError> {
    for table in tables {
        let (schema, name) = table.destination();
        let analyse = [b"ANALYZE ".to_vec(), qualified(schema, name)].concat();
        let what = format!("gather the statistics of {}", table.name());
        session.execute(analyse).await.map_err(RestoreError::statement(what))?;
    }
    Ok(())
}
