//! What a backup reads of a server and a restore of a point: schema and rows.

use super::block;
use crate::{
    archive::ArchiveReader,
    digest::{Digest, StreamDigester},
    format::RowFormat,
    schema::{Entry, SchemaReader, encode},
};

/// pg_dump's archive; what an entry becomes in a point is read again.
pub fn archive(bytes: &[u8]) {
    block(async {
        let Ok(mut reader) = ArchiveReader::open(bytes).await else { return };
        while let Ok(Some(entry)) = reader.next_entry().await {
            if let Ok(entry) = Entry::try_from(entry) {
                stored_again(&entry).await;
            }
        }
    });
}

/// The stored schema.
pub fn schema(bytes: &[u8]) {
    block(async {
        let mut reader = SchemaReader::new(bytes);
        while let Ok(Some(entry)) = reader.next_entry().await {
            stored_again(&entry).await;
        }
    });
}

async fn stored_again(entry: &Entry) {
    let mut stored = Vec::new();
    if encode(entry, &mut stored).is_ok() {
        let again = SchemaReader::new(&stored[..]).next_entry().await;
        assert!(
            again.is_ok_and(|again| again.as_ref() == Some(entry)),
            "an entry reads otherwise when it is stored"
        );
    }
}

/// Rows: the first byte is their format, the second how they are cut. The digest does not depend on the cuts.
pub fn rows(bytes: &[u8]) {
    let Some(([format, step], rows)) = bytes.split_first_chunk::<2>() else { return };
    let format = if format & 1 == 0 { RowFormat::Text } else { RowFormat::Binary };
    let whole = digest(format, [rows].into_iter());
    let cut = digest(format, rows.chunks(usize::from(*step) + 1));
    assert!(whole == cut, "the digest of rows depends on how they are cut");
}

/// `None`: they are no rows of the format.
fn digest<'a>(format: RowFormat, pieces: impl Iterator<Item = &'a [u8]>) -> Option<Digest> {
    let mut digester = StreamDigester::new(format);
    for piece in pieces {
        digester.push(piece).ok()?;
    }
    digester.finish().ok()
}
