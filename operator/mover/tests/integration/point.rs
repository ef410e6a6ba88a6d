//! A writer and a reader of one point over a directory.

use std::{sync::Arc, time::Duration};

use crate::written;
use contract::{ReadGrant, RunId, Secret, Storage, WriteGrant};
use jiff::{SignedDuration, Timestamp};
use mover::{
    clock::{Clock, later},
    format::{
        Digest128, FrameSpan, Hash, Id, ListRef, Manifest, RowDigest, RowFormat, SegmentEntry, TableEntry,
        TableKind, push_span,
    },
    point::{
        Committed, PackKind, PointReader, PointWriter, ReadError, RecordDraft, WriteError, WriterOptions, cpu,
    },
    seal::{CatalogueKey, ChainKey, Expected, ObjectKind, Suite, seal_document},
    store::{FilesystemStore, Name, SharedStore},
};
use tempfile::TempDir;

const VAULT: Id = Id([0xaa; 16]);

struct Fixture {
    _directory: TempDir,
    store: SharedStore,
    clock: Clock,
    catalogue: CatalogueKey,
    run: RunId,
    chain: ChainKey,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::manual("2026-11-21T03:00:00Z".parse().unwrap());
        let store = Arc::new(FilesystemStore::open(directory.path(), &clock).unwrap());
        Self {
            _directory: directory,
            store,
            clock,
            catalogue: CatalogueKey::from_bytes(&[1; 32]),
            run: RunId("run".into()),
            chain: ChainKey::from_bytes(&[2; 32]),
        }
    }

    fn point(&self) -> Id {
        Id::of_point(VAULT, &self.run)
    }

    fn write_grant(&self, writer: Id) -> WriteGrant {
        WriteGrant {
            vault_id: VAULT.to_string(),
            point: self.point().into(),
            storage: Storage::Filesystem { path: "/unused".into() },
            chain_key: self.chain.to_base64(),
            record_key: self.catalogue.record_key(VAULT, self.point(), writer).to_base64(),
        }
    }

    fn read_grant(&self, writer: Id, record_hash: Hash) -> ReadGrant {
        let write = self.write_grant(writer);
        ReadGrant {
            vault_id: write.vault_id,
            point: write.point,
            writer: writer.into(),
            storage: write.storage,
            chain_key: write.chain_key,
            record_key: write.record_key,
            record_hash: record_hash.to_string(),
        }
    }

    async fn writer(&self, writer: Id) -> PointWriter {
        let deadline = later(self.clock.now(), SignedDuration::from_hours(1));
        let options = WriterOptions { lanes: 1, uploads: 1 };
        PointWriter::begin(
            Arc::clone(&self.store),
            &self.write_grant(writer),
            &self.run,
            writer,
            deadline,
            self.clock.clone(),
            options,
        )
        .await
        .unwrap()
    }
}

fn draft() -> RecordDraft {
    let data_stores = vec![written::data_store(Timestamp::UNIX_EPOCH)];
    RecordDraft { data_stores, ..written::draft(Timestamp::UNIX_EPOCH) }
}

fn manifest(lists: Vec<ListRef>) -> Manifest {
    Manifest { rows: 2, ..written::manifest(Timestamp::UNIX_EPOCH, written::no_schema(), lists) }
}

/// Writes `frames` as one segment of one table and commits.
async fn store_rows(
    writer: PointWriter,
    frames: &[Vec<u8>],
) -> Result<(SegmentEntry, Committed), WriteError> {
    let mut spans: Vec<FrameSpan> = Vec::new();
    let mut pack = writer.open_pack(PackKind::Rows).await?;
    for frame in frames {
        if !pack.fits(frame.len()) {
            writer.put(pack).await?;
            pack = writer.open_pack(PackKind::Rows).await?;
        }
        push_span(&mut spans, cpu(|| pack.push(frame)).unwrap());
    }
    writer.put(pack).await?;
    let plain_bytes = frames.iter().map(|frame| frame.len() as u64).sum();
    let segment = SegmentEntry { table: 1, number: 0, format: RowFormat::Text, rows: 2, plain_bytes, spans };
    let mut segments = writer.list::<SegmentEntry>(0);
    segments.push(segment.clone()).await?;
    let mut lists = segments.finish().await?;
    let mut tables = writer.list::<TableEntry>(0);
    tables
        .push(TableEntry {
            id: 1,
            oid: 7,
            schema: "public".into(),
            name: "t".into(),
            kind: TableKind::Ordinary,
            columns: vec!["a".into()],
            segments: 1,
            plain_bytes,
            digests: vec![RowDigest { format: RowFormat::Text, rows: 2, sum: Digest128(0) }],
        })
        .await?;
    lists.extend(tables.finish().await?);
    writer.add_database(&manifest(lists)).await?;
    Ok((segment, writer.commit(draft()).await?))
}

fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[3]
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_back_over_several_packs() {
    let fixture = Fixture::new();
    let writer = Id([7; 16]);
    // Noise does not compress: 40 MiB are three packs.
    let frames: Vec<Vec<u8>> = (0..10).map(|seed| noise(seed, 4 << 20)).collect();
    let (segment, committed) = store_rows(fixture.writer(writer).await, &frames).await.unwrap();
    assert!(segment.spans.len() >= 3, "{:?}", segment.spans);
    let grant = fixture.read_grant(writer, committed.record_hash);
    let reader = PointReader::open(Arc::clone(&fixture.store), &grant).await.unwrap();
    let manifest = reader.manifest(0).await.unwrap();
    let segments: Vec<SegmentEntry> = reader.list(&manifest).await.unwrap();
    assert_eq!(segments, vec![segment]);
    let mut rows = reader.rows(&segments[0]);
    let mut plain = Vec::new();
    let mut number = 0;
    while rows.next_into(&mut plain).await.unwrap() {
        assert!(plain == frames[number], "frame {number}");
        number += 1;
    }
    assert_eq!(number, frames.len());
    let contents = reader.contents_page(0).await.unwrap();
    assert_eq!(contents.tables[0].name, "t".into());
    let inventory = reader.inventory_page(0).await.unwrap();
    // Packs, two lists and the manifest; the record counts inventory and contents pages too.
    assert_eq!(inventory.objects.len() as u64 + 2, committed.objects);
}

#[tokio::test(flavor = "multi_thread")]
async fn g16_of_two_writers_of_one_run_exactly_one_commits() {
    let fixture = Fixture::new();
    let frames = vec![b"1\n2\n".to_vec()];
    let (first, second) = (fixture.writer(Id([1; 16])).await, fixture.writer(Id([2; 16])).await);
    let (first, second) = tokio::join!(store_rows(first, &frames), store_rows(second, &frames));
    let (won, lost, winner) = match (first, second) {
        (Ok((_, won)), Err(lost)) => (won, lost, Id([1; 16])),
        (Err(lost), Ok((_, won))) => (won, lost, Id([2; 16])),
        (first, second) => panic!("both or none: {} {}", first.is_ok(), second.is_ok()),
    };
    assert!(matches!(lost, WriteError::LostRace { winner: said } if said == winner), "{lost}");
    let grant = fixture.read_grant(winner, won.record_hash);
    assert!(PointReader::open(Arc::clone(&fixture.store), &grant).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voided_point_cannot_be_committed() {
    let fixture = Fixture::new();
    let custodian = Id([9; 16]);
    let object = Expected {
        kind: ObjectKind::Void,
        number: 0,
        vault: VAULT,
        chain: Id::NONE,
        point: fixture.point(),
        writer: Some(custodian),
    };
    let key = fixture.catalogue.record_key(VAULT, fixture.point(), custodian);
    let void = serde_json::json!({"format": 1});
    let sealed = seal_document(&void, &object, custodian, Suite::Aes256Gcm, key.key()).unwrap();
    let writer = fixture.writer(Id([1; 16])).await;
    fixture.store.create(&Name::point(fixture.point()), sealed).await.unwrap();
    let error = store_rows(writer, &[b"1\n".to_vec()]).await.unwrap_err();
    assert!(matches!(error, WriteError::Voided), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_after_the_deadline() {
    let fixture = Fixture::new();
    let writer = fixture.writer(Id([1; 16])).await;
    let mut pack = writer.open_pack(PackKind::Rows).await.unwrap();
    pack.push(b"1\n").unwrap();
    fixture.clock.advance(Duration::from_secs(3_600));
    assert!(matches!(writer.put(pack).await, Err(WriteError::Deadline { .. })));
    assert!(matches!(writer.commit(draft()).await, Err(WriteError::Deadline { .. })));
    assert!(fixture.store.head(&Name::point(fixture.point())).await.unwrap_err().is_not_found());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_waits_for_a_free_buffer_and_gets_it_when_one_is_dropped() {
    let fixture = Fixture::new();
    let writer = fixture.writer(Id([1; 16])).await;
    // One lane and one upload: two buffers.
    let first = writer.open_pack(PackKind::Rows).await.unwrap();
    let _second = writer.open_pack(PackKind::Rows).await.unwrap();
    let third = tokio::time::timeout(Duration::from_millis(50), writer.open_pack(PackKind::Rows)).await;
    assert!(third.is_err(), "a third buffer was made");
    drop(first);
    assert!(writer.open_pack(PackKind::Rows).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_record_does_not_name_is_substituted() {
    let fixture = Fixture::new();
    let writer = Id([1; 16]);
    let (_, committed) = store_rows(fixture.writer(writer).await, &[b"1\n".to_vec()]).await.unwrap();
    let mut grant = fixture.read_grant(writer, committed.record_hash);
    grant.chain_key = ChainKey::from_bytes(&[3; 32]).to_base64();
    let error = PointReader::open(Arc::clone(&fixture.store), &grant).await.err().unwrap();
    assert!(matches!(error, ReadError::KeySubstituted), "{error}");
    grant.chain_key = Secret::new("short");
    let error = PointReader::open(Arc::clone(&fixture.store), &grant).await.err().unwrap();
    assert!(matches!(error, ReadError::Grant { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_many_entries_is_cut_into_pages() {
    let fixture = Fixture::new();
    let writer_id = Id([1; 16]);
    let writer = fixture.writer(writer_id).await;
    let mut segments = writer.list::<SegmentEntry>(0);
    for number in 0..20_000 {
        let spans = vec![FrameSpan { object: number, offset: 152, first: 0, count: 9 }];
        let entry =
            SegmentEntry { table: 1, number, format: RowFormat::Text, rows: 9, plain_bytes: 1, spans };
        segments.push(entry).await.unwrap();
    }
    let lists = segments.finish().await.unwrap();
    assert!(lists.len() >= 2, "{}", lists.len());
    writer.add_database(&manifest(lists)).await.unwrap();
    let committed = writer.commit(draft()).await.unwrap();
    let grant = fixture.read_grant(writer_id, committed.record_hash);
    let reader = PointReader::open(Arc::clone(&fixture.store), &grant).await.unwrap();
    let manifest = reader.manifest(0).await.unwrap();
    let segments: Vec<SegmentEntry> = reader.list(&manifest).await.unwrap();
    assert!(segments.iter().map(|segment| segment.number).eq(0..20_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_gives_up_warnings_rather_than_its_bound() {
    let fixture = Fixture::new();
    let writer_id = Id([1; 16]);
    let writer = fixture.writer(writer_id).await;
    let mut draft = draft();
    draft.warnings = (0..5_000).map(|number| format!("warning number {number} about something")).collect();
    let committed = writer.commit(draft).await.unwrap();
    let grant = fixture.read_grant(writer_id, committed.record_hash);
    let reader = PointReader::open(Arc::clone(&fixture.store), &grant).await.unwrap();
    let last = reader.record().warnings.last().unwrap();
    assert!(last.ends_with("more are in the manifest"), "{last}");
}
