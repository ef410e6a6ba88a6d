//! Archives built by hand, so that each field can be wrong by itself. Archives that pg_dump made are read in
//! `tests/schema.rs`.

use proptest::prelude::*;

use super::*;
use crate::format::PgText;

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn read_all(bytes: &[u8]) -> Result<(Header, Vec<Entry>), ArchiveError> {
    let mut reader = ArchiveReader::open(bytes).await?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().await? {
        entries.push(entry);
    }
    let header = reader.header().clone();
    reader.finish().await?;
    Ok((header, entries))
}

fn refused(bytes: &[u8]) -> ArchiveError {
    block(read_all(bytes)).unwrap_err()
}

/// Writes an archive the way pg_dump does.
#[derive(Default)]
struct Builder(Vec<u8>);

impl Builder {
    fn header(minor: u8, entries: i64) -> Self {
        let mut builder = Self(b"PGDMP".to_vec());
        builder.0.extend([1, minor, 0, 4, 8, 1]);
        if minor >= 15 {
            builder.0.push(0);
        } else {
            builder.integer(0);
        }
        for field in [59, 1, 2, 31, 11, 125, 0] {
            builder.integer(field);
        }
        builder.text(Some("shop")).text(Some("15.18")).text(Some("15.18 (Debian)")).integer(entries);
        builder
    }

    fn integer(&mut self, number: i64) -> &mut Self {
        self.0.push(u8::from(number < 0));
        self.0.extend(u32::try_from(number.unsigned_abs()).unwrap().to_le_bytes());
        self
    }

    fn text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => {
                self.integer(i64::try_from(text.len()).unwrap());
                self.0.extend(text.as_bytes());
            }
            None => {
                self.integer(-1);
            }
        }
        self
    }

    fn entry(&mut self, minor: u8, entry: &Entry) -> &mut Self {
        let text = |text: &Option<PgText>| text.as_ref().map(ToString::to_string);
        self.integer(entry.id.into()).integer(entry.has_data.into());
        self.text(Some(&entry.catalogue.catalogue.to_string()))
            .text(Some(&entry.catalogue.object.to_string()));
        self.text(Some(&entry.tag.to_string())).text(Some(&entry.kind));
        self.integer(match entry.section {
            Section::None => 1,
            Section::PreData => 2,
            Section::Data => 3,
            Section::PostData => 4,
        });
        for field in [&entry.definition, &entry.drop_statement, &entry.copy_statement, &entry.namespace] {
            self.text(text(field).as_deref());
        }
        self.text(text(&entry.tablespace).as_deref());
        if minor >= 14 {
            self.text(text(&entry.access_method).as_deref());
        }
        if minor >= 16 {
            self.integer(entry.relation_kind.unwrap_or(0).into());
        }
        self.text(text(&entry.owner).as_deref()).text(Some("false"));
        for dependency in &entry.dependencies {
            self.text(Some(&dependency.to_string()));
        }
        self.text(None);
        self.0.push(3);
        self.0.extend([0; 8]);
        self
    }
}

fn table() -> Entry {
    Entry {
        id: 215,
        has_data: false,
        catalogue: CatalogueId { catalogue: 1259, object: u32::MAX },
        tag: "orders".into(),
        kind: "TABLE".into(),
        section: Section::PreData,
        definition: Some("CREATE TABLE app.orders (\n    id bigint NOT NULL\n);\n".into()),
        drop_statement: Some("DROP TABLE app.orders;\n".into()),
        copy_statement: None,
        namespace: Some("app".into()),
        tablespace: Some("".into()),
        access_method: Some("heap".into()),
        relation_kind: Some(b'r'),
        owner: Some("alice".into()),
        dependencies: vec![4, 7],
    }
}

/// What an archive of an older version can tell of an entry.
fn as_told_by(minor: u8, mut entry: Entry) -> Entry {
    if minor < 14 {
        entry.access_method = None;
    }
    if minor < 16 {
        entry.relation_kind = None;
    }
    entry
}

#[test]
fn every_version_from_twelve_to_sixteen_is_read() {
    for minor in 12..=16 {
        let mut archive = Builder::header(minor, 2);
        archive.entry(minor, &table()).entry(minor, &Entry { id: 216, dependencies: vec![], ..table() });
        let (header, entries) = block(read_all(&archive.0)).unwrap();
        assert_eq!(header.version, ArchiveVersion { major: 1, minor });
        assert_eq!(header.server_version, Some("15.18".into()));
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0], as_told_by(minor, table()));
    }
}

#[test]
fn a_version_outside_is_refused_by_its_number() {
    for minor in [0, 11, 17, 255] {
        let error = refused(&Builder::header(minor, 0).0);
        assert!(error.to_string().contains(&format!("1.{minor} ")), "{error}");
    }
    let mut later = Builder::header(16, 0).0;
    later[5] = 2;
    assert!(matches!(refused(&later), ArchiveError::VersionUnsupported { major: 2, .. }));
}

#[test]
fn what_is_no_archive_is_refused() {
    assert!(matches!(refused(b"--\n-- PostgreSQL database dump\n--\n"), ArchiveError::NotAnArchive));
    assert!(matches!(refused(b""), ArchiveError::Truncated { position: 0, .. }));
}

#[test]
fn foreign_sizes_and_formats_are_refused() {
    let with = |at: usize, value: u8| {
        let mut archive = Builder::header(16, 0).0;
        archive[at] = value;
        refused(&archive)
    };
    assert!(matches!(with(8, 8), ArchiveError::IntegerSize { bytes: 8 }));
    assert!(matches!(with(9, 200), ArchiveError::OffsetSize { bytes: 200 }));
    assert!(matches!(with(10, 3), ArchiveError::Format { format: 3 }));
}

#[test]
fn an_archive_that_ends_early_is_refused_wherever_it_ends() {
    let mut archive = Builder::header(16, 1);
    archive.entry(16, &table());
    for end in 0..archive.0.len() {
        assert!(matches!(refused(&archive.0[..end]), ArchiveError::Truncated { .. }), "{end}");
    }
}

#[test]
fn bytes_after_the_last_entry_are_refused() {
    let mut archive = Builder::header(16, 1);
    archive.entry(16, &table());
    archive.0.push(1);
    assert!(matches!(refused(&archive.0), ArchiveError::Trailing { .. }));
}

/// An archive whose only entry stops where the tag would begin.
fn before_the_tag() -> Builder {
    let mut archive = Builder::header(16, 1);
    archive.integer(1).integer(0).text(Some("1259")).text(Some("1"));
    archive
}

#[test]
fn a_text_that_claims_to_be_huge_is_refused_before_room_is_made() {
    let mut archive = before_the_tag();
    archive.integer(i64::from(u32::MAX));
    let error = refused(&archive.0);
    assert!(matches!(error, ArchiveError::TooLong { field: "an entry's tag", .. }), "{error}");
    // Within the limit, room grows only with what is there.
    let mut archive = before_the_tag();
    archive.integer(i64::try_from(NAME_LIMIT).unwrap());
    assert!(matches!(refused(&archive.0), ArchiveError::Truncated { .. }));
}

#[test]
fn numbers_out_of_range_are_refused() {
    let mut no_id = Builder::header(16, 1);
    no_id.integer(0);
    assert!(matches!(refused(&no_id.0), ArchiveError::OutOfRange { field: "an entry's number", .. }));
    let negative = Builder::header(16, -1);
    assert!(matches!(refused(&negative.0), ArchiveError::OutOfRange { field: "the number of entries", .. }));
    let mut section = before_the_tag();
    section.text(Some("t")).text(Some("TABLE")).integer(5);
    assert!(matches!(refused(&section.0), ArchiveError::OutOfRange { field: "an entry's section", .. }));
    let mut sign = Builder::header(16, 1);
    sign.0.extend([2, 1, 0, 0, 0]);
    assert!(matches!(refused(&sign.0), ArchiveError::OutOfRange { field: "an entry's number", .. }));
    let mut oid = Builder::header(16, 1);
    oid.integer(1).integer(0).text(Some("4294967296"));
    assert!(matches!(refused(&oid.0), ArchiveError::NotANumber { .. }));
}

#[test]
fn a_kind_that_is_not_plain_text_is_refused() {
    for kind in ["TA\nBLE", "TÄBLE"] {
        let mut archive = before_the_tag();
        archive.text(Some("t")).text(Some(kind));
        assert!(matches!(refused(&archive.0), ArchiveError::Kind { .. }), "{kind}");
    }
}

#[test]
fn a_table_with_oids_is_refused_by_its_name() {
    let mut archive = Builder::header(16, 1);
    archive.entry(16, &table());
    let at = archive.0.windows(5).rposition(|window| window == b"false").unwrap();
    archive.0.splice(at - 5..at + 5, [0, 4, 0, 0, 0, b't', b'r', b'u', b'e']);
    assert_eq!(
        refused(&archive.0).to_string(),
        "the table \"orders\" was made WITH OIDS, which no supported server has"
    );
}

#[test]
fn names_in_another_encoding_stay_as_they_are() {
    let mut archive = Builder::header(16, 1);
    archive.entry(16, &table());
    let at = archive.0.windows(6).position(|window| window == b"orders").unwrap();
    archive.0[at] = 0xe4;
    let (_, entries) = block(read_all(&archive.0)).unwrap();
    assert_eq!(entries[0].tag.as_bytes(), b"\xe4rders");
}

proptest! {
    #[test]
    fn any_change_gives_an_error_or_another_archive_and_never_a_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut archive = Builder::header(16, 3);
        archive.entry(16, &table()).entry(16, &table()).entry(16, &table());
        for (at, to) in changes {
            let at = at.index(archive.0.len());
            archive.0[at] = to;
        }
        if let Some(cut) = cut {
            let end = cut.index(archive.0.len());
            archive.0.truncate(end);
        }
        let _either = block(read_all(&archive.0));
    }

    #[test]
    fn bytes_of_any_kind_behind_a_header_never_panic(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut archive = Builder::header(16, 1_000_000);
        archive.0.extend(noise);
        let _either = block(read_all(&archive.0));
    }
}
