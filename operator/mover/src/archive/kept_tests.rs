//! Archives that releases of pg_dump wrote, of one and the same database: they must be read for ever. Versions 1.12 and 1.13,
//! of releases that are no longer to be had, are read as `tests.rs` builds them.

use std::collections::BTreeSet;

use super::{ArchiveReader, ArchiveVersion};
use crate::schema::{Entry, Kind, SchemaReader, encode};

const KEPT: [(u8, &str, &[u8]); 3] = [
    (14, "15.18", include_bytes!("../../tests/data/archives/pg_dump-15.18-archive-1.14.dump")),
    (15, "16.14", include_bytes!("../../tests/data/archives/pg_dump-16.14-archive-1.15.dump")),
    (16, "18.4", include_bytes!("../../tests/data/archives/pg_dump-18.4-archive-1.16.dump")),
];

async fn read(minor: u8, release: &str, archive: &[u8]) -> Vec<Entry> {
    let mut reader = ArchiveReader::open(archive).await.unwrap();
    assert_eq!(reader.header().version, ArchiveVersion { major: 1, minor });
    let written_by = reader.header().dump_version.clone().unwrap().to_string();
    assert!(written_by.starts_with(release), "{written_by}");
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().await.unwrap() {
        entries.push(Entry::try_from(entry).unwrap());
    }
    assert_eq!(entries.len(), usize::try_from(reader.header().entries).unwrap());
    reader.finish().await.unwrap();
    entries
}

/// What the archive says the database holds. Constraints are dropped: what is one of those differs between releases.
fn objects(entries: &[Entry]) -> BTreeSet<String> {
    let shown = entries.iter().filter(|entry| !matches!(entry.kind, Kind::Comment | Kind::Constraint));
    shown.map(ToString::to_string).collect()
}

#[tokio::test]
async fn archives_of_every_release_at_hand_are_read_and_tell_the_same() {
    let mut first: Option<BTreeSet<String>> = None;
    for (minor, release, archive) in KEPT {
        let entries = read(minor, release, archive).await;
        let objects = objects(&entries);
        for known in
            ["TABLE app.orders_2025", "FUNCTION app.twice(integer, text)", "POLICY app.customers own"]
        {
            assert!(objects.contains(known), "{release}: {known} is not among {objects:?}");
        }
        let relation_kinds = entries.iter().any(|entry| entry.relation_kind.is_some());
        assert_eq!(relation_kinds, minor >= 16, "{release}");
        match &first {
            Some(first) => assert_eq!(*first, objects, "{release}"),
            None => first = Some(objects),
        }
    }
}

#[tokio::test]
async fn what_an_archive_told_is_stored_and_read_again() {
    for (minor, release, archive) in KEPT {
        let entries = read(minor, release, archive).await;
        let mut stored = Vec::new();
        entries.iter().for_each(|entry| encode(entry, &mut stored).unwrap());
        let mut reader = SchemaReader::new(&stored[..]);
        for entry in entries {
            assert_eq!(reader.next_entry().await.unwrap(), Some(entry), "{release}");
        }
        assert_eq!(reader.next_entry().await.unwrap(), None);
    }
}
