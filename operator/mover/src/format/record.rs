//! The record: the object that makes a point exist.

use contract::{DataStore, Decision, Owner, RunId, SourceServer};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Hash, Id, Reference};

/// A point as its writer committed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub format: u16,
    pub vault: Id,
    pub point: Id,
    pub run: RunId,
    pub writer: Id,
    /// In format 1 the same as `writer`.
    pub chain: Id,
    /// A chain key that does not give this is a stranger's.
    pub chain_commitment: Hash,
    pub owner: Owner,
    pub decision: Decision,
    /// The writer's clock just after the snapshot; the earliest, where there are several databases.
    pub point_time: Timestamp,
    /// The writer's clock just before it wrote the record.
    pub commit_time: Timestamp,
    /// After it the writer makes no more writes.
    pub deadline: Timestamp,
    pub source: SourceServer,
    /// One per manifest, in the same order.
    pub data_stores: Vec<DataStore>,
    pub manifests: Vec<Reference>,
    /// What a whole server has besides its databases, where the point is of one: a document of the manifests' kind. A record
    /// without the member has none.
    pub globals: Option<Reference>,
    pub inventory: Vec<Reference>,
    pub contents: Vec<Reference>,
    /// Everything that the inventory lists, and the pages of inventory and contents too.
    pub objects: u64,
    pub stored_bytes: u64,
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
    pub tool: String,
}
