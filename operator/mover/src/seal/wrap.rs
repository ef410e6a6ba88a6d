//! Keys in stored key files, wrapped with age (`FORMAT.md`, section 4).

use std::{fmt, io::Read, iter};

use age::{Decryptor, Encryptor, x25519};
use aws_lc_rs::digest::{SHA256, digest};
use contract::Secret;
use data_encoding::HEXLOWER;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::format::{KEY_FILE_LIMIT, WrappedKey, WrappedKeyError};

/// Whom keys are wrapped for: an age X25519 recipient, `age1...`.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: x25519::Recipient,
}

/// Who opens wrapped keys: an age X25519 identity, `AGE-SECRET-KEY-1...`. Never printed.
#[derive(Clone)]
pub struct Identity(x25519::Identity);

/// Why a key could not be wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    #[error("read a recipient: {text:?} is not an age recipient (age1...)")]
    Recipient { text: String },
    #[error("read an identity: no line of it is an age identity (AGE-SECRET-KEY-1...)")]
    Identity,
    #[error("wrap a key: {reason}")]
    Wrap { reason: String },
    #[error("unwrap a key: none of the identities opens it")]
    NotForUs,
    #[error("unwrap a key: {reason}")]
    Damaged { reason: String },
    #[error("unwrap a key")]
    Content(#[from] WrappedKeyError),
}

impl Recipient {
    /// # Errors
    /// When the text is not an age recipient.
    pub fn parse(text: &str) -> Result<Self, WrapError> {
        let text = text.trim();
        let key: x25519::Recipient =
            text.parse().map_err(|_| WrapError::Recipient { text: text.chars().take(80).collect() })?;
        // However it was written: key files are looked for under the tag of the one text that an identity gives.
        Ok(Self { text: key.to_string(), key })
    }

    /// The part of a key file's name that says whom it is for.
    pub fn tag(&self) -> String {
        HEXLOWER.encode(&digest(&SHA256, self.text.as_bytes()).as_ref()[..8])
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

impl fmt::Display for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Identity {
    /// A fresh identity.
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// The first identity of a file such as `age-keygen` writes: one per line, lines with `#` are comments.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(text: &str) -> Result<Self, WrapError> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(WrapError::Identity)?;
        line.parse().map(Self).map_err(|_| WrapError::Identity)
    }

    pub fn to_text(&self) -> Secret {
        Secret::new(self.0.to_string().expose_secret())
    }

    pub fn recipient(&self) -> Recipient {
        let key = self.0.to_public();
        Recipient { text: key.to_string(), key }
    }
}

/// Wraps a key for one recipient.
///
/// # Errors
/// When age refuses the recipient.
pub fn wrap(key: &WrappedKey, recipient: &Recipient) -> Result<Vec<u8>, WrapError> {
    use std::io::Write as _;
    let failed = |reason: String| WrapError::Wrap { reason };
    let encryptor = Encryptor::with_recipients(iter::once(&recipient.key as &dyn age::Recipient))
        .map_err(|error| failed(error.to_string()))?;
    let mut file = Vec::new();
    let mut output = encryptor.wrap_output(&mut file).map_err(|error| failed(error.to_string()))?;
    output.write_all(&*key.encode()).map_err(|error| failed(error.to_string()))?;
    output.finish().map_err(|error| failed(error.to_string()))?;
    Ok(file)
}

/// Opens a key file with whichever identity fits.
///
/// # Errors
/// [`WrapError::NotForUs`] when none does; otherwise what is wrong with the file. What key it holds is for the caller to
/// compare: wrapping needs no secret.
pub fn unwrap(file: &[u8], identities: &[Identity]) -> Result<WrappedKey, WrapError> {
    let damaged = |reason: String| WrapError::Damaged { reason };
    let decryptor = Decryptor::new_buffered(file).map_err(|error| damaged(error.to_string()))?;
    let identities = identities.iter().map(|identity| &identity.0 as &dyn age::Identity);
    let reader = match decryptor.decrypt(identities) {
        Ok(reader) => reader,
        Err(age::DecryptError::NoMatchingKeys) => return Err(WrapError::NotForUs),
        Err(error) => return Err(damaged(error.to_string())),
    };
    // Made once and large enough, so that no copy of the key is left behind by a vector that grew.
    let mut plain = Zeroizing::new(Vec::with_capacity(usize::try_from(KEY_FILE_LIMIT).unwrap_or(4096)));
    reader.take(KEY_FILE_LIMIT).read_to_end(&mut plain).map_err(|error| damaged(error.to_string()))?;
    Ok(WrappedKey::decode(&plain)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{Id, KeyPurpose};

    fn key() -> WrappedKey {
        WrappedKey {
            purpose: KeyPurpose::Chain(Id([1; 16])),
            vault: Id([2; 16]),
            key: Zeroizing::new([3; 32]),
        }
    }

    #[test]
    fn only_the_recipient_opens_a_wrapped_key() {
        let (owner, stranger) = (Identity::generate(), Identity::generate());
        let file = wrap(&key(), &owner.recipient()).unwrap();
        assert!(file.len() < 4096, "{}", file.len());
        assert!(unwrap(&file, &[stranger.clone(), owner]).is_ok_and(|opened| opened == key()));
        assert_eq!(unwrap(&file, &[stranger]).err(), Some(WrapError::NotForUs));
    }

    #[test]
    fn a_recipient_in_capitals_is_the_same_recipient() {
        let recipient = Identity::generate().recipient();
        let capitals = Recipient::parse(&recipient.to_string().to_uppercase()).unwrap();
        assert_eq!((capitals.tag(), &capitals), (recipient.tag(), &recipient));
        let padded = Recipient::parse(&format!(" {recipient}\n")).unwrap();
        assert_eq!(padded.tag(), recipient.tag());
    }

    #[test]
    fn an_identity_file_with_comments_is_read() {
        let identity = Identity::generate();
        let text = format!("# created: today\n# public key: x\n{}\n", identity.to_text().reveal());
        assert_eq!(Identity::parse(&text).unwrap().recipient(), identity.recipient());
        assert_eq!(Identity::parse("# nothing\n").err(), Some(WrapError::Identity));
    }

    #[test]
    fn every_changed_byte_of_a_key_file_is_noticed() {
        let owner = Identity::generate();
        let file = wrap(&key(), &owner.recipient()).unwrap();
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            let opened = unwrap(&changed, std::slice::from_ref(&owner));
            assert!(opened.is_err(), "byte {at} was changed and nobody noticed");
        }
        for length in 0..file.len() {
            assert!(unwrap(&file[..length], std::slice::from_ref(&owner)).is_err(), "cut to {length}");
        }
    }
}
