//! Ends a running statement from outside its session.

use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    Endpoint, PgError,
    address::{self, Address},
    log_in,
};

/// How long a request to cancel may take in all.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Knows the process of one session and the key that lets it be cancelled.
#[derive(Clone)]
pub struct CancelHandle {
    endpoint: Endpoint,
    address: Address,
    process_id: i32,
    secret_key: i32,
}

impl CancelHandle {
    pub(super) fn new(endpoint: Endpoint, address: Address, process_id: i32, secret_key: i32) -> Self {
        Self { endpoint, address, process_id, secret_key }
    }

    /// Asks the server to end what the session runs at this moment; the statement then fails with SQLSTATE 57014. The
    /// server does not say whether there was anything to end.
    ///
    /// # Errors
    /// When the server could not be asked.
    pub async fn cancel(&self) -> Result<(), PgError> {
        let timed_out = |_| PgError::TimedOut { address: self.address.to_string(), limit: CANCEL_TIMEOUT };
        timeout(CANCEL_TIMEOUT, self.request()).await.map_err(timed_out)?
    }

    async fn request(&self) -> Result<(), PgError> {
        let stream = address::connect(&self.address).await?;
        let mut stream = log_in::secure(self.endpoint.server(), stream, &self.address).await?;
        let mut request = BytesMut::new();
        frontend::cancel_request(self.process_id, self.secret_key, &mut request);
        stream.write_all(&request).await.map_err(PgError::Lost)?;
        stream.flush().await.map_err(PgError::Lost)?;
        // The server closes the connection when it has passed the request on, with or without TLS's good-bye.
        let _closed = stream.read_u8().await;
        Ok(())
    }
}
