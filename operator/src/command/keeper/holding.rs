//! What the keeper knows of its storage and keys, and the vault once it is open. Written by the tending task alone, read
//! by every call.

use std::sync::{PoisonError, RwLock};

use contract::{ClockReading, Failure, KeyState, Probes, StorageState, VERSION, VaultView};
use mover::clock::Clock;
use mover::vault::Vault;

use super::refusal::Refused;

/// What is known at the moment.
#[derive(Clone)]
pub struct Facts {
    pub storage: StorageState,
    pub key: KeyState,
    pub vault: Option<Vault>,
    pub probes: Option<Probes>,
    /// Storage ahead of this machine, seconds.
    pub skew_seconds: Option<i64>,
    /// Storage is empty, and the vault's status says that it was not.
    pub vanished: bool,
}

/// The facts, shared.
pub struct Holding {
    facts: RwLock<Facts>,
}

impl Default for Holding {
    fn default() -> Self {
        let facts = Facts {
            storage: StorageState::Unknown,
            key: KeyState::Unknown,
            vault: None,
            probes: None,
            skew_seconds: None,
            vanished: false,
        };
        Self { facts: RwLock::new(facts) }
    }
}

impl Holding {
    pub fn facts(&self) -> Facts {
        self.facts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The open vault.
    ///
    /// # Errors
    /// A refusal that says why there is none.
    pub fn vault(&self) -> Result<Vault, Refused> {
        let facts = self.facts();
        match facts.vault {
            Some(vault) => Ok(vault),
            None => Err(why_closed(&facts)),
        }
    }

    /// What the operator is told.
    pub fn view(&self, clock: &Clock) -> VaultView {
        let facts = self.facts();
        let vault = facts.vault.as_ref();
        let totals = vault.map(Vault::totals).unwrap_or_default();
        VaultView {
            version: VERSION,
            vault_id: vault.map(|vault| vault.id().to_string()),
            fingerprint: vault.map(|vault| vault.fingerprint().to_owned()),
            head: vault.map(|vault| vault.head().into()),
            storage: facts.storage,
            key: facts.key,
            probes: facts.probes,
            clock: ClockReading { keeper: clock.wall(), skew_seconds: facts.skew_seconds },
            points: totals.points,
            stored_bytes: totals.stored_bytes,
            undeleted: vault.and_then(Vault::refused),
            pledges: vault.map(Vault::pledges).unwrap_or_default(),
            rolled_back: facts.vanished || vault.is_some_and(Vault::rolled_back),
        }
    }

    /// Lets go of the vault: its ledger is folded, so that the next keeper starts fast.
    pub async fn close(&self) {
        let vault = self.facts().vault;
        self.change(|facts| facts.vault = None);
        if let Some(vault) = vault {
            vault.close().await;
        }
    }
}

fn why_closed(facts: &Facts) -> Refused {
    if let StorageState::Failing(failure) = &facts.storage {
        let message = format!("storage does not answer: {}", failure.message);
        return Refused::not_ready("NotReady", message).because(Failure::clone(failure));
    }
    let message = match &facts.key {
        KeyState::Unknown | KeyState::Open => "the vault is being opened".to_owned(),
        KeyState::Empty if facts.vanished => {
            "storage is empty, but the vault's status has a ledger: nothing is made anew over a loss"
                .to_owned()
        }
        KeyState::Empty => "storage has no vault, and no key is mounted to make one with".to_owned(),
        KeyState::Foreign { vault_id } => format!("the mounted key does not open vault {vault_id}"),
        KeyState::Invalid { message } => format!("the mounted key cannot be read: {message}"),
    };
    Refused::not_ready("NotReady", message)
}
