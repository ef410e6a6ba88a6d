//! The schema as scripts, one for each time at which its statements are due.

use std::collections::{HashMap, HashSet};

use tokio::io::AsyncRead;

use super::folder::{Folder, Output};
use crate::{
    format::{PgText, SequenceEntry},
    restore::{RestoreError, select::Chosen, sequences},
    schema::{Entry, Kind, Owners, Pass, Preamble, SchemaReader, Section, SessionState},
};

/// Any release understands the settings that this one does.
const OLDEST: u32 = 13;

/// What the scripts leave to whoever writes the rest.
pub struct Written {
    pub roots: Roots,
    pub has_event_triggers: bool,
}

/// Partitions whose rows must be sent to the root of their tree: what a hash is of may differ from server to server.
#[derive(Default)]
pub struct Roots {
    tables: HashMap<u32, (PgText, PgText)>,
    hashed: HashSet<u32>,
    parents: HashMap<u32, u32>,
    by_name: HashMap<(PgText, PgText), u32>,
}

/// Writes `schema.sql`, `keys.sql`, `grants.sql`, `views.sql` and `event-triggers.sql`.
pub async fn write<R: AsyncRead + Unpin>(
    folder: &mut Folder,
    mut schema: SchemaReader<R>,
    chosen: Option<&Chosen>,
) -> Result<Written, RestoreError> {
    let mut preamble = Preamble::default();
    let mut scripts = Scripts {
        schema: Script::begin(folder, "schema.sql")?,
        keys: Script::begin(folder, "keys.sql")?,
        grants: Script::begin(folder, "grants.sql")?,
        views: Script::begin(folder, "views.sql")?,
        event_triggers: Script::begin(folder, "event-triggers.sql")?,
        has_keys: false,
    };
    let mut written = Written { roots: Roots::default(), has_event_triggers: false };
    // What sets the session up comes first in every schema.
    let mut has_settings = false;
    while let Some(entry) = schema.next_entry().await? {
        if preamble.accept(&entry) || chosen.is_some_and(|chosen| !chosen.has(&entry)) {
            continue;
        }
        if !has_settings {
            write_settings(folder, &preamble)?;
            has_settings = true;
        }
        written.roots.note(&entry);
        written.has_event_triggers |= entry.kind == Kind::EventTrigger;
        scripts.add(&entry)?;
    }
    if !has_settings {
        write_settings(folder, &preamble)?;
    }
    scripts.end(folder)?;
    Ok(written)
}

/// Writes `sequences.sql`.
pub fn write_sequences(folder: &mut Folder, values: &[SequenceEntry]) -> Result<(), RestoreError> {
    folder.file("sequences.sql", &sequences::statements(values))
}

/// Rows are read as they were written.
fn write_settings(folder: &mut Folder, preamble: &Preamble) -> Result<(), RestoreError> {
    let mut settings = preamble.statements(OLDEST).join(&b'\n');
    settings.extend_from_slice(
        b"\nSET DateStyle = 'ISO, MDY';\nSET IntervalStyle = 'postgres';\nSET array_nulls = on;\nSET lc_monetary = 'C';\n",
    );
    folder.file("settings.sql", &settings)
}

struct Scripts {
    schema: Script,
    keys: Script,
    grants: Script,
    views: Script,
    event_triggers: Script,
    /// From here on comments may speak of what is only made after the rows.
    has_keys: bool,
}

impl Scripts {
    fn add(&mut self, entry: &Entry) -> Result<(), RestoreError> {
        let script = match Pass::of(entry) {
            None => return Ok(()),
            Some(Pass::Main) => match entry.section {
                Section::Pre => &mut self.schema,
                Section::None if !self.has_keys => &mut self.schema,
                Section::None | Section::Post => {
                    self.has_keys = true;
                    &mut self.keys
                }
            },
            Some(Pass::Grants) => &mut self.grants,
            Some(Pass::Last) if entry.kind == Kind::MaterializedViewData => &mut self.views,
            Some(Pass::Last) => &mut self.event_triggers,
        };
        script.add(entry)
    }

    fn end(self, folder: &mut Folder) -> Result<(), RestoreError> {
        for script in [self.schema, self.keys, self.grants, self.views, self.event_triggers] {
            folder.end(script.output)?;
        }
        Ok(())
    }
}

/// One script, and what a session that runs it has as its defaults.
struct Script {
    output: Output,
    state: SessionState,
}

impl Script {
    fn begin(folder: &Folder, name: &str) -> Result<Self, RestoreError> {
        Ok(Self { output: folder.create(name)?, state: SessionState::default() })
    }

    fn add(&mut self, entry: &Entry) -> Result<(), RestoreError> {
        for statement in self.state.statements(entry, &Owners::default())? {
            self.output.write(&statement.sql)?;
            self.output.write(b"\n")?;
        }
        Ok(())
    }
}

impl Roots {
    fn note(&mut self, entry: &Entry) {
        match entry.kind {
            Kind::Table => {
                let name = (entry.namespace.clone().unwrap_or_default(), entry.tag.clone());
                self.by_name.insert(name.clone(), entry.id);
                self.tables.insert(entry.id, name);
                let by_hash = b"PARTITION BY HASH";
                if entry.definition.as_bytes().windows(by_hash.len()).any(|words| words == by_hash) {
                    self.hashed.insert(entry.id);
                }
            }
            Kind::TableAttach => {
                let name = (entry.namespace.clone().unwrap_or_default(), entry.tag.clone());
                let partition = self.by_name.get(&name).copied();
                let is_parent = |id: &&u32| Some(**id) != partition && self.tables.contains_key(*id);
                let parent = entry.dependencies.iter().find(is_parent).copied();
                self.parents.extend(partition.zip(parent));
            }
            _ => {}
        }
    }

    /// Where a table's rows are sent, when it is not the table itself.
    pub fn of(&self, schema: &PgText, name: &PgText) -> Option<&(PgText, PgText)> {
        let mut table = *self.by_name.get(&(schema.clone(), name.clone()))?;
        let mut is_below_hash = false;
        // As many steps as there are tables: a circle, which no server makes, ends too.
        for _ in 0..self.parents.len() {
            let Some(parent) = self.parents.get(&table) else { break };
            table = *parent;
            is_below_hash |= self.hashed.contains(&table);
        }
        if is_below_hash { self.tables.get(&table) } else { None }
    }
}
