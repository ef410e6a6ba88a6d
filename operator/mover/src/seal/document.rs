//! Objects that hold one JSON document, and those that hold several.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use zstd::bulk::{Compressor, Decompressor};

use super::{
    Expected, HEADER_LENGTH, OpenError, Opener, Problem, SealError, SealKey, Sealer, Suite,
    envelope::{FINAL_LENGTH, record_room},
};
use crate::{
    format::{Id, is_of_a_newer_writer, newer_format},
    store::Name,
};

/// How hard documents and rows are compressed: more gains nothing on rows and costs much.
pub(crate) const LEVEL: i32 = 1;

/// Seals one document as a whole object.
///
/// # Errors
/// When it is larger than its kind may be.
pub fn seal_document<T: Serialize>(
    document: &T,
    object: &Expected,
    writer: Id,
    suite: Suite,
    key: &SealKey,
) -> Result<Bytes, SealError> {
    let plain = serde_json::to_vec(document).map_err(|error| SealError::Document(error.to_string()))?;
    seal_records(&[plain], object, writer, suite, key)
}

/// Seals several documents, one record each, as a whole object.
///
/// # Errors
/// When one of them is larger than its kind may be.
pub(crate) fn seal_records(
    plain: &[Vec<u8>],
    object: &Expected,
    writer: Id,
    suite: Suite,
    key: &SealKey,
) -> Result<Bytes, SealError> {
    let limit = object.kind.plain_limit();
    if let Some(large) = plain.iter().find(|plain| plain.len() > limit) {
        return Err(SealError::Size { plain: large.len(), limit });
    }
    let room: usize = plain.iter().map(|plain| record_room(plain.len())).sum();
    let mut buffer = vec![0; HEADER_LENGTH + room + FINAL_LENGTH];
    let mut compressor = Compressor::new(LEVEL).map_err(|error| SealError::Compress(error.to_string()))?;
    let mut sealer = Sealer::begin(object, writer, suite, key, &mut buffer)?;
    for plain in plain {
        sealer.push(plain, &mut compressor, &mut buffer)?;
    }
    let length = sealer.finish(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer.into())
}

/// Opens an object that holds exactly one document.
///
/// # Errors
/// When it does not open, or holds something else.
pub fn open_document<T: DeserializeOwned>(
    object: &Name,
    stored: &Bytes,
    expected: &Expected,
    key: &SealKey,
) -> Result<T, OpenError> {
    let mut records = open_records(object, stored, expected, key, 1)?;
    let plain = records.pop().ok_or_else(|| OpenError::new(object, Problem::Truncated))?;
    parse_versioned(object, &plain)
}

/// Opens an object to its end and gives the plain content of its records, `most` of them at most.
pub(crate) fn open_records(
    object: &Name,
    stored: &Bytes,
    expected: &Expected,
    key: &SealKey,
    most: usize,
) -> Result<Vec<Vec<u8>>, OpenError> {
    let mut opener = Opener::open(object, stored.clone(), expected, key)?;
    let mut decompressor = decompressor(object)?;
    let mut records = Vec::new();
    let mut plain = Vec::new();
    while opener.next(&mut decompressor, &mut plain)? {
        if records.len() >= most {
            return Err(OpenError::new(object, Problem::Trailing));
        }
        records.push(std::mem::take(&mut plain));
    }
    Ok(records)
}

/// Reads a document that was opened and that names its version.
pub(crate) fn parse_versioned<T: DeserializeOwned>(object: &Name, plain: &[u8]) -> Result<T, OpenError> {
    match newer_format(plain) {
        Some(format) => Err(OpenError::new(object, Problem::Format(format))),
        None => parse(object, plain),
    }
}

/// Reads a document that was opened.
pub(crate) fn parse<T: DeserializeOwned>(object: &Name, plain: &[u8]) -> Result<T, OpenError> {
    serde_json::from_slice(plain).map_err(|error| {
        let text = error.to_string();
        let is_newer = is_of_a_newer_writer(&error);
        OpenError::new(object, if is_newer { Problem::Newer(text) } else { Problem::Document(text) })
    })
}

pub(crate) fn decompressor(object: &Name) -> Result<Decompressor<'static>, OpenError> {
    Decompressor::new().map_err(|_| OpenError::new(object, Problem::Codec(0)))
}
