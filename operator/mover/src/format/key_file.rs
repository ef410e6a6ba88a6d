//! The plaintext of a key file: a key and what it is for.

use zeroize::Zeroizing;

use super::Id;

const MAGIC: &[u8; 12] = b"coffer-key/1";
const LENGTH: usize = 77;

/// What a wrapped key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// The catalogue key of an epoch, counted from 1.
    Catalogue { epoch: u32 },
    /// The key of a chain.
    Chain(Id),
}

/// A key with the fields that it is bound to. No `Debug`: it would print the key.
#[derive(PartialEq, Eq)]
pub struct WrappedKey {
    pub purpose: KeyPurpose,
    pub vault: Id,
    pub key: Zeroizing<[u8; 32]>,
}

/// Why bytes are not a wrapped key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrappedKeyError {
    #[error("read a wrapped key: it is {length} bytes long, not 77")]
    Length { length: usize },
    #[error("read a wrapped key: it does not begin with coffer-key/1")]
    Magic,
    #[error("read a wrapped key: kind {kind} or its number is unknown")]
    Purpose { kind: u8 },
}

impl WrappedKey {
    /// The bytes that are wrapped.
    pub fn encode(&self) -> Zeroizing<[u8; LENGTH]> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let (kind, number) = match self.purpose {
            KeyPurpose::Catalogue { epoch } => (1, Id(u128::from(epoch).to_be_bytes())),
            KeyPurpose::Chain(chain) => (2, chain),
        };
        bytes[..12].copy_from_slice(MAGIC);
        bytes[12] = kind;
        bytes[13..29].copy_from_slice(&self.vault.0);
        bytes[29..45].copy_from_slice(&number.0);
        bytes[45..].copy_from_slice(&*self.key);
        bytes
    }

    /// Reads what [`WrappedKey::encode`] wrote.
    ///
    /// # Errors
    /// When length, magic or kind are not those of format 1.
    pub fn decode(bytes: &[u8]) -> Result<Self, WrappedKeyError> {
        let bytes: &[u8; LENGTH] =
            bytes.try_into().map_err(|_| WrappedKeyError::Length { length: bytes.len() })?;
        if &bytes[..12] != MAGIC {
            return Err(WrappedKeyError::Magic);
        }
        let number = id(&bytes[29..45]);
        let purpose = match bytes[12] {
            1 => u32::try_from(u128::from_be_bytes(number.0))
                .map(|epoch| KeyPurpose::Catalogue { epoch })
                .map_err(|_| WrappedKeyError::Purpose { kind: 1 })?,
            2 => KeyPurpose::Chain(number),
            kind => return Err(WrappedKeyError::Purpose { kind }),
        };
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&bytes[45..]);
        Ok(Self { purpose, vault: id(&bytes[13..29]), key })
    }
}

fn id(bytes: &[u8]) -> Id {
    let mut id = [0; 16];
    id.copy_from_slice(bytes);
    Id(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wrapped_key_is_read_back() {
        for purpose in [KeyPurpose::Catalogue { epoch: 1 }, KeyPurpose::Chain(Id([7; 16]))] {
            let key = WrappedKey { purpose, vault: Id([3; 16]), key: Zeroizing::new([9; 32]) };
            assert!(WrappedKey::decode(&*key.encode()).unwrap() == key);
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(WrappedKey::decode(&bytes).is_err());
        }
    }
}
