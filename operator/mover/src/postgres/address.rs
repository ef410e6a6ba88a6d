//! From a host name to a connected socket: every address of the name is tried.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};

use super::{PgError, stream::Stream};

/// How long one address may take to accept a connection, and a name to be looked up.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A dead peer is noticed at most this long after the last byte, whether we wait for bytes or send them.
const DEAD_PEER: Duration = Duration::from_secs(60);
/// The first question to a silent peer, and the pause between further ones.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// One way to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(String),
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => formatter.write_str(path),
        }
    }
}

/// Whether a host is the directory of a Unix socket, as in libpq.
pub fn is_socket_directory(host: &str) -> bool {
    host.starts_with('/')
}

/// All addresses of a host, in the resolver's order.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<Address>, PgError> {
    if is_socket_directory(host) {
        return Ok(vec![Address::Unix(format!("{host}/.s.PGSQL.{port}"))]);
    }
    let found = timeout(CONNECT_TIMEOUT, lookup_host((host, port)))
        .await
        .map_err(|_| PgError::ResolveTimedOut { host: host.to_owned(), limit: CONNECT_TIMEOUT })?
        .map_err(|source| PgError::Resolve { host: host.to_owned(), source })?;
    let mut addresses = Vec::new();
    for address in found.map(Address::Tcp) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        let source = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(PgError::Resolve { host: host.to_owned(), source });
    }
    Ok(addresses)
}

/// Connects to one address.
pub async fn connect(address: &Address) -> Result<Stream, PgError> {
    let connected = timeout(CONNECT_TIMEOUT, open(address))
        .await
        .map_err(|_| PgError::TimedOut { address: address.to_string(), limit: CONNECT_TIMEOUT })?;
    connected.map_err(|source| {
        let address = address.to_string();
        let kind = source.kind();
        if matches!(kind, io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) {
            PgError::Refused { address, source }
        } else if kind == io::ErrorKind::TimedOut {
            PgError::TimedOut { address, limit: CONNECT_TIMEOUT }
        } else {
            PgError::Unreachable { address, source }
        }
    })
}

async fn open(address: &Address) -> io::Result<Stream> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            notice_dead_peers(&stream)?;
            Ok(Stream::Tcp(stream))
        }
        Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
    }
}

/// Without this a server that vanishes behind a firewall would be waited for without end.
fn notice_dead_peers(stream: &TcpStream) -> io::Result<()> {
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL).with_retries(3);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(DEAD_PEER))?;
    Ok(())
}
