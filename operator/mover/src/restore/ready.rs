//! What is known once nothing is in the way: the point is open, the target was looked at, and it is settled what comes
//! from the one into the other. Nothing was written.

use std::collections::HashSet;

use contract::{FailureCode, Stage};

use super::{
    Purpose, RestoreError, names,
    preflight::{self, Facts, Judged, Objection, Outline, Place, Question, Request},
    select::Chosen,
    selection::Rename,
    target::Target,
    work::Work,
};
use crate::{
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
    pub reader: PointReader,
    pub target: Target,
    pub facts: Facts,
    pub judged: Judged,
    pub outline: Outline,
    /// `None`: everything.
    chosen: Option<Chosen>,
}

impl<C: Custody> Work<'_, C> {
    /// Opens the point and looks at the target. Nothing is written.
    pub(super) async fn prepare(&self) -> Result<Ready, RestoreError> {
        self.progress.stage(Stage::Connecting);
        let reader_id = seal::random_id()?;
        let grant = self.custody.read_grant(self.run, &self.input.point, &reader_id.into()).await;
        let grant = grant.map_err(RestoreError::Custody)?;
        let reader = PointReader::open(store::connect(&grant.storage, self.clock)?, &grant).await;
        let reader = reader.map_err(RestoreError::read("the record"))?;
        if reader.record().manifests.is_empty() {
            return Err(RestoreError::EmptyPoint);
        }
        let mut manifest = reader.manifest(0).await.map_err(RestoreError::read("the manifest"))?;
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
        let facts = Facts::gather(&mut session, &target, &question).await.map_err(RestoreError::Look)?;
        session.close().await;
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
        let mut ready = Ready { manifest, reader, target, facts, judged, outline, chosen };
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

impl Ready {
    /// An entry of the schema as the target takes it; `None`: it is not restored.
    pub fn take(&self, entry: Entry) -> Option<Entry> {
        let is_taken = self.chosen.as_ref().is_none_or(|chosen| chosen.has(&entry));
        is_taken.then(|| entry.for_major(self.facts.major))
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
