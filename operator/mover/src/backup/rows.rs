//! From COPY's messages to rows: in binary, the header before the first row and the trailer after the last are taken off.

use crate::{
    format::RowFormat,
    postgres::{BINARY_HEADER, BINARY_TRAILER, PgError, Piece},
};

/// Follows one COPY.
pub struct Rows {
    format: RowFormat,
    /// Bytes of the header that have come.
    header: usize,
    /// Bytes of the trailer that have come.
    trailer: usize,
    is_inside_row: bool,
    rows: u64,
}

impl Rows {
    pub fn new(format: RowFormat) -> Self {
        let header = match format {
            RowFormat::Text => BINARY_HEADER.len(),
            RowFormat::Binary => 0,
        };
        Self { format, header, trailer: 0, is_inside_row: false, rows: 0 }
    }

    /// The bytes of a row among these, and whether the row ends with them.
    ///
    /// # Errors
    /// When the server sends something else than rows.
    #[inline]
    pub fn accept<'a>(&mut self, piece: Piece<'a>) -> Result<(&'a [u8], bool), PgError> {
        let mut bytes = piece.bytes;
        if self.header < BINARY_HEADER.len() {
            bytes = self.take_header(bytes)?;
        }
        if self.trailer > 0
            || (!self.is_inside_row && self.format == RowFormat::Binary && bytes.first() == Some(&0xff))
        {
            self.take_trailer(bytes)?;
            return Ok((&[], false));
        }
        if bytes.is_empty() && !self.is_inside_row {
            return Ok((&[], false));
        }
        if piece.ends_message {
            self.rows += 1;
            self.is_inside_row = false;
            if self.format == RowFormat::Text && bytes.last() != Some(&b'\n') {
                return Err(unexpected("a row of COPY does not end with a line feed"));
            }
        } else {
            self.is_inside_row = true;
        }
        Ok((bytes, piece.ends_message))
    }

    /// How many rows came, after the COPY has ended. `counted` is the server's own number.
    ///
    /// # Errors
    /// When something is missing.
    pub fn finish(&self, counted: Option<u64>) -> Result<u64, PgError> {
        let is_whole = match self.format {
            RowFormat::Text => true,
            RowFormat::Binary => self.trailer == BINARY_TRAILER.len(),
        };
        if !is_whole || self.is_inside_row {
            return Err(unexpected("COPY ended without its end"));
        }
        match counted {
            Some(counted) if counted == self.rows => Ok(self.rows),
            _ => Err(unexpected("COPY sent another number of rows than it says")),
        }
    }

    fn take_header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], PgError> {
        let expected = &BINARY_HEADER[self.header..];
        let (header, rest) = bytes.split_at(expected.len().min(bytes.len()));
        if !expected.starts_with(header) {
            return Err(unexpected("COPY began with another header than is known"));
        }
        self.header += header.len();
        Ok(rest)
    }

    /// A row begins with the number of its fields, which is not negative.
    fn take_trailer(&mut self, bytes: &[u8]) -> Result<(), PgError> {
        self.trailer += bytes.len();
        if self.trailer > BINARY_TRAILER.len() || bytes.iter().any(|byte| *byte != 0xff) {
            return Err(unexpected("COPY went on after its end"));
        }
        Ok(())
    }
}

fn unexpected(what: &str) -> PgError {
    PgError::Protocol(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds messages, each cut into pieces of `cut` bytes, and gives the rows.
    fn rows(format: RowFormat, messages: &[&[u8]], cut: usize) -> Result<Vec<Vec<u8>>, PgError> {
        let mut rows = Rows::new(format);
        let (mut all, mut row) = (Vec::new(), Vec::new());
        for message in messages {
            let mut pieces = message.chunks(cut).peekable();
            while let Some(bytes) = pieces.next() {
                let (bytes, ends_row) =
                    rows.accept(Piece { bytes, ends_message: pieces.peek().is_none() })?;
                row.extend_from_slice(bytes);
                if ends_row {
                    all.push(std::mem::take(&mut row));
                }
            }
        }
        rows.finish(Some(all.len() as u64))?;
        Ok(all)
    }

    #[test]
    fn header_and_trailer_are_taken_off_however_the_bytes_are_cut() {
        let row = [0, 1, 0, 0, 0, 2, 0xff, 0xff];
        let first = [&BINARY_HEADER[..], &row].concat();
        let empty = [BINARY_HEADER, [0xff; 19]].concat();
        for cut in 1..40 {
            let read = |messages: &[&[u8]]| rows(RowFormat::Binary, messages, cut).unwrap();
            assert_eq!(read(&[&first, &row, &BINARY_TRAILER]), [row, row]);
            assert_eq!(read(&[&BINARY_HEADER, &row, &BINARY_TRAILER]), [row]);
            assert!(read(&[&empty[..21]]).is_empty());
            assert_eq!(rows(RowFormat::Text, &[b"a\tb\n", b"\n"], cut).unwrap(), [&b"a\tb\n"[..], b"\n"]);
            assert!(rows(RowFormat::Text, &[], cut).unwrap().is_empty());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let row = [0, 0];
        for cut in 1..40 {
            for messages in [
                &[&row[..]][..],
                &[&BINARY_HEADER, &row],
                &[&BINARY_HEADER, &BINARY_TRAILER, &row],
                &[&BINARY_HEADER, &[0xff, 0xfe]],
                &[&BINARY_HEADER[..18]],
            ] {
                assert!(rows(RowFormat::Binary, messages, cut).is_err(), "{messages:?} {cut}");
            }
            assert!(rows(RowFormat::Text, &[b"a"], cut).is_err());
        }
        let mut counted = Rows::new(RowFormat::Text);
        counted.accept(Piece { bytes: b"a\n", ends_message: true }).unwrap();
        assert!(counted.finish(Some(2)).is_err() && counted.finish(None).is_err());
        assert_eq!(counted.finish(Some(1)).unwrap(), 1);
    }
}
