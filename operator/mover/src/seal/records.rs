//! Opens the records of an object one by one, wherever their bytes come from.

use aws_lc_rs::{aead::LessSafeKey, constant_time::verify_slices_are_equal};
use zstd::bulk::Decompressor;

use super::{
    Expected, HEADER_LENGTH, Header, OpenError, Problem, SealKey,
    envelope::{Binding, FRAME_LENGTH, Frame, RECORDS_LIMIT, TAG_LENGTH, ZSTD, nonce},
};
use crate::store::Name;

/// One object, by its header: what its records are opened with.
pub struct Records {
    object: Name,
    header: Header,
    key: LessSafeKey,
    binding: Binding,
    /// Of the record that is opened next.
    counter: u64,
    /// What a record holds before it is decompressed.
    opened: Vec<u8>,
}

impl Records {
    /// Checks by the beginning of an object that it is the one asked for and that the key is the one it was sealed with.
    ///
    /// # Errors
    /// [`Problem::WrongKey`] before anything else is looked at; otherwise what is wrong with the header.
    pub fn open(object: &Name, stored: &[u8], expected: &Expected, key: &SealKey) -> Result<Self, OpenError> {
        let fail = |problem| OpenError::new(object, problem);
        let header = Header::decode(object, stored)?;
        header.check(expected).map_err(fail)?;
        let keys = key.object_key(header.suite, header.kind, &header.salt);
        verify_slices_are_equal(&keys.commitment, &header.commitment).map_err(|_| fail(Problem::WrongKey))?;
        let bytes = stored.first_chunk::<HEADER_LENGTH>().ok_or_else(|| fail(Problem::Truncated))?;
        let binding = Binding::new(bytes);
        Ok(Self { object: object.clone(), header, key: keys.aead, binding, counter: 0, opened: Vec::new() })
    }

    /// The object that they are read from.
    pub fn object(&self) -> &Name {
        &self.object
    }

    /// The header, proven once a record was opened.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Says which record comes next.
    pub fn go_to(&mut self, counter: u32) {
        self.counter = u64::from(counter);
    }

    /// How many bytes the next record takes, which `stored` begins with; `None`: too few are there to tell.
    ///
    /// # Errors
    /// What is wrong with what it announces, before memory is taken for it.
    pub fn length(&self, stored: &[u8]) -> Result<Option<usize>, OpenError> {
        if stored.len() < FRAME_LENGTH {
            return Ok(None);
        }
        let frame = self.frame(stored).map_err(|problem| self.failed(problem))?;
        Ok(Some(frame.length()))
    }

    /// The plain content of the next record, which is `stored`, into `plain`; `false`: it was the final one.
    ///
    /// # Errors
    /// What is wrong with the record. `plain` is then empty.
    pub fn next(
        &mut self,
        stored: &[u8],
        decompressor: &mut Decompressor<'_>,
        plain: &mut Vec<u8>,
    ) -> Result<bool, OpenError> {
        plain.clear();
        let result = self.advance(stored, decompressor, plain);
        if result.is_err() {
            plain.clear();
        }
        result.map_err(|problem| self.failed(problem))
    }

    fn advance(
        &mut self,
        stored: &[u8],
        decompressor: &mut Decompressor<'_>,
        plain: &mut Vec<u8>,
    ) -> Result<bool, Problem> {
        let frame = self.frame(stored)?;
        let sealed = stored.get(FRAME_LENGTH..frame.length()).ok_or(Problem::Truncated)?;
        let (encoded, tag) = sealed.split_at(sealed.len() - TAG_LENGTH);
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
            return Ok(false);
        }
        if frame.codec == ZSTD {
            expand(decompressor, &self.opened, frame.plain, plain).ok_or(Problem::Codec(self.counter))?;
        } else {
            plain.extend_from_slice(&self.opened);
        }
        self.counter += 1;
        Ok(true)
    }

    /// What the next record says of itself.
    fn frame(&self, stored: &[u8]) -> Result<Frame, Problem> {
        let bytes = stored.first_chunk::<FRAME_LENGTH>().ok_or(Problem::Truncated)?;
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
        Ok(frame)
    }

    fn failed(&self, problem: Problem) -> OpenError {
        OpenError::new(&self.object, problem)
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
