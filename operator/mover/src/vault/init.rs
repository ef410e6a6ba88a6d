//! Making a vault: create-only steps, each of which may be repeated.

use bytes::Bytes;
use contract::Secret;

use super::{
    VaultError,
    keys::{catalogue_keys, store_catalogue_key},
    look::look,
    probe,
};
use crate::{
    clock::Clock,
    format::{FORMAT, Id, Promise, VaultFile},
    ledger::{LedgerError, Place, create_genesis, read_first},
    seal::{CatalogueKey, Identity, RandomError, Recipient, Suite, random_id},
    store::{Name, SharedStore},
};

/// The keys of a vault that is yet to be made.
pub struct NewKeys {
    /// An age identity: the system's own key.
    pub identity: Secret,
    /// Its recipient.
    pub recipient: String,
    /// 32 bytes, base64.
    pub catalogue: Secret,
}

/// Draws the keys that a new vault needs.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn new_keys() -> Result<NewKeys, RandomError> {
    let identity = Identity::generate();
    Ok(NewKeys {
        identity: identity.to_text(),
        recipient: identity.recipient().to_string(),
        catalogue: CatalogueKey::random()?.to_base64(),
    })
}

/// What a vault is made from.
pub struct InitRequest {
    /// `None`: one is drawn, and kept by nobody but the recipients.
    pub catalogue: Option<CatalogueKey>,
    /// Whoever of the recipients is at hand: they recognise what an earlier try has left.
    pub identities: Vec<Identity>,
    /// Whom keys are wrapped for. At least one.
    pub recipients: Vec<Recipient>,
}

/// Makes a vault, or finishes one that was begun with the same keys. Returns its id and fingerprint.
///
/// # Errors
/// [`VaultError::Foreign`] when a vault of other keys is there; [`VaultError::ConditionalWritesNotHonoured`] when storage
/// cannot hold a vault.
pub async fn init(
    store: &SharedStore,
    request: &InitRequest,
    clock: &Clock,
) -> Result<(Id, String), VaultError> {
    if request.recipients.is_empty() {
        return Err(VaultError::NoRecipient);
    }
    if !probe::create_only(store).await? {
        return Err(VaultError::ConditionalWritesNotHonoured);
    }
    let vault = match look(store).await? {
        Some(vault) => vault,
        None => create_vault_file(store, random_id()?).await?,
    };
    if let Some(fingerprint) = finished(store, vault, request, clock).await? {
        // Somebody may have removed the file, which nothing but people needs.
        create_vault_file(store, vault).await?;
        return Ok((vault, fingerprint));
    }
    let catalogue = match &request.catalogue {
        Some(key) => CatalogueKey::from_bytes(&key.bytes()),
        None => CatalogueKey::random()?,
    };
    for recipient in &request.recipients {
        store_catalogue_key(store, vault, &catalogue, recipient).await?;
    }
    let fingerprint = catalogue.fingerprint(vault);
    let genesis = Promise::Genesis {
        vault,
        fingerprint: fingerprint.clone(),
        recipients: request.recipients.iter().map(ToString::to_string).collect(),
        tool: crate::TOOL.into(),
    };
    match create_genesis(&place(store, vault, &catalogue, clock)?, genesis).await {
        Ok(()) => Ok((vault, fingerprint)),
        // Somebody else's vault was made at the same moment.
        Err(LedgerError::Open(_)) => Err(VaultError::Foreign { vault }),
        Err(error) => Err(error.into()),
    }
}

/// The fingerprint of a vault that is there already and that the request's keys open.
async fn finished(
    store: &SharedStore,
    vault: Id,
    request: &InitRequest,
    clock: &Clock,
) -> Result<Option<String>, VaultError> {
    let mut keys = catalogue_keys(store, vault, &request.identities).await?;
    keys.extend(request.catalogue.as_ref().map(|key| CatalogueKey::from_bytes(&key.bytes())));
    let mut is_there = false;
    for key in keys {
        match read_first(&place(store, vault, &key, clock)?).await {
            Ok(_) => return Ok(Some(key.fingerprint(vault))),
            Err(LedgerError::Empty) => {}
            Err(LedgerError::Open(_) | LedgerError::Broken { .. }) => is_there = true,
            Err(error) => return Err(error.into()),
        }
    }
    // Without any key the ledger still tells whether it has begun. One that opens by a key that everybody knows is
    // somebody's trap.
    let known_to_all = CatalogueKey::from_bytes(&[0; 32]);
    match read_first(&place(store, vault, &known_to_all, clock)?).await {
        Err(LedgerError::Empty) => {}
        Ok(_) | Err(LedgerError::Open(_) | LedgerError::Broken { .. }) => is_there = true,
        Err(error) => return Err(error.into()),
    }
    if is_there { Err(VaultError::Foreign { vault }) } else { Ok(None) }
}

/// Writes `vault.json` unless it is there. Returns the id of the vault that is there then.
async fn create_vault_file(store: &SharedStore, vault: Id) -> Result<Id, VaultError> {
    let file =
        VaultFile { magic: VaultFile::MAGIC.into(), format: FORMAT, vault, suite: Suite::Aes256Gcm.code() };
    let text =
        serde_json::to_vec(&file).map_err(|error| crate::seal::SealError::Document(error.to_string()))?;
    match store.create(&Name::vault(), Bytes::from(text)).await {
        Ok(_) => Ok(vault),
        Err(error) if error.already_exists() => look(store).await?.ok_or(VaultError::NotAVault),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn place(
    store: &SharedStore,
    vault: Id,
    catalogue: &CatalogueKey,
    clock: &Clock,
) -> Result<Place, VaultError> {
    Ok(Place {
        store: SharedStore::clone(store),
        vault,
        key: catalogue.ledger_key(vault),
        writer: random_id()?,
        clock: clock.clone(),
    })
}
