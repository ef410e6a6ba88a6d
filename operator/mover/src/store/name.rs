//! The names of stored objects (`FORMAT.md`, section 1). No other file makes one.

use std::fmt;

use crate::format::Id;

/// The name of one object. Made only of lower-case letters, digits, `/`, `.` and `-`, so that it is the same in every
/// store and needs no escaping.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// A set of names with a common beginning, ending in `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(String);

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the name of a stored object: {text:?} is none")]
pub struct NameError {
    text: String,
}

impl Name {
    pub fn vault() -> Self {
        Self("vault.json".into())
    }

    pub fn catalogue_key(epoch: u32, recipient: &str, wrapping: u32) -> Self {
        Self(format!("keys/catalogue/{epoch:08}/{recipient}.{wrapping}"))
    }

    pub fn chain_key(chain: Id, recipient: &str, wrapping: u32) -> Self {
        Self(format!("keys/{chain}/{recipient}.{wrapping}"))
    }

    pub fn intent(point: Id, writer: Id) -> Self {
        Self(format!("attempts/{point}/{writer}"))
    }

    pub fn heartbeat(point: Id, writer: Id) -> Self {
        Self(format!("attempts/{point}/{writer}.beat"))
    }

    /// A pack, schema stream, list page or manifest.
    pub fn data(writer: Id, number: u32) -> Self {
        Self(format!("data/{writer}/{number:08}"))
    }

    pub fn inventory(writer: Id, page: u32) -> Self {
        Self(format!("data/{writer}/i{page:04}"))
    }

    pub fn contents(writer: Id, page: u32) -> Self {
        Self(format!("data/{writer}/c{page:04}"))
    }

    /// An object that a reference of the same writer names.
    ///
    /// # Errors
    /// When `below` is not a name that a writer gives.
    pub fn referenced(writer: Id, below: &str) -> Result<Self, NameError> {
        let digits = below.strip_prefix(['i', 'c']).unwrap_or(below);
        let fits = (4..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !fits {
            return Err(NameError { text: below.to_owned() });
        }
        Ok(Self(format!("data/{writer}/{below}")))
    }

    pub fn point(point: Id) -> Self {
        Self(format!("points/{point}"))
    }

    pub fn ledger(sequence: u64) -> Self {
        Self(format!("ledger/{sequence:016}"))
    }

    pub fn ledger_state(sequence: u64) -> Self {
        Self(format!("ledger-state/{sequence:016}"))
    }

    pub fn probe(id: Id) -> Self {
        Self(format!("probe/{id}"))
    }

    /// A name that a listing gave; `None` for one that Coffer never gives, which is left alone.
    pub fn listed(text: &str) -> Option<Self> {
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'-');
        let fits = !text.is_empty()
            && text.len() <= 200
            && text.bytes().all(plain)
            && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last `/`.
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The process that writes the object, where the name tells; it names the place of unfinished files.
    pub fn writer(&self) -> Option<Id> {
        let mut parts = self.0.split('/');
        let writer = match (parts.next()?, parts.next()?) {
            ("data", writer) => writer,
            ("attempts", _) => parts.next()?.trim_end_matches(".beat"),
            _ => return None,
        };
        writer.parse().ok()
    }
}

impl Place {
    /// Everything that a writer wrote of its point.
    pub fn data(writer: Id) -> Self {
        Self(format!("data/{writer}/"))
    }

    pub fn catalogue_keys(epoch: u32) -> Self {
        Self(format!("keys/catalogue/{epoch:08}/"))
    }

    pub fn chain_keys(chain: Id) -> Self {
        Self(format!("keys/{chain}/"))
    }

    pub fn attempts() -> Self {
        Self("attempts/".into())
    }

    pub fn attempts_at(point: Id) -> Self {
        Self(format!("attempts/{point}/"))
    }

    pub fn points() -> Self {
        Self("points/".into())
    }

    pub fn ledger_states() -> Self {
        Self("ledger-state/".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITER: Id = Id([0xab; 16]);

    #[test]
    fn names_are_those_of_the_format() {
        let id = "abababababababababababababababab";
        assert_eq!(Name::data(WRITER, 7).as_str(), format!("data/{id}/00000007"));
        assert_eq!(Name::inventory(WRITER, 43).as_str(), format!("data/{id}/i0043"));
        assert_eq!(Name::ledger(1).as_str(), "ledger/0000000000000001");
        assert_eq!(Name::catalogue_key(1, "00ff", 0).as_str(), "keys/catalogue/00000001/00ff.0");
        assert_eq!(Name::heartbeat(Id::NONE, WRITER).writer(), Some(WRITER));
        assert_eq!(Name::data(WRITER, 7).writer(), Some(WRITER));
        assert_eq!(Name::point(WRITER).writer(), None);
    }

    #[test]
    fn a_reference_cannot_leave_its_writers_place() {
        assert!(Name::referenced(WRITER, "00000012").is_ok());
        assert!(Name::referenced(WRITER, "i0001").is_ok());
        for hostile in ["", "..", "../x", "i../../points/x", "0000001a", "0001/../../x", "00000000000"] {
            assert!(Name::referenced(WRITER, hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_listing_cannot_smuggle_a_path() {
        assert!(Name::listed("data/abab/00000001").is_some());
        for hostile in ["", "/x", "a//b", "a/../b", "a/.b", "A", "a b", "a\\b", "é"] {
            assert!(Name::listed(hostile).is_none(), "{hostile}");
        }
    }
}
