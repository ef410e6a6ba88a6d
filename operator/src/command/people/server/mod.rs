//! A PostgreSQL server named on the command line: a URI or keywords without a password, completed by a service file, the usual
//! environment variables, a password file, and the defaults of libpq, in this order.

mod keywords;
pub(super) mod passfile;
mod service;
mod tls;
pub(super) mod uri;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use contract::{Connection, Credentials, Secret};

use super::environment::Environment;
use uri::Parameters;

const DEFAULT_PORT: u16 = 5432;

/// A server, and how the login to it was found.
#[derive(Debug)]
pub struct Server {
    pub connection: Connection,
    /// Whether the URI itself, a service or a variable named the database; otherwise it is libpq's default.
    pub names_database: bool,
    /// Whether a password was found anywhere. Without one a person may be asked, should the server want one.
    pub has_password: bool,
}

/// Why a text on the command line does not name a server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error(
        "the connection is no URI: write postgresql://user@host:port/database, or host=... dbname=... user=..."
    )]
    NotUri,
    #[error("failed to read the connection's keywords: {0}")]
    Keywords(String),
    #[error(
        "a password does not belong into a command line, where every process sees it: use PGPASSWORD, PGPASSFILE, a service \
         file, or wait for the prompt"
    )]
    PasswordInUri,
    #[error("the connection names more than one host: name the one to use")]
    SeveralHosts,
    #[error("the connection's parameter `{name}` is not supported")]
    UnknownParameter { name: String },
    #[error("the connection's port `{given}` is not a number from 1 to 65535")]
    Port { given: String },
    #[error("the connection has no host: write postgresql://user@host/database or set PGHOST")]
    NoHost,
    #[error("the connection has no user: write postgresql://user@host/database or set PGUSER")]
    NoUser,
    #[error(
        "sslmode `{given}` may end in plain text without a word: use verify-full, verify-ca, require or disable"
    )]
    WeakTls { given: String },
    #[error("`{given}` is not an sslmode: use verify-full, verify-ca, require or disable")]
    UnknownTls { given: String },
    #[error("sslcert and sslkey go together: {missing} is not set")]
    HalfClientCertificate { missing: &'static str },
    #[error("the service `{name}` is in none of the service files")]
    NoService { name: String },
    #[error("the service `{name}` has a line that is not supported: {key}")]
    ServiceKey { name: String, key: String },
    #[error("the password file {path} can be read by others: chmod 0600 it")]
    OpenPassfile { path: PathBuf },
    #[error("failed to read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
}

/// Finds the server that a URI or a string of keywords names.
///
/// # Errors
/// Any [`ServerError`]. No message repeats what was given as a whole: it may hold a password all the same.
pub fn resolve(uri: &str, environment: &Environment) -> Result<Server, ServerError> {
    resolve_in(uri, None, environment)
}

/// As [`resolve`], for a login to the database that is named beside it, if one is: a password file may have a line for that
/// one alone.
///
/// # Errors
/// As those of [`resolve`].
pub fn resolve_in(
    uri: &str,
    database: Option<&String>,
    environment: &Environment,
) -> Result<Server, ServerError> {
    let mut parameters = Parameters::default();
    parameters.add("dbname", database.cloned().unwrap_or_default());
    parameters.complete(if keywords::looks_like(uri) { keywords::parse(uri)? } else { uri::parse(uri)? });
    let service = parameters.take("service").or_else(|| environment.get("PGSERVICE").map(str::to_owned));
    if let Some(name) = service {
        parameters.complete(service::load(&name, environment)?);
    }
    parameters.complete(Parameters::of_environment(environment));

    let names_database = parameters.get("dbname").is_some();
    let host = parameters.take("host").ok_or(ServerError::NoHost)?;
    let port = parameters.take("port").map_or(Ok(DEFAULT_PORT), |given| port(&given))?;
    let user = parameters.take("user").or_else(|| own_name(environment)).ok_or(ServerError::NoUser)?;
    let database = parameters.take("dbname").unwrap_or_else(|| user.clone());
    let tls = tls::resolve(&mut parameters, is_on_this_machine(&host), environment)?;
    let login = passfile::Login { host: &host, port, database: &database, user: &user };
    let password = match parameters.take("password") {
        Some(password) => Some(password),
        None => passfile::find(parameters.get("passfile"), &login, environment)?,
    };
    let has_password = password.is_some();
    let credentials =
        Credentials::Password { username: user, password: Secret::new(password.unwrap_or_default()) };
    Ok(Server {
        connection: Connection { host, port, database, credentials, tls },
        names_database,
        has_password,
    })
}

impl Server {
    /// The same server with a password that a person has typed.
    pub fn with_password(mut self, typed: Secret) -> Self {
        if let Credentials::Password { password, .. } = &mut self.connection.credentials {
            *password = typed;
            self.has_password = true;
        }
        self
    }

    /// How the server is called in messages: `user@host:port`.
    pub fn shown(&self) -> String {
        let Connection { host, port, .. } = &self.connection;
        match &self.connection.credentials {
            Credentials::Password { username, .. } => format!("{username}@{host}:{port}"),
            Credentials::ConnectionString(_) => format!("{host}:{port}"),
        }
    }
}

fn port(given: &str) -> Result<u16, ServerError> {
    let port = given.parse().ok().filter(|&port| port != 0);
    port.ok_or_else(|| ServerError::Port { given: given.to_owned() })
}

fn own_name(environment: &Environment) -> Option<String> {
    environment.get("USER").or_else(|| environment.get("LOGNAME")).map(str::to_owned)
}

/// What is sent there leaves this machine only through a tunnel that protects it.
fn is_on_this_machine(host: &str) -> bool {
    host.starts_with('/') || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
