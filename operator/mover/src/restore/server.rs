//! Several databases of a point, and what they share: roles first, then every database under an unfinished name, at the end
//! the names of all.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Connection, FailureCode, Limits, PointId, RestoreTarget, Stage, Summary};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Check, Purpose, RestoreDone, RestoreError, RestoreInput, Selection,
    globals::{self, Facts, Plan, Stored},
    naming,
    preflight::Objection,
    ready::{self, Ready},
    target::Target,
    work::Work,
};
use crate::{
    custody::{Custody, RestoreStart},
    point::PointReader,
};

/// What is to be restored, and where to.
#[derive(Debug, Clone)]
pub struct ServerRestoreInput {
    pub point: PointId,
    /// Its `database` is the one to log in to (`postgres`).
    pub connection: Connection,
    /// Which databases of the point; none: all of them.
    pub databases: Vec<String>,
    /// New names, by the old ones.
    pub rename: BTreeMap<String, String>,
    /// For tablespaces of the source, those of the target that are taken instead.
    pub tablespaces: BTreeMap<String, String>,
    pub roles: Roles,
    /// Namespace, name and spec hash of whoever asked, for the ledger.
    pub requested_by: (String, String, String),
    pub limits: Limits,
    /// The run stops itself at this instant, and leaves no database behind.
    pub deadline: Timestamp,
    pub check: Check,
}

/// What becomes of the roles of a point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Roles {
    /// Those that are missing are made; those that are there stay as they are.
    #[default]
    CreateMissing,
    /// None is made: all that the databases need must be there.
    Skip,
}

impl<C: Custody> Work<'_, C, ServerRestoreInput> {
    pub async fn run(&self) -> Result<RestoreDone, RestoreError> {
        let clock = Instant::now();
        self.progress.stage(Stage::Connecting);
        let reader = ready::open(self.custody, self.run, &self.input.point, self.clock).await?;
        let inputs = self.inputs(&reader)?;
        let target = Target::new(&self.input.connection, self.run).map_err(RestoreError::Connect)?;
        let plan = self.plan(&reader, &target).await?;
        let all = self.prepare(&reader, &inputs, &plan).await?;
        let started = self.start(&all).await?;

        let mut warnings = plan.warnings.clone();
        warnings.extend(self.make_roles(&target, &plan).await?);
        let mut loaded = Vec::new();
        for (ready, input) in all.iter().zip(&inputs) {
            let name = &input.target.database;
            let of_database = |sentence: String| format!("database \"{name}\": {sentence}");
            warnings.extend(ready.judged.warnings.iter().cloned().map(of_database));
            let restored = self.on(input).load(ready).await;
            let (one, told, _) = restored.map_err(|error| error.met_in(name, &plan.created))?;
            warnings.extend(told.into_iter().chain(ready.missing()).map(of_database));
            loaded.push(one);
        }
        warnings.extend(naming::name(self.begun, &loaded).await?);
        let sum = |of: fn(&Ready) -> u64| all.iter().map(of).fold(0, u64::saturating_add);
        let summary = Summary {
            tables: sum(Ready::table_count),
            rows: sum(|ready| ready.manifest.rows),
            large_objects: sum(|ready| ready.manifest.large_objects),
            plain_bytes: sum(|ready| ready.manifest.plain_bytes),
            stored_bytes: reader.record().stored_bytes,
            seconds: clock.elapsed().as_secs(),
        };
        Ok(RestoreDone { started, summary, warnings, comparison: None })
    }

    /// One restore for each database.
    fn inputs(&self, reader: &PointReader) -> Result<Vec<RestoreInput>, RestoreError> {
        let stored: Vec<&str> =
            reader.record().data_stores.iter().map(|store| store.database.as_str()).collect();
        let asked = self.input.databases.iter().chain(self.input.rename.keys());
        for name in asked {
            ready::index_of(reader, Some(name))?;
        }
        let is_asked = |name: &str| {
            self.input.databases.is_empty() || self.input.databases.iter().any(|asked| asked == name)
        };
        let inputs: Vec<RestoreInput> =
            stored.into_iter().filter(|name| is_asked(name)).map(|name| self.input_of(name)).collect();
        let mut names = BTreeSet::new();
        match inputs.iter().find(|input| !names.insert(&input.target.database)) {
            None => Ok(inputs),
            Some(twice) => {
                let sentence =
                    format!("two databases would be called \"{}\": rename one", twice.target.database);
                Err(RestoreError::Refused(vec![Objection { code: FailureCode::BadAssignment, sentence }]))
            }
        }
    }

    fn input_of(&self, name: &str) -> RestoreInput {
        let own_name = self.input.rename.get(name).map_or(name, String::as_str);
        RestoreInput {
            point: self.input.point.clone(),
            database: Some(name.to_owned()),
            tablespaces: self.input.tablespaces.clone(),
            target: RestoreTarget {
                connection: self.input.connection.clone(),
                database: own_name.to_owned(),
                owner: None,
            },
            requested_by: self.input.requested_by.clone(),
            limits: self.input.limits.clone(),
            deadline: self.input.deadline,
            check: self.input.check,
            purpose: Purpose::Keep,
            selection: Selection::default(),
        }
    }

    /// What is made besides databases.
    async fn plan(&self, reader: &PointReader, target: &Target) -> Result<Plan, RestoreError> {
        let stored = match self.input.roles {
            Roles::CreateMissing => Stored::read(reader).await?,
            Roles::Skip => None,
        };
        let Some(stored) = stored else { return Ok(Plan::default()) };
        let mut session = target.maintenance().await.map_err(RestoreError::Connect)?;
        let facts = Facts::gather(&mut session).await.map_err(RestoreError::Look)?;
        session.close().await;
        Ok(globals::plan(&stored, &facts))
    }

    /// Looks at the target for every database, so that one run shows all that is to be mended.
    async fn prepare(
        &self,
        reader: &PointReader,
        inputs: &[RestoreInput],
        plan: &Plan,
    ) -> Result<Vec<Ready>, RestoreError> {
        let mut objections = plan.objections.clone();
        let mut all = Vec::new();
        for input in inputs {
            let index = ready::index_of(reader, input.database.as_deref())?;
            match self.on(input).prepare_one(reader.clone(), index, &plan.created).await {
                Ok(ready) => all.push(ready),
                Err(RestoreError::Refused(found)) => {
                    objections.extend(
                        found.into_iter().filter(|found| !objections.contains(found)).collect::<Vec<_>>(),
                    );
                }
                Err(error) => return Err(error),
            }
        }
        if !objections.is_empty() {
            return Err(RestoreError::Refused(objections));
        }
        let sum = |of: fn(&Ready) -> u64| all.iter().map(of).fold(0, u64::saturating_add);
        self.progress.expect(sum(|ready| ready.manifest.plain_bytes), sum(|ready| ready.manifest.tables));
        Ok(all)
    }

    /// Says to the ledger that the target is going to be written to.
    async fn start(&self, all: &[Ready]) -> Result<Timestamp, RestoreError> {
        let first = all.first().ok_or(RestoreError::EmptyPoint)?;
        let target = first.facts.system_identifier.clone().unwrap_or_else(|| first.target.address());
        let (namespace, name, spec_hash) = self.input.requested_by.clone();
        let point = self.input.point.clone();
        self.announce(RestoreStart { namespace, name, spec_hash, target, point }).await?;
        Ok(self.started())
    }

    async fn make_roles(&self, target: &Target, plan: &Plan) -> Result<Vec<String>, RestoreError> {
        self.progress.stage(Stage::Schema);
        let mut session = target.maintenance().await.map_err(RestoreError::Connect)?;
        let warnings = globals::make(&mut session, plan).await?;
        session.close().await;
        Ok(warnings)
    }
}
