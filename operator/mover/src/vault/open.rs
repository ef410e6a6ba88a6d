//! Opening a vault with the keys that are at hand.

use std::sync::Arc;

use contract::{Head, Storage};
use tokio::sync::OnceCell;

use super::{Inner, Vault, VaultError, init::place, keys::catalogue_keys, look::look, refusals::Refusals};
use crate::{
    clock::Clock,
    format::Id,
    ledger::{Ledger, LedgerError, read_first},
    seal::{CatalogueKey, Identity, Recipient},
    store::SharedStore,
};

/// Whether promises may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    /// Nothing is written, not even that somebody reads: for a copy, or when only reading is left.
    ReadOnly,
}

/// What a vault is opened with.
pub struct OpenRequest {
    /// Goes into grants, credentials included.
    pub storage: Storage,
    /// They unwrap the catalogue key, where it is not given, and chain keys.
    pub identities: Vec<Identity>,
    /// The catalogue key, where it is kept apart.
    pub catalogue: Option<CatalogueKey>,
    /// Whom new keys are wrapped for, besides the identities' own recipients. Empty: those that the vault was made with.
    /// Whoever the vault was not made with gets its catalogue key before the next point is begun.
    pub recipients: Vec<Recipient>,
    /// What the vault must be. `None`: it is not authenticated, and whoever opens it should be told.
    pub fingerprint: Option<String>,
    /// The newest ledger entry that was seen before.
    pub known_head: Option<Head>,
    pub access: Access,
}

/// Opens a vault: its ledger is read to the end.
///
/// # Errors
/// [`VaultError::Empty`] where there is none, [`VaultError::Foreign`] where the keys do not fit.
pub async fn open(store: SharedStore, request: OpenRequest, clock: &Clock) -> Result<Vault, VaultError> {
    let id = look(&store).await?.ok_or_else(|| VaultError::Empty { location: store.location() })?;
    let catalogue = catalogue(&store, id, &request, clock).await?;
    let fingerprint = catalogue.fingerprint(id);
    if request.fingerprint.as_deref().is_some_and(|expected| normal(expected) != normal(&fingerprint)) {
        return Err(VaultError::Fingerprint { found: fingerprint });
    }
    let may_write = request.access == Access::ReadWrite;
    let place = place(&store, id, &catalogue, clock)?;
    let process = place.writer;
    let ledger = Ledger::open(place, request.known_head.as_ref(), may_write).await?;
    let recipients = recipients(&request, &ledger)?;
    let inner = Inner {
        store,
        storage: request.storage,
        id,
        fingerprint,
        catalogue,
        identities: request.identities,
        recipients,
        admitted: OnceCell::new(),
        ledger,
        refusals: Refusals::default(),
        clock: clock.clone(),
        process,
    };
    Ok(Vault { inner: Arc::new(inner) })
}

/// The catalogue key that opens the ledger, of those that are given or that the identities unwrap.
async fn catalogue(
    store: &SharedStore,
    vault: Id,
    request: &OpenRequest,
    clock: &Clock,
) -> Result<CatalogueKey, VaultError> {
    let keys = match &request.catalogue {
        Some(key) => vec![CatalogueKey::from_bytes(&key.bytes())],
        None => catalogue_keys(store, vault, &request.identities).await?,
    };
    for key in keys {
        match read_first(&place(store, vault, &key, clock)?).await {
            Ok(_) => return Ok(key),
            Err(LedgerError::Open(error)) if error.code() == contract::FailureCode::WrongKey => {}
            // The vault was begun and not finished: init does that.
            Err(LedgerError::Empty) => return Err(VaultError::Empty { location: store.location() }),
            Err(error) => return Err(error.into()),
        }
    }
    Err(VaultError::Foreign { vault })
}

fn recipients(request: &OpenRequest, ledger: &Ledger) -> Result<Vec<Recipient>, VaultError> {
    let mut recipients: Vec<Recipient> = request.identities.iter().map(Identity::recipient).collect();
    if request.recipients.is_empty() {
        let state = ledger.state();
        for text in state.vault().map(|vault| vault.recipients.as_slice()).unwrap_or_default() {
            recipients.push(Recipient::parse(text)?);
        }
    } else {
        recipients.extend(request.recipients.iter().cloned());
    }
    let mut unique: Vec<Recipient> = Vec::new();
    for recipient in recipients {
        if !unique.contains(&recipient) {
            unique.push(recipient);
        }
    }
    Ok(unique)
}

/// As people type it: case and the hyphens between groups do not matter.
fn normal(fingerprint: &str) -> String {
    fingerprint
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}
