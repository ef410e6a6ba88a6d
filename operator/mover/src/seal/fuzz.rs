//! A record whose compressed bytes somebody made who has the key.

use aws_lc_rs::aead::LessSafeKey;
use bytes::Bytes;
use zstd::bulk::Decompressor;

use super::{
    ChainKey, Expected, HEADER_LENGTH, Header, ObjectKind, Opener, Suite,
    envelope::{Binding, Frame, TAG_LENGTH, ZSTD, nonce},
};
use crate::{format::Id, store::Name};

/// The first four bytes are the plain length that the record announces, the rest its compressed content. No more comes out
/// than was announced.
pub fn compressed(bytes: &[u8]) {
    let Some((length, content)) = bytes.split_first_chunk::<4>() else { return };
    let announced = u32::from_le_bytes(*length);
    let Ok(sealed) = u32::try_from(content.len() + TAG_LENGTH) else { return };
    let frame = Frame { is_final: false, kind: 2, codec: ZSTD, plain: announced, sealed };
    let object = Expected {
        kind: ObjectKind::Pack,
        number: 0,
        vault: Id::NONE,
        chain: Id::NONE,
        point: Id::NONE,
        writer: None,
    };
    let key = ChainKey::from_bytes(&[3; 32]);
    let keys = key.key().object_key(Suite::Aes256Gcm, object.kind, &[5; 32]);
    let header = Header {
        suite: Suite::Aes256Gcm,
        kind: object.kind,
        number: 0,
        vault: Id::NONE,
        chain: Id::NONE,
        point: Id::NONE,
        writer: Id::NONE,
        salt: [5; 32],
        commitment: keys.commitment,
    };
    let Some(stored) = object_of(&header, &keys.aead, frame, content) else { return };
    let (name, mut plain) = (Name::vault(), Vec::new());
    let (Ok(mut opener), Ok(mut decompressor)) =
        (Opener::open(&name, stored, &object, key.key()), Decompressor::new())
    else {
        return;
    };
    match opener.next(&mut decompressor, &mut plain) {
        Ok(_) => {
            assert!(u32::try_from(plain.len()) == Ok(announced), "another length came out than was announced")
        }
        Err(_) => assert!(plain.is_empty(), "bytes of a record that does not open came out"),
    }
}

/// Header and one record, sealed.
fn object_of(header: &Header, key: &LessSafeKey, frame: Frame, content: &[u8]) -> Option<Bytes> {
    let bytes: [u8; HEADER_LENGTH] = header.encode();
    let binding = Binding::new(&bytes);
    let mut sealed = content.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce(0), binding.aad(0, &frame), &mut sealed).ok()?;
    Some([&bytes[..], &frame.encode(), &sealed, tag.as_ref()].concat().into())
}
