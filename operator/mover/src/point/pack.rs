//! A pack that a lane fills: up to 16 MiB of sealed frames, one object in the end.

use bytes::Bytes;

use super::pool::Buffer;
use crate::{
    format::{FRAME_DEFAULT, FRAME_LIMIT, FrameSpan, Hash, Id},
    seal::{Expected, ObjectKind, SealError, SealKey, Sealer, Suite},
};

/// What a pack is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackKind {
    /// Rows of segments.
    Rows,
    /// The schema stream.
    Schema,
}

/// One object in the making. Dropping it gives its memory back and leaves nothing behind.
pub struct Pack {
    number: u32,
    sealer: Sealer,
    buffer: Buffer,
}

/// Why a frame was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackError {
    #[error("add a frame of {plain} bytes: the pack is full")]
    Full { plain: usize },
    #[error("add a frame")]
    Seal(#[source] SealError),
}

/// A finished pack: an object's bytes, which give their memory back when the last clone is dropped.
pub(super) struct FinishedPack {
    pub number: u32,
    pub bytes: Bytes,
    pub hash: Hash,
}

struct Sealed {
    buffer: Buffer,
    length: usize,
}

impl PackKind {
    pub(super) fn object(self) -> ObjectKind {
        match self {
            Self::Rows => ObjectKind::Pack,
            Self::Schema => ObjectKind::Schema,
        }
    }
}

impl Pack {
    pub(super) fn begin(
        number: u32,
        object: &Expected,
        writer: Id,
        suite: Suite,
        key: &SealKey,
        mut buffer: Buffer,
    ) -> Result<Self, SealError> {
        let (bytes, _) = buffer.parts();
        let sealer = Sealer::begin(object, writer, suite, key, bytes)?;
        Ok(Self { number, sealer, buffer })
    }

    /// Whether a frame of `plain` bytes has room, whatever it compresses to.
    pub fn fits(&self, plain: usize) -> bool {
        self.sealer.fits(plain, self.buffer.capacity())
    }

    /// No room is left for a frame of the usual size.
    pub fn is_full(&self) -> bool {
        !self.fits(FRAME_DEFAULT)
    }

    pub fn is_empty(&self) -> bool {
        self.sealer.counter() == 0
    }

    /// Compresses and seals one frame of at most 4 MiB. Keeps a core busy for about 2 ms per MiB: run it on a thread of
    /// one's own or inside [`super::cpu`].
    ///
    /// # Errors
    /// [`PackError::Full`] when it does not fit any more: put this pack and open another. Nothing was added then.
    pub fn push(&mut self, plain: &[u8]) -> Result<FrameSpan, PackError> {
        if !plain.is_empty() && plain.len() <= FRAME_LIMIT && !self.fits(plain.len()) {
            return Err(PackError::Full { plain: plain.len() });
        }
        let span = FrameSpan {
            object: self.number,
            offset: self.sealer.length() as u64,
            first: u32::try_from(self.sealer.counter())
                .map_err(|_| PackError::Full { plain: plain.len() })?,
            count: 1,
        };
        let (bytes, compressor) = self.buffer.parts();
        self.sealer.push(plain, compressor, bytes).map_err(PackError::Seal)?;
        Ok(span)
    }

    /// Seals the final record and hashes the object.
    pub(super) fn finish(mut self) -> Result<FinishedPack, SealError> {
        let (bytes, _) = self.buffer.parts();
        let length = self.sealer.finish(bytes)?;
        let bytes = Bytes::from_owner(Sealed { buffer: self.buffer, length });
        let hash = Hash::of(&bytes);
        Ok(FinishedPack { number: self.number, bytes, hash })
    }
}

impl AsRef<[u8]> for Sealed {
    fn as_ref(&self) -> &[u8] {
        &self.buffer.bytes()[..self.length]
    }
}
