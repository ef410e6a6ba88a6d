//! Where a server is, who logs in, and how the connection is protected: all that is needed to open sessions.

use std::{fmt, sync::Arc};

use contract::{Connection, Credentials, Secret, Tls, TlsMode};

use super::{
    ConnectionString, PgError, Session, TlsSettings,
    address::{self, Address},
    log_in,
};

/// Longest user name, host name or database name that is looked at, bytes.
const NAME_LIMIT: usize = 1024;

/// A server and a login. Cheap to clone; a clone for another database shares the rest.
#[derive(Clone)]
pub struct Endpoint {
    server: Arc<Server>,
    database: String,
}

/// What does not depend on the database.
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Secret>,
    pub tls: TlsSettings,
    /// As given, for programs that read certificates by themselves.
    pub given_tls: Tls,
}

impl Endpoint {
    /// Checks a connection without opening it. A connection string gives user and password only: a host, port or
    /// database in it that differs from the connection's is refused.
    ///
    /// # Errors
    /// [`PgError::InvalidConnection`] and [`PgError::ConnectionString`]; the message never holds a secret.
    pub fn new(connection: &Connection) -> Result<Self, PgError> {
        let (user, password) = log_in_as(connection)?;
        check_name("host", &connection.host)?;
        check_name("user name", &user)?;
        check_name("database name", &connection.database)?;
        if connection.port == 0 {
            return Err(PgError::InvalidConnection("the port must be from 1 to 65535".to_owned()));
        }
        if password.as_ref().is_some_and(|password| password.reveal().contains(['\0', '\n', '\r'])) {
            // pg_dump reads it from a password file, which has no way to write a line break.
            let reason = "the password holds a line break or a NUL; remove it (a Secret made from a file often ends with one)";
            return Err(PgError::InvalidConnection(reason.to_owned()));
        }
        let server = Server {
            host: connection.host.clone(),
            port: connection.port,
            user,
            password,
            tls: TlsSettings::new(&connection.tls)?,
            given_tls: connection.tls.clone(),
        };
        Ok(Self { server: Arc::new(server), database: connection.database.clone() })
    }

    /// The same login to another database of the server.
    pub fn with_database(&self, database: impl Into<String>) -> Self {
        Self { server: Arc::clone(&self.server), database: database.into() }
    }

    pub fn host(&self) -> &str {
        &self.server.host
    }

    pub fn port(&self) -> u16 {
        self.server.port
    }

    pub fn user(&self) -> &str {
        &self.server.user
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    pub(crate) fn password(&self) -> Option<&Secret> {
        self.server.password.as_ref()
    }

    pub(crate) fn given_tls(&self) -> &Tls {
        &self.server.given_tls
    }

    /// Whether bytes to the server are protected, be it by TLS or by never leaving the machine.
    pub fn is_socket(&self) -> bool {
        address::is_socket_directory(&self.server.host)
    }

    /// All addresses that the host stands for.
    ///
    /// # Errors
    /// When the name cannot be looked up.
    pub async fn resolve(&self) -> Result<Vec<Address>, PgError> {
        address::resolve(&self.server.host, self.server.port).await
    }

    /// Opens a session. Every address of the host is tried until one lets us in or refuses us for good.
    ///
    /// # Errors
    /// The failure of the address that came furthest.
    pub async fn connect(&self, application: &str) -> Result<Session, PgError> {
        let addresses = self.resolve().await?;
        let mut failed: Option<PgError> = None;
        for address in &addresses {
            match log_in::open(self, address, application).await {
                Ok(session) => return Ok(session),
                Err(error) if is_of_this_address(&error) => {
                    if failed.as_ref().is_none_or(|before| distance(&error) >= distance(before)) {
                        failed = Some(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(failed.unwrap_or_else(|| PgError::InvalidConnection("the host has no address".to_owned())))
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}:{}/{}", self.server.user, self.server.host, self.server.port, self.database)
    }
}

fn log_in_as(connection: &Connection) -> Result<(String, Option<Secret>), PgError> {
    let text = match &connection.credentials {
        Credentials::Password { username, password } => {
            let password = (!password.reveal().is_empty()).then(|| password.clone());
            return Ok((username.clone(), password));
        }
        Credentials::ConnectionString(text) => text,
    };
    let parsed = ConnectionString::parse(text.reveal())?;
    let differs = |what: &str, theirs: &str, ours: &str| {
        PgError::InvalidConnection(format!(
            "the connection string names the {what} {theirs:?} and the spec {ours:?}; only user and password are taken \
             from the string, so remove the {what} from it or make it the same"
        ))
    };
    if let Some(host) = parsed.host.as_ref().filter(|host| **host != connection.host) {
        return Err(differs("host", host, &connection.host));
    }
    if let Some(port) = parsed.port.filter(|port| *port != connection.port) {
        return Err(differs("port", &port.to_string(), &connection.port.to_string()));
    }
    if let Some(database) = parsed.database.as_ref().filter(|database| **database != connection.database) {
        return Err(differs("database", database, &connection.database));
    }
    let user = parsed
        .user
        .clone()
        .ok_or_else(|| PgError::InvalidConnection("the connection string names no user".to_owned()))?;
    Ok((user, parsed.password.clone()))
}

fn check_name(what: &str, name: &str) -> Result<(), PgError> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name.len() > NAME_LIMIT {
        "is too long"
    } else if name.contains(char::is_control) {
        "holds a control character"
    } else {
        return Ok(());
    };
    Err(PgError::InvalidConnection(format!("the {what} {problem}")))
}

/// Whether another address of the same name may do better.
fn is_of_this_address(error: &PgError) -> bool {
    match error {
        PgError::Refused { .. }
        | PgError::TimedOut { .. }
        | PgError::Unreachable { .. }
        | PgError::LogInTimedOut { .. }
        | PgError::HungUp { .. }
        | PgError::Lost(_) => true,
        PgError::Server(error) => error.sqlstate == "57P03",
        PgError::ConnectionString(_)
        | PgError::InvalidConnection(_)
        | PgError::Resolve { .. }
        | PgError::ResolveTimedOut { .. }
        | PgError::TlsNotOffered { .. }
        | PgError::Tls { .. }
        | PgError::NotPostgres { .. }
        | PgError::Authentication(_)
        | PgError::Protocol(_)
        | PgError::Answer(_) => false,
    }
}

/// How far an address let us come; the failure that tells most is shown.
fn distance(error: &PgError) -> u8 {
    if error.server().is_some() {
        4
    } else if matches!(error, PgError::LogInTimedOut { .. } | PgError::HungUp { .. } | PgError::Lost(_)) {
        3
    } else if matches!(error, PgError::Refused { .. }) {
        2
    } else {
        1
    }
}

/// Whether a mode promises that the server's certificate is looked at.
pub(crate) fn checks_certificate(tls: &Tls) -> bool {
    match tls.mode {
        TlsMode::VerifyFull | TlsMode::VerifyCa => true,
        TlsMode::Require => tls.ca.is_some(),
        TlsMode::Disable => false,
    }
}
