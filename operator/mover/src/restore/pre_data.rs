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
}

/// The tables that the schema has made.
#[derive(Default)]
pub struct Tables {
    /// Number of the entry, by the OID that the table had in the source.
    by_oid: HashMap<u32, u32>,
    entries: HashSet<u32>,
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

/// Executes what comes before the rows, in the schema's order.
pub async fn run<R: AsyncRead + Unpin>(
    mut schema: SchemaReader<R>,
    executor: &mut Executor,
    owners: &Owners,
) -> Result<Rest, RestoreError> {
    let mut rest = Rest::default();
    while let Some(entry) = schema.next_entry().await? {
        match Pass::of(&entry) {
            None => {}
            Some(Pass::Main) if is_due(&entry, &rest) => {
                executor.execute(&entry, owners).await?;
                if entry.kind == Kind::Table {
                    rest.tables.add(&entry);
                }
            }
            Some(Pass::Main) => rest.after_rows.push(entry),
            Some(Pass::Grants) => rest.grants.push(entry),
            Some(Pass::Last) if entry.kind == Kind::MaterializedViewData => rest.refreshes.push(entry),
            Some(Pass::Last) => rest.event_triggers.push(entry),
        }
    }
    Ok(rest)
}

/// Comments and labels go with their neighbours: once something had to wait, what they speak of may have waited too.
fn is_due(entry: &Entry, rest: &Rest) -> bool {
    match entry.section {
        Section::Pre => true,
        Section::None => rest.after_rows.is_empty(),
        Section::Post => false,
    }
}
