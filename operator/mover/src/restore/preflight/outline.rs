//! What a schema will ask of the target, read before anything is made.

use std::collections::{BTreeSet, HashMap, HashSet};

use tokio::io::AsyncRead;

use super::mentions::mentioned;
use crate::{
    format::PgText,
    schema::{Entry, Kind, Preamble, SchemaError, SchemaReader},
};

/// A schema, read once from beginning to end. That it could be read means that every kind of entry is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    pub preamble: Preamble,
    /// Who owns something.
    pub owners: BTreeSet<PgText>,
    /// Of the roles that were looked for, those that a grant, a policy or a user mapping names, and the first one that
    /// does.
    pub named: HashMap<PgText, String>,
    /// Tablespaces that something lives in.
    pub tablespaces: BTreeSet<PgText>,
    /// Subscriptions come back disabled.
    pub subscriptions: Vec<PgText>,
}

impl Outline {
    /// Reads all entries that are to be restored. `missing` are the roles to look for in statements.
    pub async fn read<R: AsyncRead + Unpin>(
        mut reader: SchemaReader<R>,
        missing: &HashSet<PgText>,
        is_taken: impl Fn(&Entry) -> bool,
    ) -> Result<Self, SchemaError> {
        let mut outline = Self::default();
        while let Some(entry) = reader.next_entry().await? {
            if is_taken(&entry) {
                outline.take(&entry, missing);
            }
        }
        Ok(outline)
    }

    fn take(&mut self, entry: &Entry, missing: &HashSet<PgText>) {
        if self.preamble.accept(entry) {
            return;
        }
        if let Some(owner) = &entry.owner
            && entry.is_given_away()
            && !self.owners.contains(owner)
        {
            self.owners.insert(owner.clone());
        }
        if let Some(tablespace) = entry.tablespace.as_ref().filter(|name| !name.is_empty())
            && !self.tablespaces.contains(tablespace)
        {
            self.tablespaces.insert(tablespace.clone());
        }
        if entry.kind == Kind::Subscription {
            self.subscriptions.push(entry.tag.clone());
        }
        let names_roles =
            matches!(entry.kind, Kind::Acl | Kind::DefaultAcl | Kind::Policy | Kind::UserMapping);
        if names_roles && !missing.is_empty() {
            for role in mentioned(entry.definition.as_bytes(), missing) {
                self.named.entry(role).or_insert_with(|| entry.to_string());
            }
        }
    }
}
