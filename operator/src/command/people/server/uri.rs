//! The URI itself, in libpq's form: `postgresql://[user@][host][:port][/dbname][?parameter=value&...]`.

use url::Url;

use super::ServerError;
use crate::command::people::environment::Environment;

/// What may be said of a connection, each under libpq's name for it.
const KNOWN: [&str; 11] = [
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "service",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
];
/// Harmless here: Coffer has its own name and its own limits for these.
const IGNORED: [&str; 14] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "sslcompression",
    "tcp_user_timeout",
];

/// libpq's variables, and the parameters that they stand for.
const VARIABLES: [(&str, &str); 10] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGPASSFILE", "passfile"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
];

/// Named values; the first of a name counts. No `Debug`: one may be a password.
#[derive(Default)]
pub struct Parameters {
    entries: Vec<(String, String)>,
}

impl Parameters {
    pub fn of_environment(environment: &Environment) -> Self {
        let mut parameters = Self::default();
        for (variable, name) in VARIABLES {
            if let Some(value) = environment.get(variable) {
                parameters.add(name, value.to_owned());
            }
        }
        parameters
    }

    /// Adds a value unless it is empty, which says nothing.
    pub fn add(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.entries.push((name.to_owned(), value));
        }
    }

    /// Takes what is not known yet from values of lower rank.
    pub fn complete(&mut self, lower: Self) {
        self.entries.extend(lower.entries);
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn take(&mut self, name: &str) -> Option<String> {
        let first = self.entries.iter().position(|(known, _)| known == name)?;
        Some(self.entries.remove(first).1)
    }
}

/// Whether a parameter is to be taken, left aside, or refused.
pub fn judge(name: &str) -> Option<bool> {
    if KNOWN.contains(&name) {
        Some(true)
    } else if IGNORED.contains(&name) {
        Some(false)
    } else {
        None
    }
}

/// Takes a URI apart.
///
/// # Errors
/// A [`ServerError`] about its form, and always when it holds a password.
pub fn parse(text: &str) -> Result<Parameters, ServerError> {
    let rest = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
    let authority = rest.ok_or(ServerError::NotUri)?.split(['/', '?']).next().unwrap_or_default();
    if authority.contains(',') {
        return Err(ServerError::SeveralHosts);
    }
    // `user@:5433/db` and `user@/db` leave the host to the environment; a URL has none then, so that it gets a stand-in.
    let (user, place) = authority.rsplit_once('@').map_or(("", authority), |(user, place)| (user, place));
    let hostless = place.is_empty() || place.starts_with(':');
    let whole = if hostless {
        let separator = if authority.contains('@') { format!("{user}@") } else { String::new() };
        let tail = rest.and_then(|rest| rest.get(authority.len()..)).unwrap_or_default();
        format!("postgresql://{separator}host.invalid{place}{tail}")
    } else {
        text.to_owned()
    };
    let url = Url::parse(&whole).map_err(|_| ServerError::NotUri)?;
    if url.password().is_some() {
        return Err(ServerError::PasswordInUri);
    }
    parameters(&url, hostless)
}

fn parameters(url: &Url, hostless: bool) -> Result<Parameters, ServerError> {
    let mut parameters = Parameters::default();
    for (name, value) in url.query_pairs() {
        match judge(&name) {
            _ if name == "password" => return Err(ServerError::PasswordInUri),
            Some(true) if value.contains(',') && (name == "host" || name == "port") => {
                return Err(ServerError::SeveralHosts);
            }
            Some(true) => parameters.add(&name, value.into_owned()),
            Some(false) => {}
            None => return Err(ServerError::UnknownParameter { name: name.into_owned() }),
        }
    }
    if !hostless && let Some(host) = url.host_str() {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        parameters.add("host", decoded(host)?);
    }
    if let Some(port) = url.port() {
        parameters.add("port", port.to_string());
    }
    parameters.add("user", decoded(url.username())?);
    parameters.add("dbname", decoded(url.path().trim_start_matches('/'))?);
    Ok(parameters)
}

fn decoded(text: &str) -> Result<String, ServerError> {
    // The query decoder reads `+` as a space, which it is not outside of a query.
    let query = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let value = pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default();
    if value.contains('\u{fffd}') { Err(ServerError::NotUri) } else { Ok(value) }
}
