//! What every controller is given: the ways out of the process, and what the watches have told so far.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use contract::{LedgerRequest, Secret};
use crds::{
    BackupInstance, BackupJob, BackupPolicy, BackupVault, DeletedBackupInstance, RecoveryPoint, RestoreJob,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Client, ResourceExt as _};
use tokio::sync::OwnedMutexGuard;

use crate::clock::Clock;
use crate::cluster::{Departed, Index, Notes};
use crate::controller::adoption::Refusals;
use crate::controller::recovery_point::Memory;
use crate::keeper_client::{KeeperAddress, KeeperClient, KeeperError, Keepers};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::token::{TokenError, VaultToken};

/// The keys of a new SystemManaged vault, in the form of its Secret.
pub struct VaultKeys {
    /// An age identity.
    pub identity: Secret,
    /// 32 bytes, base64.
    pub catalogue: Secret,
}

/// No randomness for a key.
#[derive(Debug, thiserror::Error)]
#[error("failed to make the keys of a vault: {0}")]
pub struct KeysError(pub String);

/// The root of all keeper and run tokens.
pub struct Root {
    pub current: Vec<u8>,
    /// The one before, for a day after a change.
    pub previous: Option<Vec<u8>>,
    /// Tells one root from the next in names of Secrets; says nothing of its content.
    pub version: String,
}

/// Shared by all controllers.
pub struct Context {
    pub client: Client,
    pub clock: Clock,
    pub settings: Settings,
    pub notes: Notes,
    pub metrics: Metrics,
    pub keepers: Keepers,
    pub root: Root,
    pub turns: Turns,
    /// What was asked of single points, and what the keepers said.
    pub asked: Memory,
    /// What the keepers would not let be taken over.
    pub not_adopted: Refusals,
    /// Makes the keys of a new vault. Given by whoever knows the data plane.
    pub new_vault_keys: fn() -> Result<VaultKeys, KeysError>,
    pub known: Known,
}

/// What the watches have told so far.
pub struct Known {
    pub vaults: Arc<Index<BackupVault>>,
    pub policies: Arc<Index<BackupPolicy>>,
    pub instances: Arc<Index<BackupInstance>>,
    pub departed_instances: Arc<Departed<BackupInstance>>,
    pub backup_jobs: Arc<Index<BackupJob>>,
    pub restore_jobs: Arc<Index<RestoreJob>>,
    pub points: Arc<Index<RecoveryPoint>>,
    pub deleted_instances: Arc<Index<DeletedBackupInstance>>,
    /// Under the empty namespace, as all kinds without one.
    pub namespaces: Arc<Index<Namespace>>,
}

/// Why no call to a keeper could be prepared.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("failed to derive the token of a vault")]
    Token(#[source] TokenError),
    #[error("failed to prepare a client for a keeper")]
    Client(#[source] KeeperError),
}

impl Context {
    /// The token of a vault: the operator's password at its keeper, and what run tokens are signed with.
    ///
    /// # Errors
    /// [`AccessError::Token`] when the root secret is too short.
    pub fn vault_token(&self, vault_uid: &str) -> Result<VaultToken, AccessError> {
        VaultToken::derive(&self.root.current, vault_uid).map_err(AccessError::Token)
    }

    /// A client of the keeper at `address`.
    ///
    /// # Errors
    /// [`AccessError`].
    pub fn keeper(&self, vault_uid: &str, address: &KeeperAddress) -> Result<KeeperClient, AccessError> {
        let token = self.vault_token(vault_uid)?.to_secret();
        self.keepers.client(vault_uid, address, token).map_err(AccessError::Client)
    }

    /// Writes into a vault's ledger, and learns at once what has come of it.
    ///
    /// # Errors
    /// [`AccessError`] when no call could be prepared; inside, what the keeper answered.
    pub async fn tell_ledger(
        &self,
        vault_uid: &str,
        address: &KeeperAddress,
        request: &LedgerRequest,
    ) -> Result<Result<(), KeeperError>, AccessError> {
        let client = self.keeper(vault_uid, address)?;
        if let Err(error) = client.append(request).await {
            return Ok(Err(error));
        }
        let known = self.keepers.catalogue(vault_uid).map_or(0, |catalogue| catalogue.sequence);
        match client.points(known).await {
            Ok(points) => {
                self.keepers.fold(vault_uid, points);
            }
            // The next poll tells it.
            Err(error) => tracing::warn!(vault = vault_uid, %error, "failed to read the catalogue"),
        }
        Ok(Ok(()))
    }

    /// UID of each namespace that is not being deleted, by its name.
    pub fn living_namespaces(&self) -> BTreeMap<String, String> {
        let all = self.known.namespaces.all();
        let living = all.iter().filter(|namespace| namespace.metadata.deletion_timestamp.is_none());
        living.filter_map(|namespace| Some((namespace.name_any(), namespace.uid()?))).collect()
    }

    /// UID of a namespace, and whether it is being deleted; `None` when it is not known.
    pub fn namespace(&self, name: &str) -> Option<(String, bool)> {
        let namespace = self.known.namespaces.get("", name)?;
        let uid = namespace.metadata.uid.clone()?;
        Some((uid, namespace.metadata.deletion_timestamp.is_some()))
    }
}

/// One at a time: whoever counts the runs of a vault and starts another holds its turn meanwhile.
#[derive(Default)]
pub struct Turns {
    vaults: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    /// Waits for the turn of a vault, by its UID.
    pub async fn of(&self, vault_uid: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(vaults.entry(vault_uid.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}
