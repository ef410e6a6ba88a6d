//! The plain bytes behind a list of spans, frame by frame.

use bytes::Bytes;
use futures::stream;
use tokio::{io::AsyncRead, task::JoinSet};
use tokio_util::io::StreamReader;
use zstd::bulk::Decompressor;

use super::{PointReader, ReadError, cpu};
use crate::{
    format::FrameSpan,
    seal::{ObjectKind, Opener, decompressor},
    store::Name,
};

/// Frames in order. While one pack is read the next one is fetched.
pub struct FrameStream {
    reader: PointReader,
    kind: ObjectKind,
    spans: Vec<FrameSpan>,
    /// The span that is read next, or the one that is being read.
    at: usize,
    open: Option<Open>,
    decompressor: Option<Decompressor<'static>>,
    fetching: JoinSet<()>,
    expected: u64,
    given: u64,
}

struct Open {
    opener: Opener,
    object: Name,
    left: u32,
}

impl FrameStream {
    pub(super) fn new(reader: PointReader, kind: ObjectKind, spans: Vec<FrameSpan>, expected: u64) -> Self {
        Self {
            reader,
            kind,
            spans,
            at: 0,
            open: None,
            decompressor: None,
            fetching: JoinSet::new(),
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
                let decompressor = match &mut self.decompressor {
                    Some(decompressor) => decompressor,
                    none => none.insert(decompressor(&open.object)?),
                };
                let more =
                    cpu(|| open.opener.next(decompressor, plain)).map_err(|error| error.with_proven_key())?;
                if !more {
                    return Err(ReadError::contradiction(&open.object, "it ends before its last frame"));
                }
                open.left -= 1;
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
        let inner = &self.reader.inner;
        let object = Name::data(inner.session.writer, span.object);
        let stored = inner.packs.get(span.object).await?;
        self.prefetch(span.object);
        let inner = &self.reader.inner;
        let expected = inner.session.expected(self.kind, u64::from(span.object));
        let mut opener = Opener::open(&object, stored, &expected, inner.session.chain_key.key())
            .map_err(|error| error.with_proven_key())?;
        opener.seek(&span)?;
        Ok(Open { opener, object, left: span.count })
    }

    /// Has the next other pack fetched, so that it is there when it is needed.
    fn prefetch(&mut self, current: u32) {
        let next = self.spans[self.at..].iter().map(|span| span.object).find(|object| *object != current);
        if let Some(next) = next {
            let reader = self.reader.clone();
            self.fetching.spawn(async move {
                // A failure will be met again, and told, when the pack is read.
                if let Err(error) = reader.inner.packs.get(next).await {
                    tracing::debug!(%error, "a pack could not be fetched ahead");
                }
            });
        }
        while self.fetching.try_join_next().is_some() {}
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
