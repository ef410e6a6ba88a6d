//! PostgreSQL on the wire: connection strings, TLS, authentication, the simple protocol, COPY.
//!
//! One kind of [`Session`] serves everything, because a data lane must not take a snapshot too early, must stream rows
//! of any length through one buffer, and must speak names in whatever encoding the database has. Statements and values
//! are bytes.

mod address;
mod cancel;
mod connection_string;
mod copy_in;
mod copy_out;
mod endpoint;
mod error;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod log_in;
mod row;
mod server_error;
mod session;
mod stream;
mod tls;
mod wire;

pub use address::{Address, CONNECT_TIMEOUT, connect as connect_address};
pub use cancel::CancelHandle;
pub use connection_string::{ConnectionString, ConnectionStringError, keyword_values};
pub use copy_in::CopyIn;
pub use copy_out::{BINARY_HEADER, BINARY_TRAILER, CopyOut, Piece};
pub use endpoint::Endpoint;
pub use error::{PgError, server_cause};
pub use row::Row;
pub use server_error::{ServerError, sqlstate};
pub use session::{Session, TransactionStatus};
pub use tls::TlsSettings;

pub(crate) use endpoint::checks_certificate;
pub(crate) use tls::public_authorities_pem;
