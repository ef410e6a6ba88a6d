//! The head of an archive: its version, and who made it from what.

use tokio::io::AsyncRead;

use super::{ArchiveError, NAME_LIMIT, input::Input};
use crate::format::PgText;

const MAGIC: &[u8; 5] = b"PGDMP";
/// The custom format's number among the archive formats.
const CUSTOM: u8 = 1;
/// The size of an integer on every machine that pg_dump runs on.
const INTEGER_BYTES: u8 = 4;
/// Seconds, minutes, hours, day, month, year, and whether it is summer.
const TIME_FIELDS: usize = 7;

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub version: ArchiveVersion,
    pub(super) offset_bytes: u8,
    pub database: Option<PgText>,
    /// The server's version, as it names itself.
    pub server_version: Option<PgText>,
    /// pg_dump's own.
    pub dump_version: Option<PgText>,
    /// How many entries follow.
    pub entries: u32,
}

/// The version of the archive's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveVersion {
    pub major: u8,
    pub minor: u8,
}

impl ArchiveVersion {
    pub(super) const OLDEST: Self = Self { major: 1, minor: 12 };
    pub(super) const NEWEST: Self = Self { major: 1, minor: 16 };
    /// From here on entries name a table access method.
    pub(super) const WITH_ACCESS_METHOD: Self = Self { major: 1, minor: 14 };
    /// From here on the compression is a byte that names a method.
    pub(super) const WITH_COMPRESSION_METHOD: Self = Self { major: 1, minor: 15 };
    /// From here on entries tell the kind of their relation.
    pub(super) const WITH_RELATION_KIND: Self = Self { major: 1, minor: 16 };
}

impl Header {
    pub(super) async fn read<R: AsyncRead + Unpin>(input: &mut Input<R>) -> Result<Self, ArchiveError> {
        let version = read_version(input).await?;
        let integer_bytes = input.byte("the size of integers").await?;
        if integer_bytes != INTEGER_BYTES {
            return Err(ArchiveError::IntegerSize { bytes: integer_bytes });
        }
        let offset_bytes = input.byte("the size of offsets").await?;
        if !matches!(offset_bytes, 4 | 8) {
            return Err(ArchiveError::OffsetSize { bytes: offset_bytes });
        }
        let format = input.byte("the format").await?;
        if format != CUSTOM {
            return Err(ArchiveError::Format { format });
        }
        // There are no rows in the archive, so how they would be compressed does not matter.
        if version >= ArchiveVersion::WITH_COMPRESSION_METHOD {
            input.byte("the compression").await?;
        } else {
            input.integer("the compression").await?;
        }
        for _ in 0..TIME_FIELDS {
            input.integer("the time of creation").await?;
        }
        Ok(Self {
            version,
            offset_bytes,
            database: input.text("the database's name", NAME_LIMIT).await?,
            server_version: input.text("the server's version", NAME_LIMIT).await?,
            dump_version: input.text("the version of pg_dump", NAME_LIMIT).await?,
            entries: input.count("the number of entries").await?,
        })
    }
}

async fn read_version<R: AsyncRead + Unpin>(input: &mut Input<R>) -> Result<ArchiveVersion, ArchiveError> {
    let mut magic = [0; MAGIC.len()];
    input.exact(&mut magic, "the magic word").await?;
    if &magic != MAGIC {
        return Err(ArchiveError::NotAnArchive);
    }
    let mut bytes = [0; 3];
    input.exact(&mut bytes, "the version").await?;
    let [major, minor, _revision] = bytes;
    let version = ArchiveVersion { major, minor };
    if version < ArchiveVersion::OLDEST || version > ArchiveVersion::NEWEST {
        return Err(ArchiveError::VersionUnsupported { major, minor });
    }
    Ok(version)
}
