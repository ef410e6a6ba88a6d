//! How the connection is protected: `sslmode` and the files that go with it, never weaker than asked.

use std::fs;
use std::path::{Path, PathBuf};

use contract::{Secret, Tls, TlsMode};

use super::ServerError;
use super::uri::Parameters;
use crate::command::people::environment::{Environment, read_if_present};

/// The word for "the authorities that everybody trusts".
const SYSTEM: &str = "system";

/// What the parameters say of TLS. Without a word: full verification, except towards this machine itself, where most
/// servers offer no TLS and nothing leaves the machine.
///
/// # Errors
/// A [`ServerError`] about the mode or about a file.
pub fn resolve(
    parameters: &mut Parameters,
    on_this_machine: bool,
    environment: &Environment,
) -> Result<Tls, ServerError> {
    let mode = match parameters.take("sslmode") {
        Some(given) => mode(&given)?,
        None if on_this_machine => TlsMode::Disable,
        None => TlsMode::VerifyFull,
    };
    if mode == TlsMode::Disable {
        return Ok(Tls { mode, ca: None, client: None });
    }
    Ok(Tls { mode, ca: authority(parameters, environment)?, client: client(parameters, environment)? })
}

fn mode(given: &str) -> Result<TlsMode, ServerError> {
    match given {
        "verify-full" => Ok(TlsMode::VerifyFull),
        "verify-ca" => Ok(TlsMode::VerifyCa),
        "require" => Ok(TlsMode::Require),
        "disable" => Ok(TlsMode::Disable),
        "prefer" | "allow" => Err(ServerError::WeakTls { given: given.to_owned() }),
        unknown => Err(ServerError::UnknownTls { given: unknown.to_owned() }),
    }
}

fn authority(parameters: &mut Parameters, environment: &Environment) -> Result<Option<String>, ServerError> {
    match parameters.take("sslrootcert") {
        Some(word) if word == SYSTEM => Ok(None),
        Some(path) => read(Path::new(&path)).map(Some),
        None => in_home(environment, "root.crt"),
    }
}

fn client(
    parameters: &mut Parameters,
    environment: &Environment,
) -> Result<Option<(String, Secret)>, ServerError> {
    let named = |path: Option<String>| path.map(|path| read(Path::new(&path))).transpose();
    let pair = match (named(parameters.take("sslcert"))?, named(parameters.take("sslkey"))?) {
        (None, None) => (in_home(environment, "postgresql.crt")?, in_home(environment, "postgresql.key")?),
        one_or_both => one_or_both,
    };
    match pair {
        (Some(certificate), Some(key)) => Ok(Some((certificate, Secret::new(key)))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ServerError::HalfClientCertificate { missing: "sslkey" }),
        (None, Some(_)) => Err(ServerError::HalfClientCertificate { missing: "sslcert" }),
    }
}

fn in_home(environment: &Environment, name: &str) -> Result<Option<String>, ServerError> {
    let Some(path) = environment.in_home(".postgresql").map(|directory| directory.join(name)) else {
        return Ok(None);
    };
    read_if_present(&path).map_err(|source| ServerError::Read { path, source })
}

fn read(path: &Path) -> Result<String, ServerError> {
    fs::read_to_string(path).map_err(|source| ServerError::Read { path: PathBuf::from(path), source })
}
