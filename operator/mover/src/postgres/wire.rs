//! Messages on the wire: a tag, a length, a body. One buffer per connection, used again for every message.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{PgError, stream::Stream};

/// Bytes that are read at once; a longer message than this makes the buffer grow for as long as it is needed.
const BUFFER: usize = 256 * 1024;
/// Tag and length.
const HEADER: usize = 5;
/// Longest message besides rows and COPY data. Longer reports of errors are cut.
pub const CONTROL_LIMIT: usize = 256 * 1024;
/// Longest row of a query, as opposed to COPY.
pub const ROW_LIMIT: usize = 64 * 1024 * 1024;

/// A connection's stream and what was read ahead from it.
pub struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// What is to be sent next.
    pub out: BytesMut,
}

/// What stands before a message's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub tag: u8,
    /// Bytes of the body.
    pub length: usize,
}

impl Wire {
    pub fn new(stream: Stream) -> Self {
        Self { stream, buffer: vec![0; BUFFER], start: 0, end: 0, out: BytesMut::new() }
    }

    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Sends what is in [`Self::out`].
    pub async fn send(&mut self) -> Result<(), PgError> {
        let out = self.out.split();
        self.send_bytes(&out).await?;
        self.out = out;
        self.out.clear();
        self.stream.flush().await.map_err(PgError::Lost)
    }

    /// Sends bytes as they are. While the server takes none, what it says is read, so that neither side can wait for
    /// the other without end.
    pub async fn send_bytes(&mut self, mut bytes: &[u8]) -> Result<(), PgError> {
        self.make_room();
        while !bytes.is_empty() {
            let sent = poll_fn(|context| self.poll_send(context, bytes)).await.map_err(PgError::Lost)?;
            bytes = &bytes[sent..];
        }
        Ok(())
    }

    /// The next message's header, without taking it; `None` where not all of it was read yet.
    pub fn peek(&self) -> Result<Option<Header>, PgError> {
        let Some(&[tag, a, b, c, d]) = self.buffer[self.start..self.end].first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
        match length.filter(|length| *length < usize::try_from(i32::MAX).unwrap_or(usize::MAX)) {
            Some(length) => Ok(Some(Header { tag, length })),
            None => Err(PgError::Protocol("a message has an impossible length".to_owned())),
        }
    }

    /// Waits until the next message's header was read, and shows it.
    pub async fn await_header(&mut self) -> Result<Header, PgError> {
        loop {
            if let Some(header) = self.peek()? {
                return Ok(header);
            }
            self.fill().await?;
        }
    }

    /// The next message's header, taken.
    pub async fn header(&mut self) -> Result<Header, PgError> {
        let header = self.await_header().await?;
        self.take_header();
        Ok(header)
    }

    /// Takes the header that [`Self::peek`] or [`Self::await_header`] showed.
    pub fn take_header(&mut self) {
        self.start = (self.start + HEADER).min(self.end);
    }

    /// The body of the message whose header was just taken.
    pub async fn body(&mut self, length: usize, limit: usize) -> Result<&[u8], PgError> {
        if length > limit {
            return Err(PgError::Protocol(format!("a message of {length} bytes is longer than {limit}")));
        }
        while self.end - self.start < length {
            if self.buffer.len() < length {
                // Grown with the bytes that come, so that a length alone costs no memory.
                self.make_room();
                let target = (self.buffer.len() * 2).min(length.max(BUFFER));
                if self.end == self.buffer.len() {
                    self.buffer.resize(target, 0);
                }
            }
            self.fill().await?;
        }
        let body = self.start..self.start + length;
        self.start += length;
        Ok(&self.buffer[body])
    }

    /// The first bytes of a body that may be longer than anybody wants to know; the rest is read and dropped.
    pub async fn body_cut(&mut self, length: usize, limit: usize) -> Result<Vec<u8>, PgError> {
        let kept = self.body(length.min(limit), limit).await?.to_vec();
        let mut rest = length - kept.len();
        while rest > 0 {
            rest -= self.available(rest).len();
            if rest > 0 {
                self.fill().await?;
            }
        }
        Ok(kept)
    }

    /// Takes at most so many bytes of those that were read already.
    pub fn available(&mut self, most: usize) -> &[u8] {
        let taken = self.start..self.end.min(self.start + most);
        self.start = taken.end;
        &self.buffer[taken]
    }

    /// Whether bytes were read that nobody has taken.
    pub fn has_unread(&self) -> bool {
        self.start < self.end
    }

    /// Reads once; at least one byte has come when it returns.
    pub async fn fill(&mut self) -> Result<(), PgError> {
        self.make_room();
        let read = self.stream.read(&mut self.buffer[self.end..]).await.map_err(PgError::Lost)?;
        if read == 0 {
            return Err(PgError::Lost(closed()));
        }
        self.end += read;
        Ok(())
    }

    /// Ends the stream, telling the other side.
    pub async fn shut_down(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Moves what was not taken to the front when little room is left behind it.
    fn make_room(&mut self) {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.buffer.len() > BUFFER {
                self.buffer.truncate(BUFFER);
                self.buffer.shrink_to_fit();
            }
        } else if self.buffer.len() - self.end < BUFFER / 4 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    fn poll_send(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(sent) = Pin::new(&mut self.stream).poll_write(context, bytes) {
            return Poll::Ready(match sent? {
                0 => Err(closed()),
                sent => Ok(sent),
            });
        }
        loop {
            if self.end == self.buffer.len() {
                if self.end >= ROW_LIMIT {
                    return Poll::Pending;
                }
                self.buffer.resize(self.end * 2, 0);
            }
            let mut room = ReadBuf::new(&mut self.buffer[self.end..]);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
            match room.filled().len() {
                0 => return Poll::Ready(Err(closed())),
                read => self.end += read,
            }
        }
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    fn wire() -> (Wire, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Wire::new(Stream::Unix(ours)), theirs)
    }

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &length.to_be_bytes()[..], body].concat()
    }

    #[tokio::test]
    async fn messages_of_any_size_come_out_as_they_went_in() {
        let (mut wire, mut server) = wire();
        let sizes = [0, 1, 1_000, BUFFER - 5, BUFFER, BUFFER * 3 + 7, 2];
        let sender = async {
            for (tag, size) in (b'a'..).zip(sizes) {
                server.write_all(&message(tag, &vec![tag; size])).await.unwrap();
            }
        };
        let receiver = async {
            for (tag, size) in (b'a'..).zip(sizes) {
                assert_eq!(wire.header().await.unwrap(), Header { tag, length: size });
                assert!(wire.body(size, ROW_LIMIT).await.unwrap().iter().all(|byte| *byte == tag));
            }
            wire.make_room();
            assert_eq!(wire.buffer.len(), BUFFER);
        };
        tokio::join!(sender, receiver);
    }

    #[tokio::test]
    async fn a_length_is_not_believed_before_its_bytes_come() {
        let (mut wire, mut server) = wire();
        server.write_all(&[b'D', 0x7f, 0, 0, 0]).await.unwrap();
        let header = wire.header().await.unwrap();
        assert!(matches!(wire.body(header.length, ROW_LIMIT).await, Err(PgError::Protocol(_))));
        for impossible in [[b'D', 0, 0, 0, 3], [b'D', 0xff, 0xff, 0xff, 0xff]] {
            server.write_all(&impossible).await.unwrap();
            assert!(matches!(wire.header().await, Err(PgError::Protocol(_))));
            wire.available(HEADER);
        }
        server.write_all(&[b'D', 0, 0x20, 0, 0, 1, 2, 3]).await.unwrap();
        drop(server);
        let header = wire.header().await.unwrap();
        assert!(matches!(wire.body(header.length, ROW_LIMIT).await, Err(PgError::Lost(_))));
        assert!(wire.buffer.len() <= 2 * BUFFER);
    }

    #[tokio::test]
    async fn a_long_report_is_cut_and_the_next_message_is_found() {
        let (mut wire, mut server) = wire();
        let sent = [message(b'E', &vec![b'x'; BUFFER * 2]), message(b'Z', b"I")].concat();
        let (kept, ()) = tokio::join!(
            async {
                let header = wire.header().await.unwrap();
                wire.body_cut(header.length, 100).await.unwrap()
            },
            async { server.write_all(&sent).await.unwrap() }
        );
        assert_eq!(kept.len(), 100);
        assert_eq!(wire.header().await.unwrap().tag, b'Z');
    }

    #[tokio::test]
    async fn a_server_that_talks_instead_of_listening_is_heard() {
        let (mut wire, mut server) = wire();
        let ours = vec![b'd'; 1 << 20];
        // The server sends before it takes anything, and each side has more than the socket holds.
        let theirs = vec![b'n'; 3 * BUFFER];
        let server = async {
            server.write_all(&theirs).await.unwrap();
            let mut taken = vec![0; ours.len()];
            server.read_exact(&mut taken).await.unwrap();
            taken
        };
        let (sent, taken) = tokio::join!(wire.send_bytes(&ours), server);
        sent.unwrap();
        assert_eq!(taken, ours);
        assert_eq!(wire.end - wire.start, 3 * BUFFER);
    }
}
