//! Hashes and sums, written as hex in JSON.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

/// A sum modulo 2^128 of XXH3-128 values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest128(pub u128);

/// A text that is not the hex of a hash or sum.
#[derive(Debug, Clone, thiserror::Error)]
#[error("read {digits} lower-case hex digits")]
pub struct InvalidHex {
    digits: usize,
}

impl Hash {
    /// What the first ledger entry names as its predecessor.
    pub const NONE: Self = Self([0; 32]);

    /// SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Hash {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        fixed(text).map(Self)
    }
}

impl fmt::Display for Digest128 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl FromStr for Digest128 {
    type Err = InvalidHex;

    fn from_str(text: &str) -> Result<Self, InvalidHex> {
        fixed(text).map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], InvalidHex> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return Err(InvalidHex { digits: 2 * N });
    }
    HEXLOWER.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| InvalidHex { digits: 2 * N })?;
    Ok(bytes)
}

macro_rules! json_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

json_as_text!(Hash);
json_as_text!(Digest128);
