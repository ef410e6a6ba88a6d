//! `COPY ... TO STDOUT`: rows as the server sends them, of any length, through one buffer.

use super::{PgError, Row, Session, session::Answer};

/// What binary COPY data begin with: signature, flags (none), length of the header's extension (none).
pub const BINARY_HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What binary COPY data end with.
pub const BINARY_TRAILER: [u8; 2] = [0xff, 0xff];

/// Most rows of other statements, before the COPY or after it, and the most bytes of one: there are a few, of a number each.
const ROWS_BESIDE_LIMIT: usize = 1_000;
const ROW_BESIDE_BYTES: usize = 64 * 1024;

/// A COPY that is running. Read [`Self::piece`] until it gives none, then [`Self::fill`], until that tells the end.
pub struct CopyOut<'s> {
    session: &'s mut Session,
    rows_before: Vec<Row>,
    rows_after: Vec<Row>,
    is_binary: bool,
    /// Bytes of the current message that were not handed over yet.
    in_message: usize,
    has_ended: bool,
    /// Rows by the server's own count.
    rows: Option<u64>,
}

/// Some bytes of one message. A server sends each row as one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    pub bytes: &'a [u8],
    /// Whether the message ends with them.
    pub ends_message: bool,
}

impl<'s> CopyOut<'s> {
    pub(super) async fn begin(session: &'s mut Session) -> Result<Self, PgError> {
        let mut rows_before = Vec::new();
        let mut failed = None;
        loop {
            match session.answer().await {
                Ok(Answer::Row(body)) => keep(&mut rows_before, body)?,
                Ok(Answer::Complete(_) | Answer::Nothing) => {}
                Ok(Answer::CopyOut { is_binary }) => {
                    return Ok(Self {
                        session,
                        rows_before,
                        rows_after: Vec::new(),
                        is_binary,
                        in_message: 0,
                        has_ended: false,
                        rows: None,
                    });
                }
                Ok(Answer::Failed(error)) => failed = Some(PgError::Server(error)),
                Ok(Answer::Ready) => {
                    return Err(failed.unwrap_or_else(|| {
                        PgError::Answer("no COPY began where one was expected".to_owned())
                    }));
                }
                Ok(Answer::CopyIn | Answer::CopyDone) => {
                    return Err(PgError::Answer("the server wants rows instead of sending them".to_owned()));
                }
                Err(lost) => return Err(failed.unwrap_or(lost)),
            }
        }
    }

    /// Rows of the statements before the COPY.
    pub fn rows_before(&self) -> &[Row] {
        &self.rows_before
    }

    /// Rows of the statements after it, known when [`Self::fill`] has told the end.
    pub fn rows_after(&self) -> &[Row] {
        &self.rows_after
    }

    /// Whether the server sends the binary format.
    pub fn is_binary(&self) -> bool {
        self.is_binary
    }

    /// The next bytes of those that were read already; `None`: call [`Self::fill`].
    ///
    /// # Errors
    /// When what comes is no message.
    #[inline]
    pub fn piece(&mut self) -> Result<Option<Piece<'_>>, PgError> {
        if self.has_ended {
            return Ok(None);
        }
        let wire = self.session.wire();
        if self.in_message == 0 {
            match wire.peek()? {
                Some(header) if header.tag == b'd' => {
                    wire.take_header();
                    if header.length == 0 {
                        return Ok(Some(Piece { bytes: &[], ends_message: true }));
                    }
                    self.in_message = header.length;
                }
                _ => return Ok(None),
            }
        }
        let bytes = wire.available(self.in_message);
        if bytes.is_empty() {
            return Ok(None);
        }
        self.in_message -= bytes.len();
        Ok(Some(Piece { bytes, ends_message: self.in_message == 0 }))
    }

    /// Reads more; `false`: the COPY and all statements after it have ended well.
    ///
    /// # Errors
    /// What the server reports, also of the statements after the COPY; or that the connection was lost.
    pub async fn fill(&mut self) -> Result<bool, PgError> {
        if self.has_ended {
            return Ok(false);
        }
        if self.in_message == 0
            && let Some(header) = self.session.wire().peek()?
        {
            if header.tag == b'd' {
                return Ok(true);
            }
            return self.control().await;
        }
        self.session.wire().fill().await?;
        Ok(true)
    }

    /// Rows by the server's count, known when [`Self::fill`] has told the end.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Deals with a message that is no data.
    async fn control(&mut self) -> Result<bool, PgError> {
        match self.session.wire().peek()?.map(|header| header.tag) {
            // These come in between at any time.
            Some(b'N' | b'S' | b'A') => {
                self.session.between().await?;
                Ok(true)
            }
            _ => self.end().await,
        }
    }

    /// Reads what comes after the data.
    async fn end(&mut self) -> Result<bool, PgError> {
        let mut failed = None;
        loop {
            match self.session.answer().await {
                Ok(Answer::Complete(tag)) => self.rows = self.rows.or_else(|| copied(tag)),
                Ok(Answer::Failed(error)) => failed = Some(PgError::Server(error)),
                Ok(Answer::Ready) => {
                    self.has_ended = true;
                    return failed.map_or(Ok(false), Err);
                }
                Ok(Answer::Row(body)) => keep(&mut self.rows_after, body)?,
                Ok(Answer::CopyDone | Answer::Nothing) => {}
                Ok(Answer::CopyOut { .. } | Answer::CopyIn) => {
                    return Err(PgError::Answer("a second COPY began".to_owned()));
                }
                Err(lost) => return Err(failed.unwrap_or(lost)),
            }
        }
    }
}

/// Keeps a row beside the COPY, of which a server that is none could send without end.
fn keep(rows: &mut Vec<Row>, body: &[u8]) -> Result<(), PgError> {
    if rows.len() >= ROWS_BESIDE_LIMIT || body.len() > ROW_BESIDE_BYTES {
        return Err(PgError::Answer("more rows came beside a COPY than were asked for".to_owned()));
    }
    rows.push(Row::from_body(body)?);
    Ok(())
}

/// The count in `COPY 5`.
pub(super) fn copied(tag: &[u8]) -> Option<u64> {
    std::str::from_utf8(tag.strip_prefix(b"COPY ")?).ok()?.parse().ok()
}
