//! A connection in libpq's keyword/value form: `host=db.example dbname=app user=me`, or `service=production` alone.

use mover::postgres::keyword_values;

use super::ServerError;
use super::uri::{Parameters, judge};

/// Whether a text is in this form rather than a URI.
pub fn looks_like(text: &str) -> bool {
    let keyword = text.trim_start().split(['=', ' ']).next().unwrap_or_default();
    text.contains('=')
        && !keyword.is_empty()
        && keyword.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Takes a text apart.
///
/// # Errors
/// A [`ServerError`] about its form, and always when it holds a password.
pub fn parse(text: &str) -> Result<Parameters, ServerError> {
    let pairs = keyword_values(text).map_err(|error| ServerError::Keywords(error.to_string()))?;
    let mut parameters = Parameters::default();
    for (keyword, value) in pairs {
        match judge(&keyword) {
            _ if keyword == "password" => return Err(ServerError::PasswordInUri),
            Some(true) if value.contains(',') && (keyword == "host" || keyword == "port") => {
                return Err(ServerError::SeveralHosts);
            }
            Some(true) => parameters.add(&keyword, value),
            Some(false) => {}
            None => return Err(ServerError::UnknownParameter { name: keyword }),
        }
    }
    Ok(parameters)
}
