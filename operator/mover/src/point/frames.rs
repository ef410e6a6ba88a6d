//! The plain bytes behind a list of spans, frame by frame.

use bytes::Bytes;
use futures::stream;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;
use zstd::bulk::Decompressor;

use super::{
    PointReader, ReadError, cpu,
    cursor::{Cursor, Supply},
    pieces::Place,
};
use crate::{
    format::FrameSpan,
    seal::{ObjectKind, Records, decompressor},
    store::Name,
};

/// Frames in order.
pub struct FrameStream {
    reader: PointReader,
    kind: ObjectKind,
    spans: Vec<FrameSpan>,
    /// The span that is read next.
    at: usize,
    open: Option<Open>,
    decompressor: Option<Decompressor<'static>>,
    supply: Supply,
    /// The piece at whose beginning it was settled which one comes after it.
    settled: Option<Place>,
    expected: u64,
    given: u64,
}

/// A span that is being read.
struct Open {
    records: Records,
    cursor: Cursor,
    left: u32,
}

impl FrameStream {
    pub(super) fn new(reader: PointReader, kind: ObjectKind, spans: Vec<FrameSpan>, expected: u64) -> Self {
        Self {
            supply: Supply::new(reader.clone()),
            reader,
            kind,
            spans,
            at: 0,
            open: None,
            decompressor: None,
            settled: None,
            expected,
            given: 0,
        }
    }

    /// The next frame's bytes, at most 4 MiB and authenticated; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with the object the frame lies in; at the end, that there were not as many bytes as promised.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        let mut plain = Vec::new();
        Ok(self.next_into(&mut plain).await?.then(|| plain.into()))
    }

    /// As [`FrameStream::next`], into a buffer that is used again; `false` at the end.
    ///
    /// # Errors
    /// As [`FrameStream::next`].
    pub async fn next_into(&mut self, plain: &mut Vec<u8>) -> Result<bool, ReadError> {
        loop {
            if let Some(open) = &mut self.open
                && open.left > 0
            {
                let name = open.records.object();
                let decompressor = match &mut self.decompressor {
                    Some(decompressor) => decompressor,
                    none => none.insert(decompressor(name)?),
                };
                let record = open.cursor.record(&open.records, &mut self.supply).await?;
                let more = cpu(|| open.records.next(record, decompressor, plain))
                    .map_err(|error| error.with_proven_key())?;
                if !more {
                    let what = "it ends before its last frame";
                    return Err(ReadError::contradiction(open.records.object(), what));
                }
                open.left -= 1;
                self.look_ahead();
                return self.count(plain).map(|()| true);
            }
            let Some(span) = self.spans.get(self.at).copied() else {
                return self.end(plain).map(|()| false);
            };
            self.open = Some(self.open_span(span).await?);
            self.at += 1;
        }
    }

    /// The stream as a reader. Its errors carry a [`ReadError`].
    pub fn into_async_read(self) -> impl AsyncRead + Send + Unpin {
        let chunks = stream::unfold(Some(self), |frames| async move {
            let mut frames = frames?;
            match frames.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(frames))),
                Ok(None) => None,
                Err(error) => Some((Err(std::io::Error::other(error)), None)),
            }
        });
        StreamReader::new(Box::pin(chunks))
    }

    async fn open_span(&mut self, span: FrameSpan) -> Result<Open, ReadError> {
        let session = &self.reader.inner.session;
        let name = Name::data(session.writer, span.object);
        let mut cursor = Cursor::at(&span);
        let header = cursor.header(&name, &mut self.supply).await?;
        let expected = session.expected(self.kind, u64::from(span.object));
        let mut records = Records::open(&name, &header, &expected, session.chain_key.key())
            .map_err(|error| error.with_proven_key())?;
        records.go_to(span.first);
        Ok(Open { records, cursor, left: span.count })
    }

    /// Has the piece fetched that is needed after the one that is being read: of the same object, or of the next span's.
    fn look_ahead(&mut self) {
        let Some(open) = &self.open else { return };
        let here = open.cursor.place();
        if self.settled == here {
            return;
        }
        self.settled = here;
        let after = || self.spans.get(self.at).and_then(|span| Place::of(span.object, span.offset));
        if let Some(next) = open.cursor.goes_on(open.left).or_else(after) {
            self.supply.expect(next);
        }
    }

    fn count(&mut self, plain: &mut Vec<u8>) -> Result<(), ReadError> {
        self.given += plain.len() as u64;
        if self.given > self.expected {
            plain.clear();
            return Err(self.mismatch());
        }
        Ok(())
    }

    fn end(&self, plain: &mut Vec<u8>) -> Result<(), ReadError> {
        plain.clear();
        if self.given == self.expected { Ok(()) } else { Err(self.mismatch()) }
    }

    fn mismatch(&self) -> ReadError {
        let object = self.spans.last().map_or(0, |span| span.object);
        let name = Name::data(self.reader.inner.session.writer, object);
        ReadError::contradiction(&name, format!("{} bytes were listed, not {}", self.expected, self.given))
    }
}
