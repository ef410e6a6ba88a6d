//! Seals one object, record by record, into a buffer that is given.

use aws_lc_rs::aead::LessSafeKey;
use zstd::bulk::Compressor;

use super::{
    Expected, HEADER_LENGTH, Header, RecordKind, SealError, SealKey, Suite,
    envelope::{
        Binding, END, FINAL_LENGTH, FRAME_LENGTH, Frame, PLAIN, RECORDS_LIMIT, TAG_LENGTH, ZSTD, nonce,
        record_room,
    },
    random::random,
};

/// One object in the making. It looks whole only after [`Sealer::finish`].
pub struct Sealer {
    key: LessSafeKey,
    binding: Binding,
    record: RecordKind,
    limit: usize,
    counter: u64,
    /// Bytes of the buffer that are used.
    length: usize,
}

impl Sealer {
    /// Writes the header of a new object to the front of `buffer`, with a salt and so a key of its own.
    ///
    /// # Errors
    /// When no random salt can be drawn, or the buffer cannot even hold an empty object.
    pub fn begin(
        object: &Expected,
        writer: crate::format::Id,
        suite: Suite,
        key: &SealKey,
        buffer: &mut [u8],
    ) -> Result<Self, SealError> {
        Self::with_salt(object, writer, suite, key, random()?, buffer)
    }

    pub(super) fn with_salt(
        object: &Expected,
        writer: crate::format::Id,
        suite: Suite,
        key: &SealKey,
        salt: [u8; 32],
        buffer: &mut [u8],
    ) -> Result<Self, SealError> {
        let keys = key.object_key(suite, object.kind, &salt);
        let header = Header {
            suite,
            kind: object.kind,
            number: object.number,
            vault: object.vault,
            chain: object.chain,
            point: object.point,
            writer,
            salt,
            commitment: keys.commitment,
        }
        .encode();
        if buffer.len() < HEADER_LENGTH + FINAL_LENGTH {
            return Err(SealError::Full);
        }
        buffer[..HEADER_LENGTH].copy_from_slice(&header);
        Ok(Self {
            key: keys.aead,
            binding: Binding::new(&header),
            record: object.kind.holds(),
            limit: object.kind.plain_limit(),
            counter: 0,
            length: HEADER_LENGTH,
        })
    }

    /// Bytes written so far; also where the next record starts.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The counter of the next record.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// Whether a record of `plain` bytes is sure to fit into a buffer of `capacity`, whatever it compresses to.
    pub fn fits(&self, plain: usize, capacity: usize) -> bool {
        self.length.saturating_add(record_room(plain)).saturating_add(FINAL_LENGTH) <= capacity
    }

    /// Compresses and seals one record behind the others.
    ///
    /// # Errors
    /// When it is empty or larger than the object's kind allows, or does not fit.
    pub fn push(
        &mut self,
        plain: &[u8],
        compressor: &mut Compressor<'_>,
        buffer: &mut [u8],
    ) -> Result<(), SealError> {
        let size = SealError::Size { plain: plain.len(), limit: self.limit };
        if plain.is_empty() || plain.len() > self.limit {
            return Err(size);
        }
        if !self.fits(plain.len(), buffer.len()) || self.counter >= RECORDS_LIMIT {
            return Err(SealError::Full);
        }
        let start = self.length + FRAME_LENGTH;
        let room = &mut buffer[start..start + zstd::compress_bound(plain.len())];
        let packed = compressor
            .compress_to_buffer(plain, room)
            .map_err(|error| SealError::Compress(error.to_string()))?;
        let (codec, encoded) = if packed < plain.len() {
            (ZSTD, packed)
        } else {
            room[..plain.len()].copy_from_slice(plain);
            (PLAIN, plain.len())
        };
        let frame = Frame {
            is_final: false,
            kind: self.record.code(),
            codec,
            plain: u32::try_from(plain.len()).map_err(|_| size)?,
            sealed: sealed_length(encoded)?,
        };
        self.seal(frame, encoded, buffer)
    }

    /// Seals the final record. Returns the bytes of the buffer that are the object.
    ///
    /// # Errors
    /// When the cipher refuses.
    pub fn finish(mut self, buffer: &mut [u8]) -> Result<usize, SealError> {
        let frame = Frame { is_final: true, kind: END, codec: PLAIN, plain: 0, sealed: sealed_length(0)? };
        self.seal(frame, 0, buffer)?;
        Ok(self.length)
    }

    /// Seals `encoded` bytes that lie behind the place of their frame.
    fn seal(&mut self, frame: Frame, encoded: usize, buffer: &mut [u8]) -> Result<(), SealError> {
        let start = self.length + FRAME_LENGTH;
        let end = start + encoded;
        buffer[self.length..start].copy_from_slice(&frame.encode());
        let tag = self
            .key
            .seal_in_place_separate_tag(
                nonce(self.counter),
                self.binding.aad(self.counter, &frame),
                &mut buffer[start..end],
            )
            .map_err(|_| SealError::Cipher)?;
        buffer[end..end + TAG_LENGTH].copy_from_slice(tag.as_ref());
        self.length = end + TAG_LENGTH;
        self.counter += 1;
        Ok(())
    }
}

fn sealed_length(encoded: usize) -> Result<u32, SealError> {
    u32::try_from(encoded + TAG_LENGTH).map_err(|_| SealError::Full)
}
