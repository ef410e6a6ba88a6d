//! The schema stream of a point: entry after entry, each a header and a definition with their lengths before them.
//!
//! ```text
//! stream = entry*
//! entry  = u32 header-length, header (JSON), u32 definition-length, definition (SQL in the database's encoding)
//! ```
//!
//! Lengths are little endian. Where the stream is cut into sealed frames does not matter.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, BufReader};

use super::{Entry, SchemaError, entry::StoredHeader};
use crate::{archive::STATEMENT_LIMIT, format::PgText};

/// The most bytes of a stored header: names, the drop statement and the dependencies.
const HEADER_LIMIT: usize = 1 << 20;
/// How much room is made at a time for what the stream announces.
const STEP: usize = 64 << 10;

/// Appends one entry as it is stored.
///
/// # Errors
/// When a part is longer than a reader would accept.
pub fn encode(entry: &Entry, into: &mut Vec<u8>) -> Result<(), SchemaError> {
    let header = serde_json::to_vec(&StoredHeader::new(entry))
        .map_err(|source| SchemaError::EncodeHeader { id: entry.id, source })?;
    append(entry.id, "the header", &header, HEADER_LIMIT, into)?;
    append(entry.id, "the definition", entry.definition.as_bytes(), STATEMENT_LIMIT, into)
}

fn append(
    id: u32,
    part: &'static str,
    bytes: &[u8],
    limit: usize,
    into: &mut Vec<u8>,
) -> Result<(), SchemaError> {
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|_| bytes.len() <= limit)
        .ok_or(SchemaError::TooLong { id, part, bytes: bytes.len(), limit })?;
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(bytes);
    Ok(())
}

/// Reads a stored schema entry by entry; one of them is in memory at a time.
pub struct SchemaReader<R> {
    reader: BufReader<R>,
    position: u64,
}

impl<R: AsyncRead + Unpin> SchemaReader<R> {
    /// Over the plain bytes of the stream.
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(STEP, reader), position: 0 }
    }

    /// The next entry; `None` where the stream ends, which it may only between two of them.
    pub async fn next_entry(&mut self) -> Result<Option<Entry>, SchemaError> {
        let Some(length) = self.length_or_end().await? else {
            return Ok(None);
        };
        let header = self.bytes(length, "a header", HEADER_LIMIT).await?;
        let header: StoredHeader = serde_json::from_slice(&header)
            .map_err(|source| SchemaError::DecodeHeader { position: self.position, source })?;
        let length = self.length_or_end().await?.ok_or(SchemaError::Truncated { position: self.position })?;
        let definition = self.bytes(length, "a definition", STATEMENT_LIMIT).await?;
        Ok(Some(header.into_entry(PgText::new(definition))))
    }

    /// `None`: not one byte is left.
    async fn length_or_end(&mut self) -> Result<Option<u32>, SchemaError> {
        let mut bytes = [0; 4];
        let mut filled = 0;
        while filled < bytes.len() {
            let read = self.reader.read(&mut bytes[filled..]).await;
            match read.map_err(|source| SchemaError::Read { position: self.position, source })? {
                0 if filled == 0 => return Ok(None),
                0 => return Err(SchemaError::Truncated { position: self.position }),
                read => filled += read,
            }
        }
        self.position += bytes.len() as u64;
        Ok(Some(u32::from_le_bytes(bytes)))
    }

    async fn bytes(&mut self, length: u32, part: &'static str, limit: usize) -> Result<Vec<u8>, SchemaError> {
        let position = self.position;
        let wanted = usize::try_from(length)
            .ok()
            .filter(|wanted| *wanted <= limit)
            .ok_or(SchemaError::StoredTooLong { position, part, bytes: length, limit })?;
        let mut bytes = Vec::new();
        while bytes.len() < wanted {
            let start = bytes.len();
            bytes.resize(wanted.min(start + STEP.max(start)), 0);
            match self.reader.read_exact(&mut bytes[start..]).await {
                Ok(read) => self.position += read as u64,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(SchemaError::Truncated { position: self.position });
                }
                Err(source) => return Err(SchemaError::Read { position: self.position, source }),
            }
        }
        Ok(bytes)
    }
}
