//! What objects a point has, and what people may see of its contents without the key to its data.

use serde::{Deserialize, Serialize};

use super::{Hash, PgText, TableKind};

/// Names a stored object of the same writer and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Below `data/<writer>/`.
    pub name: String,
    /// Stored bytes.
    pub size: u64,
    /// SHA-256 of the stored bytes.
    pub sha256: Hash,
}

/// One page of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryPage {
    pub format: u16,
    /// Counts from 0.
    pub page: u32,
    pub objects: Vec<InventoryObject>,
}

/// One stored object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryObject {
    #[serde(flatten)]
    pub object: Reference,
    /// What the store answered when it was written; `None` where the store has none.
    pub etag: Option<String>,
    pub version: Option<String>,
}

/// One page of contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentsPage {
    pub format: u16,
    /// Counts from 0.
    pub page: u32,
    /// Index into the record's data stores.
    pub data_store: u32,
    pub tables: Vec<ContentsTable>,
}

/// A table as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentsTable {
    pub schema: PgText,
    pub name: PgText,
    pub kind: TableKind,
    pub rows: u64,
    pub plain_bytes: u64,
}
