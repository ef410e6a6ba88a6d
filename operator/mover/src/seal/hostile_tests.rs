//! Hostile bytes: refused without a panic, and before memory is taken for what they announce.

use bytes::Bytes;
use contract::FailureCode;
use proptest::prelude::*;
use zstd::bulk::Decompressor;

use super::*;
use crate::{
    format::{FrameSpan, Id, ListPage, SequenceEntry},
    store::Name,
};

fn object() -> Expected {
    Expected {
        kind: ObjectKind::Pack,
        number: 3,
        vault: Id([1; 16]),
        chain: Id([2; 16]),
        point: Id([3; 16]),
        writer: Some(Id([2; 16])),
    }
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let key = ChainKey::from_bytes(&[4; 32]);
    let stored =
        seal_records(&[plain.to_vec()], &object(), Id([2; 16]), Suite::Aes256Gcm, key.key()).unwrap();
    stored.to_vec()
}

/// Everything that opens, until something does not.
fn read(stored: Vec<u8>, span: Option<FrameSpan>) -> (Vec<u8>, Result<(), OpenError>) {
    let key = ChainKey::from_bytes(&[4; 32]);
    let name = Name::vault();
    let (mut all, mut plain) = (Vec::new(), Vec::new());
    let result = Opener::open(&name, Bytes::from(stored), &object(), key.key()).and_then(|mut opener| {
        if let Some(span) = span {
            opener.seek(&span)?;
        }
        let mut decompressor = Decompressor::new().unwrap();
        while opener.next(&mut decompressor, &mut plain)? {
            all.extend_from_slice(&plain);
        }
        Ok(())
    });
    (all, result)
}

#[test]
fn a_record_that_announces_gigabytes_is_refused_by_its_size() {
    let mut stored = sealed(b"1\n");
    stored[HEADER_LENGTH + 4..HEADER_LENGTH + 8].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    stored[HEADER_LENGTH + 2] = 1;
    let (plain, result) = read(stored, None);
    assert!(plain.is_empty());
    assert_eq!(result.unwrap_err().problem, Problem::TooLarge(0));
}

#[test]
fn records_cannot_be_dropped_repeated_or_reordered() {
    let key = ChainKey::from_bytes(&[4; 32]);
    let records = [b"first".to_vec(), b"other".to_vec()];
    let stored = seal_records(&records, &object(), Id([2; 16]), Suite::Aes256Gcm, key.key()).unwrap();
    let length = 12 + 5 + 16;
    let (header, rest) = stored.split_at(HEADER_LENGTH);
    let (first, rest) = rest.split_at(length);
    let (second, end) = rest.split_at(length);
    let harms: [&[&[u8]]; 5] = [
        &[header, second, first, end],
        &[header, first, first, second, end],
        &[header, first, end],
        &[header, first, second],
        &[header, first, second, end, end],
    ];
    for (number, harm) in harms.iter().enumerate() {
        assert!(read(harm.concat(), None).1.is_err(), "harm {number}");
    }
    assert!(read([header, first, second, end].concat(), None).1.is_ok());
}

#[test]
fn what_a_newer_writer_says_is_told_apart_from_damage() {
    let key = ChainKey::from_bytes(&[4; 32]);
    let list = Expected { kind: ObjectKind::List, ..object() };
    let name = Name::vault();
    let opened = |plain: &[u8]| {
        let stored =
            seal_records(&[plain.to_vec()], &list, Id([2; 16]), Suite::Aes256Gcm, key.key()).unwrap();
        let page: Result<ListPage<SequenceEntry>, OpenError> =
            open_document(&name, &stored, &list, key.key());
        page.map(|page| page.page)
    };
    assert_eq!(opened(br#"{"format":1,"list":"sequences","page":3,"entries":[]}"#).unwrap(), 3);
    let word = opened(br#"{"format":1,"list":"graphs","page":3,"entries":[]}"#).unwrap_err();
    assert!(matches!(word.problem, Problem::Newer(_)), "{word}");
    let version = opened(br#"{"format":2,"pages":[]}"#).unwrap_err();
    assert_eq!(version.problem, Problem::Format(2));
    for newer in [word, version] {
        assert_eq!(newer.code(), FailureCode::FormatUnsupported, "{newer}");
    }
    let damaged = opened(br#"{"format":1,"list":"sequences","page":-3,"entries":[]}"#).unwrap_err();
    assert_eq!(damaged.code(), FailureCode::Damaged, "{damaged}");
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(bytes, None).1.is_err());
    }

    #[test]
    fn any_change_behind_the_header_is_noticed(
        plain in proptest::collection::vec(any::<u8>(), 1..300),
        tail in proptest::collection::vec(any::<u8>(), 1..100),
        cut in 0usize..100,
    ) {
        let whole = sealed(&plain);
        let mut stored = whole.clone();
        stored.truncate(stored.len().saturating_sub(cut).max(HEADER_LENGTH));
        stored.extend_from_slice(&tail);
        prop_assume!(stored != whole);
        let (given, result) = read(stored, None);
        prop_assert!(result.is_err());
        prop_assert!(given.is_empty() || given == plain);
    }

    #[test]
    fn any_span_gives_what_was_sealed_or_an_error(offset: u64, first: u32, small in 0u64..400) {
        let plain = b"some rows\n";
        for offset in [offset, small] {
            let span = FrameSpan { object: 3, offset, first, count: 1 };
            let (given, _) = read(sealed(plain), Some(span));
            prop_assert!(given.is_empty() || given == plain);
        }
    }
}
