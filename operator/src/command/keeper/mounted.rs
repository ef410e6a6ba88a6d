//! The files that Kubernetes mounts into a keeper. All are optional Secrets that appear, change and vanish while the
//! keeper runs, so nothing is remembered but what was read last, and an absent file is a value.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use contract::{Storage, files};
use mover::store::{self, StoreError};
use zeroize::Zeroizing;

/// No file that a keeper is given comes near this size; a larger one is refused before it is read whole.
const LARGEST: u64 = 256 * 1024;

/// Where the files are: below `/`, except in tests.
#[derive(Debug, Clone)]
pub struct Mounted {
    root: PathBuf,
}

/// Text of a file that may hold a secret; wiped when dropped.
pub type Text = Zeroizing<String>;

/// Why a file that is there could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    #[error("failed to read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} has more than {LARGEST} bytes")]
    TooLarge { path: PathBuf },
    #[error("{path} is not UTF-8 text")]
    NotText { path: PathBuf },
}

/// The vault's keys as mounted, unparsed. Compared to notice a change.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyFiles {
    /// An age identity file.
    pub identity: Option<Text>,
    /// The catalogue key: 32 bytes, base64.
    pub catalogue: Option<Text>,
}

/// Certificate chain and private key, PEM, unparsed.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    pub certificate: Text,
    pub private_key: Text,
}

impl Mounted {
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a file of [`contract::files`] is.
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file.trim_start_matches('/'))
    }

    /// The keeper's configuration; `None` while the ConfigMap is not there.
    ///
    /// # Errors
    /// Any [`MountError`].
    pub fn config(&self) -> Result<Option<Text>, MountError> {
        read(&self.path(files::KEEPER_CONFIG))
    }

    /// The current and the previous vault token.
    ///
    /// # Errors
    /// Any [`MountError`].
    pub fn tokens(&self) -> Result<(Option<Text>, Option<Text>), MountError> {
        Ok((read(&self.path(files::KEEPER_TOKEN))?, read(&self.path(files::KEEPER_PREVIOUS_TOKEN))?))
    }

    /// The keeper's certificate; `None` unless both of its files are there.
    ///
    /// # Errors
    /// Any [`MountError`].
    pub fn certificate(&self) -> Result<Option<CertificateFiles>, MountError> {
        let certificate = read(&self.path(files::KEEPER_CERTIFICATE))?;
        let private_key = read(&self.path(files::KEEPER_PRIVATE_KEY))?;
        Ok(certificate
            .zip(private_key)
            .map(|(certificate, private_key)| CertificateFiles { certificate, private_key }))
    }

    /// The vault's keys, as far as they are there.
    ///
    /// # Errors
    /// Any [`MountError`].
    pub fn keys(&self) -> Result<KeyFiles, MountError> {
        let directory = self.path(files::VAULT_KEYS);
        Ok(KeyFiles {
            identity: read(&directory.join("identity"))?,
            catalogue: read(&directory.join("catalogue"))?,
        })
    }

    /// Puts what is mounted into a storage; `false` when it needs credentials and nothing is mounted.
    ///
    /// # Errors
    /// When a file cannot be read, or one of those that belong together is missing.
    pub fn credentials(&self, storage: &mut Storage) -> Result<bool, StoreError> {
        store::mounted(storage, &self.path(files::STORAGE_CREDENTIALS))
    }

    /// The authority of the storage endpoint, PEM.
    ///
    /// # Errors
    /// Any [`MountError`].
    pub fn storage_authority(&self) -> Result<Option<String>, MountError> {
        Ok(read(&self.path(files::STORAGE_CA))?.map(|text| text.as_str().to_owned()))
    }
}

fn read(path: &Path) -> Result<Option<Text>, MountError> {
    let failed = |source| MountError::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(MountError::TooLarge { path: path.to_owned() });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| MountError::NotText { path: path.to_owned() })?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mounted(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Mounted) {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = directory.path().join(name.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let mounted = Mounted::below(directory.path());
        (directory, mounted)
    }

    #[test]
    fn nothing_mounted_is_nothing_read() {
        let (_directory, mounted) = mounted(&[]);
        assert!(mounted.config().unwrap().is_none());
        assert!(mounted.certificate().unwrap().is_none());
        let (bucket, prefix) = ("b".to_owned(), String::new());
        let mut storage = Storage::Gcs { bucket, prefix, endpoint: None, ca: None, credentials: None };
        assert!(!mounted.credentials(&mut storage).unwrap());
        assert!(mounted.keys().unwrap() == KeyFiles::default());
    }

    #[test]
    fn binary_and_huge_files_are_refused_by_name() {
        let huge = vec![b'a'; usize::try_from(LARGEST).unwrap() + 1];
        let (_directory, mounted) = mounted(&[
            ("/etc/coffer/keys/identity", &[0xff, 0xfe]),
            ("/etc/coffer/config/keeper.json", &huge),
        ]);
        assert!(matches!(mounted.keys(), Err(MountError::NotText { .. })));
        assert!(matches!(mounted.config(), Err(MountError::TooLarge { .. })));
    }
}
