//! The archive's integers, texts and offsets, read from a stream with every bound checked first.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, BufReader};

use super::ArchiveError;
use crate::format::PgText;

/// How much room is made for a text at a time.
const STEP: usize = 64 << 10;
/// The digits of the largest 32-bit number, and a sign.
const NUMBER_LIMIT: usize = 11;

pub(super) struct Input<R> {
    reader: BufReader<R>,
    position: u64,
}

impl<R: AsyncRead + Unpin> Input<R> {
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(STEP, reader), position: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    pub async fn exact(&mut self, into: &mut [u8], field: &'static str) -> Result<(), ArchiveError> {
        match self.reader.read_exact(into).await {
            Ok(read) => {
                self.position += read as u64;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(ArchiveError::Truncated { position: self.position, field })
            }
            Err(source) => Err(ArchiveError::Read { position: self.position, source }),
        }
    }

    pub async fn byte(&mut self, field: &'static str) -> Result<u8, ArchiveError> {
        let mut byte = [0];
        self.exact(&mut byte, field).await?;
        Ok(byte[0])
    }

    /// A 32-bit number with its sign in a byte of its own.
    pub async fn integer(&mut self, field: &'static str) -> Result<i64, ArchiveError> {
        let mut bytes = [0; 5];
        self.exact(&mut bytes, field).await?;
        let [sign, magnitude @ ..] = bytes;
        let magnitude = i64::from(u32::from_le_bytes(magnitude));
        match sign {
            0 => Ok(magnitude),
            1 => Ok(-magnitude),
            _ => Err(ArchiveError::OutOfRange { position: self.position, field }),
        }
    }

    /// An integer that cannot be negative.
    pub async fn count(&mut self, field: &'static str) -> Result<u32, ArchiveError> {
        let number = self.integer(field).await?;
        u32::try_from(number).map_err(|_| ArchiveError::OutOfRange { position: self.position, field })
    }

    /// A text of at most `limit` bytes; `None`: the archive says that there is none.
    pub async fn text(&mut self, field: &'static str, limit: usize) -> Result<Option<PgText>, ArchiveError> {
        let Ok(length) = u64::try_from(self.integer(field).await?) else {
            return Ok(None);
        };
        let position = self.position;
        let wanted = usize::try_from(length)
            .ok()
            .filter(|wanted| *wanted <= limit)
            .ok_or(ArchiveError::TooLong { position, field, bytes: length, limit })?;
        let mut bytes = Vec::new();
        while bytes.len() < wanted {
            let start = bytes.len();
            bytes.resize(wanted.min(start + STEP.max(start)), 0);
            self.exact(&mut bytes[start..], field).await?;
        }
        Ok(Some(PgText::new(bytes)))
    }

    /// A 32-bit number written in decimal digits as a text.
    pub async fn decimal(&mut self, field: &'static str) -> Result<u32, ArchiveError> {
        let position = self.position;
        self.optional_decimal(field).await?.ok_or(ArchiveError::Missing { position, field })
    }

    /// As [`Self::decimal`]; `None` where the archive has no text.
    pub async fn optional_decimal(&mut self, field: &'static str) -> Result<Option<u32>, ArchiveError> {
        let Some(text) = self.text(field, NUMBER_LIMIT).await? else {
            return Ok(None);
        };
        std::str::from_utf8(text.as_bytes())
            .ok()
            .and_then(|digits| digits.parse().ok())
            .map(Some)
            .ok_or(ArchiveError::NotANumber { position: self.position, field })
    }

    /// Whether nothing is left.
    pub async fn is_at_end(&mut self) -> Result<bool, ArchiveError> {
        let mut byte = [0];
        let read = self.reader.read(&mut byte).await;
        read.map(|read| read == 0).map_err(|source| ArchiveError::Read { position: self.position, source })
    }
}
