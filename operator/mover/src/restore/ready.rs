//! What is known once nothing is in the way: the point is open, the target was looked at, and it is settled what comes
//! from the one into the other. Nothing was written.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use contract::{DataStore, FailureCode, PointId, RunId, Stage};

use super::{
    Purpose, RestoreError, names,
    preflight::{self, Facts, Judged, Objection, Outline, Place, Question, Request},
    select::Chosen,
    selection::Rename,
    tablespaces,
    target::Target,
    work::Work,
};
use crate::{
    clock::Clock,
    custody::Custody,
    format::{Manifest, PgText, SegmentEntry, SequenceEntry, TableEntry, TableKind},
    point::PointReader,
    schema::{Entry, Kind, SchemaReader},
    seal, store,
};

/// Sessions besides the lanes: the one that makes the schema, and the one that makes the database.
const OTHER_SESSIONS: u32 = 2;

/// What is known when nothing is in the way.
pub(super) struct Ready {
    /// Of a selection: what of it the selection needs.
    pub manifest: Manifest,
    /// Its place in the point.
    pub index: usize,
    pub reader: PointReader,
    pub target: Target,
    pub facts: Facts,
    pub judged: Judged,
    pub outline: Outline,
    /// For tablespaces of the source, those that are taken instead.
    tablespaces: BTreeMap<String, String>,
    /// `None`: everything.
    chosen: Option<Chosen>,
}

impl<C: Custody> Work<'_, C> {
    /// Opens the point and looks at the target. Nothing is written.
    pub(super) async fn prepare(&self) -> Result<Ready, RestoreError> {
        self.progress.stage(Stage::Connecting);
        let reader = open(self.custody, self.run, &self.input.point, self.clock).await?;
        let stores = &reader.record().data_stores;
        let is_its_own = |store: &DataStore| store.database == self.input.target.database;
        let own = stores.iter().find(|store| is_its_own(store)).map(|store| store.database.clone());
        let name = self.input.database.clone().or_else(|| own.filter(|_| stores.len() > 1));
        let index = index_of(&reader, name.as_deref())?;
        self.prepare_one(reader, index, &BTreeSet::new()).await
    }

    /// Looks at the target for one of the point's databases. `created` are roles that will be there by then.
    pub(super) async fn prepare_one(
        &self,
        reader: PointReader,
        index: usize,
        created: &BTreeSet<PgText>,
    ) -> Result<Ready, RestoreError> {
        let mut manifest = reader.manifest(index).await.map_err(RestoreError::read("the manifest"))?;
        tablespaces::replace(&mut manifest, &self.input.tablespaces);
        let chosen = self.choose(&reader, &manifest).await?;

        let target = Target::new(&self.input.target.connection, self.run).map_err(RestoreError::Connect)?;
        let mut session = target.maintenance().await.map_err(RestoreError::Connect)?;
        self.progress.stage(Stage::Preflight);
        let question = Question {
            manifest: &manifest,
            database: &self.input.target.database,
            unfinished: &names::incomplete_database(&self.input.target.database, self.run),
            owner: self.input.target.owner.as_deref(),
        };
        let mut facts = Facts::gather(&mut session, &target, &question).await.map_err(RestoreError::Look)?;
        session.close().await;
        facts.expect_roles(created);
        let missing: HashSet<PgText> = preflight::missing_roles(&manifest, &facts).into_iter().collect();
        let schema = SchemaReader::new(reader.schema(&manifest.schema).into_async_read());
        let is_taken = |entry: &Entry| chosen.as_ref().is_none_or(|chosen| chosen.has(entry));
        let mut outline = Outline::read(schema, &missing, is_taken).await?;
        if let Some(chosen) = &chosen {
            if facts.existing.is_some() {
                forget_owners_of_needed(&mut outline, chosen, &facts, &reader, &manifest).await?;
            }
            reduce(&mut manifest, chosen, &outline, &facts);
        }
        let request = Request {
            run: self.run,
            manifest: &manifest,
            target: &self.input.target,
            connections: u32::from(self.input.limits.lanes) + OTHER_SESSIONS,
            is_selection: chosen.is_some(),
        };
        let mut judged = preflight::judge(&request, &facts, &outline);
        if let (Purpose::Rehearse, Place::Existing { name, .. } | Place::InUse { name }) =
            (self.input.purpose, &judged.place)
        {
            judged.objections.push(Objection {
                code: FailureCode::TargetExists,
                sentence: format!("a database \"{name}\" is there already, and a rehearsal makes its own"),
            });
        }
        if !judged.objections.is_empty() {
            return Err(RestoreError::Refused(judged.objections));
        }
        let mut ready = Ready {
            manifest,
            index,
            reader,
            target,
            facts,
            judged,
            outline,
            tablespaces: self.input.tablespaces.clone(),
            chosen,
        };
        ready.count().await?;
        self.progress.expect(ready.manifest.plain_bytes, ready.manifest.tables);
        Ok(ready)
    }

    async fn choose(
        &self,
        reader: &PointReader,
        manifest: &Manifest,
    ) -> Result<Option<Chosen>, RestoreError> {
        let selection = &self.input.selection;
        if selection.is_everything() && selection.renames.is_empty() {
            return Ok(None);
        }
        if selection.is_everything() {
            let sentence =
                "only what is selected by name can be renamed: name its schema or table".to_owned();
            return Err(RestoreError::Refused(vec![Objection {
                code: FailureCode::BadAssignment,
                sentence,
            }]));
        }
        let schema = SchemaReader::new(reader.schema(&manifest.schema).into_async_read());
        let mut chosen = Chosen::read(schema, selection).await?;
        if !chosen.unknown.is_empty() {
            let object = |sentence| Objection { code: FailureCode::BadAssignment, sentence };
            let objections = std::mem::take(&mut chosen.unknown).into_iter().map(object);
            return Err(RestoreError::Refused(objections.collect()));
        }
        Ok(Some(chosen))
    }
}

/// Opens a point.
pub(super) async fn open(
    custody: &impl Custody,
    run: &RunId,
    point: &PointId,
    clock: &Clock,
) -> Result<PointReader, RestoreError> {
    let reader_id = seal::random_id()?;
    let grant = custody.read_grant(run, point, &reader_id.into()).await;
    let grant = grant.map_err(RestoreError::Custody)?;
    let reader = PointReader::open(store::connect(&grant.storage, clock)?, &grant).await;
    let reader = reader.map_err(RestoreError::read("the record"))?;
    if reader.record().manifests.is_empty() {
        return Err(RestoreError::EmptyPoint);
    }
    Ok(reader)
}

/// The place of a database in a point.
///
/// # Errors
/// When the point does not have it, or has several and none is named.
pub(super) fn index_of(reader: &PointReader, name: Option<&str>) -> Result<usize, RestoreError> {
    let stores = &reader.record().data_stores;
    let found = match name {
        None if stores.len() == 1 => Some(0),
        None => None,
        Some(name) => stores.iter().position(|store| store.database == name),
    };
    found.ok_or_else(|| {
        let names: Vec<String> = stores.iter().map(|store| format!("\"{}\"", store.database)).collect();
        let what = name.map_or_else(String::new, |name| format!(" and not \"{name}\""));
        let sentence = format!("the point holds the databases {}{what}: name one of them", names.join(", "));
        RestoreError::Refused(vec![Objection { code: FailureCode::BadAssignment, sentence }])
    })
}

impl Ready {
    /// An entry of the schema as the target takes it; `None`: it is not restored.
    pub fn take(&self, entry: Entry) -> Option<Entry> {
        let is_taken = self.chosen.as_ref().is_none_or(|chosen| chosen.has(&entry));
        let mut entry = is_taken.then(|| entry.for_major(self.facts.major))?;
        if let Some(name) = &mut entry.tablespace {
            *name = tablespaces::instead_of(name, &self.tablespaces);
        }
        Some(entry)
    }

    /// Whether an entry is restored only because others depend on it.
    pub fn is_only_needed(&self, entry: &Entry) -> bool {
        self.chosen.as_ref().is_some_and(|chosen| chosen.is_only_needed(entry))
    }

    /// New names for what is restored.
    pub fn renames(&self) -> &[(Kind, Rename)] {
        self.chosen.as_ref().map_or(&[], Chosen::renames)
    }

    /// What a selection leaves out.
    pub fn remarks(&self) -> Vec<String> {
        self.chosen.as_ref().map_or_else(Vec::new, |chosen| chosen.remarks.clone())
    }

    /// Whether only some objects are restored.
    pub fn is_selection(&self) -> bool {
        self.chosen.is_some()
    }

    /// What the point lacks: whoever has the database now may not have seen what the backup said.
    pub fn missing(&self) -> impl Iterator<Item = String> {
        self.manifest.coverage.iter().map(|missing| format!("not in the point: {missing}"))
    }

    /// How many tables people are told of. The manifest counts those of large objects, too; the record does not.
    pub fn table_count(&self) -> u64 {
        match self.reader.record().data_stores.get(self.index) {
            Some(store) if !self.is_selection() => store.tables,
            _ => self.manifest.tables,
        }
    }

    /// Tables whose rows are restored.
    pub async fn tables(&self) -> Result<Vec<TableEntry>, RestoreError> {
        let tables = self.reader.list::<TableEntry>(&self.manifest).await;
        let mut tables = tables.map_err(RestoreError::read("the list of tables"))?;
        if let Some(chosen) = &self.chosen {
            tables.retain(|table| {
                table.kind == TableKind::Ordinary && chosen.has_rows_of(&table.schema, &table.name)
            });
        }
        Ok(tables)
    }

    /// The segments of those tables.
    pub async fn segments(&self, tables: &[TableEntry]) -> Result<Vec<SegmentEntry>, RestoreError> {
        let segments = self.reader.list::<SegmentEntry>(&self.manifest).await;
        let mut segments = segments.map_err(RestoreError::read("the list of segments"))?;
        if self.is_selection() {
            let tables: HashSet<u32> = tables.iter().map(|table| table.id).collect();
            segments.retain(|segment| tables.contains(&segment.table));
        }
        Ok(segments)
    }

    /// The values of the sequences that are restored.
    pub async fn sequences(&self) -> Result<Vec<SequenceEntry>, RestoreError> {
        let values = self.reader.list::<SequenceEntry>(&self.manifest).await;
        let mut values = values.map_err(RestoreError::read("the list of sequences"))?;
        if let Some(chosen) = &self.chosen {
            values.retain(|value| chosen.has_value_of(&value.schema, &value.name));
        }
        Ok(values)
    }

    /// The manifest's totals of what is restored.
    async fn count(&mut self) -> Result<(), RestoreError> {
        if self.is_selection() {
            let tables = self.tables().await?;
            self.manifest.tables = tables.len() as u64;
            self.manifest.rows = tables.iter().map(TableEntry::rows).sum();
            self.manifest.plain_bytes = tables.iter().map(|table| table.plain_bytes).sum();
            self.manifest.large_objects = 0;
        }
        Ok(())
    }
}

/// In a database that is in use what is only needed is mostly there, and is given to nobody. Of its owners only those matter
/// whom the target does not have.
async fn forget_owners_of_needed(
    outline: &mut Outline,
    chosen: &Chosen,
    facts: &Facts,
    reader: &PointReader,
    manifest: &Manifest,
) -> Result<(), RestoreError> {
    let schema = SchemaReader::new(reader.schema(&manifest.schema).into_async_read());
    let is_selected = |entry: &Entry| chosen.has(entry) && !chosen.is_only_needed(entry);
    let selected = Outline::read(schema, &HashSet::new(), is_selected).await?;
    outline.owners.retain(|owner| selected.owners.contains(owner) || !facts.roles.contains_key(owner));
    Ok(())
}

/// Takes out of a manifest what a selection has no part in, so that the target is not asked for it. A database that is made
/// for a selection is not the one that was stored: it is its owner's alone.
fn reduce(manifest: &mut Manifest, chosen: &Chosen, outline: &Outline, facts: &Facts) {
    let database = &mut manifest.database;
    if facts.existing.is_some() {
        database.owner = facts.user.clone();
    }
    let owner = database.owner.clone();
    let quoted = owner.as_bytes().iter().flat_map(|byte| {
        let count = if *byte == b'"' { 2 } else { 1 };
        std::iter::repeat_n(*byte, count)
    });
    let quoted: Vec<u8> = [b'"'].into_iter().chain(quoted).chain([b'"']).collect();
    database.acl = Some(vec![PgText::new([&quoted[..], b"=CTc/", &quoted].concat())]);
    database.comment = None;
    database.settings = Vec::new();
    database.security_labels = Vec::new();
    database.is_template = false;
    database.allow_connections = true;
    manifest
        .roles
        .retain(|role| *role == owner || outline.owners.contains(role) || outline.named.contains_key(role));
    manifest.extensions.retain(|extension| chosen.has_extension(&extension.name));
    manifest.tablespaces.retain(|name| outline.tablespaces.contains(name));
    manifest.coverage = Vec::new();
}
