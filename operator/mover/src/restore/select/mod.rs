//! Which entries of a schema, and which tables' rows, a selection of schemas and tables needs. Pure.
//!
//! What is named is restored whole: a table with its rows, partitions, own sequences, keys, indexes, triggers, rules and
//! policies; a schema with all that is in it. What that depends on comes as a definition: types, functions, extensions, and
//! tables without their rows. What would tie it to a table that is not restored with its rows is left out: foreign keys, and
//! being a partition of it.

mod choice;
mod outline;

use std::collections::HashSet;

use tokio::io::AsyncRead;

use super::selection::{Rename, Selection};
use crate::{
    format::PgText,
    schema::{Entry, Kind, SchemaError, SchemaReader},
};
use choice::choose;
use outline::Outline;

/// What a selection comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    entries: HashSet<u32>,
    /// Those of [`Self::entries`] that are there only because others depend on them, and what describes them.
    needed: HashSet<u32>,
    /// Tables whose rows come.
    tables: HashSet<(PgText, PgText)>,
    /// Sequences whose values come.
    sequences: HashSet<(PgText, PgText)>,
    extensions: HashSet<PgText>,
    renames: Vec<(Kind, Rename)>,
    /// What is left out, or comes without rows, each in a sentence.
    pub remarks: Vec<String>,
    /// What was named and is not there, each in a sentence.
    pub unknown: Vec<String>,
}

impl Chosen {
    /// Reads the whole schema. In memory are its entries without their definitions: about 200 bytes each.
    ///
    /// # Errors
    /// When the schema cannot be read.
    pub async fn read<R: AsyncRead + Unpin>(
        mut schema: SchemaReader<R>,
        selection: &Selection,
    ) -> Result<Self, SchemaError> {
        let mut outlines = Vec::new();
        while let Some(entry) = schema.next_entry().await? {
            outlines.push(Outline::from(entry));
        }
        Ok(choose(&outlines, selection))
    }

    /// Whether an entry is restored. What sets the session up always is.
    pub fn has(&self, entry: &Entry) -> bool {
        entry.kind.is_preamble() || self.entries.contains(&entry.id)
    }

    /// Whether an entry is restored only because others depend on it.
    pub fn is_only_needed(&self, entry: &Entry) -> bool {
        self.needed.contains(&entry.id)
    }

    pub fn has_rows_of(&self, schema: &PgText, name: &PgText) -> bool {
        self.tables.contains(&(schema.clone(), name.clone()))
    }

    pub fn has_value_of(&self, schema: &PgText, name: &PgText) -> bool {
        self.sequences.contains(&(schema.clone(), name.clone()))
    }

    pub fn has_extension(&self, name: &PgText) -> bool {
        self.extensions.contains(name)
    }

    /// New names, each with the kind of what gets it: relations before schemas.
    pub fn renames(&self) -> &[(Kind, Rename)] {
        &self.renames
    }
}

#[cfg(test)]
mod tests;
