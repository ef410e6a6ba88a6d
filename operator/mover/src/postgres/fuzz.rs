//! What a server, or whoever stands in its place, may say; and how people say where one is.

use tokio::{io::AsyncWriteExt as _, net::UnixStream};

use super::{
    ConnectionString, PgError, Row, ServerError,
    session::Greeting,
    stream::Stream,
    tls::Certificate,
    wire::{CONTROL_LIMIT, ROW_LIMIT, Wire},
};
use crate::fuzz::block;

/// A connection string in any of its notations.
pub fn connection_string(bytes: &[u8]) {
    let _parsed = ConnectionString::parse(&String::from_utf8_lossy(bytes));
}

/// A certificate in DER form.
pub fn certificate(bytes: &[u8]) {
    if let Some(certificate) = Certificate::parse(bytes) {
        let _hash = certificate.hash_algorithm();
        let _holds = certificate.holds_at(0);
    }
}

/// A greeting, then messages to the end of the connection.
pub fn messages(bytes: &[u8]) {
    block(async {
        let Ok((ours, mut theirs)) = UnixStream::pair() else { return };
        // What does not fit into the socket's buffer would wait for a reader.
        if theirs.write_all(&bytes[..bytes.len().min(32 << 10)]).await.is_err() {
            return;
        }
        drop(theirs);
        let mut wire = Wire::new(Stream::Unix(ours));
        let _greeting = Greeting::read(&mut wire).await;
        while message(&mut wire).await.is_ok() {}
    });
}

async fn message(wire: &mut Wire) -> Result<(), PgError> {
    let header = wire.header().await?;
    if header.tag == b'D' {
        let row = Row::from_body(wire.body(header.length, ROW_LIMIT).await?)?;
        for column in 0..row.len() {
            let _either =
                (row.boolean(column), row.parse::<i64>(column), row.array(column), row.text(column));
        }
        return Ok(());
    }
    let body = wire.body_cut(header.length, CONTROL_LIMIT).await?;
    let error = ServerError::from_body(&body);
    let _either = (error.code(), error.is_value_too_large(), error.is_standby_conflict(), error.to_string());
    Ok(())
}
