//! The stored schema: what is written is read again, and what is damaged is refused.

use proptest::prelude::*;

use super::{Entry, Kind, SchemaError, SchemaReader, Section, encode, entry::tests::entry};
use crate::{archive::CatalogueId, format::PgText};

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn read_all(bytes: &[u8]) -> Result<Vec<Entry>, SchemaError> {
    let mut reader = SchemaReader::new(bytes);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().await? {
        entries.push(entry);
    }
    Ok(entries)
}

fn encoded(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        encode(entry, &mut bytes).unwrap();
    }
    bytes
}

fn texts() -> impl Strategy<Value = PgText> {
    proptest::collection::vec(any::<u8>(), 0..20).prop_map(PgText::new)
}

fn entries() -> impl Strategy<Value = Entry> {
    let section = prop::sample::select(vec![Section::None, Section::Pre, Section::Post]);
    let names = proptest::collection::vec(proptest::option::of(texts()), 5);
    let rest =
        (texts(), texts(), proptest::option::of(b'a'..=b'z'), proptest::collection::vec(any::<u32>(), 0..5));
    (1u32.., any::<(u32, u32)>(), prop::sample::select(Kind::ALL.to_vec()), section, names, rest).prop_map(
        |(id, (catalogue, object), kind, section, names, (tag, definition, relation_kind, dependencies))| {
            let mut names = names.into_iter();
            let mut name = || names.next().flatten();
            Entry {
                id,
                catalogue: CatalogueId { catalogue, object },
                tag,
                kind,
                section,
                namespace: name(),
                tablespace: name(),
                access_method: name(),
                relation_kind,
                owner: name(),
                drop_statement: name(),
                dependencies,
                definition,
            }
        },
    )
}

proptest! {
    #[test]
    fn every_entry_is_read_as_it_was_written(entries in proptest::collection::vec(entries(), 0..6)) {
        let back = block(read_all(&encoded(&entries))).unwrap();
        prop_assert_eq!(back, entries);
    }

    #[test]
    fn a_changed_stream_is_an_error_or_other_entries_and_never_a_panic(
        at in any::<prop::sample::Index>(), to in any::<u8>(),
    ) {
        let mut bytes = encoded(&[entry(Kind::Table, "t"), entry(Kind::View, "v")]);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _either = block(read_all(&bytes));
    }
}

#[test]
fn a_stream_that_ends_inside_an_entry_is_refused_wherever_it_ends() {
    let whole = encoded(&[entry(Kind::Table, "t")]);
    for end in 1..whole.len() {
        assert!(matches!(block(read_all(&whole[..end])), Err(SchemaError::Truncated { .. })), "{end}");
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_anything_is_read() {
    let error = block(read_all(&u32::MAX.to_le_bytes())).unwrap_err();
    assert!(matches!(error, SchemaError::StoredTooLong { part: "a header", .. }), "{error}");
    let mut bytes = encoded(&[entry(Kind::Table, "t")]);
    let header = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    bytes.truncate(4 + header);
    bytes.extend(u32::MAX.to_le_bytes());
    let error = block(read_all(&bytes)).unwrap_err();
    assert!(matches!(error, SchemaError::StoredTooLong { part: "a definition", .. }), "{error}");
}
