//! What lets in to Google Cloud Storage, and where it is: from the environment variables that Google's own tools read.

use std::path::{Path, PathBuf};
use std::{fs, io};

use contract::{GcsCredentials, Secret};

use super::environment::Environment;

/// What the environment says about Google.
#[derive(Debug)]
pub struct Settings {
    pub credentials: GcsCredentials,
    pub endpoint: Option<String>,
    /// PEM bundle.
    pub ca: Option<String>,
}

/// What the environment does not say, or says in a file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GoogleError {
    #[error(
        "no Google credentials: set GOOGLE_APPLICATION_CREDENTIALS to the file with the key of a service account"
    )]
    NoCredentials,
    #[error("failed to read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
}

/// Credentials, endpoint and authority. No network is asked, nor the machine for an identity of its own.
///
/// # Errors
/// Any [`GoogleError`].
pub fn settings(environment: &Environment) -> Result<Settings, GoogleError> {
    let key = environment.get("GOOGLE_APPLICATION_CREDENTIALS").ok_or(GoogleError::NoCredentials)?;
    Ok(Settings {
        credentials: GcsCredentials { service_account_key: Secret::new(read(key)?) },
        endpoint: environment.get("STORAGE_EMULATOR_HOST").map(str::to_owned),
        ca: environment.get("CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE").map(read).transpose()?,
    })
}

fn read(path: &str) -> Result<String, GoogleError> {
    let path = Path::new(path);
    fs::read_to_string(path).map_err(|source| GoogleError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_read_from_the_file_that_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("key.json");
        let name = file.to_str().unwrap();
        let missing = settings(&[("GOOGLE_APPLICATION_CREDENTIALS", name)].into()).unwrap_err();
        assert!(missing.to_string().contains("key.json"), "{missing}");
        fs::write(&file, "{}").unwrap();
        let found = settings(&[("GOOGLE_APPLICATION_CREDENTIALS", name)].into()).unwrap();
        assert_eq!(found.credentials.service_account_key, Secret::new("{}"));
        assert!(matches!(settings(&Environment::default()), Err(GoogleError::NoCredentials)));
    }
}
