//! Known answers: ids, wrapped keys, digests, documents and a ledger that another program has made from `FORMAT.md` alone.
//! They must be read for ever.

use std::sync::Arc;

use bytes::Bytes;
use contract::{Life, Owner, Pledges, PointState, RunId, Storage};
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::*;
use crate::{
    clock::Clock,
    digest::StreamDigester,
    schema::{Entry, SchemaReader, encode},
    seal::{CatalogueKey, Identity, unwrap},
    store::{Name, connect},
    vault::{Access, OpenRequest, Vault, open},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answers {
    vault: Id,
    catalogue_key: String,
    chain: Id,
    fingerprint: String,
    point_ids: Vec<PointVector>,
    keys: KeyVectors,
    row_digests: Vec<DigestVector>,
    documents: Vec<DocumentVector>,
    ledger: LedgerVector,
    owners_ledger: OwnersVector,
}

#[derive(Deserialize)]
struct PointVector {
    vault: Id,
    run: RunId,
    point: Id,
}

#[derive(Deserialize)]
struct KeyVectors {
    identity: String,
    recipient: String,
    tag: String,
    plaintexts: BothKeys,
    files: BothKeys,
}

#[derive(Deserialize)]
struct BothKeys {
    catalogue: String,
    chain: String,
}

#[derive(Deserialize)]
struct DigestVector {
    rows: Vec<String>,
    digest: RowDigest,
}

#[derive(Deserialize)]
struct DocumentVector {
    kind: String,
    document: Value,
}

#[derive(Deserialize)]
struct LedgerVector {
    entries: Vec<String>,
    head: contract::Head,
    points: Vec<PointAnswer>,
}

#[derive(Deserialize)]
struct OwnersVector {
    entries: Vec<String>,
    head: contract::Head,
    points: Vec<EndAnswer>,
    owners: Vec<OwnerAnswer>,
    pledges: Pledges,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EndAnswer {
    id: Id,
    state: String,
    owner: Owner,
    expiration_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct OwnerAnswer {
    owner: Owner,
    spec: String,
    life: Life,
}

#[derive(Deserialize)]
struct PointAnswer {
    id: Id,
    state: String,
}

fn answers() -> Answers {
    serde_json::from_str(include_str!("../../tests/data/vectors.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn key(hex: &str) -> [u8; 32] {
    bytes(hex).try_into().unwrap()
}

#[test]
fn ids_of_points_and_the_fingerprint_are_those_of_the_format() {
    let answers = answers();
    for vector in &answers.point_ids {
        assert_eq!(Id::of_point(vector.vault, &vector.run), vector.point, "{}", vector.run);
    }
    let catalogue = CatalogueKey::from_bytes(&key(&answers.catalogue_key));
    assert_eq!(catalogue.fingerprint(answers.vault), answers.fingerprint);
}

#[test]
fn key_files_that_another_program_wrote_open_and_hold_what_the_format_says() {
    let answers = answers();
    let identity = Identity::parse(&answers.keys.identity).unwrap();
    assert_eq!(identity.recipient().to_string(), answers.keys.recipient);
    assert_eq!(identity.recipient().tag(), answers.keys.tag);
    let both = [
        (
            KeyPurpose::Catalogue { epoch: 1 },
            &answers.keys.files.catalogue,
            &answers.keys.plaintexts.catalogue,
        ),
        (KeyPurpose::Chain(answers.chain), &answers.keys.files.chain, &answers.keys.plaintexts.chain),
    ];
    for (purpose, file, plain) in both {
        let opened = unwrap(&bytes(file), std::slice::from_ref(&identity)).unwrap();
        assert_eq!((opened.purpose, opened.vault), (purpose, answers.vault));
        assert_eq!(HEXLOWER.encode(&*opened.encode()), *plain);
        assert!(WrappedKey::decode(&bytes(plain)).unwrap() == opened);
    }
}

#[test]
fn row_digests_are_those_of_the_format_however_the_bytes_are_cut() {
    for vector in answers().row_digests {
        let rows: Vec<u8> = vector.rows.iter().flat_map(|row| bytes(row)).collect();
        for step in [1, 2, 7, 100, 10_000] {
            let mut digester = StreamDigester::new(vector.digest.format);
            rows.chunks(step).for_each(|piece| digester.push(piece).unwrap());
            assert_eq!(digester.finish().unwrap().in_format(vector.digest.format), vector.digest);
        }
    }
}

/// Reads a document and writes it again: no member is lost, added or renamed.
fn same<T: DeserializeOwned + Serialize>(document: &Value) {
    let read: T = serde_json::from_str(&document.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), *document);
}

#[test]
fn every_document_is_read_and_written_with_the_members_of_the_format() {
    let answers = answers();
    for DocumentVector { kind, document } in &answers.documents {
        match kind.as_str() {
            "vault.json" => same::<VaultFile>(document),
            "record" => same::<Record>(document),
            "manifest" => same::<Manifest>(document),
            "tables" => same::<ListPage<TableEntry>>(document),
            "segments" => same::<ListPage<SegmentEntry>>(document),
            "sequences" => same::<ListPage<SequenceEntry>>(document),
            "globals" => same::<Globals>(document),
            "roles" => same::<ListPage<RoleEntry>>(document),
            "memberships" => same::<ListPage<MembershipEntry>>(document),
            "tablespaces" => same::<ListPage<TablespaceEntry>>(document),
            "inventory" => same::<InventoryPage>(document),
            "contents" => same::<ContentsPage>(document),
            "intent" => same::<Intent>(document),
            "heartbeat" => same::<Heartbeat>(document),
            "void" => same::<Void>(document),
            "ledgerEntry" => same::<LedgerEntry>(document),
            "stateHead" => same::<StateHead>(document),
            "statePart" => same::<StatePart>(document),
            "schemaEntry" => same_entry(document),
            other => panic!("{other} is no kind of document"),
        }
    }
}

fn same_entry(document: &Value) {
    let header = document.to_string();
    let sql = b"ALTER TABLE x;";
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let stream = [&length(header.as_bytes())[..], header.as_bytes(), &length(sql), sql].concat();
    let entry: Entry = block(async { SchemaReader::new(&stream[..]).next_entry().await.unwrap().unwrap() });
    let mut written = Vec::new();
    encode(&entry, &mut written).unwrap();
    let end = 4 + usize::try_from(u32::from_le_bytes(*written.first_chunk().unwrap())).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written[4..end]).unwrap(), *document);
    assert!(written.ends_with(sql));
}

#[test]
fn a_member_that_may_be_null_may_be_missing_and_any_other_may_not() {
    let answers = answers();
    let record = answers.documents.iter().find(|vector| vector.kind == "record").unwrap();
    let without = |member: &str| {
        let mut document = record.document.clone();
        document.as_object_mut().unwrap().remove(member).unwrap();
        serde_json::from_value::<Record>(document)
    };
    assert_eq!(without("globals").unwrap().globals, None);
    for member in ["format", "manifests", "coverage", "tool"] {
        assert!(without(member).is_err(), "{member}");
    }
}

#[test]
fn a_ledger_that_another_program_wrote_folds_to_the_same_points() {
    let answers = answers();
    let vault = opened(&answers, &answers.ledger.entries, &answers.ledger.head);
    for expected in &answers.ledger.points {
        let view = vault.point(&expected.id.into()).unwrap();
        assert_eq!(view.state, state(&expected.state), "{}", expected.id);
    }
}

#[test]
fn owners_and_other_ends_that_another_program_wrote_fold_to_the_same() {
    let answers = answers();
    let written = &answers.owners_ledger;
    let vault = opened(&answers, &written.entries, &written.head);
    assert_eq!(vault.points(0).len(), written.points.len());
    for expected in &written.points {
        let view = vault.point(&expected.id.into()).unwrap();
        let found = (view.state, view.owner, view.expiration_time);
        let expected_view = (state(&expected.state), expected.owner.clone(), expected.expiration_time);
        assert_eq!(found, expected_view, "{}", expected.id);
    }
    let owners = vault.owners(0);
    assert_eq!(owners.len(), written.owners.len());
    for expected in &written.owners {
        let found = owners.iter().find(|known| known.owner == expected.owner).unwrap();
        assert_eq!((&found.spec, &found.life), (&expected.spec, &expected.life), "{:?}", expected.owner);
    }
    assert_eq!(vault.pledges(), written.pledges);
}

fn state(word: &str) -> PointState {
    match word {
        "available" => PointState::Available,
        "expired" => PointState::Expired,
        "softDeleted" => PointState::SoftDeleted,
        _ => PointState::Damaged,
    }
}

/// A vault that has nothing but a ledger.
fn opened(answers: &Answers, entries: &[String], head: &contract::Head) -> Vault {
    block(async {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::system(SignedDuration::ZERO);
        let storage = Storage::Filesystem { path: directory.path().display().to_string() };
        let store = connect(&storage, &clock).unwrap();
        for (sequence, entry) in (1..).zip(entries) {
            store.create(&Name::ledger(sequence), Bytes::from(bytes(entry))).await.unwrap();
        }
        let request = OpenRequest {
            storage,
            identities: Vec::new(),
            catalogue: Some(CatalogueKey::from_bytes(&key(&answers.catalogue_key))),
            recipients: Vec::new(),
            fingerprint: Some(answers.fingerprint.to_uppercase()),
            known_head: Some(head.clone()),
            access: Access::ReadOnly,
        };
        let vault = open(Arc::clone(&store), request, &clock).await.unwrap();
        assert_eq!(contract::Head::from(vault.head()), *head);
        vault
    })
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
