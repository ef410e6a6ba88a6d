//! The keys of a vault and what is derived from them (`FORMAT.md`, section 3).

use aws_lc_rs::{
    aead::{AES_256_GCM, Algorithm, CHACHA20_POLY1305, LessSafeKey, UnboundKey},
    constant_time::verify_slices_are_equal,
    digest, hkdf,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use contract::Secret;
use data_encoding::BASE32_NOPAD;
use zeroize::{Zeroize, Zeroizing};

use super::{ObjectKind, RandomError, Suite, random::random};
use crate::format::{Hash, Id};

/// A key that objects are sealed with. Wiped when dropped, never printed.
pub struct SealKey(Zeroizing<[u8; 32]>);

/// Opens promises: ledger and records. Opens no data.
pub struct CatalogueKey(Zeroizing<[u8; 32]>);

/// Opens the data of one chain.
pub struct ChainKey(SealKey);

/// Seals what one writer says of one point.
pub struct RecordKey(SealKey);

/// Seals ledger entries and states.
pub struct LedgerKey(SealKey);

/// A text that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read a key: 32 bytes in base64 were expected")]
pub struct KeyError;

/// The keys of exactly one object.
pub(super) struct ObjectKey {
    pub aead: LessSafeKey,
    pub commitment: [u8; 32],
}

impl SealKey {
    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Derives the keys of one object from its salt.
    pub(super) fn object_key(&self, suite: Suite, kind: ObjectKind, salt: &[u8; 32]) -> ObjectKey {
        let mut derived = Zeroizing::new([0; 64]);
        derive(&self.0, salt, &[b"coffer/1", &[kind.code()]], &mut *derived);
        let mut commitment = [0; 32];
        commitment.copy_from_slice(&derived[32..]);
        let key =
            UnboundKey::new(algorithm(suite), &derived[..32]).expect("both suites take keys of 32 bytes");
        ObjectKey { aead: LessSafeKey::new(key), commitment }
    }
}

impl CatalogueKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn random() -> Result<Self, RandomError> {
        random().map(|key| Self(Zeroizing::new(key)))
    }

    pub fn from_bytes(key: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*key))
    }

    /// # Errors
    /// When the text is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        bytes_of(text).map(Self)
    }

    pub fn to_base64(&self) -> Secret {
        Secret::new(STANDARD.encode(*self.0))
    }

    /// The bytes, to be wrapped.
    pub(crate) fn bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    pub fn ledger_key(&self, vault: Id) -> LedgerKey {
        LedgerKey(self.derived(&[b"coffer/1 ledger", &vault.0]))
    }

    pub fn record_key(&self, vault: Id, point: Id, writer: Id) -> RecordKey {
        RecordKey(self.derived(&[b"coffer/1 record", &vault.0, &point.0, &writer.0]))
    }

    /// What people keep to recognise the vault's own key: 52 letters and digits in groups of four.
    pub fn fingerprint(&self, vault: Id) -> String {
        let commitment = self.derived(&[b"coffer/1 catalogue commitment"]);
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"coffer/1 fingerprint");
        context.update(&vault.0);
        context.update(&*commitment.0);
        let text = BASE32_NOPAD.encode(context.finish().as_ref()).to_lowercase();
        let groups: Vec<&str> =
            (0..text.len()).step_by(4).map(|at| &text[at..(at + 4).min(text.len())]).collect();
        groups.join("-")
    }

    fn derived(&self, info: &[&[u8]]) -> SealKey {
        let mut key = Zeroizing::new([0; 32]);
        derive(&self.0, &[], info, &mut *key);
        SealKey(key)
    }
}

impl ChainKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn random() -> Result<Self, RandomError> {
        random().map(|key| Self(SealKey(Zeroizing::new(key))))
    }

    pub fn from_bytes(key: &[u8; 32]) -> Self {
        Self(SealKey(Zeroizing::new(*key)))
    }

    /// # Errors
    /// When the text is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        bytes_of(text).map(|key| Self(SealKey(key)))
    }

    pub fn to_base64(&self) -> Secret {
        Secret::new(STANDARD.encode(*self.0.0))
    }

    pub(crate) fn bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.0.clone()
    }

    pub fn key(&self) -> &SealKey {
        &self.0
    }

    /// What the record of the chain's full point carries, so that a planted key is recognised.
    pub fn commitment(&self, vault: Id, chain: Id) -> Hash {
        let mut commitment = [0; 32];
        derive(&self.0.0, &[], &[b"coffer/1 chain commitment", &vault.0, &chain.0], &mut commitment);
        Hash(commitment)
    }

    /// Whether the key is the one that was committed to.
    pub fn fits(&self, vault: Id, chain: Id, commitment: Hash) -> bool {
        verify_slices_are_equal(&self.commitment(vault, chain).0, &commitment.0).is_ok()
    }
}

impl RecordKey {
    /// # Errors
    /// When the text is not 32 bytes in base64.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        bytes_of(text).map(|key| Self(SealKey(key)))
    }

    pub fn to_base64(&self) -> Secret {
        Secret::new(STANDARD.encode(*self.0.0))
    }

    pub fn key(&self) -> &SealKey {
        &self.0
    }
}

impl LedgerKey {
    pub fn key(&self) -> &SealKey {
        &self.0
    }
}

fn bytes_of(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mut decoded = STANDARD.decode(text.trim()).map_err(|_| KeyError)?;
    let key = <[u8; 32]>::try_from(decoded.as_slice()).map(Zeroizing::new).map_err(|_| KeyError);
    decoded.zeroize();
    key
}

fn algorithm(suite: Suite) -> &'static Algorithm {
    match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    }
}

/// HKDF-SHA256 (RFC 5869) of at most 64 bytes.
fn derive(key: &[u8; 32], salt: &[u8], info: &[&[u8]], out: &mut [u8]) {
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(key)
        .expand(info, Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("HKDF-SHA256 gives up to 8,160 bytes");
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_vault_and_key_and_is_read_in_groups_of_four() {
        let key = CatalogueKey::from_bytes(&[1; 32]);
        let fingerprint = key.fingerprint(Id([2; 16]));
        assert_eq!(fingerprint.len(), 52 + 12, "{fingerprint}");
        assert_ne!(fingerprint, key.fingerprint(Id([3; 16])));
        assert_ne!(fingerprint, CatalogueKey::from_bytes(&[4; 32]).fingerprint(Id([2; 16])));
    }

    #[test]
    fn another_chain_key_does_not_fit_the_commitment() {
        let (vault, chain) = (Id([1; 16]), Id([2; 16]));
        let key = ChainKey::from_bytes(&[3; 32]);
        let commitment = key.commitment(vault, chain);
        assert!(key.fits(vault, chain, commitment));
        assert!(!key.fits(vault, Id([9; 16]), commitment));
        assert!(!ChainKey::from_bytes(&[4; 32]).fits(vault, chain, commitment));
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for text in ["", "AAAA", "not base64 at all", &STANDARD.encode([0; 33])] {
            assert!(ChainKey::from_base64(text).is_err(), "{text}");
        }
        assert!(ChainKey::from_base64(&format!("{}\n", STANDARD.encode([7; 32]))).is_ok());
    }
}
