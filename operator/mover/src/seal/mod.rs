//! How stored objects are sealed (`FORMAT.md`, sections 2 to 4).
//!
//! Each object has a key of its own, derived from a longer-lived key and a fresh salt, and commits to it. Its records are
//! sealed one by one with a counter as nonce, and the last one says so: what was cut off, appended, reordered or taken from
//! another object does not open. Nothing is given out that was not authenticated.

mod document;
mod envelope;
mod error;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod header;
mod key;
mod opener;
mod random;
mod records;
mod sealer;
mod wrap;

pub(crate) use document::{LEVEL, decompressor, open_records, parse, parse_versioned, seal_records};
pub use document::{open_document, seal_document};
pub use error::{OpenError, Problem, SealError};
pub use header::{Expected, HEADER_LENGTH, Header, ObjectKind, RecordKind, Suite};
pub use key::{CatalogueKey, ChainKey, KeyError, LedgerKey, RecordKey, SealKey};
pub use opener::Opener;
pub use random::{RandomError, random_id};
pub(crate) use records::Records;
pub use sealer::Sealer;
pub use wrap::{Identity, Recipient, WrapError, unwrap, wrap};

pub(crate) use envelope::{FINAL_LENGTH, FRAME_LENGTH};

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod vector_tests;
