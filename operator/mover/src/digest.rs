//! Row digests: how many rows there are and a sum over them that does not depend on their order (`FORMAT.md`, section 7).

use memchr::memchr;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

use crate::format::{Digest128, RowDigest, RowFormat};

/// Rows and the sum modulo 2^128 of the XXH3-128 of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    pub rows: u64,
    pub sum: u128,
}

impl Digest {
    /// The digest of both sets of rows together.
    pub fn add(&mut self, other: Self) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// As the list of tables has it.
    pub fn in_format(self, format: RowFormat) -> RowDigest {
        RowDigest { format, rows: self.rows, sum: Digest128(self.sum) }
    }

    fn add_row(&mut self, hash: u128) {
        self.add(Self { rows: 1, sum: hash });
    }
}

/// Takes rows whose ends are known, whole or in parts.
pub struct RowDigester {
    digest: Digest,
    row: Xxh3Default,
    has_part: bool,
}

impl Default for RowDigester {
    fn default() -> Self {
        Self { digest: Digest::default(), row: Xxh3Default::new(), has_part: false }
    }
}

impl RowDigester {
    /// Takes the next bytes of a row, and whether it ends with them.
    #[inline]
    pub fn push(&mut self, bytes: &[u8], ends_row: bool) {
        if ends_row && !self.has_part {
            self.digest.add_row(xxh3_128(bytes));
            return;
        }
        self.row.update(bytes);
        self.has_part = true;
        if ends_row {
            self.digest.add_row(self.row.digest128());
            self.row.reset();
            self.has_part = false;
        }
    }

    /// The digest of all rows that have ended.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether a row has begun and not ended.
    pub fn is_inside_row(&self) -> bool {
        self.has_part
    }
}

/// A stream that ends inside a row, or whose rows are not what their format says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamDigestError {
    #[error("read rows: the bytes end inside a row")]
    Truncated,
    #[error("read rows: a field has the impossible length {0}")]
    BadLength(i32),
    #[error("read rows: a row has the impossible number of fields {0}")]
    BadCount(i16),
}

/// Takes stored rows as a stream of bytes cut anywhere, and finds the ends of the rows by itself.
pub struct StreamDigester {
    rows: RowDigester,
    place: Place,
}

/// What the next byte is.
enum Place {
    Text,
    Binary {
        /// Fields of this row that are still to come; `None`: the next bytes are their number.
        fields: Option<u16>,
        /// Bytes of the current field that are still to come.
        in_field: usize,
        /// The bytes of a number or length that was cut.
        number: Vec<u8>,
    },
}

impl StreamDigester {
    /// For rows of this format.
    pub fn new(format: RowFormat) -> Self {
        let place = match format {
            RowFormat::Text => Place::Text,
            RowFormat::Binary => Place::Binary { fields: None, in_field: 0, number: Vec::with_capacity(4) },
        };
        Self { rows: RowDigester::default(), place }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they cannot be rows of the format.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), StreamDigestError> {
        match &mut self.place {
            Place::Text => {
                push_text(&mut self.rows, bytes);
                Ok(())
            }
            Place::Binary { fields, in_field, number } => {
                push_binary(&mut self.rows, fields, in_field, number, bytes)
            }
        }
    }

    /// The digest of all rows.
    ///
    /// # Errors
    /// When the last one has not ended.
    pub fn finish(self) -> Result<Digest, StreamDigestError> {
        let is_cut = match &self.place {
            Place::Text => false,
            Place::Binary { fields, number, .. } => fields.is_some() || !number.is_empty(),
        };
        if is_cut || self.rows.is_inside_row() {
            return Err(StreamDigestError::Truncated);
        }
        Ok(self.rows.digest())
    }
}

fn push_text(rows: &mut RowDigester, mut bytes: &[u8]) {
    while let Some(end) = memchr(b'\n', bytes) {
        rows.push(&bytes[..=end], true);
        bytes = &bytes[end + 1..];
    }
    if !bytes.is_empty() {
        rows.push(bytes, false);
    }
}

/// Walks over numbers and fields. What was walked over is handed on when a row or the bytes end.
fn push_binary(
    rows: &mut RowDigester,
    fields: &mut Option<u16>,
    in_field: &mut usize,
    number: &mut Vec<u8>,
    bytes: &[u8],
) -> Result<(), StreamDigestError> {
    let mut row_start = 0;
    let mut at = 0;
    loop {
        let skipped = (*in_field).min(bytes.len() - at);
        at += skipped;
        *in_field -= skipped;
        if *in_field == 0 && *fields == Some(0) {
            rows.push(&bytes[row_start..at], true);
            row_start = at;
            *fields = None;
        }
        if at == bytes.len() {
            if row_start < at {
                rows.push(&bytes[row_start..at], false);
            }
            return Ok(());
        }
        let wanted = if fields.is_none() { 2 } else { 4 };
        let taken = (wanted - number.len()).min(bytes.len() - at);
        number.extend_from_slice(&bytes[at..at + taken]);
        at += taken;
        if number.len() < wanted {
            continue;
        }
        if let Some(count) = fields {
            *in_field = field_length(number)?;
            *count -= 1;
        } else {
            *fields = Some(field_count(number)?);
        }
        number.clear();
    }
}

fn field_count(bytes: &[u8]) -> Result<u16, StreamDigestError> {
    let count = bytes.first_chunk().map_or(-1, |bytes| i16::from_be_bytes(*bytes));
    u16::try_from(count).map_err(|_| StreamDigestError::BadCount(count))
}

/// -1 is a null, which has no bytes.
fn field_length(bytes: &[u8]) -> Result<usize, StreamDigestError> {
    let length = bytes.first_chunk().map_or(-2, |bytes| i32::from_be_bytes(*bytes));
    match length {
        -1 => Ok(0),
        _ => usize::try_from(length).map_err(|_| StreamDigestError::BadLength(length)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn digest_of(rows: &[Vec<u8>]) -> Digest {
        let mut digest = Digest::default();
        for row in rows {
            digest.add(Digest { rows: 1, sum: xxh3_128(row) });
        }
        digest
    }

    fn binary_row(fields: &[Option<Vec<u8>>]) -> Vec<u8> {
        let mut row = u16::try_from(fields.len()).unwrap().to_be_bytes().to_vec();
        for field in fields {
            match field {
                None => row.extend_from_slice(&(-1_i32).to_be_bytes()),
                Some(bytes) => {
                    row.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
                    row.extend_from_slice(bytes);
                }
            }
        }
        row
    }

    fn stream_digest(format: RowFormat, bytes: &[u8], cut: usize) -> Result<Digest, StreamDigestError> {
        let mut digester = StreamDigester::new(format);
        for piece in bytes.chunks(cut) {
            digester.push(piece)?;
        }
        digester.finish()
    }

    proptest! {
        #[test]
        fn text_rows_have_the_same_digest_however_the_stream_is_cut(
            rows in vec("[^\n]{0,30}\n", 0..20), cut in 1_usize..50,
        ) {
            let rows: Vec<Vec<u8>> = rows.into_iter().map(String::into_bytes).collect();
            let digest = stream_digest(RowFormat::Text, &rows.concat(), cut);
            prop_assert_eq!(digest, Ok(digest_of(&rows)));
        }

        #[test]
        fn binary_rows_have_the_same_digest_however_the_stream_is_cut(
            rows in vec(vec(proptest::option::of(vec(any::<u8>(), 0..20)), 0..5), 0..20), cut in 1_usize..50,
        ) {
            let rows: Vec<Vec<u8>> = rows.iter().map(|fields| binary_row(fields)).collect();
            let digest = stream_digest(RowFormat::Binary, &rows.concat(), cut);
            prop_assert_eq!(digest, Ok(digest_of(&rows)));
        }

        #[test]
        fn any_bytes_give_a_digest_or_an_error(bytes: Vec<u8>, cut in 1_usize..9) {
            drop(stream_digest(RowFormat::Binary, &bytes, cut));
            drop(stream_digest(RowFormat::Text, &bytes, cut));
        }
    }

    #[test]
    fn a_stream_that_ends_inside_a_row_is_refused() {
        let row = binary_row(&[Some(b"abc".to_vec()), None]);
        for length in 1..row.len() {
            assert_eq!(
                stream_digest(RowFormat::Binary, &row[..length], 3),
                Err(StreamDigestError::Truncated),
                "{length}"
            );
        }
        assert_eq!(stream_digest(RowFormat::Text, b"a\nb", 1), Err(StreamDigestError::Truncated));
        assert_eq!(stream_digest(RowFormat::Binary, &[0xff, 0xff], 2), Err(StreamDigestError::BadCount(-1)));
    }

    #[test]
    fn parts_of_a_row_give_the_digest_of_the_row() {
        let row: Vec<u8> = (0..=255).cycle().take(5_000).collect();
        let mut whole = RowDigester::default();
        whole.push(&row, true);
        let mut parts = RowDigester::default();
        for piece in row.chunks(777) {
            parts.push(piece, false);
        }
        assert!(parts.is_inside_row());
        parts.push(&[], true);
        assert_eq!(parts.digest(), whole.digest());
        // The vector that an independent implementation gives for the empty input with seed 0.
        assert_eq!(xxh3_128(b""), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
    }
}
