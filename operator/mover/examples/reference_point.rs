//! Writes a small vault with one accepted point into a directory, and beside it what a decoder must find in it.
//!
//! `reference_point DIR [ROWS]` makes `DIR/vault`, `identity`, `fingerprint`, `point`, `expected.schema`, `expected.text` and
//! `expected.binary`. The larger segment has `ROWS` rows: 100,000 unless told; 900,000 fill more than one pack.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what failed by panicking")]

use std::{error::Error, fs, path::Path};

use contract::{DataStore, Decision, Owner, RunId, Settled, SourceServer, Storage, Trigger};
use jiff::{SignedDuration, Timestamp};
use mover::{
    clock::{Clock, later},
    digest::StreamDigester,
    format::{
        DatabaseEntry, ExtensionEntry, FORMAT, FrameSpan, ListRef, LocaleProvider, Manifest, PgText,
        RowFormat, SchemaStreamRef, SegmentEntry, SequenceEntry, TableEntry, TableKind, push_span,
    },
    point::{PackKind, PointWriter, RecordDraft, WriterOptions},
    seal::{Identity, random_id},
    store::{SharedStore, connect},
    vault::{Access, InitRequest, OpenRequest, Vault, init, open},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let directory = std::env::args().nth(1).ok_or("usage: reference_point DIR [ROWS]")?;
    let rows = std::env::args().nth(2).map_or(Ok(100_000), |rows| rows.parse())?;
    let directory = Path::new(&directory);
    let clock = Clock::system(SignedDuration::ZERO);
    let vault = new_vault(directory, &clock).await?;
    let run = RunId("reference".into());
    let writer_id = random_id()?;
    let deadline = later(clock.now(), SignedDuration::from_hours(1));
    let grant = vault.write_grant(&run, &writer_id.into(), deadline).await?;
    let store = SharedStore::clone(vault.store());
    let options = WriterOptions::default();
    let writer = PointWriter::begin(store, &grant, &run, writer_id, deadline, clock.clone(), options).await?;
    let manifest = write_database(&writer, directory, rows, &clock).await?;
    let draft = draft(&manifest, &clock);
    writer.commit(draft).await?;
    let kept: mover::vault::Expiry<'_> = &|_| Ok(None);
    match vault.settle(&run, false, "reference", kept).await? {
        Settled::Accepted(view) => fs::write(directory.join("point"), view.id.to_string())?,
        other => return Err(format!("the point was not accepted: {other:?}").into()),
    }
    vault.close().await;
    Ok(())
}

async fn new_vault(directory: &Path, clock: &Clock) -> Outcome<Vault> {
    let path = directory.join("vault");
    fs::create_dir_all(&path)?;
    let storage = Storage::Filesystem { path: fs::canonicalize(path)?.display().to_string() };
    let store = connect(&storage, clock)?;
    let identity = Identity::generate();
    fs::write(directory.join("identity"), format!("# reference\n{}\n", identity.to_text().reveal()))?;
    let recipients = vec![Identity::generate().recipient(), identity.recipient()];
    let request = InitRequest { catalogue: None, identities: vec![identity.clone()], recipients };
    let (_, fingerprint) = init(&store, &request, clock).await?;
    fs::write(directory.join("fingerprint"), &fingerprint)?;
    let request = OpenRequest {
        storage,
        identities: vec![identity],
        catalogue: None,
        recipients: Vec::new(),
        fingerprint: Some(fingerprint),
        known_head: None,
        access: Access::ReadWrite,
    };
    Ok(open(store, request, clock).await?)
}

async fn write_database(
    writer: &PointWriter,
    directory: &Path,
    rows: u64,
    clock: &Clock,
) -> Outcome<Manifest> {
    let schema = write_schema(writer, directory).await?;
    let text = write_table(writer, directory, 1, "text", RowFormat::Text, &text_rows(rows)).await?;
    let binary = write_table(writer, directory, 2, "binary", RowFormat::Binary, &binary_rows()).await?;
    let mut segments = writer.list::<SegmentEntry>(0);
    let mut tables = writer.list::<TableEntry>(0);
    let mut sequences = writer.list::<SequenceEntry>(0);
    let (mut rows, mut plain_bytes, mut number) = (0, 0, 0);
    for (table, its_segments) in [text, binary] {
        rows += table.rows();
        plain_bytes += table.plain_bytes;
        tables.push(table).await?;
        for segment in its_segments {
            segments.push(segment).await?;
            number += 1;
        }
    }
    // A name in LATIN1 is not UTF-8.
    let name = PgText::new(b"z\xe4hler".to_vec());
    sequences
        .push(SequenceEntry { schema: "public".into(), name, last_value: i64::MIN, is_called: true })
        .await?;
    let mut lists: Vec<ListRef> = tables.finish().await?;
    lists.extend(segments.finish().await?);
    lists.extend(sequences.finish().await?);
    let manifest = Manifest {
        format: FORMAT,
        database: database(),
        snapshot_time: clock.now(),
        server_version: 150_018,
        server_version_text: "15.18".into(),
        schema,
        lists,
        tables: 2,
        segments: number,
        sequences: 1,
        large_objects: 0,
        rows,
        plain_bytes,
        roles: vec!["app".into()],
        extensions: vec![ExtensionEntry {
            name: "plpgsql".into(),
            version: "1.0".into(),
            schema: "pg_catalog".into(),
        }],
        tablespaces: Vec::new(),
        coverage: Vec::new(),
        warnings: Vec::new(),
        tool: mover::TOOL.into(),
    };
    writer.add_database(&manifest).await?;
    Ok(manifest)
}

/// Two entries, laid out as FORMAT.md says.
async fn write_schema(writer: &PointWriter, directory: &Path) -> Outcome<SchemaStreamRef> {
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for (id, tag) in [(1u32, "text"), (2, "binary")] {
        let header = serde_json::to_vec(&serde_json::json!({
            "id": id, "catalogue": {"table": 1259, "object": 16_384 + id}, "kind": "TABLE", "tag": tag,
            "section": "pre", "namespace": "public", "tablespace": "", "accessMethod": "heap",
            "relationKind": null, "owner": "app", "drop": null, "dependencies": [],
        }))?;
        let sql = format!("CREATE TABLE public.{tag} (a bigint, b text);\n");
        stream.extend_from_slice(&u32::try_from(header.len())?.to_le_bytes());
        stream.extend_from_slice(&header);
        stream.extend_from_slice(&u32::try_from(sql.len())?.to_le_bytes());
        stream.extend_from_slice(sql.as_bytes());
        expected.extend_from_slice(sql.as_bytes());
        expected.push(b'\n');
    }
    fs::write(directory.join("expected.schema"), expected)?;
    let mut pack = writer.open_pack(PackKind::Schema).await?;
    let mut spans = Vec::new();
    for piece in stream.chunks(100) {
        push_span(&mut spans, pack.push(piece)?);
    }
    writer.put(pack).await?;
    Ok(SchemaStreamRef {
        entries: 2,
        plain_bytes: stream.len() as u64,
        spans,
        archive_version: "1.14".into(),
        dump_version: "15.18".into(),
    })
}

async fn write_table(
    writer: &PointWriter,
    directory: &Path,
    id: u32,
    name: &str,
    format: RowFormat,
    parts: &[Vec<u8>],
) -> Outcome<(TableEntry, Vec<SegmentEntry>)> {
    let mut segments = Vec::new();
    let mut total = mover::digest::Digest::default();
    let mut pack = writer.open_pack(PackKind::Rows).await?;
    for (number, rows) in parts.iter().enumerate() {
        let mut digester = StreamDigester::new(format);
        digester.push(rows)?;
        let digest = digester.finish()?;
        total.add(digest);
        let mut spans: Vec<FrameSpan> = Vec::new();
        for frame in rows.chunks(1_000_003) {
            if !pack.fits(frame.len()) {
                writer.put(pack).await?;
                pack = writer.open_pack(PackKind::Rows).await?;
            }
            push_span(&mut spans, pack.push(frame)?);
        }
        let plain_bytes = rows.len() as u64;
        let number = u32::try_from(number)?;
        segments.push(SegmentEntry { table: id, number, format, rows: digest.rows, plain_bytes, spans });
    }
    writer.put(pack).await?;
    fs::write(directory.join(format!("expected.{name}")), parts.concat())?;
    let table = TableEntry {
        id,
        oid: 16_384 + id,
        schema: "public".into(),
        name: name.into(),
        kind: TableKind::Ordinary,
        columns: vec!["a".into(), "b".into()],
        segments: u32::try_from(parts.len())?,
        plain_bytes: parts.iter().map(|part| part.len() as u64).sum(),
        digests: vec![total.in_format(format)],
    };
    Ok((table, segments))
}

/// Three segments; the second has `rows` rows, which hardly compress.
fn text_rows(rows: u64) -> Vec<Vec<u8>> {
    let mut state = 1u64;
    let mut segment = |rows: u64| {
        let mut bytes = Vec::new();
        for row in 0..rows {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            bytes.extend_from_slice(format!("{row}\t{state:x}{:x}\\n\n", state.rotate_left(31)).as_bytes());
        }
        bytes
    };
    vec![segment(3), segment(rows), segment(1)]
}

fn binary_rows() -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    for row in 0..1_000i64 {
        bytes.extend_from_slice(&2i16.to_be_bytes());
        bytes.extend_from_slice(&8i32.to_be_bytes());
        bytes.extend_from_slice(&row.to_be_bytes());
        bytes.extend_from_slice(&(-1i32).to_be_bytes());
    }
    vec![bytes]
}

fn database() -> DatabaseEntry {
    DatabaseEntry {
        name: "app".into(),
        oid: 16_384,
        encoding: "LATIN1".into(),
        locale_provider: LocaleProvider::Libc,
        collate: "C".into(),
        ctype: "C".into(),
        locale: None,
        icu_rules: None,
        collation_version: None,
        owner: "app".into(),
        comment: None,
        tablespace: "pg_default".into(),
        connection_limit: -1,
        allow_connections: true,
        is_template: false,
        acl: None,
        settings: Vec::new(),
        security_labels: Vec::new(),
    }
}

fn draft(manifest: &Manifest, clock: &Clock) -> RecordDraft {
    let snapshot_time: Timestamp = manifest.snapshot_time;
    RecordDraft {
        owner: Owner::Cli { datasource_id: "0/app".into() },
        decision: Decision {
            tag: "manual".into(),
            keep: None,
            time_zone: "UTC".into(),
            reason: "written for the decoder's test".into(),
            keep_at_least: 1,
            policy: None,
            trigger: Trigger::Cli,
        },
        source: SourceServer {
            server_version: manifest.server_version_text.clone(),
            system_identifier: None,
            size_bytes: manifest.plain_bytes,
            standby: false,
            role: None,
            program: None,
        },
        point_time: clock.now(),
        data_stores: vec![DataStore {
            database: manifest.database.name.to_string(),
            snapshot_time,
            tables: manifest.tables,
            rows: manifest.rows,
            large_objects: 0,
            plain_bytes: manifest.plain_bytes,
        }],
        coverage: Vec::new(),
        warnings: Vec::new(),
    }
}
