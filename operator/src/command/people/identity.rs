//! The file with the age identity that opens a vault.

use std::path::{Path, PathBuf};
use std::{fs, io};

use zeroize::Zeroizing;

/// An identity file is a few lines; a larger file is something else.
const LARGEST: u64 = 64 * 1024;

/// Why a file could not be taken as an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("failed to read the identity file {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the identity file {path} has more than {LARGEST} bytes: it is no age identity")]
    TooLarge { path: PathBuf },
    #[error(
        "the command needs --identity FILE (an age identity, as `coffer keygen` makes one): without it nothing sealed \
         can be opened"
    )]
    Missing,
    #[error("the identity file {path} is no age identity: {reason}")]
    Malformed { path: PathBuf, reason: String },
    #[error("failed to write the identity file {path}: {source}")]
    Write { path: PathBuf, source: io::Error },
}

/// The text of an identity file.
///
/// # Errors
/// [`IdentityError::Read`] or [`IdentityError::TooLarge`].
pub fn read(path: &Path) -> Result<Zeroizing<String>, IdentityError> {
    let failed = |source| IdentityError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(IdentityError::TooLarge { path: path.to_owned() });
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}
