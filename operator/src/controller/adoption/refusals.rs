//! What keepers would not let be taken over. It is asked for again after a while; nothing here is needed after a restart.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use contract::Owner;
use jiff::{SignedDuration, Timestamp};

/// What was refused is asked for again after this time.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// What was said, and when, by the operator's wall clock.
struct Refusal {
    message: String,
    asked: Timestamp,
}

/// Shared by all reconciles of vaults.
#[derive(Default)]
pub struct Refusals {
    /// By the vault's UID, and whose points it is about.
    inner: Mutex<HashMap<String, BTreeMap<Owner, Refusal>>>,
}

impl Refusals {
    /// Notes what a keeper said. Returns whether it is something new.
    pub fn refused(&self, vault_uid: &str, from: &Owner, message: String, wall: Timestamp) -> bool {
        let refusal = Refusal { message: message.clone(), asked: wall };
        let before = self.lock().entry(vault_uid.to_owned()).or_default().insert(from.clone(), refusal);
        before.is_none_or(|before| before.message != message)
    }

    /// Forgets what was refused before.
    pub fn taken(&self, vault_uid: &str, from: &Owner) {
        if let Some(refusals) = self.lock().get_mut(vault_uid) {
            refusals.remove(from);
        }
    }

    /// What a vault's keeper has refused, until it takes it.
    pub fn of(&self, vault_uid: &str) -> BTreeMap<Owner, String> {
        let inner = self.lock();
        let refusals = inner.get(vault_uid).into_iter().flatten();
        refusals.map(|(from, refusal)| (from.clone(), refusal.message.clone())).collect()
    }

    /// Whether the keeper may be asked for what this owner had: it has not refused it a moment ago.
    pub fn may_ask(&self, vault_uid: &str, from: &Owner, wall: Timestamp) -> bool {
        let inner = self.lock();
        let refusal = inner.get(vault_uid).and_then(|refusals| refusals.get(from));
        refusal.is_none_or(|refusal| wall.duration_since(refusal.asked) >= ASKED_AGAIN)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<Owner, Refusal>>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
