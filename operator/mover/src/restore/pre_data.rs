//! Makes everything that comes before the rows, and sets aside what comes after.

use std::collections::{HashMap, HashSet};

use tokio::io::AsyncRead;

use super::{RestoreError, statements::Executor};
use crate::schema::{Entry, Kind, Owners, Pass, SchemaReader, Section};

/// What is left of a schema when its tables are there. In memory as a whole: about 1 KB for each key, index, foreign key,
/// trigger and grant.
#[derive(Default)]
pub struct Rest {
    /// Keys, indexes and all else of the main pass that comes after the rows, in the schema's order.
    pub after_rows: Vec<Entry>,
    pub grants: Vec<Entry>,
    /// `REFRESH MATERIALIZED VIEW`, each after those that it reads.
    pub refreshes: Vec<Entry>,
    /// Event triggers and what describes them.
    pub event_triggers: Vec<Entry>,
    pub tables: Tables,
    /// The entries of `after_rows`.
    waiting: HashSet<u32>,
}

/// The tables that the schema has made.
#[derive(Default)]
pub struct Tables {
    /// Number of the entry, by the OID that the table had in the source.
    by_oid: HashMap<u32, u32>,
    entries: HashSet<u32>,
}

impl Rest {
    /// Sets an entry aside for later; gives it back when it is due now.
    pub fn sort(&mut self, entry: Entry) -> Option<Entry> {
        match Pass::of(&entry) {
            None => {}
            Some(Pass::Main) if is_due(&entry, self) => return Some(entry),
            Some(Pass::Main) => {
                self.waiting.insert(entry.id);
                self.after_rows.push(entry);
            }
            Some(Pass::Grants) => self.grants.push(entry),
            Some(Pass::Last) if entry.kind == Kind::MaterializedViewData => self.refreshes.push(entry),
            Some(Pass::Last) => self.event_triggers.push(entry),
        }
        None
    }

    /// Takes note of a table that is there now.
    pub fn note_made(&mut self, entry: &Entry) {
        if entry.kind == Kind::Table {
            self.tables.add(entry);
        }
    }
}

impl Tables {
    fn add(&mut self, entry: &Entry) {
        self.by_oid.insert(entry.catalogue.object, entry.id);
        self.entries.insert(entry.id);
    }

    /// The entry that made a table; `None`: an extension did.
    pub fn entry_of(&self, oid: u32) -> Option<u32> {
        self.by_oid.get(&oid).copied()
    }

    /// Whether an entry makes a table.
    pub fn contains(&self, entry: u32) -> bool {
        self.entries.contains(&entry)
    }
}

/// Executes what comes before the rows, in the schema's order, of the entries that `take` gives.
pub async fn run<R: AsyncRead + Unpin>(
    mut schema: SchemaReader<R>,
    executor: &mut Executor,
    owners: &Owners,
    take: impl Fn(Entry) -> Option<Entry>,
) -> Result<Rest, RestoreError> {
    let mut rest = Rest::default();
    while let Some(entry) = schema.next_entry().await? {
        if let Some(due) = take(entry).and_then(|entry| rest.sort(entry)) {
            executor.execute(&due, owners).await?;
            rest.note_made(&due);
        }
    }
    Ok(rest)
}

/// Whether an entry may be executed before the rows. Comments and labels go with their neighbours: once something had to wait, what they speak of may have waited too.
fn is_due(entry: &Entry, rest: &Rest) -> bool {
    match entry.section {
        // A function that needs a key waits for it, and a view over that function with it.
        Section::Pre => {
            entry.kind == Kind::Table || !entry.dependencies.iter().any(|id| rest.waiting.contains(id))
        }
        Section::None => rest.after_rows.is_empty(),
        Section::Post => false,
    }
}
