//! From storage and mounted keys to an open vault, or to the reason why there is none.

use contract::{Failure, FailureCode, Head, KeeperConfig, Probes, Stage, Storage};
use jiff::SignedDuration;
use mover::clock::Clock;
use mover::seal::{CatalogueKey, Identity, KeyError, Recipient};
use mover::store::{self, SharedStore};
use mover::vault::{self, Access, InitRequest, OpenRequest, Vault, VaultError};

use super::mounted::{KeyFiles, Text};

/// What storage was seen to do is believed for this long.
const PROBED_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What was found.
pub enum Opened {
    Open {
        vault: Vault,
        probes: Probes,
    },
    /// No vault, and no key to make one with.
    Empty,
    /// No vault, although the status knows one: storage was emptied, or is another one.
    Vanished,
    /// A vault that the keys do not open.
    Foreign {
        vault_id: String,
    },
    /// Keys that are none.
    Invalid {
        message: String,
    },
}

/// The mounted keys, understood.
struct Keys {
    identity: Identity,
    catalogue: Option<CatalogueText>,
}

/// A catalogue key that was seen to be one.
struct CatalogueText(Text);

impl CatalogueText {
    fn check(text: Text) -> Result<Self, KeyError> {
        CatalogueKey::from_base64(text.trim()).map(|_| Self(text))
    }

    fn key(&self) -> Option<CatalogueKey> {
        CatalogueKey::from_base64(self.0.trim()).ok()
    }
}

/// Looks at storage, makes the vault if there is none and keys are mounted, and opens it. `known_head` is the newest entry
/// of its ledger that was ever seen.
///
/// # Errors
/// What storage answered; the same call later may succeed.
pub async fn open(
    config: &KeeperConfig,
    storage: Storage,
    files: &KeyFiles,
    known_head: Option<Head>,
    clock: &Clock,
) -> Result<Opened, Failure> {
    let store = store::connect(&storage, clock).map_err(|error| Failure {
        code: error.code(),
        stage: Stage::Starting,
        message: error.to_string(),
        cause: None,
    })?;
    let there = vault::look(&store).await.map_err(starting)?;
    let keys = match keys(files) {
        Ok(keys) => keys,
        Err(message) => return Ok(Opened::Invalid { message }),
    };
    match (there, keys) {
        (None, _) if known_head.is_some() => Ok(Opened::Vanished),
        (None, None) => Ok(Opened::Empty),
        (Some(vault), None) => Ok(Opened::Foreign { vault_id: vault.to_string() }),
        (_, Some(keys)) => match unlock(config, &storage, &store, &keys, known_head.clone(), clock).await? {
            Some(opened) => Ok(opened),
            // `vault.json` is there and the ledger is not. A new one over it would hide that there was another.
            None if known_head.is_some() => Ok(Opened::Vanished),
            None => make(config, &storage, &store, &keys, clock).await,
        },
    }
}

/// The keys, or what is wrong with them; `None`: there is no identity.
fn keys(files: &KeyFiles) -> Result<Option<Keys>, String> {
    let Some(identity) = &files.identity else {
        return Ok(None);
    };
    let identity = Identity::parse(identity).map_err(|error| format!("failed to use `identity`: {error}"))?;
    let catalogue = files
        .catalogue
        .clone()
        .map(CatalogueText::check)
        .transpose()
        .map_err(|error| format!("failed to use `catalogue`: {error}"))?;
    Ok(Some(Keys { identity, catalogue }))
}

fn recipients(config: &KeeperConfig, identity: &Identity) -> Result<Vec<Recipient>, Failure> {
    let mut recipients = vec![identity.recipient()];
    for text in &config.recovery_recipients {
        let recipient = Recipient::parse(text).map_err(|error| Failure {
            code: FailureCode::KeyMissing,
            stage: Stage::Starting,
            message: format!("failed to use a recovery recipient of the vault: {error}"),
            cause: None,
        })?;
        if !recipients.contains(&recipient) {
            recipients.push(recipient);
        }
    }
    Ok(recipients)
}

/// Makes the vault, or finishes one that an earlier keeper began, and opens it.
async fn make(
    config: &KeeperConfig,
    storage: &Storage,
    store: &SharedStore,
    keys: &Keys,
    clock: &Clock,
) -> Result<Opened, Failure> {
    let request = InitRequest {
        catalogue: keys.catalogue.as_ref().and_then(CatalogueText::key),
        identities: vec![keys.identity.clone()],
        recipients: recipients(config, &keys.identity)?,
    };
    match vault::init(store, &request, clock).await {
        Ok((vault_id, _)) => tracing::info!(%vault_id, "vault made"),
        Err(VaultError::Foreign { vault }) => return Ok(Opened::Foreign { vault_id: vault.to_string() }),
        Err(error) => return Err(starting(error)),
    }
    let opened = unlock(config, storage, store, keys, None, clock).await?;
    opened.ok_or_else(|| Failure {
        code: FailureCode::StorageUnreachable,
        stage: Stage::Starting,
        message: format!("the vault that was just made is not at {}", store.location()),
        cause: None,
    })
}

/// Opens the vault; `None` when there is none, or one that was begun and not finished.
async fn unlock(
    config: &KeeperConfig,
    storage: &Storage,
    store: &SharedStore,
    keys: &Keys,
    known_head: Option<Head>,
    clock: &Clock,
) -> Result<Option<Opened>, Failure> {
    let request = OpenRequest {
        storage: storage.clone(),
        recipients: recipients(config, &keys.identity)?,
        identities: vec![keys.identity.clone()],
        catalogue: keys.catalogue.as_ref().and_then(CatalogueText::key),
        fingerprint: None,
        known_head,
        access: Access::ReadWrite,
    };
    match vault::open(store.clone(), request, clock).await {
        Ok(vault) => {
            let probes = probes(&vault, clock).await?;
            Ok(Some(Opened::Open { vault, probes }))
        }
        Err(VaultError::Empty { .. }) => Ok(None),
        Err(VaultError::Foreign { vault }) => Ok(Some(Opened::Foreign { vault_id: vault.to_string() })),
        Err(error) => Err(starting(error)),
    }
}

/// What storage can do: as it was seen within [`PROBED_FOR`], else as it is seen now. Storage that cannot be tried out,
/// since it is full or has become read-only, is taken for what it was: its points can be read, and space be made.
async fn probes(vault: &Vault, clock: &Clock) -> Result<Probes, Failure> {
    let known = vault.probes();
    if let Some(probes) = &known
        && clock.now().duration_since(probes.probed) < PROBED_FOR
    {
        return Ok(probes.clone());
    }
    match (vault.probe().await, known) {
        (Ok(probes), _) => Ok(probes),
        (Err(error), Some(known)) => {
            tracing::warn!(error = mover::causes(&error), "storage could not be tried out again");
            Ok(known)
        }
        (Err(error), None) => Err(starting(error)),
    }
}

fn starting(error: VaultError) -> Failure {
    error.failure(Stage::Starting)
}
