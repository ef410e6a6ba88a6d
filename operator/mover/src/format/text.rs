//! Text of a server in the encoding of its database.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A name or text as the server sent it: UTF-8 where the database's encoding is, other bytes where it is not (a LATIN1
/// catalogue). In JSON a string where the bytes are valid UTF-8, else `{"base64": "..."}`.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PgText(Vec<u8>);

impl PgText {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The text where it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// For people: bytes that are not UTF-8 are replaced.
    pub fn to_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for PgText {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for PgText {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for PgText {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for PgText {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Display for PgText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_lossy())
    }
}

impl fmt::Debug for PgText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_lossy())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form<'a> {
    Text(Cow<'a, str>),
    Bytes { base64: Cow<'a, str> },
}

impl Serialize for PgText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = match self.as_str() {
            Some(text) => Form::Text(Cow::Borrowed(text)),
            None => Form::Bytes { base64: Cow::Owned(STANDARD.encode(&self.0)) },
        };
        form.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PgText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(Self(text.into_owned().into_bytes())),
            Form::Bytes { base64 } => STANDARD.decode(base64.as_bytes()).map(Self).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_latin1_name_is_stored_as_bytes_and_a_utf8_name_as_text() {
        assert_eq!(serde_json::to_string(&PgText::from("häuser")).unwrap(), "\"häuser\"");
        assert_eq!(
            serde_json::to_string(&PgText::new(b"h\xe4user".to_vec())).unwrap(),
            r#"{"base64":"aOR1c2Vy"}"#
        );
    }

    proptest! {
        #[test]
        fn every_text_survives(bytes: Vec<u8>) {
            let text = PgText::new(bytes);
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<PgText>(&json).unwrap(), text);
        }
    }
}
