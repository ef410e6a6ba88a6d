//! What needs every row, key and trigger to be there.

use contract::Stage;

use super::{
    Check, Purpose, RestoreError, collation,
    compare::{self, Comparison},
    large_objects,
    lent::Lent,
    pre_data::Rest,
    public_schema,
    ready::Ready,
    rename, sequences,
    statements::Executor,
    statistics,
    target::Sessions,
    work::Work,
};
use crate::{custody::Custody, format::TableKind, postgres::Session, schema::Entry};

impl<C: Custody> Work<'_, C> {
    /// Large objects to their owners, sequences, privileges, materialised views, statistics, checks, event triggers. Gives
    /// what somebody should look at, and what was compared where that is asked for.
    pub(super) async fn complete(
        &self,
        ready: &Ready,
        sessions: &Sessions,
        mut session: Session,
        rest: Rest,
    ) -> Result<(Vec<String>, Option<Comparison>), RestoreError> {
        self.progress.stage(Stage::Finishing);
        let owners = &ready.judged.owners;
        if ready.manifest.large_objects > 0 {
            large_objects::give_away(&mut session, owners, ready.facts.is_superuser).await?;
        }
        sequences::set(&mut session, &ready.sequences().await?).await?;
        // Of the session's defaults only tablespace and access method count, and none of these entries has one.
        let mut executor = Executor::new(session, &Lent::default());
        let mut warnings: Vec<String> =
            public_schema::close(&mut executor.session, ready, &rest.grants).await?.into_iter().collect();
        for entry in &rest.grants {
            executor.execute(entry, owners).await?;
        }
        warnings.extend(self.fill_views(ready, &mut executor, &rest.refreshes).await?);
        warnings.extend(statistics::gather(&mut executor.session, sessions, self.input.limits.lanes).await?);
        if self.input.purpose == Purpose::Keep && self.input.check == Check::Reread {
            warnings.extend(self.compare(ready, sessions).await?.into_remarks()?);
        }
        for entry in &rest.event_triggers {
            executor.execute(entry, owners).await?;
        }
        if self.input.purpose == Purpose::Keep {
            rename::apply(&mut executor.session, ready.renames()).await?;
        }
        executor.session.close().await;
        match self.input.purpose {
            Purpose::Keep => Ok((warnings, None)),
            Purpose::Rehearse => Ok((warnings, Some(self.compare(ready, sessions).await?))),
        }
    }

    async fn fill_views(
        &self,
        ready: &Ready,
        executor: &mut Executor,
        refreshes: &[Entry],
    ) -> Result<Vec<String>, RestoreError> {
        // A view shows what its owner may see, as it did when it was last filled; policies on its tables are no error.
        let policies = executor.session.execute("SET row_security = on").await;
        policies.map_err(RestoreError::statement("prepare to fill materialised views"))?;
        let collation = collation::difference(&mut executor.session, &ready.manifest.database).await?;
        let mut warnings: Vec<String> = collation.into_iter().collect();
        for entry in refreshes {
            match executor.execute(entry, &ready.judged.owners).await {
                // It is computed from what is restored: a query that fails today, or needs another server, loses no data.
                Err(RestoreError::Statement { source, .. }) if !source.ends_session() => {
                    warnings.push(format!("{entry} was not filled, REFRESH it when you can: {source}"));
                }
                done => done?,
            }
        }
        Ok(warnings)
    }

    /// A rehearsal compares all that can be; a restore the rows of the tables.
    async fn compare(&self, ready: &Ready, sessions: &Sessions) -> Result<Comparison, RestoreError> {
        let mut tables = ready.tables().await?;
        if self.input.purpose == Purpose::Keep {
            tables.retain(|table| table.kind == TableKind::Ordinary);
            return Ok(Comparison { tables: compare::reread(&tables, sessions).await?, schema: None });
        }
        let asked = compare::Asked {
            reader: &ready.reader,
            manifest: &ready.manifest,
            owners: &ready.judged.owners,
            sessions,
            major: ready.facts.major,
            is_superuser: ready.facts.is_superuser,
        };
        let tables = compare::reread(&tables, sessions).await?;
        Ok(Comparison { tables, schema: Some(compare::compare_schema(&asked).await?) })
    }
}
