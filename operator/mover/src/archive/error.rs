//! What can be wrong with an archive.

use std::io;

/// Why an archive could not be read. Each message fits behind "the schema could not be read: ".
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("failed to read the archive at byte {position}")]
    Read {
        position: u64,
        #[source]
        source: io::Error,
    },
    #[error("the archive ends at byte {position}, in the middle of {field}")]
    Truncated { position: u64, field: &'static str },
    #[error("the archive goes on at byte {position}, after its last entry")]
    Trailing { position: u64 },
    #[error("this is no archive of pg_dump's custom format")]
    NotAnArchive,
    #[error("archive version {major}.{minor} is not one of 1.12 to 1.16")]
    VersionUnsupported { major: u8, minor: u8 },
    #[error("the archive has integers of {bytes} bytes")]
    IntegerSize { bytes: u8 },
    #[error("the archive has file offsets of {bytes} bytes")]
    OffsetSize { bytes: u8 },
    #[error("the archive has format {format}, not the custom one")]
    Format { format: u8 },
    #[error("{field} before byte {position} is out of range")]
    OutOfRange { position: u64, field: &'static str },
    #[error("{field} before byte {position} has {bytes} bytes, more than {limit}")]
    TooLong { position: u64, field: &'static str, bytes: u64, limit: usize },
    #[error("{field} before byte {position} is missing")]
    Missing { position: u64, field: &'static str },
    #[error("{field} before byte {position} is no number")]
    NotANumber { position: u64, field: &'static str },
    #[error("the kind of the entry before byte {position} is not plain text")]
    Kind { position: u64 },
    #[error("entry {id} has more than {limit} dependencies")]
    TooManyDependencies { id: u32, limit: usize },
    #[error("the table \"{table}\" was made WITH OIDS, which no supported server has")]
    WithOids { table: String },
}
