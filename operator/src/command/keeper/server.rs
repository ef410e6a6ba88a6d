//! Serves HTTP/1.1 over TCP or TLS: one task per connection, a bound on their number and on the time that each may take
//! to say what it wants.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Every mover of a vault holds one connection, the operator one or two.
const CONNECTIONS: usize = 512;
/// For the TLS handshake, and for the head of each request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long requests under way may take after the process was asked to stop.
const FAREWELL: Duration = Duration::from_secs(20);
/// After an error of `accept` that is not the peer's: out of file descriptors, mostly.
const BREATH: Duration = Duration::from_millis(100);

/// Serves `router` until `stop`, then lets the requests under way end.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, slot)) => {
                let (tls, router, stop) = (tls.clone(), router.clone(), stop.clone());
                connections.spawn(async move {
                    let _slot = slot;
                    if let Err(error) = connection(stream, tls, router, stop).await {
                        tracing::debug!(%error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                sleep(BREATH).await;
            }
        }
    }
    let ended = timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!(left = connections.len(), "requests still under way were cut off");
    }
}

type Slot = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, Slot)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, slot))
}

#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("failed to agree on TLS: {0}")]
    Handshake(#[source] io::Error),
    #[error("no TLS handshake within {PATIENCE:?}")]
    HandshakeTooSlow,
    #[error("failed to serve a request: {0}")]
    Serve(#[source] hyper::Error),
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) -> Result<(), ConnectionError> {
    let Some(acceptor) = tls else {
        return requests(stream, router, stop).await;
    };
    let stream = timeout(PATIENCE, acceptor.accept(stream))
        .await
        .map_err(|_| ConnectionError::HandshakeTooSlow)?
        .map_err(ConnectionError::Handshake)?;
    requests(stream, router, stop).await
}

async fn requests<S>(stream: S, router: Router, stop: CancellationToken) -> Result<(), ConnectionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = pin!(served);
    tokio::select! {
        ended = served.as_mut() => return ended.map_err(ConnectionError::Serve),
        () = stop.cancelled() => {}
    }
    served.as_mut().graceful_shutdown();
    served.await.map_err(ConnectionError::Serve)
}
