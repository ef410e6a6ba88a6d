//! From a contract's description of storage to a store.

use std::{fs, io, path::Path, sync::Arc};

use contract::{S3Credentials, Secret, Storage};

use super::{FilesystemStore, Patience, S3Settings, S3Store, SharedStore, StoreError, StoreErrorKind, Verb};
use crate::clock::Clock;

/// Opens the storage that a grant, a keeper's configuration or a command line describes. Nothing is sent yet.
///
/// # Errors
/// When the description cannot be used.
pub fn connect(storage: &Storage, clock: &Clock) -> Result<SharedStore, StoreError> {
    connect_with(storage, clock, Patience::default())
}

/// As [`connect`], with another patience.
///
/// # Errors
/// When the description cannot be used.
pub fn connect_with(storage: &Storage, clock: &Clock, patience: Patience) -> Result<SharedStore, StoreError> {
    match storage {
        Storage::S3 { bucket, prefix, endpoint, region, addressing, ca, credentials } => {
            credentials.as_ref().map_or(Ok(()), check)?;
            let settings = S3Settings {
                bucket,
                prefix,
                endpoint: endpoint.as_deref(),
                region,
                addressing: *addressing,
                ca: ca.as_deref(),
                credentials: credentials.as_ref(),
                patience,
            };
            S3Store::open(&settings, clock).map(|store| Arc::new(store) as SharedStore)
        }
        Storage::Filesystem { path } => {
            FilesystemStore::open(path, clock).map(|store| Arc::new(store) as SharedStore)
        }
    }
}

/// Reads credentials from a mounted Secret: files `accessKeyId`, `secretAccessKey` and, optionally, `sessionToken`. `None`
/// while the Secret is not there, which empties the directory.
///
/// # Errors
/// When a file cannot be read, or one of the two that are needed is missing.
pub fn read_credentials(directory: &Path) -> Result<Option<S3Credentials>, StoreError> {
    let access_key_id = read(directory, "accessKeyId")?;
    let secret_access_key = read(directory, "secretAccessKey")?;
    let session_token = read(directory, "sessionToken")?.map(Secret::new);
    match (access_key_id, secret_access_key) {
        (Some(access_key_id), Some(secret)) => {
            let credentials =
                S3Credentials { access_key_id, secret_access_key: Secret::new(secret), session_token };
            check(&credentials)?;
            Ok(Some(credentials))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing("accessKeyId")),
        (Some(_), None) => Err(missing("secretAccessKey")),
    }
}

/// Credentials travel in headers, where nothing but visible ASCII may stand.
fn check(credentials: &S3Credentials) -> Result<(), StoreError> {
    let token = credentials.session_token.as_ref().map_or("", Secret::reveal);
    let values = [
        ("accessKeyId", credentials.access_key_id.as_str()),
        ("secretAccessKey", credentials.secret_access_key.reveal()),
        ("sessionToken", token),
    ];
    match values.iter().find(|(_, value)| !value.bytes().all(|byte| byte.is_ascii_graphic())) {
        None => Ok(()),
        Some((name, _)) => Err(StoreError::new(
            Verb::Open,
            "the storage credentials",
            StoreErrorKind::Misconfigured,
            format!("{name} has a blank, a line break or another character that no key has; write it again"),
        )),
    }
}

fn read(directory: &Path, file: &str) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(directory.join(file)) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::new(
            Verb::Open,
            "the storage credentials",
            StoreErrorKind::Misconfigured,
            format!("file {file} cannot be read: {error}"),
        )),
    }
}

fn missing(file: &str) -> StoreError {
    StoreError::new(
        Verb::Open,
        "the storage credentials",
        StoreErrorKind::Misconfigured,
        format!("the Secret has no key {file}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_their_files_and_an_empty_directory_has_none() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read_credentials(directory.path()).unwrap(), None);
        fs::write(directory.path().join("accessKeyId"), "AK\n").unwrap();
        let error = read_credentials(directory.path()).unwrap_err();
        assert!(error.message.contains("secretAccessKey"), "{error}");
        fs::write(directory.path().join("secretAccessKey"), "s\n").unwrap();
        let credentials = read_credentials(directory.path()).unwrap().unwrap();
        assert_eq!(credentials.access_key_id, "AK");
        assert_eq!(credentials.secret_access_key.reveal(), "s");
        assert_eq!(credentials.session_token, None);
        for odd in ["A\nK", "A K", "clé", "A\u{7f}K"] {
            fs::write(directory.path().join("accessKeyId"), odd).unwrap();
            let error = read_credentials(directory.path()).unwrap_err();
            assert!(error.message.contains("accessKeyId") && !error.message.contains(odd), "{error}");
        }
    }
}
