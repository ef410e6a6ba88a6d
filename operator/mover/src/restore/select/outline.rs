//! Entries as far as their places among the others are concerned, and what kinds of them there are to a selection.

use crate::{
    format::PgText,
    schema::{Entry, Kind},
};

/// An entry as far as its place among the others is concerned.
pub struct Outline {
    pub id: u32,
    pub kind: Kind,
    pub namespace: Option<PgText>,
    pub tag: PgText,
    pub dependencies: Vec<u32>,
}

impl From<Entry> for Outline {
    fn from(entry: Entry) -> Self {
        let Entry { id, kind, namespace, tag, dependencies, .. } = entry;
        Self { id, kind, namespace, tag, dependencies }
    }
}

impl Outline {
    pub fn name(&self) -> (PgText, PgText) {
        (self.namespace.clone().unwrap_or_default(), self.tag.clone())
    }

    /// For people.
    pub fn full_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}.{}", self.tag),
            None => self.tag.to_string(),
        }
    }

    /// Whether this is `"table part"`, a part of that table.
    pub fn is_tagged_as_part_of(&self, table: &Self) -> bool {
        let rest = self.tag.as_bytes().strip_prefix(table.tag.as_bytes());
        self.namespace == table.namespace && rest.is_some_and(|rest| rest.is_empty() || rest[0] == b' ')
    }
}

/// What a name in `--table` may be.
pub fn is_relation(kind: Kind) -> bool {
    matches!(kind, Kind::Table | Kind::View | Kind::MaterializedView | Kind::ForeignTable | Kind::Sequence)
}

/// What tells about another entry's object.
pub fn is_description(kind: Kind) -> bool {
    matches!(kind, Kind::Acl | Kind::Comment | Kind::SecurityLabel)
}

/// What says which tables of a schema are published; nobody subscribes to a selection.
pub fn is_publication(kind: Kind) -> bool {
    matches!(kind, Kind::PublicationTable | Kind::PublicationSchema)
}

/// What belongs to a relation and has no life of its own.
pub fn is_part(kind: Kind) -> bool {
    const PARTS: [Kind; 14] = [
        Kind::CheckConstraint,
        Kind::Constraint,
        Kind::Default,
        Kind::ForeignKey,
        Kind::Index,
        Kind::IndexAttach,
        Kind::MaterializedViewData,
        Kind::Policy,
        Kind::RowSecurity,
        Kind::Rule,
        Kind::SequenceOwner,
        Kind::Statistics,
        Kind::TableAttach,
        Kind::Trigger,
    ];
    PARTS.contains(&kind)
}
