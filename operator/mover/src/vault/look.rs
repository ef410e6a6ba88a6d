//! Whether there is a vault, and which.

use super::VaultError;
use crate::{
    format::{FORMAT, Id, VAULT_FILE_LIMIT, VaultFile},
    seal::{Header, ObjectKind},
    store::{Name, SharedStore, StoreErrorKind},
};

/// The id of the vault in storage; `None` where there is none. The id proves nothing: what opens the ledger does.
///
/// The ledger tells it, since a ledger that does not open is no vault anyhow. `vault.json` is for people, and is asked only
/// where no ledger was begun yet: whatever became of the file, it keeps nobody from the vault.
///
/// # Errors
/// When storage does not answer, or holds something else under a vault's names.
pub async fn look(store: &SharedStore) -> Result<Option<Id>, VaultError> {
    if let Some(vault) = id_of_ledger(store).await? {
        return Ok(Some(vault));
    }
    match store.get(&Name::vault(), VAULT_FILE_LIMIT).await {
        Ok(text) => match serde_json::from_slice::<VaultFile>(&text) {
            Ok(file) if file.magic == VaultFile::MAGIC && file.format == FORMAT => Ok(Some(file.vault)),
            Ok(_) | Err(_) => Err(VaultError::NotAVault),
        },
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) if error.kind == StoreErrorKind::TooLarge => Err(VaultError::NotAVault),
        Err(error) => Err(error.into()),
    }
}

/// The vault that the ledger's first entry names.
async fn id_of_ledger(store: &SharedStore) -> Result<Option<Id>, VaultError> {
    let name = Name::ledger(1);
    match store.get(&name, ObjectKind::LedgerEntry.stored_limit()).await {
        Ok(stored) => Ok(Some(Header::decode(&name, &stored)?.vault)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
