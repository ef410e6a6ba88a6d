//! Opens a sealed object, record by record.

use aws_lc_rs::{aead::LessSafeKey, constant_time::verify_slices_are_equal};
use bytes::Bytes;
use zstd::bulk::Decompressor;

use super::{
    Expected, HEADER_LENGTH, Header, OpenError, Problem, SealKey,
    envelope::{Binding, FRAME_LENGTH, Frame, RECORDS_LIMIT, TAG_LENGTH, ZSTD, nonce},
};
use crate::{format::FrameSpan, store::Name};

/// One object that is read. Whoever needs the whole object reads until [`Opener::next`] says that it ended.
pub struct Opener {
    object: Name,
    stored: Bytes,
    header: Header,
    key: LessSafeKey,
    binding: Binding,
    /// Where the next record's frame starts.
    position: usize,
    counter: u64,
    ended: bool,
    /// What a record holds before it is decompressed.
    opened: Vec<u8>,
}

impl Opener {
    /// Checks that the object is the one asked for and that the key is the one it was sealed with.
    ///
    /// # Errors
    /// [`Problem::WrongKey`] before anything else is looked at; otherwise what is wrong with the header.
    pub fn open(object: &Name, stored: Bytes, expected: &Expected, key: &SealKey) -> Result<Self, OpenError> {
        let fail = |problem| OpenError::new(object, problem);
        let header = Header::decode(object, &stored)?;
        header.check(expected).map_err(fail)?;
        let keys = key.object_key(header.suite, header.kind, &header.salt);
        verify_slices_are_equal(&keys.commitment, &header.commitment).map_err(|_| fail(Problem::WrongKey))?;
        let bytes = stored.first_chunk::<HEADER_LENGTH>().ok_or_else(|| fail(Problem::Truncated))?;
        let binding = Binding::new(bytes);
        Ok(Self {
            object: object.clone(),
            stored,
            header,
            key: keys.aead,
            binding,
            position: HEADER_LENGTH,
            counter: 0,
            ended: false,
            opened: Vec::new(),
        })
    }

    /// The header, proven once a record was opened.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Goes to the first record of a span.
    ///
    /// # Errors
    /// When the span lies outside the object. A span that starts between two records fails when one is opened.
    pub fn seek(&mut self, span: &FrameSpan) -> Result<(), OpenError> {
        let position =
            usize::try_from(span.offset).ok().filter(|at| (HEADER_LENGTH..self.stored.len()).contains(at));
        self.position = position.ok_or_else(|| OpenError::new(&self.object, Problem::Truncated))?;
        self.counter = u64::from(span.first);
        self.ended = false;
        Ok(())
    }

    /// The plain content of the next record, into `plain`; `false` after the final one.
    ///
    /// # Errors
    /// What is wrong with the record. `plain` is then empty.
    pub fn next(
        &mut self,
        decompressor: &mut Decompressor<'_>,
        plain: &mut Vec<u8>,
    ) -> Result<bool, OpenError> {
        plain.clear();
        let result = self.advance(decompressor, plain);
        if result.is_err() {
            plain.clear();
        }
        result.map_err(|problem| OpenError::new(&self.object, problem))
    }

    fn advance(&mut self, decompressor: &mut Decompressor<'_>, plain: &mut Vec<u8>) -> Result<bool, Problem> {
        if self.ended {
            return Ok(false);
        }
        let (frame, start, end) = self.frame()?;
        let (encoded, tag) = self.stored[start..end].split_at(end - start - TAG_LENGTH);
        self.opened.clear();
        self.opened.resize(encoded.len(), 0);
        self.key
            .open_separate_gather(
                nonce(self.counter),
                self.binding.aad(self.counter, &frame),
                encoded,
                tag,
                &mut self.opened,
            )
            .map_err(|_| Problem::Changed(self.counter))?;
        if frame.is_final {
            if end != self.stored.len() {
                return Err(Problem::Trailing);
            }
            self.ended = true;
            return Ok(false);
        }
        if frame.codec == ZSTD {
            expand(decompressor, &self.opened, frame.plain, plain).ok_or(Problem::Codec(self.counter))?;
        } else {
            plain.extend_from_slice(&self.opened);
        }
        self.position = end;
        self.counter += 1;
        Ok(true)
    }

    /// The next record's frame and where its sealed bytes lie, before memory is taken for it.
    fn frame(&self) -> Result<(Frame, usize, usize), Problem> {
        let rest = self.stored.get(self.position..).ok_or(Problem::Truncated)?;
        let bytes = rest.first_chunk::<FRAME_LENGTH>().ok_or(Problem::Truncated)?;
        let frame = Frame::decode(bytes).ok_or(Problem::Frame(self.counter))?;
        if self.counter >= RECORDS_LIMIT {
            return Err(Problem::Frame(self.counter));
        }
        let plain = usize::try_from(frame.plain).unwrap_or(usize::MAX);
        if plain > self.header.kind.plain_limit() {
            return Err(Problem::TooLarge(self.counter));
        }
        if !frame.is_final && frame.kind != self.header.kind.holds().code() {
            return Err(Problem::RecordKind(self.counter));
        }
        let start = self.position + FRAME_LENGTH;
        let end = usize::try_from(frame.sealed).ok().and_then(|sealed| start.checked_add(sealed));
        let end = end.filter(|end| *end <= self.stored.len()).ok_or(Problem::Truncated)?;
        Ok((frame, start, end))
    }
}

/// Decompresses exactly one frame of exactly `length` bytes.
fn expand(
    decompressor: &mut Decompressor<'_>,
    encoded: &[u8],
    length: u32,
    plain: &mut Vec<u8>,
) -> Option<()> {
    let length = usize::try_from(length).ok()?;
    let whole = zstd::zstd_safe::find_frame_compressed_size(encoded).ok()?;
    if whole != encoded.len() {
        return None;
    }
    plain.reserve_exact(length);
    let written = decompressor.decompress_to_buffer(encoded, plain).ok()?;
    (written == length).then_some(())
}
