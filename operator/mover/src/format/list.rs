//! The lists that a manifest names: tables, segments, sequences. Those of globals are in `globals.rs`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{ContentsTable, Digest128, FrameSpan, PgText};

/// One page of a list, one stored object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPage<E> {
    pub format: u16,
    pub list: ListKind,
    /// Counts from 0 within the list.
    pub page: u32,
    pub entries: Vec<E>,
}

/// What a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListKind {
    Tables,
    Segments,
    Sequences,
    Roles,
    Memberships,
    Tablespaces,
}

/// Something that a list can hold.
pub trait ListEntry: Serialize + DeserializeOwned + Send + Sync + 'static {
    const LIST: ListKind;

    /// What people may see of it without the key to the data.
    fn contents(&self) -> Option<ContentsTable> {
        None
    }
}

impl ListEntry for TableEntry {
    const LIST: ListKind = ListKind::Tables;

    fn contents(&self) -> Option<ContentsTable> {
        Some(ContentsTable {
            schema: self.schema.clone(),
            name: self.name.clone(),
            kind: self.kind,
            rows: self.rows(),
            plain_bytes: self.plain_bytes,
        })
    }
}

impl ListEntry for SegmentEntry {
    const LIST: ListKind = ListKind::Segments;
}

impl ListEntry for SequenceEntry {
    const LIST: ListKind = ListKind::Sequences;
}

/// How the rows of a segment are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RowFormat {
    /// COPY's text format: every row ends with a line feed, which occurs nowhere else.
    Text,
    /// COPY's binary format without signature, header extension and trailer.
    Binary,
}

/// What a table is, as far as its rows are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TableKind {
    /// A table of its own or a partition.
    Ordinary,
    /// A table of an extension: only the rows that the extension registered for dumping.
    Configuration,
    /// One row per large object: `loid`, `owner`, `acl`, `comment`.
    LargeObjects,
    /// `loid`, `pageno`, `data`, as in `pg_largeobject`; a missing page is a hole.
    LargeObjectPages,
    /// `loid`, `offset` (bytes), `data`: where `pg_largeobject` could not be read.
    LargeObjectSlices,
}

/// A table whose rows are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableEntry {
    /// Counts from 1, unique in the manifest.
    pub id: u32,
    pub oid: u32,
    pub schema: PgText,
    pub name: PgText,
    pub kind: TableKind,
    /// The columns in the order in which a row has them.
    pub columns: Vec<PgText>,
    pub segments: u32,
    /// Bytes of its rows as stored, before compression.
    pub plain_bytes: u64,
    /// One for each format that occurs.
    pub digests: Vec<RowDigest>,
}

impl TableEntry {
    /// Rows in all formats.
    pub fn rows(&self) -> u64 {
        self.digests.iter().fold(0, |rows, digest| rows.saturating_add(digest.rows))
    }
}

/// Rows and their digest, whatever their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDigest {
    pub format: RowFormat,
    pub rows: u64,
    /// Sum modulo 2^128 of XXH3-128 (seed 0) of each row's bytes as stored, a text row's line feed included.
    pub sum: Digest128,
}

/// A run of whole rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentEntry {
    /// [`TableEntry::id`].
    pub table: u32,
    /// Counts from 0 within the table.
    pub number: u32,
    pub format: RowFormat,
    pub rows: u64,
    pub plain_bytes: u64,
    pub spans: Vec<FrameSpan>,
}

/// A sequence's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SequenceEntry {
    pub schema: PgText,
    pub name: PgText,
    pub last_value: i64,
    pub is_called: bool,
}
