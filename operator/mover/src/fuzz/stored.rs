//! What lies in storage, as anybody with access to it may have changed it.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use zstd::bulk::Decompressor;

use crate::{
    format::{
        ContentsPage, Digest128, FrameSpan, Globals, Hash, Heartbeat, Id, Intent, InventoryPage, LedgerEntry,
        ListPage, Manifest, MembershipEntry, Record, RoleEntry, SegmentEntry, SequenceEntry, StateHead,
        StatePart, TableEntry, TablespaceEntry, VaultFile, Void, WrappedKey,
    },
    seal::{
        ChainKey, Expected, HEADER_LENGTH, Header, Identity, ObjectKind, Opener, Recipient, Suite,
        open_records, seal_records, unwrap,
    },
    store::Name,
};

/// Opens the key files of the corpus, and nothing else anywhere.
const IDENTITY: &str = include_str!("../../tests/data/fuzz/identity");

fn pack() -> Expected {
    Expected {
        kind: ObjectKind::Pack,
        number: 7,
        vault: Id([0xa1; 16]),
        chain: Id([0xa2; 16]),
        point: Id([0xa3; 16]),
        writer: Some(Id([0xa4; 16])),
    }
}

/// The key of the test vectors.
fn chain_key() -> ChainKey {
    let mut key = [0; 32];
    key.iter_mut().zip(0..).for_each(|(byte, value)| *byte = value);
    ChainKey::from_bytes(&key)
}

/// A header that is read is written as it was.
pub fn header(bytes: &[u8]) {
    if let Ok(header) = Header::decode(&Name::vault(), bytes) {
        assert!(bytes.starts_with(&header.encode()));
    }
}

/// A whole object, from its front and from wherever its last 16 bytes say.
pub fn envelope(bytes: &[u8]) {
    let (name, key) = (Name::vault(), chain_key());
    let stored = Bytes::copy_from_slice(bytes);
    let Ok(mut opener) = Opener::open(&name, stored, &pack(), key.key()) else { return };
    let Ok(mut decompressor) = Decompressor::new() else { return };
    let mut plain = Vec::new();
    while opener.next(&mut decompressor, &mut plain).unwrap_or(false) {}
    let number = |at: usize| {
        let tail = bytes.len().saturating_sub(16) + at;
        bytes
            .get(tail..tail + 4)
            .and_then(|part| part.first_chunk::<4>())
            .map_or(0, |part| u32::from_le_bytes(*part))
    };
    let span = FrameSpan { object: 7, offset: number(0).into(), first: number(4), count: 1 };
    if opener.seek(&span).is_ok() && opener.next(&mut decompressor, &mut plain).is_err() {
        assert!(plain.is_empty(), "bytes of a record that does not open came out");
    }
}

/// What was sealed opens, and one changed bit of it does not.
pub fn sealed(bytes: &[u8]) {
    let Some((choice, plain)) = bytes.split_first_chunk::<4>() else { return };
    if plain.is_empty() {
        return;
    }
    let suite = if choice[0] & 1 == 0 { Suite::Aes256Gcm } else { Suite::ChaCha20Poly1305 };
    let (name, key, object) = (Name::vault(), chain_key(), pack());
    let records: Vec<Vec<u8>> = plain.chunks(usize::from(choice[1]) * 64 + 1).map(<[u8]>::to_vec).collect();
    let Ok(stored) = seal_records(&records, &object, Id([0xa4; 16]), suite, key.key()) else { return };
    let opened = open_records(&name, &stored, &object, key.key(), records.len());
    assert!(opened.is_ok_and(|opened| opened == records), "what was sealed does not open");
    let mut changed = stored.to_vec();
    let at = usize::from(u16::from_le_bytes([choice[2], choice[3]])) % changed.len();
    changed[at] ^= 1 << (choice[0] >> 5);
    let opened = open_records(&name, &changed.into(), &object, key.key(), records.len());
    assert!(opened.is_err(), "nobody noticed that byte {at} was changed");
}

/// A document that is read and written again reads the same.
fn again<T: DeserializeOwned + Serialize + PartialEq>(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_vec(&document).expect("a document that was read can be written");
    let read = serde_json::from_slice::<T>(&written);
    assert!(read.is_ok_and(|read| read == document), "a document reads otherwise when it is written again");
}

pub fn record(bytes: &[u8]) {
    again::<Record>(bytes);
    again::<VaultFile>(bytes);
    let _newer = crate::format::newer_format(bytes);
}

pub fn manifest(bytes: &[u8]) {
    again::<Manifest>(bytes);
    again::<Globals>(bytes);
}

pub fn inventory(bytes: &[u8]) {
    again::<InventoryPage>(bytes);
    again::<ContentsPage>(bytes);
}

pub fn list(bytes: &[u8]) {
    again::<ListPage<TableEntry>>(bytes);
    again::<ListPage<SegmentEntry>>(bytes);
    again::<ListPage<SequenceEntry>>(bytes);
    again::<ListPage<RoleEntry>>(bytes);
    again::<ListPage<MembershipEntry>>(bytes);
    again::<ListPage<TablespaceEntry>>(bytes);
}

pub fn ledger(bytes: &[u8]) {
    again::<LedgerEntry>(bytes);
    again::<StateHead>(bytes);
    again::<StatePart>(bytes);
}

pub fn intent(bytes: &[u8]) {
    again::<Intent>(bytes);
    again::<Heartbeat>(bytes);
    again::<Void>(bytes);
}

/// A key file, and what one holds.
pub fn key(bytes: &[u8]) {
    if let Ok(key) = WrappedKey::decode(bytes) {
        assert!(key.encode()[..] == *bytes, "a wrapped key is written otherwise than it was read");
    }
    if let Ok(identity) = Identity::parse(IDENTITY) {
        let _opened = unwrap(bytes, &[identity]);
    }
}

/// Recipients and identities, as people paste them.
pub fn recipient(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(recipient) = Recipient::parse(&text) {
        let lower = recipient.to_string();
        assert!(lower == lower.to_lowercase(), "a recipient has two texts");
        assert!(Recipient::parse(&lower).is_ok_and(|again| again.tag() == recipient.tag()));
    }
    if let Ok(identity) = Identity::parse(&text) {
        let again = Identity::parse(identity.to_text().reveal());
        assert!(again.is_ok_and(|again| again.recipient() == identity.recipient()));
    }
    let _key = ChainKey::from_base64(&text);
}

/// Names that a listing or a reference gives, ids and hashes.
pub fn name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(name) = Name::listed(&text) {
        assert!(name.as_str() == text && text.split('/').all(|part| !part.starts_with('.')), "{text}");
        let _writer = name.writer();
    }
    if let Ok(name) = Name::referenced(Id([1; 16]), &text) {
        assert!(Name::listed(name.as_str()).is_some_and(|listed| listed.last() == text), "{text}");
    }
    if let Ok(id) = text.parse::<Id>() {
        assert!(id.to_string() == text);
    }
    if let Ok(hash) = text.parse::<Hash>() {
        assert!(hash.to_string() == text);
    }
    if let Ok(sum) = text.parse::<Digest128>() {
        assert!(sum.to_string() == text);
    }
    assert!(Header::decode(&Name::vault(), &bytes[..bytes.len().min(HEADER_LENGTH - 1)]).is_err());
}
