//! What can be wrong with a schema.

use std::io;

use super::Kind;

/// Why a schema could not be stored, read or planned.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("pg_dump wrote a kind of entry that is not known here: {kind} ({name})")]
    UnknownKind { kind: String, name: String },
    #[error("pg_dump announced rows for {kind} {name} in an archive of the schema only")]
    HasData { kind: Kind, name: String },
    #[error("failed to write the header of entry {id} as JSON")]
    EncodeHeader {
        id: u32,
        #[source]
        source: serde_json::Error,
    },
    #[error("{part} of entry {id} has {bytes} bytes, more than {limit}")]
    TooLong { id: u32, part: &'static str, bytes: usize, limit: usize },
    #[error("failed to read the stored schema at byte {position}")]
    Read {
        position: u64,
        #[source]
        source: io::Error,
    },
    #[error("the stored schema ends at byte {position}, in the middle of an entry")]
    Truncated { position: u64 },
    #[error("the stored schema has {part} of {bytes} bytes at byte {position}, more than {limit}")]
    StoredTooLong { position: u64, part: &'static str, bytes: u32, limit: usize },
    #[error("the stored header before byte {position} is not one of an entry")]
    DecodeHeader {
        position: u64,
        #[source]
        source: serde_json::Error,
    },
    #[error("no statement is known that gives {kind} {name} to its owner")]
    OwnerStatement { kind: Kind, name: String },
}
