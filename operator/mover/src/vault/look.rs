//! Whether there is a vault, and which.

use super::VaultError;
use crate::{
    format::{FORMAT, Id, VAULT_FILE_LIMIT, VaultFile},
    seal::{Header, ObjectKind},
    store::{Name, SharedStore, StoreError},
};

/// The id of the vault in storage; `None` where there is none. The id proves nothing: what opens the ledger does.
///
/// # Errors
/// When storage does not answer, or holds something else under a vault's names.
pub async fn look(store: &SharedStore) -> Result<Option<Id>, VaultError> {
    match read_vault_file(store).await? {
        Some(text) => match serde_json::from_slice::<VaultFile>(&text) {
            Ok(file) if file.magic == VaultFile::MAGIC && file.format == FORMAT => Ok(Some(file.vault)),
            // The file is for people. A ledger beside it tells the same.
            _ => id_of_ledger(store).await?.map(Some).ok_or(VaultError::NotAVault),
        },
        None => id_of_ledger(store).await,
    }
}

/// `vault.json` as it is; `None` where there is none.
pub(super) async fn read_vault_file(store: &SharedStore) -> Result<Option<bytes::Bytes>, StoreError> {
    match store.get(&Name::vault(), VAULT_FILE_LIMIT).await {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The vault that the ledger's first entry names: somebody may have removed `vault.json` and left everything else.
async fn id_of_ledger(store: &SharedStore) -> Result<Option<Id>, VaultError> {
    let name = Name::ledger(1);
    match store.get(&name, ObjectKind::LedgerEntry.stored_limit()).await {
        Ok(stored) => Ok(Some(Header::decode(&name, &stored)?.vault)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
