//! One stored entry.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Kind, SchemaError};
use crate::{
    archive::{self, CatalogueId},
    format::PgText,
};

/// One entry of a schema: what [`archive::Entry`] tells, less what only matters where an archive holds rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Above 0, and the entry's alone. Dependencies name these.
    pub id: u32,
    pub catalogue: CatalogueId,
    /// The object's name; a function's with its arguments, a constraint's with its table before it.
    pub tag: PgText,
    pub kind: Kind,
    pub section: Section,
    pub namespace: Option<PgText>,
    /// Empty: the database's default. `None`: the object has no place of its own.
    pub tablespace: Option<PgText>,
    pub access_method: Option<PgText>,
    /// `pg_class.relkind`, where pg_dump was 17 or newer.
    pub relation_kind: Option<u8>,
    /// `None`: nobody owns it.
    pub owner: Option<PgText>,
    pub drop_statement: Option<PgText>,
    /// Entries that must come first; some may not be there.
    pub dependencies: Vec<u32>,
    /// One or more SQL statements; may be empty.
    pub definition: PgText,
}

impl TryFrom<archive::Entry> for Entry {
    type Error = SchemaError;

    /// Fails for a kind that could not be put back, and for an entry whose rows would have followed.
    fn try_from(entry: archive::Entry) -> Result<Self, SchemaError> {
        let name = || entry.tag.to_string();
        let Some(kind) = Kind::from_word(&entry.kind) else {
            return Err(SchemaError::UnknownKind { kind: entry.kind.clone(), name: name() });
        };
        let section = match entry.section {
            archive::Section::None => Section::None,
            archive::Section::PreData => Section::Pre,
            archive::Section::PostData => Section::Post,
            archive::Section::Data => return Err(SchemaError::HasData { kind, name: name() }),
        };
        if entry.has_data {
            return Err(SchemaError::HasData { kind, name: name() });
        }
        Ok(Self {
            id: entry.id,
            catalogue: entry.catalogue,
            tag: entry.tag,
            kind,
            section,
            namespace: entry.namespace.filter(|name| !name.as_bytes().is_empty()),
            tablespace: entry.tablespace,
            access_method: entry.access_method,
            relation_kind: entry.relation_kind,
            owner: entry.owner.filter(|name| !name.as_bytes().is_empty()),
            drop_statement: entry.drop_statement,
            dependencies: entry.dependencies,
            definition: entry.definition.unwrap_or_default(),
        })
    }
}

impl Entry {
    /// Whether its object is given to its owner. Grants and comments only tell whose object they speak of.
    pub fn is_given_away(&self) -> bool {
        self.owner.is_some() && self.drop_statement.as_ref().is_some_and(|drop| !drop.is_empty())
    }
}

impl fmt::Display for Entry {
    /// As people would name it: `INDEX app.orders_by_day`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{} {namespace}.{}", self.kind, self.tag),
            None => write!(formatter, "{} {}", self.kind, self.tag),
        }
    }
}

/// When an entry is restored, relative to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Section {
    /// With its neighbours: comments, grants.
    #[serde(rename = "none")]
    None,
    /// Before any row.
    #[serde(rename = "pre")]
    Pre,
    /// After the rows: keys, indexes, triggers.
    #[serde(rename = "post")]
    Post,
}

/// The part of an entry that is stored as JSON, before its definition.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredHeader {
    id: u32,
    catalogue: StoredCatalogueId,
    kind: Kind,
    tag: PgText,
    section: Section,
    namespace: Option<PgText>,
    tablespace: Option<PgText>,
    access_method: Option<PgText>,
    relation_kind: Option<char>,
    owner: Option<PgText>,
    drop: Option<PgText>,
    dependencies: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct StoredCatalogueId {
    table: u32,
    object: u32,
}

impl StoredHeader {
    pub fn new(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            catalogue: StoredCatalogueId { table: entry.catalogue.catalogue, object: entry.catalogue.object },
            kind: entry.kind,
            tag: entry.tag.clone(),
            section: entry.section,
            namespace: entry.namespace.clone(),
            tablespace: entry.tablespace.clone(),
            access_method: entry.access_method.clone(),
            relation_kind: entry.relation_kind.map(char::from),
            owner: entry.owner.clone(),
            drop: entry.drop_statement.clone(),
            dependencies: entry.dependencies.clone(),
        }
    }

    pub fn into_entry(self, definition: PgText) -> Entry {
        Entry {
            id: self.id,
            catalogue: CatalogueId { catalogue: self.catalogue.table, object: self.catalogue.object },
            tag: self.tag,
            kind: self.kind,
            section: self.section,
            namespace: self.namespace,
            tablespace: self.tablespace,
            access_method: self.access_method,
            relation_kind: self.relation_kind.and_then(|kind| u8::try_from(kind).ok()),
            owner: self.owner,
            drop_statement: self.drop,
            dependencies: self.dependencies,
            definition,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An entry of schema `app`, owned by `alice`.
    pub fn entry(kind: Kind, tag: &str) -> Entry {
        Entry {
            id: 1,
            catalogue: CatalogueId { catalogue: 1259, object: 16_385 },
            tag: tag.into(),
            kind,
            section: Section::Pre,
            namespace: Some("app".into()),
            tablespace: None,
            access_method: None,
            relation_kind: None,
            owner: Some("alice".into()),
            drop_statement: None,
            dependencies: Vec::new(),
            definition: format!("CREATE {kind} {tag};").as_str().into(),
        }
    }

    #[test]
    fn a_kind_that_could_not_be_put_back_is_refused() {
        let mut source = archive::Entry {
            id: 7,
            has_data: false,
            catalogue: CatalogueId { catalogue: 0, object: 0 },
            tag: "g".into(),
            kind: "PROPERTY GRAPH".into(),
            section: archive::Section::PreData,
            definition: Some("CREATE PROPERTY GRAPH g;".into()),
            drop_statement: None,
            copy_statement: None,
            namespace: None,
            tablespace: None,
            access_method: None,
            relation_kind: None,
            owner: None,
            dependencies: Vec::new(),
        };
        let error = Entry::try_from(source.clone()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "pg_dump wrote a kind of entry that is not known here: PROPERTY GRAPH (g)"
        );
        source.kind = "TABLE".into();
        source.has_data = true;
        assert!(matches!(Entry::try_from(source), Err(SchemaError::HasData { .. })));
    }
}
