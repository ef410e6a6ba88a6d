//! Foreign keys that are there before the rows: only the tables of extensions have such.

use std::collections::HashSet;

use crate::{
    format::PgText,
    postgres::{PgError, Session},
};

/// A table: its schema and its name.
type Name = (PgText, PgText);

/// Which table refers to which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References(HashSet<(Name, Name)>);

const QUERY: &str = "\
    SELECT n.nspname, c.relname, fn.nspname, f.relname FROM pg_catalog.pg_constraint k \
      JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
      JOIN pg_catalog.pg_class f ON f.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace \
     WHERE k.contype = 'f'";

impl References {
    /// Looks at the keys that are there.
    pub async fn find(session: &mut Session) -> Result<Self, PgError> {
        let mut references = Self::default();
        for row in session.query(QUERY).await? {
            references.add((row.text(0)?, row.text(1)?), (row.text(2)?, row.text(3)?));
        }
        Ok(references)
    }

    /// Whether one table refers to another.
    pub fn are(&self, from: (&PgText, &PgText), to: (&PgText, &PgText)) -> bool {
        let name = |(schema, name): (&PgText, &PgText)| (schema.clone(), name.clone());
        self.0.contains(&(name(from), name(to)))
    }

    pub(super) fn add(&mut self, from: Name, to: Name) {
        self.0.insert((from, to));
    }
}
