//! Rows of a query by the simple protocol: every value is text, in the session's encoding.

use std::{ops::Range, str::FromStr};

use super::PgError;
use crate::format::PgText;

/// Where a value is in its row; `None` is SQL's null.
type Cell = Option<Range<usize>>;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
}

impl Row {
    /// Reads the body of a DataRow message.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, PgError> {
        let mut cells = Vec::new();
        split(body, &mut cells)?;
        Ok(Self { bytes: body.to_vec(), cells })
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it has no column.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// A column's value, counted from 0; `None`: null.
    ///
    /// # Errors
    /// When there are not so many columns.
    pub fn optional(&self, column: usize) -> Result<Option<&[u8]>, PgError> {
        match self.cells.get(column) {
            Some(cell) => Ok(cell.clone().map(|range| &self.bytes[range])),
            None => Err(PgError::Answer(format!("a row has no column {column}"))),
        }
    }

    /// A column's value that cannot be null.
    ///
    /// # Errors
    /// When it is null, or there are not so many columns.
    pub fn bytes(&self, column: usize) -> Result<&[u8], PgError> {
        self.optional(column)?.ok_or_else(|| PgError::Answer(format!("column {column} of a row is null")))
    }

    /// A name or text that cannot be null.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn text(&self, column: usize) -> Result<PgText, PgError> {
        self.bytes(column).map(PgText::from)
    }

    /// A name or text; `None`: null.
    ///
    /// # Errors
    /// As [`Self::optional`].
    pub fn optional_text(&self, column: usize) -> Result<Option<PgText>, PgError> {
        Ok(self.optional(column)?.map(PgText::from))
    }

    /// ASCII that is made into a number or another type.
    ///
    /// # Errors
    /// When it is null or something else.
    pub fn parse<T: FromStr>(&self, column: usize) -> Result<T, PgError> {
        self.parse_optional(column)?
            .ok_or_else(|| PgError::Answer(format!("column {column} of a row is null")))
    }

    /// As [`Self::parse`]; `None`: null.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse_optional<T: FromStr>(&self, column: usize) -> Result<Option<T>, PgError> {
        let Some(bytes) = self.optional(column)? else {
            return Ok(None);
        };
        let parsed = std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
        match parsed {
            Some(value) => Ok(Some(value)),
            None => {
                let shown = String::from_utf8_lossy(bytes);
                Err(PgError::Answer(format!("column {column} of a row is {shown:?}")))
            }
        }
    }

    /// A `boolean` that cannot be null.
    ///
    /// # Errors
    /// When it is null or something else.
    pub fn boolean(&self, column: usize) -> Result<bool, PgError> {
        match self.bytes(column)? {
            b"t" => Ok(true),
            b"f" => Ok(false),
            other => {
                let shown = String::from_utf8_lossy(other);
                Err(PgError::Answer(format!("column {column} of a row is {shown:?}, not a boolean")))
            }
        }
    }

    /// The elements of a one-dimensional array of texts; `None`: null.
    ///
    /// # Errors
    /// When it is something else, or an element is null.
    pub fn optional_array(&self, column: usize) -> Result<Option<Vec<PgText>>, PgError> {
        let Some(bytes) = self.optional(column)? else {
            return Ok(None);
        };
        match array(bytes) {
            Some(elements) => Ok(Some(elements)),
            None => Err(PgError::Answer(format!("column {column} of a row is no array of texts"))),
        }
    }

    /// As [`Self::optional_array`] where the array cannot be null.
    ///
    /// # Errors
    /// When it is null or something else.
    pub fn array(&self, column: usize) -> Result<Vec<PgText>, PgError> {
        self.optional_array(column)?
            .ok_or_else(|| PgError::Answer(format!("column {column} of a row is null")))
    }
}

/// Finds the values in the body of a DataRow message.
fn split(body: &[u8], cells: &mut Vec<Cell>) -> Result<(), PgError> {
    let broken = || PgError::Protocol("a row is cut short".to_owned());
    let (count, mut rest) = body.split_first_chunk::<2>().ok_or_else(broken)?;
    let count = u16::from_be_bytes(*count);
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(broken)?;
        let length = i32::from_be_bytes(*length);
        if length < 0 {
            cells.push(None);
            rest = after;
            continue;
        }
        let length = usize::try_from(length).map_err(|_| broken())?;
        let (value, after) = after.split_at_checked(length).ok_or_else(broken)?;
        let start = body.len() - after.len() - value.len();
        cells.push(Some(start..start + length));
        rest = after;
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(PgError::Protocol("a row is longer than its values".to_owned()))
    }
}

/// `{a,"b \"c\"",d}`: PostgreSQL's notation. In quotes, a backslash takes the next byte as it is.
fn array(bytes: &[u8]) -> Option<Vec<PgText>> {
    let inner = bytes.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let mut elements = Vec::new();
    if inner.is_empty() {
        return Some(elements);
    }
    let mut rest = inner;
    loop {
        let (element, after) = element(rest)?;
        elements.push(PgText::from(element));
        match after.split_first() {
            None => return Some(elements),
            Some((b',', after)) => rest = after,
            Some(_) => return None,
        }
    }
}

fn element(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b',').unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        let plain = !value.is_empty() && !value.eq_ignore_ascii_case(b"NULL") && !value.contains(&b'{');
        return plain.then(|| (value.to_vec(), rest));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    loop {
        match bytes.next()? {
            (end, b'"') => return Some((value, &quoted[end + 1..])),
            (_, b'\\') => value.push(*bytes.next()?.1),
            (_, byte) => value.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            match value {
                None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
                Some(value) => {
                    body.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
                    body.extend_from_slice(value);
                }
            }
        }
        body
    }

    #[test]
    fn values_come_out_as_they_are_and_nulls_are_not_empty() {
        let row = Row::from_body(&body(&[Some(b"12"), None, Some(b""), Some(b"t"), Some(b"h\xe4")])).unwrap();
        assert_eq!(row.len(), 5);
        assert_eq!(row.parse::<u32>(0).unwrap(), 12);
        assert_eq!(row.optional(1).unwrap(), None);
        assert_eq!(row.bytes(2).unwrap(), b"");
        assert!(row.boolean(3).unwrap());
        assert_eq!(row.text(4).unwrap().as_bytes(), b"h\xe4");
        assert!(row.bytes(1).is_err() && row.bytes(5).is_err() && row.parse::<u32>(4).is_err());
        assert!(row.boolean(0).is_err());
    }

    #[test]
    fn a_row_cut_anywhere_or_too_long_is_refused() {
        let whole = body(&[Some(b"abc"), None, Some(b"d")]);
        for length in 0..whole.len() {
            assert!(Row::from_body(&whole[..length]).is_err(), "{length}");
        }
        assert!(Row::from_body(&[&whole[..], b"x"].concat()).is_err());
        assert!(Row::from_body(&[0, 1, 0xff, 0xff, 0xff, 0xfe]).is_ok(), "any negative length is a null");
    }

    #[test]
    fn arrays_are_read_in_the_servers_notation() {
        let read = |text: &[u8]| array(text).map(|all| all.iter().map(PgText::to_string).collect::<Vec<_>>());
        assert_eq!(read(b"{}"), Some(vec![]));
        assert_eq!(
            read(br#"{a,"b,{ \" \\ }",NULLs,""}"#),
            Some(vec!["a".into(), r#"b,{ " \ }"#.into(), "NULLs".into(), String::new()])
        );
        for wrong in
            [&b"{a"[..], b"a}", b"{a,}", b"{NULL}", b"{{a}}", b"{\"a}", b"{\"a\"b}", b"{a\"", b"[0:1]={a,b}"]
        {
            assert_eq!(read(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }
}
