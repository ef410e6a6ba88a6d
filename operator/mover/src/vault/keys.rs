//! Key files: the catalogue key and the chain keys, wrapped once per recipient.

use zeroize::Zeroizing;

use super::{Vault, VaultError};
use crate::{
    format::{Hash, Id, KEY_FILE_LIMIT, KeyPurpose, WrappedKey},
    seal::{CatalogueKey, ChainKey, Identity, Recipient, WrapError, unwrap, wrap},
    store::{Name, Place, SharedStore, StoreErrorKind},
};

/// The only epoch that format 1 writes.
pub(super) const EPOCH: u32 = 1;
/// Wrappings of one key for one recipient that are tried before somebody is taken to be planting them.
const WRAPPINGS: u32 = 16;

/// Wraps the catalogue key for a recipient, beside whatever is there.
pub(super) async fn store_catalogue_key(
    store: &SharedStore,
    vault: Id,
    key: &CatalogueKey,
    recipient: &Recipient,
) -> Result<(), VaultError> {
    let wrapped = WrappedKey { purpose: KeyPurpose::Catalogue { epoch: EPOCH }, vault, key: key.bytes() };
    create(store, &wrapped, recipient, |n| Name::catalogue_key(EPOCH, &recipient.tag(), n)).await
}

/// Wraps a chain key for a recipient.
pub(super) async fn store_chain_key(
    store: &SharedStore,
    vault: Id,
    chain: Id,
    key: &ChainKey,
    recipient: &Recipient,
) -> Result<(), VaultError> {
    let wrapped = WrappedKey { purpose: KeyPurpose::Chain(chain), vault, key: key.bytes() };
    create(store, &wrapped, recipient, |n| Name::chain_key(chain, &recipient.tag(), n)).await
}

/// Every catalogue key that the identities open. More than one means that somebody planted a key; the ledger tells which is
/// the vault's.
pub(super) async fn catalogue_keys(
    store: &SharedStore,
    vault: Id,
    identities: &[Identity],
) -> Result<Vec<CatalogueKey>, VaultError> {
    let purpose = KeyPurpose::Catalogue { epoch: EPOCH };
    let keys = opened(store, &Place::catalogue_keys(EPOCH), vault, purpose, identities).await?;
    Ok(keys.iter().map(|key| CatalogueKey::from_bytes(key)).collect())
}

impl Vault {
    /// Gives the catalogue key to recipients that the vault was not made with: without it a chain key opens no point. One
    /// that has a key file already is taken to have the right one; who cannot open a file cannot tell.
    ///
    /// # Errors
    /// When storage does not take it.
    pub(super) async fn admit_recipients(&self) -> Result<(), VaultError> {
        self.inner.admitted.get_or_try_init(|| self.give_catalogue_key()).await?;
        Ok(())
    }

    async fn give_catalogue_key(&self) -> Result<(), VaultError> {
        let inner = &self.inner;
        let state = inner.ledger.state();
        let first = state.vault().map(|vault| vault.recipients.as_slice()).unwrap_or_default();
        for recipient in inner.recipients.iter().filter(|one| !first.contains(&one.to_string())) {
            match inner.store.head(&Name::catalogue_key(EPOCH, &recipient.tag(), 0)).await {
                Ok(_) => {}
                Err(error) if error.is_not_found() => {
                    store_catalogue_key(&inner.store, inner.id, &inner.catalogue, recipient).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The key of a chain, proven by what the record says of it.
    pub(super) async fn chain_key(&self, chain: Id, commitment: Hash) -> Result<ChainKey, VaultError> {
        let keys = self.chain_keys(chain).await?;
        let found = !keys.is_empty();
        let fitting = keys.into_iter().find(|key| key.fits(self.inner.id, chain, commitment));
        match fitting {
            Some(key) => Ok(key),
            None if found => Err(VaultError::KeySubstituted { chain }),
            None => Err(VaultError::KeyMissing { chain }),
        }
    }

    /// Every key under a chain's name that the vault's identities open.
    pub(super) async fn chain_keys(&self, chain: Id) -> Result<Vec<ChainKey>, VaultError> {
        let inner = &self.inner;
        let purpose = KeyPurpose::Chain(chain);
        let place = Place::chain_keys(chain);
        let keys = opened(&inner.store, &place, inner.id, purpose, &inner.identities).await?;
        Ok(keys.iter().map(|key| ChainKey::from_bytes(key)).collect())
    }
}

async fn create(
    store: &SharedStore,
    key: &WrappedKey,
    recipient: &Recipient,
    name: impl Fn(u32) -> Name,
) -> Result<(), VaultError> {
    let file = bytes::Bytes::from(wrap(key, recipient)?);
    let mut taken = None;
    for wrapping in 0..WRAPPINGS {
        match store.create(&name(wrapping), file.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.already_exists() => taken = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    Err(taken.map_or(VaultError::NoRecipient, VaultError::Store))
}

/// The keys of one purpose that the identities open, in the order of their names. Files that open for nobody here, or hold
/// something else, are passed over: anybody can put one there.
async fn opened(
    store: &SharedStore,
    place: &Place,
    vault: Id,
    purpose: KeyPurpose,
    identities: &[Identity],
) -> Result<Vec<Zeroizing<[u8; 32]>>, VaultError> {
    let tags: Vec<String> = identities.iter().map(|identity| identity.recipient().tag()).collect();
    let mut keys = Vec::new();
    for listed in candidates(store, place, &tags, purpose).await? {
        let file = match store.get(&listed, KEY_FILE_LIMIT).await {
            Ok(file) => file,
            Err(error) if error.is_not_found() => continue,
            Err(error) if error.kind == StoreErrorKind::TooLarge => {
                tracing::warn!(file = %listed, %error, "a key file is not used");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match unwrap(&file, identities) {
            Ok(key) if key.vault == vault && key.purpose == purpose => keys.push(key.key.clone()),
            Ok(_) => tracing::warn!(file = %listed, "a key file holds another key and is not used"),
            Err(WrapError::NotForUs) => {}
            Err(error) => tracing::warn!(file = %listed, %error, "a key file is not used"),
        }
    }
    Ok(keys)
}

/// The files that may be ours: what the listing tells, and the names that the first wrapping always has, in case it does not.
async fn candidates(
    store: &SharedStore,
    place: &Place,
    tags: &[String],
    purpose: KeyPurpose,
) -> Result<Vec<Name>, VaultError> {
    let mut names: Vec<Name> = tags
        .iter()
        .map(|tag| match purpose {
            KeyPurpose::Catalogue { epoch } => Name::catalogue_key(epoch, tag, 0),
            KeyPurpose::Chain(chain) => Name::chain_key(chain, tag, 0),
        })
        .collect();
    let listed = store.list(place).await?;
    let ours = |name: &Name| {
        name.last().split_once('.').is_some_and(|(tag, _)| tags.iter().any(|known| known == tag))
    };
    names.extend(listed.into_iter().map(|listed| listed.name).filter(ours));
    names.sort();
    names.dedup();
    Ok(names)
}
