//! Known answers: objects that another program has sealed from `FORMAT.md` alone. They must open for ever.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use zstd::bulk::{Compressor, Decompressor};

use super::*;
use crate::{
    format::{Hash, Id},
    store::Name,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answers {
    key: String,
    salt: String,
    vault: Id,
    chain: Id,
    point: Id,
    writer: Id,
    ledger_key: String,
    record_key: String,
    chain_commitment: Hash,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    suite: u8,
    kind: u8,
    number: u64,
    chain: bool,
    plain: Vec<String>,
    reproducible: bool,
    stored: String,
}

fn answers() -> Answers {
    serde_json::from_str(include_str!("../../tests/data/envelope.json")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.as_bytes()).unwrap()
}

fn key(hex: &str) -> [u8; 32] {
    bytes(hex).try_into().unwrap()
}

impl Answers {
    fn expected(&self, vector: &Vector) -> Expected {
        Expected {
            kind: ObjectKind::ALL.into_iter().find(|kind| kind.code() == vector.kind).unwrap(),
            number: vector.number,
            vault: self.vault,
            chain: if vector.chain { self.chain } else { Id::NONE },
            point: self.point,
            writer: Some(self.writer),
        }
    }
}

#[test]
fn what_another_program_sealed_opens() {
    let answers = answers();
    let chain = ChainKey::from_bytes(&key(&answers.key));
    let name = Name::vault();
    for vector in &answers.vectors {
        let stored = Bytes::from(bytes(&vector.stored));
        let mut opener = Opener::open(&name, stored, &answers.expected(vector), chain.key()).unwrap();
        let mut decompressor = Decompressor::new().unwrap();
        let mut plain = Vec::new();
        for expected in &vector.plain {
            assert!(opener.next(&mut decompressor, &mut plain).unwrap(), "{}", vector.name);
            assert_eq!(HEXLOWER.encode(&plain), *expected, "{}", vector.name);
        }
        assert!(!opener.next(&mut decompressor, &mut plain).unwrap(), "{}", vector.name);
    }
}

#[test]
fn sealing_the_same_with_the_same_salt_gives_the_same_bytes() {
    let answers = answers();
    let chain = ChainKey::from_bytes(&key(&answers.key));
    let mut tried = 0;
    for vector in answers.vectors.iter().filter(|vector| vector.reproducible) {
        let mut buffer = vec![0; 64 * 1024];
        let suite = Suite::from_code(vector.suite).unwrap();
        let object = answers.expected(vector);
        let salt = key(&answers.salt);
        let mut sealer =
            Sealer::with_salt(&object, answers.writer, suite, chain.key(), salt, &mut buffer).unwrap();
        let mut compressor = Compressor::new(1).unwrap();
        for plain in &vector.plain {
            sealer.push(&bytes(plain), &mut compressor, &mut buffer).unwrap();
        }
        let length = sealer.finish(&mut buffer).unwrap();
        assert_eq!(HEXLOWER.encode(&buffer[..length]), vector.stored, "{}", vector.name);
        tried += 1;
    }
    assert!(tried >= 3);
}

#[test]
fn derived_keys_are_those_of_the_format() {
    let answers = answers();
    let catalogue = CatalogueKey::from_bytes(&key(&answers.key));
    let chain = ChainKey::from_bytes(&key(&answers.key));
    let record = catalogue.record_key(answers.vault, answers.point, answers.writer).to_base64();
    let expected = data_encoding::BASE64.encode(&bytes(&answers.record_key));
    assert_eq!(record.reveal(), expected);
    assert_eq!(catalogue.ledger_key(answers.vault).key().bytes()[..], bytes(&answers.ledger_key));
    assert_eq!(chain.commitment(answers.vault, answers.chain), answers.chain_commitment);
}
