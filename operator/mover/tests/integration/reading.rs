//! Reading the rows of a point: no part of an object is fetched twice.

use std::{collections::BTreeMap, sync::Arc};

use contract::{ReadGrant, RunId, Storage, WriteGrant};
use jiff::SignedDuration;
use mover::{
    clock::{Clock, later},
    format::{FrameSpan, Id, Manifest, RowFormat, SegmentEntry, push_span},
    point::{Pack, PackKind, PointReader, PointWriter, RecordDraft, WriterOptions},
    seal::{CatalogueKey, ChainKey},
};

use crate::{
    stores::{Counting, clock, directory_store},
    written,
};

const LANES: usize = 4;
const FRAME: usize = 1 << 20;
const VAULT: Id = Id([0xaa; 16]);
const WRITER: Id = Id([7; 16]);

/// Bytes that do not compress.
fn noise() -> Vec<u8> {
    let mut state = 1u64;
    (0..FRAME)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[3]
        })
        .collect()
}

/// A point of one writer, and the reader of what it wrote.
struct Written {
    counting: Arc<Counting>,
    grant: ReadGrant,
    _directory: tempfile::TempDir,
}

impl Written {
    /// What `write` pushes into packs, and where it says that it is.
    async fn by(write: impl AsyncFnOnce(&PointWriter) -> Vec<SegmentEntry>) -> (Self, Vec<SegmentEntry>) {
        let (directory, inner) = directory_store();
        let counting = Arc::new(Counting { inner, ranges: std::sync::Mutex::default() });
        let (clock, run) = (clock(), RunId("run".into()));
        let point = Id::of_point(VAULT, &run);
        let record_key = CatalogueKey::from_bytes(&[1; 32]).record_key(VAULT, point, WRITER).to_base64();
        let chain_key = ChainKey::from_bytes(&[2; 32]).to_base64();
        let storage = Storage::Filesystem { path: "/unused".into() };
        let grant = WriteGrant {
            vault_id: VAULT.to_string(),
            point: point.into(),
            storage: storage.clone(),
            chain_key: chain_key.clone(),
            record_key: record_key.clone(),
        };
        let deadline = later(clock.now(), SignedDuration::from_hours(1));
        let options = WriterOptions { lanes: 8, uploads: 1 };
        let writer =
            PointWriter::begin(counting.clone(), &grant, &run, WRITER, deadline, clock.clone(), options);
        let writer = writer.await.unwrap();
        let segments = write(&writer).await;
        writer.add_database(&manifest(&clock)).await.unwrap();
        let draft = RecordDraft {
            data_stores: vec![written::data_store(clock.now())],
            ..written::draft(clock.now())
        };
        let committed = writer.commit(draft).await.unwrap();
        let grant = ReadGrant {
            vault_id: grant.vault_id,
            point: grant.point,
            writer: WRITER.into(),
            storage,
            chain_key,
            record_key,
            record_hash: committed.record_hash.to_string(),
        };
        (Self { counting, grant, _directory: directory }, segments)
    }

    async fn reader(&self) -> PointReader {
        PointReader::open(self.counting.clone(), &self.grant).await.unwrap()
    }

    /// How often each part of an object was asked for.
    fn asked(&self) -> BTreeMap<String, u32> {
        let ranges = self.counting.ranges.lock().unwrap();
        ranges.iter().map(|((name, offset), count)| (format!("{name} from {offset}"), *count)).collect()
    }
}

fn manifest(clock: &Clock) -> Manifest {
    Manifest { rows: 2, plain_bytes: 4, ..written::manifest(clock.now(), written::no_schema(), Vec::new()) }
}

fn segment(spans: Vec<FrameSpan>, frame: usize) -> SegmentEntry {
    let frames: u32 = spans.iter().map(|span| span.count).sum();
    let plain_bytes = u64::from(frames) * frame as u64;
    SegmentEntry { table: 1, number: 0, format: RowFormat::Text, rows: 2, plain_bytes, spans }
}

/// So many frames into one pack.
fn fill(pack: &mut Pack, frame: &[u8], count: u32, spans: &mut Vec<FrameSpan>) {
    for _ in 0..count {
        push_span(spans, pack.push(frame).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_that_read_packs_of_their_own_fetch_each_part_once() {
    let frame = noise();
    let write = async |writer: &PointWriter| {
        let mut spans = vec![Vec::new(); LANES];
        for frames in [15, 9] {
            for spans in &mut spans {
                let mut pack = writer.open_pack(PackKind::Rows).await.unwrap();
                fill(&mut pack, &frame, frames, spans);
                writer.put(pack).await.unwrap();
            }
        }
        spans.into_iter().map(|spans| segment(spans, FRAME)).collect()
    };
    let (written, segments) = Written::by(write).await;
    let reader = written.reader().await;
    let mut lanes: Vec<_> = segments.iter().map(|segment| reader.rows(segment)).collect();
    let mut plain = Vec::new();
    for number in 0..24 {
        for lane in &mut lanes {
            assert!(lane.next_into(&mut plain).await.unwrap());
            assert!(plain == frame, "frame {number}");
        }
    }
    for lane in &mut lanes {
        assert!(!lane.next_into(&mut plain).await.unwrap());
    }
    let asked = written.asked();
    // 15 frames and 9 of 1 MiB and a little: parts of 2 MiB.
    assert_eq!(asked.len(), LANES * (8 + 5), "{asked:?}");
    assert!(asked.values().all(|count| *count == 1), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_tables_of_one_pack_are_fetched_together() {
    let (frame, small) = (noise(), b"1\t2\n");
    let write = async |writer: &PointWriter| {
        let mut pack = writer.open_pack(PackKind::Rows).await.unwrap();
        fill(&mut pack, &frame, 5, &mut Vec::new());
        let mut segments = Vec::new();
        for _ in 0..50 {
            let mut spans = Vec::new();
            fill(&mut pack, small, 1, &mut spans);
            segments.push(segment(spans, small.len()));
        }
        writer.put(pack).await.unwrap();
        segments
    };
    let (written, segments) = Written::by(write).await;
    let reader = written.reader().await;
    for segment in &segments {
        assert_eq!(reader.rows(segment).next().await.unwrap().unwrap(), &small[..]);
    }
    // The header, and the part that all of them lie in.
    let asked = written.asked();
    assert_eq!(asked.values().copied().collect::<Vec<_>>(), [1, 1], "{asked:?}");
}
