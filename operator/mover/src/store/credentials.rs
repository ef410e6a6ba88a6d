//! What lets in to a storage: read from a mounted Secret, and looked at before it is sent.

use std::{fs, io, path::Path};

use contract::{AzureCredentials, GcsCredentials, S3Credentials, Secret, Storage};

use super::{StoreError, StoreErrorKind, Verb};

/// Puts credentials into a storage from a mounted Secret, whose files are those that [`contract::files::STORAGE_CREDENTIALS`]
/// names. Tells whether the storage needs none or has them now: it does not while the Secret is not there, which empties the
/// directory.
///
/// # Errors
/// When a file cannot be read, one that another needs is missing, or one says what no credentials say.
pub fn mounted(storage: &mut Storage, directory: &Path) -> Result<bool, StoreError> {
    let found = match storage {
        Storage::S3 { credentials, .. } => {
            *credentials = s3(directory)?;
            credentials.is_some()
        }
        Storage::AzureBlob { credentials, .. } => {
            *credentials = azure(directory)?;
            credentials.is_some()
        }
        Storage::Gcs { credentials, .. } => {
            let key = read(directory, "serviceAccountKey")?;
            *credentials = key.map(|key| GcsCredentials { service_account_key: Secret::new(key) });
            credentials.is_some()
        }
        Storage::Filesystem { .. } => true,
    };
    check(storage)?;
    Ok(found)
}

/// Credentials travel in headers and addresses, where nothing but visible ASCII may stand.
pub(super) fn check(storage: &Storage) -> Result<(), StoreError> {
    match storage {
        Storage::S3 { credentials: Some(given), .. } => visible(&[
            ("accessKeyId", &given.access_key_id),
            ("secretAccessKey", given.secret_access_key.reveal()),
            ("sessionToken", given.session_token.as_ref().map_or("", Secret::reveal)),
        ]),
        Storage::AzureBlob { credentials: Some(given), .. } => match given {
            AzureCredentials::AccountKey(key) => visible(&[("accountKey", key.reveal())]),
            AzureCredentials::Sas(sas) => visible(&[("sasToken", sas.reveal())]),
            AzureCredentials::ClientSecret { tenant_id, client_id, client_secret } => visible(&[
                ("tenantId", tenant_id),
                ("clientId", client_id),
                ("clientSecret", client_secret.reveal()),
            ]),
        },
        Storage::S3 { credentials: None, .. }
        | Storage::AzureBlob { credentials: None, .. }
        // A key in JSON is read whole before any of it is sent.
        | Storage::Gcs { .. }
        | Storage::Filesystem { .. } => Ok(()),
    }
}

fn s3(directory: &Path) -> Result<Option<S3Credentials>, StoreError> {
    let access_key_id = read(directory, "accessKeyId")?;
    let secret_access_key = read(directory, "secretAccessKey")?;
    let session_token = read(directory, "sessionToken")?.map(Secret::new);
    match (access_key_id, secret_access_key) {
        (Some(access_key_id), Some(secret)) => {
            Ok(Some(S3Credentials { access_key_id, secret_access_key: Secret::new(secret), session_token }))
        }
        (None, None) => Ok(None),
        (None, Some(_)) => Err(missing("accessKeyId")),
        (Some(_), None) => Err(missing("secretAccessKey")),
    }
}

fn azure(directory: &Path) -> Result<Option<AzureCredentials>, StoreError> {
    let account_key = read(directory, "accountKey")?;
    let sas = read(directory, "sasToken")?;
    let principal =
        [read(directory, "tenantId")?, read(directory, "clientId")?, read(directory, "clientSecret")?];
    let names_principal = principal.iter().any(Option::is_some);
    match (account_key, sas, names_principal) {
        (None, None, false) => Ok(None),
        (Some(key), None, false) => Ok(Some(AzureCredentials::AccountKey(Secret::new(key)))),
        (None, Some(sas), false) => Ok(Some(AzureCredentials::Sas(Secret::new(sas)))),
        (None, None, true) => {
            let [tenant_id, client_id, client_secret] = principal;
            Ok(Some(AzureCredentials::ClientSecret {
                tenant_id: tenant_id.ok_or_else(|| missing("tenantId"))?,
                client_id: client_id.ok_or_else(|| missing("clientId"))?,
                client_secret: Secret::new(client_secret.ok_or_else(|| missing("clientSecret"))?),
            }))
        }
        (Some(_), _, _) | (None, Some(_), true) => Err(unusable(
            "the Secret has several of accountKey, sasToken and clientSecret; leave the one that is to be used",
        )),
    }
}

fn visible(values: &[(&str, &str)]) -> Result<(), StoreError> {
    match values.iter().find(|(_, value)| !value.bytes().all(|byte| byte.is_ascii_graphic())) {
        None => Ok(()),
        Some((name, _)) => Err(unusable(format!(
            "{name} has a blank, a line break or another character that no key has; write it again"
        ))),
    }
}

fn read(directory: &Path, file: &str) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(directory.join(file)) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(format!("file {file} cannot be read: {error}"))),
    }
}

fn missing(file: &str) -> StoreError {
    unusable(format!("the Secret has no key {file}"))
}

fn unusable(message: impl Into<String>) -> StoreError {
    StoreError::new(Verb::Open, "the storage credentials", StoreErrorKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use contract::Addressing;

    use super::*;

    fn bucket() -> Storage {
        Storage::S3 {
            bucket: "b".into(),
            prefix: String::new(),
            endpoint: None,
            region: "r".into(),
            addressing: Addressing::Path,
            ca: None,
            credentials: None,
        }
    }

    fn container() -> Storage {
        let (account, container, prefix) = ("a".into(), "c".into(), String::new());
        Storage::AzureBlob { account, container, prefix, endpoint: None, ca: None, credentials: None }
    }

    #[test]
    fn credentials_come_from_their_files_and_an_empty_directory_has_none() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = bucket();
        assert!(!mounted(&mut storage, directory.path()).unwrap());
        fs::write(directory.path().join("accessKeyId"), "AK\n").unwrap();
        let error = mounted(&mut storage, directory.path()).unwrap_err();
        assert!(error.message.contains("secretAccessKey"), "{error}");
        fs::write(directory.path().join("secretAccessKey"), "s\n").unwrap();
        assert!(mounted(&mut storage, directory.path()).unwrap());
        let Storage::S3 { credentials: Some(found), .. } = &storage else { panic!("{storage:?}") };
        let wanted = S3Credentials {
            access_key_id: "AK".into(),
            secret_access_key: Secret::new("s"),
            session_token: None,
        };
        assert_eq!(*found, wanted);
        for odd in ["A\nK", "A K", "clé", "A\u{7f}K"] {
            fs::write(directory.path().join("accessKeyId"), odd).unwrap();
            let error = mounted(&mut storage, directory.path()).unwrap_err();
            assert!(error.message.contains("accessKeyId") && !error.message.contains(odd), "{error}");
        }
    }

    #[test]
    fn azure_is_entered_in_one_way_and_not_in_two() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = container();
        assert!(!mounted(&mut storage, directory.path()).unwrap());
        let write = |file: &str, text: &str| fs::write(directory.path().join(file), text).unwrap();
        write("clientId", "id");
        write("tenantId", "tenant");
        let error = mounted(&mut storage, directory.path()).unwrap_err();
        assert!(error.message.contains("clientSecret"), "{error}");
        write("clientSecret", "hidden");
        assert!(mounted(&mut storage, directory.path()).unwrap());
        let Storage::AzureBlob {
            credentials: Some(AzureCredentials::ClientSecret { tenant_id, .. }), ..
        } = &storage
        else {
            panic!("{storage:?}");
        };
        assert_eq!(tenant_id, "tenant");
        write("accountKey", "a2V5");
        let error = mounted(&mut storage, directory.path()).unwrap_err();
        assert!(error.message.contains("several") && !error.message.contains("hidden"), "{error}");
    }

    #[test]
    fn google_is_entered_with_a_key_and_a_directory_without_any() {
        let directory = tempfile::tempdir().unwrap();
        let (bucket, prefix) = ("b".into(), String::new());
        let mut storage = Storage::Gcs { bucket, prefix, endpoint: None, ca: None, credentials: None };
        assert!(!mounted(&mut storage, directory.path()).unwrap());
        fs::write(directory.path().join("serviceAccountKey"), "{\n}\n").unwrap();
        assert!(mounted(&mut storage, directory.path()).unwrap());
        assert!(mounted(&mut Storage::Filesystem { path: "/".into() }, directory.path()).unwrap());
    }
}
