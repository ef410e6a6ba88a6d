//! Trying storage out: what it does, never what it is said to do.

use bytes::Bytes;
use contract::Probes;
use jiff::SignedDuration;

use super::{Vault, VaultError};
use crate::{
    format::Promise,
    ledger::{State, Verdict},
    seal::random_id,
    store::{Name, SharedStore},
};

/// How long what was found is good for, unless it changes.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Vault {
    /// Tries storage out and remembers in the ledger what was found, if it is new or a month old. A store that overwrites
    /// what it should not is reported and not written to any further.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn probe(&self) -> Result<Probes, VaultError> {
        let create_only = create_only(&self.inner.store).await?;
        let probes = Probes {
            probed: self.inner.clock.now(),
            create_only,
            stale_overwrite_refused: None,
            versioning: None,
            object_lock: None,
        };
        if create_only && self.inner.ledger.is_writable() {
            let found = probes.clone();
            self.inner.ledger.append(move |state| remember(state, &found)).await?;
        }
        Ok(probes)
    }

    /// What was found the last time; `None` before the first.
    pub fn probes(&self) -> Option<Probes> {
        self.inner.ledger.state().vault().and_then(|vault| vault.probes.clone())
    }
}

/// Whether a create-only write of a name that is taken is refused and the old content kept.
pub(super) async fn create_only(store: &SharedStore) -> Result<bool, VaultError> {
    let name = Name::probe(random_id()?);
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
    store.create(&name, first.clone()).await?;
    let refused = match store.create(&name, second).await {
        Ok(_) => false,
        Err(error) if error.already_exists() => true,
        Err(error) => return Err(error.into()),
    };
    let kept = store.get(&name, 64).await? == first;
    store.delete(&name).await?;
    Ok(refused && kept)
}

fn remember(state: &State, found: &Probes) -> Verdict {
    let is_news = state.vault().and_then(|vault| vault.probes.as_ref()).is_none_or(|known| {
        let same = Probes { probed: found.probed, ..known.clone() } == *found;
        !same || found.probed.duration_since(known.probed) >= GOOD_FOR
    });
    if is_news { Verdict::Append(vec![Promise::Probed { probes: found.clone() }]) } else { Verdict::Nothing }
}
