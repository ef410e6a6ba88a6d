//! One entry of the table of contents, as the archive has it.

use crate::format::PgText;

/// One object's definition, or one statement about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The archive's own number of the entry; above 0. Dependencies name these.
    pub id: u32,
    /// Whether rows or large objects of it follow the table of contents.
    pub has_data: bool,
    pub catalogue: CatalogueId,
    /// The object's name; a function's with its arguments, a constraint's with its table before it.
    pub tag: PgText,
    /// What it is, in pg_dump's words: `TABLE`, `FK CONSTRAINT`, `ACL`. ASCII.
    pub kind: String,
    pub section: Section,
    /// One or more SQL statements.
    pub definition: Option<PgText>,
    /// The statement that removes the object again.
    pub drop_statement: Option<PgText>,
    /// The COPY statement that loads a table's rows.
    pub copy_statement: Option<PgText>,
    pub namespace: Option<PgText>,
    /// Empty: the database's default. `None`: the object has no place of its own.
    pub tablespace: Option<PgText>,
    /// The table access method.
    pub access_method: Option<PgText>,
    /// `pg_class.relkind`, from archive version 1.16 on.
    pub relation_kind: Option<u8>,
    /// Empty or `None`: nobody owns it.
    pub owner: Option<PgText>,
    /// Entries that must come first; some may not be in the archive.
    pub dependencies: Vec<u32>,
}

/// Where an object was found: the OID of its catalogue and its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatalogueId {
    pub catalogue: u32,
    pub object: u32,
}

/// When an entry is restored, relative to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// With its neighbours: comments, grants.
    None,
    /// Before any row.
    PreData,
    /// The rows themselves.
    Data,
    /// After the rows: keys, indexes, triggers.
    PostData,
}
