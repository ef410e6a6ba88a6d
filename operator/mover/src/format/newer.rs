//! What a newer writer may have written that is not known here.
//!
//! Version 1 grows by new words: another way to encode rows, another kind of table. A document with such a word is whole,
//! and whoever does not know the word must say so rather than call it damaged.

use serde::Deserialize;

use super::FORMAT;

/// How serde begins what it says of a word that an enumeration does not have.
const UNKNOWN_WORD: &str = "unknown variant `";

/// The part of a document that is the same in every version.
#[derive(Deserialize)]
struct Versioned {
    format: Option<u16>,
}

/// Whether a document could not be read for a word that is not known here.
pub(crate) fn is_of_a_newer_writer(error: &serde_json::Error) -> bool {
    error.is_data() && error.to_string().starts_with(UNKNOWN_WORD)
}

/// The version that a document says it has, where it is newer than what is known here.
pub(crate) fn newer_format(document: &[u8]) -> Option<u16> {
    let versioned: Versioned = serde_json::from_slice(document).ok()?;
    versioned.format.filter(|format| *format > FORMAT)
}

#[cfg(test)]
mod tests {
    use contract::{Decision, Owner, RestoreOutcome};
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::{
        format::{
            ContentsTable, DatabaseEntry, LedgerEntry, ListRef, RowDigest, StatePart, TableEntry, TableKind,
        },
        schema::Section,
    };

    fn judged<T: DeserializeOwned>(document: &serde_json::Value) -> bool {
        match serde_json::from_slice::<T>(document.to_string().as_bytes()) {
            Ok(_) => panic!("{document} was read"),
            Err(error) => is_of_a_newer_writer(&error),
        }
    }

    #[test]
    fn a_word_that_an_enumeration_does_not_have_is_a_newer_writers_wherever_it_stands() {
        let list = json!({"list": "policies", "entries": 1, "name": "00000001", "size": 1, "sha256": "0".repeat(64)});
        assert!(judged::<ListRef>(&list));
        let digest = json!({"format": "arrow", "rows": 1, "sum": "0".repeat(32)});
        assert!(judged::<RowDigest>(&digest));
        let table = json!({"id": 1, "oid": 1, "schema": "s", "name": "t", "kind": "ordinary", "columns": [],
            "segments": 0, "plainBytes": 0, "digests": [digest]});
        assert!(judged::<TableEntry>(&table));
        let contents = json!({"schema": "s", "name": "t", "kind": "graph", "rows": 0, "plainBytes": 0});
        assert!(judged::<ContentsTable>(&contents));
        assert!(judged::<TableKind>(&json!("graph")));
        let provider = json!({"name": "d", "oid": 1, "encoding": "UTF8", "localeProvider": "moon"});
        assert!(judged::<DatabaseEntry>(&provider));
        let decision = json!({"tag": "t", "keep": null, "timeZone": "UTC", "reason": "", "keepAtLeast": 0,
            "policy": null, "trigger": {"webhook": {}}});
        assert!(judged::<Decision>(&decision));
        assert!(judged::<Owner>(&json!({"fleet": {}})));
        assert!(judged::<RestoreOutcome>(&json!("Half")));
        assert!(judged::<StatePart>(&json!({"holds": []})));
        assert!(judged::<Section>(&json!("between")));
        let entry = json!({"format": 1, "sequence": 2, "previous": "0".repeat(64), "time": "2026-01-01T00:00:00Z",
            "promises": [{"kind": "restoreEnded", "run": "r", "outcome": "Half"}]});
        assert!(judged::<LedgerEntry>(&entry));
    }

    #[test]
    fn what_is_wrong_in_another_way_is_no_newer_writers() {
        assert!(!judged::<RowDigest>(&json!({"format": "text", "rows": -1, "sum": "0".repeat(32)})));
        assert!(!judged::<RowDigest>(&json!({"format": "text", "rows": 1.0, "sum": "0".repeat(32)})));
        assert!(!judged::<RowDigest>(&json!({"rows": 1, "sum": "0".repeat(32)})));
        assert!(!judged::<TableKind>(&json!(7)));
    }

    #[test]
    fn integers_are_read_exactly_up_to_64_bits() {
        let rows = |text: &str| {
            let text = format!(r#"{{"format":"text","rows":{text},"sum":"{}"}}"#, "0".repeat(32));
            serde_json::from_str::<RowDigest>(&text).map(|digest| digest.rows)
        };
        assert_eq!(rows("18446744073709551615").unwrap(), u64::MAX);
        assert_eq!(rows("9007199254740993").unwrap(), (1 << 53) + 1);
        for wrong in ["18446744073709551616", "1e3", "1.0", "-1", "\"1\""] {
            assert!(rows(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_later_version_is_a_newer_format() {
        assert_eq!(newer_format(br#"{"format":2,"anything":[]}"#), Some(2));
        assert_eq!(newer_format(br#"{"format":1}"#), None);
        assert_eq!(newer_format(br#"{"points":[]}"#), None);
        assert_eq!(newer_format(b"nothing"), None);
    }
}
