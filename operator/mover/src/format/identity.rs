//! Ids of 16 bytes: vaults, chains, points and writers.

use std::{fmt, str::FromStr};

use contract::{PointId, RunId, WriterId};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// 16 bytes, written as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(pub [u8; 16]);

/// A text that is not an id.
#[derive(Debug, Clone, thiserror::Error)]
#[error("read an id: 32 lower-case hex digits were expected")]
pub struct InvalidId;

impl Id {
    /// Stands where an object belongs to no chain, point or writer.
    pub const NONE: Self = Self([0; 16]);

    /// The point that a run makes in a vault. The same run always makes the same point.
    pub fn of_point(vault: Self, run: &RunId) -> Self {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        context.update(b"coffer/1 point");
        context.update(&vault.0);
        context.update(run.0.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut id = [0; 16];
        if text.len() != 32 {
            return Err(InvalidId);
        }
        HEXLOWER.decode_mut(text.as_bytes(), &mut id).map_err(|_| InvalidId)?;
        Ok(Self(id))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl From<Id> for PointId {
    fn from(id: Id) -> Self {
        Self(id.to_string())
    }
}

impl From<Id> for WriterId {
    fn from(id: Id) -> Self {
        Self(id.to_string())
    }
}

impl TryFrom<&PointId> for Id {
    type Error = InvalidId;

    fn try_from(point: &PointId) -> Result<Self, InvalidId> {
        point.0.parse()
    }
}

impl TryFrom<&WriterId> for Id {
    type Error = InvalidId;

    fn try_from(writer: &WriterId) -> Result<Self, InvalidId> {
        writer.0.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_lower_case_hex_digits_are_an_id() {
        let id: Id = "00112233445566778899aabbccddeeff".parse().unwrap();
        assert_eq!(id.to_string(), "00112233445566778899aabbccddeeff");
        for wrong in [
            "",
            "00112233445566778899AABBCCDDEEFF",
            "00112233445566778899aabbccddeef",
            "../2233445566778899aabbccddeeff0",
        ] {
            assert!(wrong.parse::<Id>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_run_makes_the_same_point_and_another_vault_another() {
        let run = RunId("5f0c".into());
        let vault = Id([1; 16]);
        assert_eq!(Id::of_point(vault, &run), Id::of_point(vault, &run));
        assert_ne!(Id::of_point(vault, &run), Id::of_point(Id([2; 16]), &run));
        assert_eq!(Id::of_point(vault, &run).to_string(), "29fe5ba2c9d799d2df1f3dd7dd6bc6c1");
    }
}
