//! What can go wrong between this process and a PostgreSQL server.

use std::{error::Error, io, time::Duration};

use contract::{Cause, Failure, FailureCode, Stage};

use super::{ConnectionStringError, ServerError};

/// One failure on a connection, or on the way to one.
#[derive(Debug, thiserror::Error)]
pub enum PgError {
    #[error("read the connection string: {0}")]
    ConnectionString(#[from] ConnectionStringError),
    #[error("{0}")]
    InvalidConnection(String),
    #[error("look up the host {host:?}: {source}; check its name and the DNS")]
    Resolve { host: String, source: io::Error },
    #[error("look up the host {host:?}: no answer within {} s; check the DNS", limit.as_secs())]
    ResolveTimedOut { host: String, limit: Duration },
    #[error("connect to {address}: {source}; check that the server listens there")]
    Refused { address: String, source: io::Error },
    #[error("connect to {address}: no answer within {} s; check address, firewall and network policies", limit.as_secs())]
    TimedOut { address: String, limit: Duration },
    #[error("connect to {address}: {source}; check address, routes and network policies")]
    Unreachable { address: String, source: io::Error },
    #[error("log in at {address}: the server took the connection and did not answer within {} s", limit.as_secs())]
    LogInTimedOut { address: String, limit: Duration },
    #[error(
        "{address} took the connection and closed it without a word; check `host` and `port`: another program listens \
         there, or a proxy that has no server to pass it on to"
    )]
    HungUp { address: String },
    #[error(
        "the server at {address} offers no TLS; turn it on there, or ask for none (TLS mode Disable, sslmode=disable)"
    )]
    TlsNotOffered { address: String },
    #[error("agree on TLS with {address}: {reason}")]
    Tls { address: String, reason: String },
    #[error("{address} does not speak PostgreSQL's protocol: {reason}")]
    NotPostgres { address: String, reason: &'static str },
    #[error("log in: {0}")]
    Authentication(String),
    #[error("{0}")]
    Server(Box<ServerError>),
    #[error("the connection to the server was lost: {0}")]
    Lost(io::Error),
    #[error("the server broke PostgreSQL's protocol: {0}")]
    Protocol(String),
    #[error("the server gave an answer that was not expected: {0}")]
    Answer(String),
}

impl PgError {
    /// The cause for programs.
    pub fn code(&self) -> FailureCode {
        match self {
            Self::ConnectionString(_) | Self::InvalidConnection(_) => FailureCode::InvalidConnection,
            Self::NotPostgres { .. } => FailureCode::NotPostgres,
            Self::Resolve { .. } | Self::ResolveTimedOut { .. } => FailureCode::HostNotFound,
            Self::Refused { .. } => FailureCode::ConnectionRefused,
            Self::TimedOut { .. } | Self::Unreachable { .. } | Self::LogInTimedOut { .. } => {
                FailureCode::ConnectionTimedOut
            }
            Self::TlsNotOffered { .. } => FailureCode::TlsNotOffered,
            Self::Tls { .. } => FailureCode::TlsFailed,
            Self::Authentication(_) => FailureCode::AuthenticationFailed,
            Self::Server(error) => error.code(),
            Self::HungUp { .. } | Self::Lost(_) => FailureCode::ConnectionLost,
            Self::Protocol(_) | Self::Answer(_) => FailureCode::SourceFailed,
        }
    }

    /// What the server said, where it was the server that failed.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(error) => Some(error),
            Self::ConnectionString(_)
            | Self::InvalidConnection(_)
            | Self::Resolve { .. }
            | Self::ResolveTimedOut { .. }
            | Self::Refused { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::LogInTimedOut { .. }
            | Self::HungUp { .. }
            | Self::TlsNotOffered { .. }
            | Self::Tls { .. }
            | Self::NotPostgres { .. }
            | Self::Authentication(_)
            | Self::Lost(_)
            | Self::Protocol(_)
            | Self::Answer(_) => None,
        }
    }

    /// As others are told.
    pub fn failure(&self, stage: Stage) -> Failure {
        Failure { code: self.code(), stage, message: self.to_string(), cause: server_cause(self) }
    }

    /// Whether the server reported this SQLSTATE.
    pub fn is(&self, sqlstate: &str) -> bool {
        self.server().is_some_and(|error| error.is(sqlstate))
    }

    /// Whether the session is gone: the server ended it, or nothing can be read from it any more.
    pub fn ends_session(&self) -> bool {
        self.server().is_none_or(|error| matches!(error.severity.as_str(), "FATAL" | "PANIC"))
    }
}

/// What a server said, where an error comes from what a server said.
pub fn server_cause(error: &(dyn Error + 'static)) -> Option<Box<Cause>> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(server) = error.downcast_ref::<PgError>().and_then(PgError::server) {
            return server.cause().map(Box::new);
        }
        next = error.source();
    }
    None
}
