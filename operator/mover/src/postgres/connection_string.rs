//! Connection strings as people keep them in Secrets: a libpq URI, libpq's keyword/value form, or ADO.NET's.
//!
//! Values may hold a password, so no message here ever quotes one; keywords are quoted.

mod ado;
mod keywords;
mod uri;

use contract::{Secret, TlsMode};

pub use keywords::keyword_values;

/// The longest connection string that is looked at, bytes.
const LIMIT: usize = 16 * 1024;

/// What a connection string says; whatever it does not say is `None`.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct ConnectionString {
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub database: Option<String>,
    pub tls: Option<TlsMode>,
}

/// Why a connection string cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    #[error("the connection string is empty")]
    Empty,
    #[error("the connection string is longer than {LIMIT} bytes")]
    TooLong,
    #[error("the connection string holds a NUL or a line break outside quotes")]
    ControlCharacter,
    #[error("the connection string has a % that two hex digits do not follow; write a literal % as %25")]
    BadEscape,
    #[error("an escaped part of the connection string is not UTF-8")]
    NotUtf8,
    #[error("the connection string names several hosts; name one, the one that the backup is to read from")]
    SeveralHosts,
    #[error("the port in the connection string is not a number from 1 to 65535")]
    BadPort,
    #[error("the connection string has an unknown keyword {0:?}")]
    UnknownKeyword(String),
    #[error("the connection string has no = after {0:?}")]
    MissingEquals(String),
    #[error("a quoted value in the connection string does not end; its keyword is {0:?}")]
    UnclosedQuote(String),
    #[error("something follows the quoted value of {0:?} in the connection string")]
    AfterQuote(String),
    #[error("the connection string has a [ without a ] in its host")]
    UnclosedBracket,
    #[error(
        "sslmode in the connection string is none of disable, allow, prefer, require, verify-ca, verify-full"
    )]
    UnknownTlsMode,
}

impl ConnectionString {
    /// Reads any of the three forms.
    ///
    /// # Errors
    /// When the text is none of them, or says a thing that cannot be done. The message holds no value.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ConnectionStringError::Empty);
        }
        if text.len() > LIMIT {
            return Err(ConnectionStringError::TooLong);
        }
        if text.contains('\0') {
            return Err(ConnectionStringError::ControlCharacter);
        }
        if let Some(rest) = uri::strip_scheme(text) {
            uri::parse(rest)
        } else if ado::looks_like(text) {
            ado::parse(text)
        } else {
            keywords::parse(text)
        }
    }

    /// Takes one of libpq's options.
    fn set_libpq(&mut self, keyword: &str, value: String) -> Result<(), ConnectionStringError> {
        match keyword {
            "user" => self.user = some(value),
            "password" => self.password = some(value).map(Secret::new),
            "host" => self.set_host(value)?,
            "port" => self.set_port(&value)?,
            "dbname" => self.database = some(value),
            "sslmode" => self.tls = tls_mode(&value)?,
            other if LIBPQ_IGNORED.contains(&other) => {}
            // After an unquoted password with a blank in it, this may be the password's end.
            _ if self.password.is_some() => {
                return Err(ConnectionStringError::UnknownKeyword("…".to_owned()));
            }
            other => return Err(ConnectionStringError::UnknownKeyword(other.to_owned())),
        }
        Ok(())
    }

    fn set_host(&mut self, value: String) -> Result<(), ConnectionStringError> {
        if value.contains(',') {
            return Err(ConnectionStringError::SeveralHosts);
        }
        self.host = some(value);
        Ok(())
    }

    fn set_port(&mut self, value: &str) -> Result<(), ConnectionStringError> {
        if value.is_empty() {
            return Ok(());
        }
        let port = value.parse::<u16>().ok().filter(|port| *port > 0);
        self.port = Some(port.ok_or(ConnectionStringError::BadPort)?);
        Ok(())
    }
}

/// Options of libpq that say nothing about who logs in where. They are left out: the connection's own settings hold.
const LIBPQ_IGNORED: [&str; 38] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "options",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "servicefile",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
];

fn is_libpq_keyword(keyword: &str) -> bool {
    matches!(keyword, "user" | "password" | "host" | "port" | "dbname" | "sslmode")
        || LIBPQ_IGNORED.contains(&keyword)
}

/// An option that is given without a value is as good as not given.
fn some(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

/// `allow` and `prefer` promise nothing: they are as if nothing were said.
fn tls_mode(value: &str) -> Result<Option<TlsMode>, ConnectionStringError> {
    match value {
        "verify-full" => Ok(Some(TlsMode::VerifyFull)),
        "verify-ca" => Ok(Some(TlsMode::VerifyCa)),
        "require" => Ok(Some(TlsMode::Require)),
        "disable" => Ok(Some(TlsMode::Disable)),
        "" | "allow" | "prefer" => Ok(None),
        _ => Err(ConnectionStringError::UnknownTlsMode),
    }
}

#[cfg(test)]
mod tests;
