//! The framing of records inside an object, for sealer and opener alike.

use aws_lc_rs::{
    aead::{Aad, NONCE_LEN, Nonce},
    digest::{SHA256, digest},
};

use super::HEADER_LENGTH;

/// Bytes in front of every sealed record.
pub(crate) const FRAME_LENGTH: usize = 12;
/// Bytes of an AEAD's tag.
pub(super) const TAG_LENGTH: usize = 16;
/// Bytes of the final record.
pub(crate) const FINAL_LENGTH: usize = FRAME_LENGTH + TAG_LENGTH;
/// Most records in one object, so that the nonce cannot come round.
pub(super) const RECORDS_LIMIT: u64 = 0xffff_ffff;
/// The record kind of the final record.
pub(super) const END: u8 = 0;

/// Codecs.
pub(super) const PLAIN: u8 = 0;
pub(super) const ZSTD: u8 = 1;

/// What is known of a record before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub is_final: bool,
    pub kind: u8,
    pub codec: u8,
    pub plain: u32,
    /// With the tag.
    pub sealed: u32,
}

/// The most room that a record of `plain` bytes takes, whatever they compress to.
pub(crate) fn record_room(plain: usize) -> usize {
    FRAME_LENGTH + TAG_LENGTH + zstd::compress_bound(plain)
}

impl Frame {
    pub fn encode(self) -> [u8; FRAME_LENGTH] {
        let mut bytes = [0; FRAME_LENGTH];
        bytes[0] = u8::from(self.is_final);
        bytes[1] = self.kind;
        bytes[2] = self.codec;
        bytes[4..8].copy_from_slice(&self.plain.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sealed.to_le_bytes());
        bytes
    }

    /// Bytes of the whole record, frame and tag included.
    pub fn length(self) -> usize {
        usize::try_from(self.sealed).map_or(usize::MAX, |sealed| sealed.saturating_add(FRAME_LENGTH))
    }

    /// `None`: the bytes could not have been written by a sealer.
    pub fn decode(bytes: &[u8; FRAME_LENGTH]) -> Option<Self> {
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let frame = Self {
            is_final: bytes[0] == 1,
            kind: bytes[1],
            codec: bytes[2],
            plain: number(4),
            sealed: number(8),
        };
        let encoded = frame.sealed.checked_sub(16)?;
        let shape = match (frame.is_final, frame.codec) {
            (true, PLAIN) => frame.kind == END && frame.plain == 0 && encoded == 0,
            (false, PLAIN) => frame.plain > 0 && encoded == frame.plain,
            (false, ZSTD) => encoded > 0 && encoded < frame.plain,
            _ => false,
        };
        let sound = bytes[0] <= 1 && bytes[3] == 0 && shape;
        sound.then_some(frame)
    }
}

/// What a record is bound to: its object by the header's hash, its place, and all that stands in its frame.
pub(super) struct Binding {
    header: [u8; 32],
}

impl Binding {
    pub fn new(header: &[u8; HEADER_LENGTH]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, header).as_ref());
        Self { header: hash }
    }

    pub fn aad(&self, counter: u64, frame: &Frame) -> Aad<[u8; 48]> {
        let mut bytes = [0; 48];
        bytes[..32].copy_from_slice(&self.header);
        bytes[32..40].copy_from_slice(&counter.to_le_bytes());
        bytes[40] = u8::from(frame.is_final);
        bytes[41] = frame.kind;
        bytes[42] = frame.codec;
        bytes[44..].copy_from_slice(&frame.plain.to_le_bytes());
        Aad::from(bytes)
    }
}

/// The record's counter as nonce: unique, because each object has a key of its own.
pub(super) fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - 8..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}
