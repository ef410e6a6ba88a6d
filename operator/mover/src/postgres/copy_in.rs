//! `COPY ... FROM STDIN`: bytes to the server, in messages of any size.

use super::{PgError, Session, copy_out::copied, session::Answer};

/// The longest message of data; longer pieces are cut.
const MESSAGE: usize = 1024 * 1024;

/// A COPY that takes data. It ends with [`Self::finish`] or [`Self::abort`]; dropped, it leaves the session unusable.
pub struct CopyIn<'s> {
    session: &'s mut Session,
}

impl<'s> CopyIn<'s> {
    pub(super) async fn begin(session: &'s mut Session) -> Result<Self, PgError> {
        let mut failed = None;
        loop {
            match session.answer().await {
                Ok(Answer::CopyIn) => return Ok(Self { session }),
                Ok(Answer::Failed(error)) => failed = Some(PgError::Server(error)),
                Ok(Answer::Ready) => {
                    return Err(failed.unwrap_or_else(|| {
                        PgError::Answer("no COPY began where one was expected".to_owned())
                    }));
                }
                Ok(Answer::CopyOut { .. } | Answer::CopyDone) => {
                    return Err(PgError::Answer("the server sends rows instead of taking them".to_owned()));
                }
                Ok(Answer::Row(_) | Answer::Complete(_) | Answer::Nothing) => {}
                Err(lost) => return Err(failed.unwrap_or(lost)),
            }
        }
    }

    /// Sends some bytes. Rows may be cut anywhere between two calls.
    ///
    /// # Errors
    /// What the server reports of earlier bytes; the COPY has ended then and the session can be used again. Or that the
    /// connection was lost.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), PgError> {
        for piece in bytes.chunks(MESSAGE) {
            let length = u32::try_from(piece.len() + 4)
                .map_err(|_| PgError::Answer("a piece of COPY data is too long".to_owned()))?;
            let [a, b, c, d] = length.to_be_bytes();
            let wire = self.session.wire();
            let mut sent = wire.send_bytes(&[b'd', a, b, c, d]).await;
            if sent.is_ok() {
                sent = wire.send_bytes(piece).await;
            }
            self.heard(sent).await?;
        }
        Ok(())
    }

    /// Says that all is sent and waits for the server to have it; the number of rows.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn finish(self) -> Result<u64, PgError> {
        let wire = self.session.wire();
        wire.out.extend_from_slice(b"c\0\0\0\x04");
        let sent = wire.send().await;
        self.end(sent).await
    }

    /// Takes all of it back. The server's confirmation is waited for.
    ///
    /// # Errors
    /// When the connection was lost.
    pub async fn abort(self, reason: &str) -> Result<(), PgError> {
        let wire = self.session.wire();
        postgres_protocol::message::frontend::copy_fail(&reason.replace('\0', " "), &mut wire.out)
            .map_err(|error| PgError::Answer(format!("take back COPY data: {error}")))?;
        let sent = wire.send().await;
        match self.end(sent).await {
            Ok(_) | Err(PgError::Server(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Looks whether the server said something while bytes were sent. It says nothing as long as all is well.
    async fn heard(&mut self, sent: Result<(), PgError>) -> Result<(), PgError> {
        while self.session.wire().has_unread() || sent.is_err() {
            match self.session.wire().peek() {
                Ok(Some(header)) if matches!(header.tag, b'N' | b'S' | b'A') => {
                    self.session.between().await?
                }
                Ok(None) if sent.is_ok() => return Ok(()),
                // An error ends the COPY; a lost connection may have told its reason first.
                _ => {
                    return match drain(self.session, sent).await {
                        Ok(_) => Err(PgError::Protocol("the server ended COPY by itself".to_owned())),
                        Err(error) => Err(error),
                    };
                }
            }
        }
        Ok(())
    }

    async fn end(self, sent: Result<(), PgError>) -> Result<u64, PgError> {
        drain(self.session, sent).await?.ok_or_else(|| {
            PgError::Protocol("the server ended COPY without saying how many rows it took".to_owned())
        })
    }
}

/// Reads up to the end of the answer. `sent` is how the last sending went: when it failed, so did the connection, and
/// the server's own words are preferred.
async fn drain(session: &mut Session, sent: Result<(), PgError>) -> Result<Option<u64>, PgError> {
    let mut failed = None;
    let mut rows = None;
    loop {
        match session.answer().await {
            Ok(Answer::Complete(tag)) => rows = rows.or_else(|| copied(tag)),
            Ok(Answer::Failed(error)) => failed = Some(PgError::Server(error)),
            Ok(Answer::Ready) => return failed.map_or(Ok(rows), Err),
            Ok(_) => {}
            Err(lost) => return Err(failed.or(sent.err()).unwrap_or(lost)),
        }
    }
}
