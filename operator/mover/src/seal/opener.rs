//! Opens a sealed object that is in memory as a whole.

use bytes::Bytes;
use zstd::bulk::Decompressor;

use super::{Expected, HEADER_LENGTH, Header, OpenError, Problem, SealKey, records::Records};
use crate::{format::FrameSpan, store::Name};

/// One object that is read. Whoever needs the whole object reads until [`Opener::next`] says that it ended.
pub struct Opener {
    records: Records,
    stored: Bytes,
    /// Where the next record's frame starts.
    position: usize,
    ended: bool,
}

impl Opener {
    /// Checks that the object is the one asked for and that the key is the one it was sealed with.
    ///
    /// # Errors
    /// As those of [`Records::open`].
    pub fn open(object: &Name, stored: Bytes, expected: &Expected, key: &SealKey) -> Result<Self, OpenError> {
        let records = Records::open(object, &stored, expected, key)?;
        Ok(Self { records, stored, position: HEADER_LENGTH, ended: false })
    }

    /// The header, proven once a record was opened.
    pub fn header(&self) -> &Header {
        self.records.header()
    }

    /// Goes to the first record of a span.
    ///
    /// # Errors
    /// When the span lies outside the object. A span that starts between two records fails when one is opened.
    pub fn seek(&mut self, span: &FrameSpan) -> Result<(), OpenError> {
        let position =
            usize::try_from(span.offset).ok().filter(|at| (HEADER_LENGTH..self.stored.len()).contains(at));
        self.position = position.ok_or_else(|| self.failed(Problem::Truncated))?;
        self.records.go_to(span.first);
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
        if self.ended {
            return Ok(false);
        }
        let rest = self.stored.get(self.position..).unwrap_or_default();
        let length = self.records.length(rest)?.filter(|length| *length <= rest.len());
        let length = length.ok_or_else(|| self.failed(Problem::Truncated))?;
        let more = self.records.next(&rest[..length], decompressor, plain)?;
        self.position += length;
        if !more && self.position != self.stored.len() {
            return Err(self.failed(Problem::Trailing));
        }
        self.ended = !more;
        Ok(more)
    }

    fn failed(&self, problem: Problem) -> OpenError {
        OpenError::new(self.records.object(), problem)
    }
}
