//! The SHA-256 of what is being sent. Whoever seals an object has it already; object_store would compute it once more, and on
//! the thread that serves every other connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use object_store::client::{
    CryptoProvider, DigestAlgorithm, DigestContext, HmacContext, Signer, SigningAlgorithm,
};

use crate::format::Hash;

/// Where the bytes lie, and how many they are.
type Place = (usize, usize);

/// Hashes of bytes that are being sent. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<HashMap<Place, [u8; 32]>>>);

/// As long as this lives, so do the bytes: nothing else can come to lie where they are.
pub(super) struct Sending {
    known: Known,
    bytes: Bytes,
}

impl Known {
    /// Tells the hash of these very bytes, as long as the answer lives.
    pub fn while_sending(&self, bytes: &Bytes, hash: Hash) -> Sending {
        self.hashes().insert(place(bytes), hash.0);
        Sending { known: self.clone(), bytes: bytes.clone() }
    }

    fn of(&self, bytes: &[u8]) -> Option<[u8; 32]> {
        self.hashes().get(&place(bytes)).copied()
    }

    fn hashes(&self) -> MutexGuard<'_, HashMap<Place, [u8; 32]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.known.hashes().remove(&place(&self.bytes));
    }
}

fn place(bytes: &[u8]) -> Place {
    (bytes.as_ptr() as usize, bytes.len())
}

impl CryptoProvider for Known {
    fn digest(&self, algorithm: DigestAlgorithm) -> object_store::Result<Box<dyn DigestContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => Ok(Box::new(Sha256 { known: self.clone(), state: State::Begun })),
            other => Err(unsupported(format!("digest {other:?}"))),
        }
    }

    fn hmac(&self, algorithm: DigestAlgorithm, secret: &[u8]) -> object_store::Result<Box<dyn HmacContext>> {
        match algorithm {
            DigestAlgorithm::Sha256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Ok(Box::new(Hmac { context: hmac::Context::with_key(&key), tag: None }))
            }
            other => Err(unsupported(format!("HMAC of {other:?}"))),
        }
    }

    fn sign(&self, algorithm: SigningAlgorithm, _: &[u8]) -> object_store::Result<Box<dyn Signer>> {
        // S3 signs by HMAC alone.
        Err(unsupported(format!("signature {algorithm:?}")))
    }
}

fn unsupported(what: String) -> object_store::Error {
    object_store::Error::NotSupported { source: what.into() }
}

struct Sha256 {
    known: Known,
    state: State,
}

enum State {
    Begun,
    Known([u8; 32]),
    Computing(Box<digest::Context>),
    Computed(digest::Digest),
    /// Something followed bytes whose hash was known, which itself is not: there is no telling.
    Lost,
}

impl DigestContext for Sha256 {
    fn update(&mut self, data: &[u8]) {
        let state = std::mem::replace(&mut self.state, State::Lost);
        self.state = match state {
            State::Begun => match self.known.of(data) {
                Some(hash) => State::Known(hash),
                None => computing(digest::Context::new(&digest::SHA256), data),
            },
            State::Computing(context) => computing(*context, data),
            State::Known(_) | State::Computed(_) | State::Lost => State::Lost,
        };
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Begun => State::Computed(digest::Context::new(&digest::SHA256).finish()),
            State::Computing(context) => State::Computed(context.finish()),
            done => done,
        };
        match &self.state {
            State::Known(hash) => Ok(hash),
            State::Computed(digest) => Ok(digest.as_ref()),
            State::Begun | State::Computing(_) | State::Lost => {
                Err(unsupported("a digest of more than was announced".to_owned()))
            }
        }
    }
}

fn computing(mut context: digest::Context, data: &[u8]) -> State {
    context.update(data);
    State::Computing(Box::new(context))
}

struct Hmac {
    context: hmac::Context,
    tag: Option<hmac::Tag>,
}

impl HmacContext for Hmac {
    fn update(&mut self, data: &[u8]) {
        self.context.update(data);
    }

    fn finish(&mut self) -> object_store::Result<&[u8]> {
        let tag: &hmac::Tag = self.tag.insert(self.context.clone().sign());
        Ok(tag.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(known: &Known, parts: &[&[u8]]) -> Option<Vec<u8>> {
        let mut context = known.digest(DigestAlgorithm::Sha256).unwrap();
        parts.iter().for_each(|part| context.update(part));
        context.finish().ok().map(<[u8]>::to_vec)
    }

    #[test]
    fn a_hash_is_known_of_these_very_bytes_and_only_while_they_are_sent() {
        let known = Known::default();
        let bytes = Bytes::from(vec![7; 1_000]);
        let real = Hash::of(&bytes).0.to_vec();
        let told = Hash([1; 32]);
        let sending = known.while_sending(&bytes, told);
        assert_eq!(sha256(&known, &[&bytes]).unwrap(), told.0, "it is not computed again");
        let elsewhere = vec![7; 1_000];
        assert_eq!(sha256(&known, &[&elsewhere]).unwrap(), real, "equal bytes elsewhere are others");
        assert_eq!(sha256(&known, &[&bytes[..999]]).unwrap(), Hash::of(&bytes[..999]).0);
        assert_eq!(sha256(&known, &[&bytes, b"more"]), None, "no hash rather than a wrong one");
        drop(sending);
        assert_eq!(sha256(&known, &[&bytes]).unwrap(), real);
        assert_eq!(sha256(&known, &[&bytes[..10], &bytes[10..]]).unwrap(), real);
        assert_eq!(sha256(&known, &[]).unwrap(), Hash::of(b"").0);
    }

    #[test]
    fn an_hmac_is_that_of_rfc_4231() {
        let mut hmac = Known::default().hmac(DigestAlgorithm::Sha256, b"Jefe").unwrap();
        hmac.update(b"what do ya want ");
        hmac.update(b"for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(data_encoding::HEXLOWER.encode(hmac.finish().unwrap()), expected);
    }
}
