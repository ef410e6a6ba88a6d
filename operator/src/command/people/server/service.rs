//! libpq's connection service file: named sets of parameters, a password among them if need be.

use std::path::PathBuf;

use super::ServerError;
use super::uri::{Parameters, judge};
use crate::command::people::environment::{Environment, read_if_present};
use crate::command::people::ini;

/// The parameters of a service: from PGSERVICEFILE or the home directory, else from the system's directory.
///
/// # Errors
/// [`ServerError::NoService`], [`ServerError::ServiceKey`] or [`ServerError::Read`].
pub fn load(name: &str, environment: &Environment) -> Result<Parameters, ServerError> {
    let own = environment.get("PGSERVICEFILE").map(PathBuf::from);
    let own = own.or_else(|| environment.in_home(".pg_service.conf"));
    let system =
        environment.get("PGSYSCONFDIR").map(|directory| PathBuf::from(directory).join("pg_service.conf"));
    for path in [own, system].into_iter().flatten() {
        let text = read_if_present(&path).map_err(|source| ServerError::Read { path, source })?;
        if let Some(entries) = text.as_deref().and_then(|text| ini::section(text, name)) {
            return parameters(name, entries);
        }
    }
    Err(ServerError::NoService { name: name.to_owned() })
}

fn parameters(service: &str, entries: Vec<(&str, &str)>) -> Result<Parameters, ServerError> {
    let mut parameters = Parameters::default();
    for (key, value) in entries {
        match judge(key) {
            Some(true) if key != "service" => parameters.add(key, value.to_owned()),
            Some(false) => {}
            Some(true) | None => {
                return Err(ServerError::ServiceKey { name: service.to_owned(), key: key.to_owned() });
            }
        }
    }
    Ok(parameters)
}
