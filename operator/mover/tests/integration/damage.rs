//! Harm done to a stored point: each kind of object, each kind of harm. It is always noticed, the object is named, and no
//! byte comes out that was not authenticated.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    stores::Stamping,
    written::{data_store, draft, manifest},
};
use bytes::Bytes;
use contract::{FailureCode, ReadGrant, RunId, Settled, Storage};
use jiff::SignedDuration;
use mover::{
    clock::{Clock, later},
    digest::StreamDigester,
    format::{Id, Manifest, RowFormat, SchemaStreamRef, SegmentEntry, TableEntry, TableKind},
    point::{PackKind, PointReader, PointWriter, RecordDraft, WriterOptions},
    seal::{CatalogueKey, ChainKey, Expected, Header, Identity, ObjectKind, Opener, SealKey, random_id},
    store::{Name, SharedStore, connect},
    vault::{Access, InitRequest, OpenRequest, Vault, VaultError, init, open},
    verify::{self, Level},
};
use tempfile::TempDir;

const CATALOGUE: [u8; 32] = [5; 32];

/// A vault with two accepted points.
struct Reference {
    directory: TempDir,
    vault: Vault,
    identity: Identity,
    clock: Clock,
    grants: Vec<ReadGrant>,
}

impl Reference {
    async fn new() -> Self {
        Self::through(|store| store).await
    }

    /// Written through a store that `seen_as` makes of the directory.
    async fn through(seen_as: impl Fn(SharedStore) -> SharedStore) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::system(SignedDuration::ZERO);
        let identity = Identity::generate();
        let store = seen_as(connect(&storage(directory.path()), &clock).unwrap());
        let request = InitRequest {
            catalogue: Some(CatalogueKey::from_bytes(&CATALOGUE)),
            identities: Vec::new(),
            recipients: vec![identity.recipient()],
        };
        init(&store, &request, &clock).await.unwrap();
        let vault = open(store, opening(directory.path(), &identity), &clock).await.unwrap();
        let mut grants = Vec::new();
        for run in ["first", "second"] {
            grants.push(store_point(&vault, run, &clock).await);
        }
        Self { directory, vault, identity, clock, grants }
    }

    fn store(&self) -> &SharedStore {
        self.vault.store()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Every object of a point that its record leads to, the record included.
    fn objects(&self, point: usize) -> Vec<String> {
        let writer = &self.grants[point].writer;
        let mut names: Vec<String> = fs::read_dir(self.path(&format!("data/{writer}")))
            .unwrap()
            .map(|entry| format!("data/{writer}/{}", entry.unwrap().file_name().to_str().unwrap()))
            .collect();
        names.push(format!("points/{}", self.grants[point].point));
        names.sort();
        names
    }

    fn kind(&self, name: &str) -> ObjectKind {
        let stored = fs::read(self.path(name)).unwrap();
        Header::decode(&Name::listed(name).unwrap(), &stored).unwrap().kind
    }
}

fn storage(directory: &Path) -> Storage {
    Storage::Filesystem { path: directory.display().to_string() }
}

fn opening(directory: &Path, identity: &Identity) -> OpenRequest {
    OpenRequest {
        storage: storage(directory),
        identities: vec![identity.clone()],
        catalogue: None,
        recipients: Vec::new(),
        fingerprint: None,
        known_head: None,
        access: Access::ReadWrite,
    }
}

async fn store_point(vault: &Vault, run: &str, clock: &Clock) -> ReadGrant {
    let (run, writer_id) = (RunId(run.into()), random_id().unwrap());
    let deadline = later(clock.now(), SignedDuration::from_hours(1));
    let grant = vault.write_grant(&run, &writer_id.into(), deadline).await.unwrap();
    let store = SharedStore::clone(vault.store());
    let options = WriterOptions { lanes: 1, uploads: 1 };
    let writer =
        PointWriter::begin(store, &grant, &run, writer_id, deadline, clock.clone(), options).await.unwrap();
    write_database(&writer, clock).await;
    writer
        .commit(RecordDraft { data_stores: vec![data_store(clock.now())], ..draft(clock.now()) })
        .await
        .unwrap();
    let Settled::Accepted(view) = vault.settle(&run, false, "", &|_| Ok(None)).await.unwrap() else {
        panic!("not accepted")
    };
    vault.read_grant(&run, &view.id, &random_id().unwrap().into(), deadline).await.unwrap()
}

async fn write_database(writer: &PointWriter, clock: &Clock) {
    let mut pack = writer.open_pack(PackKind::Schema).await.unwrap();
    let schema_stream = schema_stream();
    let schema = pack.push(&schema_stream).unwrap();
    writer.put(pack).await.unwrap();
    let rows = b"1\tsecret text\n2\tsecret text\n".to_vec();
    let mut pack = writer.open_pack(PackKind::Rows).await.unwrap();
    let spans = vec![pack.push(&rows[..15]).unwrap(), pack.push(&rows[15..]).unwrap()];
    writer.put(pack).await.unwrap();
    let mut digester = StreamDigester::new(RowFormat::Text);
    digester.push(&rows).unwrap();
    let plain_bytes = rows.len() as u64;
    let mut tables = writer.list::<TableEntry>(0);
    tables
        .push(TableEntry {
            id: 1,
            oid: 7,
            schema: "public".into(),
            name: "t".into(),
            kind: TableKind::Ordinary,
            columns: vec!["a".into(), "b".into()],
            segments: 1,
            plain_bytes,
            digests: vec![digester.finish().unwrap().in_format(RowFormat::Text)],
        })
        .await
        .unwrap();
    let mut segments = writer.list::<SegmentEntry>(0);
    segments
        .push(SegmentEntry { table: 1, number: 0, format: RowFormat::Text, rows: 2, plain_bytes, spans })
        .await
        .unwrap();
    let mut lists = tables.finish().await.unwrap();
    lists.extend(segments.finish().await.unwrap());
    let schema = SchemaStreamRef {
        entries: 1,
        plain_bytes: schema_stream.len() as u64,
        spans: vec![schema],
        archive_version: "1.14".into(),
        dump_version: "15".into(),
    };
    let manifest = Manifest { rows: 2, plain_bytes, ..manifest(clock.now(), schema, lists) };
    writer.add_database(&manifest).await.unwrap();
}

/// One entry, laid out as FORMAT.md says.
fn schema_stream() -> Vec<u8> {
    let header = br#"{"id":1,"catalogue":{"table":1259,"object":7},"kind":"TABLE","tag":"t","section":"pre","dependencies":[]}"#;
    let sql = b"CREATE TABLE public.t (a bigint, b text);\n";
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [&length(header)[..], header, &length(sql), sql].concat()
}

/// Ways to harm a file, each given its bytes and those of another object of the same kind.
type Harm = fn(&[u8], &[u8]) -> Option<Vec<u8>>;

const HARMS: [(&str, Harm); 7] = [
    ("missing", |_, _| None),
    ("emptied", |_, _| Some(Vec::new())),
    ("cut in half", |bytes, _| Some(bytes[..bytes.len() / 2].to_vec())),
    ("cut by one byte", |bytes, _| Some(bytes[..bytes.len() - 1].to_vec())),
    ("bit flipped", |bytes, _| {
        let mut bytes = bytes.to_vec();
        let at = bytes.len() - 40;
        bytes[at] ^= 0x10;
        Some(bytes)
    }),
    ("swapped", |_, other| Some(other.to_vec())),
    ("appended", |bytes, _| Some([bytes, b"x"].concat())),
];

#[tokio::test(flavor = "multi_thread")]
async fn g1_every_harm_to_every_kind_of_object_is_noticed_and_the_object_named() {
    let reference = Reference::new().await;
    let store = reference.store();
    let grant = &reference.grants[0];
    let sound = verify::run(SharedStore::clone(store), grant, Level::Rows, &|_| ()).await.unwrap();
    assert!(sound.is_sound() && sound.rows == 2 && sound.tables == 1, "{sound:?}");
    let mut kinds = Vec::new();
    for name in reference.objects(0) {
        let kind = reference.kind(&name);
        kinds.push(kind);
        let others = reference.objects(1);
        let other = others.iter().find(|other| reference.kind(other) == kind).unwrap();
        let (path, other) = (reference.path(&name), fs::read(reference.path(other)).unwrap());
        let whole = fs::read(&path).unwrap();
        for (what, harm) in HARMS {
            match harm(&whole, &other) {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let noticed = match verify::run(SharedStore::clone(store), grant, Level::Rows, &|_| ()).await {
                Ok(report) => report.damage.iter().any(|damage| damage.object == name),
                // A point without its record is no damaged point but none at all.
                Err(error) => kind == ObjectKind::Record && error.code() == FailureCode::PointNotFound,
            };
            assert!(noticed, "{what}: {name} ({kind:?})");
            fs::write(&path, &whole).unwrap();
        }
    }
    for kind in &ObjectKind::ALL[..7] {
        assert!(kinds.contains(kind), "{kind:?} was not tried");
    }
}

/// Opens an object to its end; the plain content of its records until the first that does not open.
fn read(name: &Name, stored: Vec<u8>, expected: &Expected, key: &SealKey) -> (Vec<Vec<u8>>, bool) {
    let mut plain = Vec::new();
    let mut records = Vec::new();
    let Ok(mut opener) = Opener::open(name, Bytes::from(stored), expected, key) else {
        return (records, false);
    };
    let mut decompressor = zstd::bulk::Decompressor::new().unwrap();
    loop {
        match opener.next(&mut decompressor, &mut plain) {
            Ok(true) => records.push(plain.clone()),
            Ok(false) => return (records, true),
            Err(_) => {
                assert!(plain.is_empty(), "bytes of a record that does not open came out");
                return (records, false);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_every_single_bit_of_every_kind_of_object_counts() {
    let reference = Reference::new().await;
    reference.vault.close().await;
    let grant = &reference.grants[0];
    let (vault, point): (Id, Id) = (reference.vault.id(), grant.point.0.parse().unwrap());
    let writer: Id = grant.writer.0.parse().unwrap();
    let catalogue = CatalogueKey::from_bytes(&CATALOGUE);
    let (ledger, record) = (catalogue.ledger_key(vault), catalogue.record_key(vault, point, writer));
    let chain = ChainKey::from_base64(grant.chain_key.reveal()).unwrap();
    let mut names = reference.objects(0);
    names.extend(
        [Name::intent(point, writer), Name::heartbeat(point, writer), Name::ledger(1)]
            .map(|name| name.to_string()),
    );
    names.push(Name::ledger_state(reference.vault.head().sequence).to_string());
    for name in names {
        let stored = fs::read(reference.path(&name)).unwrap();
        let name = Name::listed(&name).unwrap();
        let header = Header::decode(&name, &stored).unwrap();
        let expected = Expected {
            kind: header.kind,
            number: header.number,
            vault,
            chain: header.chain,
            point: header.point,
            writer: Some(header.writer),
        };
        let key = match header.kind.code() {
            1..=4 => chain.key(),
            5..=10 => record.key(),
            _ => ledger.key(),
        };
        let (whole, opened) = read(&name, stored.clone(), &expected, key);
        assert!(opened && !whole.is_empty(), "{name}");
        for bit in 0..stored.len() * 8 {
            let mut changed = stored.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let (records, opened) = read(&name, changed, &expected, key);
            assert!(!opened, "{name}: bit {bit}");
            assert!(whole.starts_with(&records), "{name}: bit {bit} changed what came out");
        }
        for length in 0..stored.len() {
            let (records, opened) = read(&name, stored[..length].to_vec(), &expected, key);
            assert!(!opened && whole.starts_with(&records), "{name}: cut to {length}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_no_row_and_no_name_is_stored_in_clear() {
    let reference = Reference::new().await;
    let mut open = vec![reference.directory.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let stored = fs::read(&path).unwrap();
            for marker in [&b"secret text"[..], b"public"] {
                let found = stored.windows(marker.len()).any(|window| window == marker);
                assert!(!found, "{}", path.display());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_damaged_ledger_or_key_is_named_when_the_vault_is_opened() {
    let reference = Reference::new().await;
    let directory = reference.directory.path();
    let entry = reference.path(Name::ledger(2).as_str());
    let whole = fs::read(&entry).unwrap();
    let mut changed = whole.clone();
    changed[200] ^= 1;
    fs::write(&entry, changed).unwrap();
    let store = SharedStore::clone(reference.store());
    let request = opening(directory, &reference.identity);
    let error = open(SharedStore::clone(&store), request, &reference.clock).await.err().unwrap();
    assert!(mover::causes(&error).contains(Name::ledger(2).as_str()), "{}", mover::causes(&error));
    fs::write(&entry, whole).unwrap();
    let keys = reference.path("keys/catalogue/00000001");
    let key = fs::read_dir(keys).unwrap().next().unwrap().unwrap().path();
    let mut changed = fs::read(&key).unwrap();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    fs::write(&key, changed).unwrap();
    let error = open(store, opening(directory, &reference.identity), &reference.clock).await.err().unwrap();
    assert!(matches!(error, VaultError::Foreign { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g12_of_two_recipients_each_opens_alone_and_one_whose_key_files_went_opens_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::system(SignedDuration::ZERO);
    let (first, second) = (Identity::generate(), Identity::generate());
    let store = connect(&storage(directory.path()), &clock).unwrap();
    let recipients = vec![first.recipient(), second.recipient()];
    init(&store, &InitRequest { catalogue: None, identities: Vec::new(), recipients }, &clock).await.unwrap();
    let vault = open(SharedStore::clone(&store), opening(directory.path(), &first), &clock).await.unwrap();
    let point = store_point(&vault, "run", &clock).await.point;
    vault.close().await;
    let rows = async |identity: &Identity| -> Result<u64, VaultError> {
        let request = OpenRequest { access: Access::ReadOnly, ..opening(directory.path(), identity) };
        let vault = open(SharedStore::clone(&store), request, &clock).await?;
        let (run, reader) = (RunId("look".into()), random_id().unwrap());
        let grant = vault.read_grant(&run, &point, &reader.into(), jiff::Timestamp::MAX).await?;
        Ok(verify::run(SharedStore::clone(&store), &grant, Level::Rows, &|_| ()).await.unwrap().rows)
    };
    assert_eq!((rows(&first).await.unwrap(), rows(&second).await.unwrap()), (2, 2));
    let gone = Name::catalogue_key(1, &second.recipient().tag(), 0);
    fs::remove_file(directory.path().join(gone.as_str())).unwrap();
    assert_eq!(rows(&first).await.unwrap(), 2);
    let error = rows(&second).await.unwrap_err();
    assert!(matches!(error, VaultError::Foreign { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_objects_of_one_point_are_not_taken_for_those_of_another() {
    let reference = Reference::new().await;
    let [first, second] = &reference.grants[..] else { panic!("two points") };
    let mut mixed = first.clone();
    mixed.writer = second.writer.clone();
    let error = PointReader::open(SharedStore::clone(reference.store()), &mixed).await.err().unwrap();
    assert_eq!(error.code(), FailureCode::Damaged, "{error}");
    let mut mixed = first.clone();
    mixed.record_key = second.record_key.clone();
    let error = PointReader::open(SharedStore::clone(reference.store()), &mixed).await.err().unwrap();
    assert_eq!(error.code(), FailureCode::WrongKey, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_bucket_has_other_etags_and_is_as_good() {
    let stamping = |stamp| move |inner| Arc::new(Stamping { inner, stamp }) as SharedStore;
    let reference = Reference::through(stamping("written")).await;
    let inner = connect(&storage(reference.directory.path()), &reference.clock).unwrap();
    let copy = stamping("copied")(inner);
    let check = async || {
        verify::run(SharedStore::clone(&copy), &reference.grants[0], Level::Structure, &|_| ()).await.unwrap()
    };
    let report = check().await;
    assert!(report.is_sound(), "{report:?}");
    let pack =
        reference.objects(0).into_iter().find(|name| reference.kind(name) == ObjectKind::Pack).unwrap();
    let mut changed = fs::read(reference.path(&pack)).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(reference.path(&pack), changed).unwrap();
    let damage = check().await.damage;
    assert!(damage.iter().any(|damage| damage.object == pack), "{damage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_what_anybody_can_put_beside_a_vault_keeps_nobody_out_of_it() {
    let reference = Reference::new().await;
    reference.vault.close().await;
    let reopened = async || {
        let store = SharedStore::clone(reference.store());
        let request = opening(reference.directory.path(), &reference.identity);
        open(store, request, &reference.clock).await.map(|vault| vault.id())
    };
    let file = reference.path("vault.json");
    let whole = fs::read_to_string(&file).unwrap();
    let id = reference.vault.id().to_string();
    let other = whole.replace(&id, &Id([1; 16]).to_string());
    for text in [other, whole.replace("coffer", "kaffee"), "x".repeat(1 << 20)] {
        fs::write(&file, text).unwrap();
        assert_eq!(reopened().await.unwrap(), reference.vault.id());
    }
    let tag = reference.identity.recipient().tag();
    fs::write(reference.path(&format!("keys/catalogue/00000001/{tag}.7")), vec![7; 1 << 20]).unwrap();
    assert_eq!(reopened().await.unwrap(), reference.vault.id());
}
