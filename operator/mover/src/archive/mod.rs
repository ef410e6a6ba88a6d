//! Reads the schema that `pg_dump -Fc` writes: the table of contents of a custom-format archive, as it comes out of a
//! pipe. What the entries mean is not known here (see [`crate::schema`]).
//!
//! The layout, archive versions 1.12 (PostgreSQL 9.0) to 1.16 (PostgreSQL 18):
//!
//! ```text
//! archive   = "PGDMP" major minor revision integer-size offset-size format compression created database
//!             server-version dump-version count entry*
//! created   = 7 integers (a broken-down local time)
//! entry     = id has-data catalogue-oid object-oid tag kind section definition drop copy namespace tablespace
//!             access-method relation-kind owner with-oids dependency* (end: a null text) offset
//! integer   = sign byte, then integer-size bytes, least significant first
//! text      = integer length (negative: null), then so many bytes, in the database's encoding
//! offset    = flag byte, then offset-size bytes
//! ```
//!
//! `compression` is a byte from 1.15 on and an integer before; `access-method` exists from 1.14 on, `relation-kind` from
//! 1.16 on. OIDs and dependencies are decimal numbers written as texts.
//!
//! Nothing that the input says is believed before it is checked: a text longer than its limit is refused before room is
//! made for it, and room grows only with the bytes that really come.

mod entry;
mod error;
mod header;
mod input;
mod reader;

pub use entry::{CatalogueId, Entry, Section};
pub use error::ArchiveError;
pub use header::{ArchiveVersion, Header};
pub use reader::ArchiveReader;

/// The most bytes of a definition, a drop or a copy statement.
pub const STATEMENT_LIMIT: usize = 64 << 20;
/// The most bytes of any other text: names, and tags, which hold a function's arguments.
pub const NAME_LIMIT: usize = 1 << 20;
/// The most other entries that one entry can depend on.
pub const DEPENDENCY_LIMIT: usize = 1 << 20;

#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod tests;
