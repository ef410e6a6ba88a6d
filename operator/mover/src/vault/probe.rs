//! Trying storage out: what it does, never what it is said to do.

use bytes::Bytes;
use contract::Probes;
use jiff::SignedDuration;

use super::{Vault, VaultError};
use crate::{
    format::Promise,
    ledger::{State, Verdict},
    seal::random_id,
    store::{Name, Overwrite, SharedStore, StoreError},
};

/// How long what was found is good for, unless it changes.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

const FIRST: Bytes = Bytes::from_static(b"first");
const SECOND: Bytes = Bytes::from_static(b"second");
const THIRD: Bytes = Bytes::from_static(b"third");
/// Bytes of the largest of them, and some more.
const LIMIT: u64 = 64;

impl Vault {
    /// Tries storage out and remembers in the ledger what was found, if it is new or a month old. A store that overwrites
    /// what it should not is reported and not written to any further.
    ///
    /// # Errors
    /// When storage does not answer.
    pub async fn probe(&self) -> Result<Probes, VaultError> {
        let store = &self.inner.store;
        let create_only = create_only(store).await?;
        let stale_overwrite_refused = stale_overwrite_refused(store).await?;
        let setup = store.setup().await;
        let probes = Probes {
            probed: self.inner.clock.now(),
            create_only,
            stale_overwrite_refused,
            versioning: setup.versioning,
            object_lock: setup.object_lock,
        };
        if create_only && self.inner.ledger.is_writable() {
            let found = probes.clone();
            self.inner.ledger.append(move |state| remember(state, &found)).await?;
        }
        Ok(probes)
    }

    /// Has storage tell its time. A bucket does with every answer, a filesystem only where something is written: a vault
    /// that only deletes would never notice that clocks differ. Where it fails, what was known stays.
    pub(super) async fn measure_clocks(&self) {
        let store = &self.inner.store;
        let measured = async {
            let name = Name::probe(random_id()?);
            let written = store.create(&name, Bytes::new()).await;
            removed(store, &name, written).await
        };
        if let Err(error) = measured.await {
            tracing::warn!(error = crate::causes(&error), "storage does not tell its time");
        }
    }

    /// What was found the last time; `None` before the first.
    pub fn probes(&self) -> Option<Probes> {
        self.inner.ledger.state().vault().and_then(|vault| vault.probes.clone())
    }
}

/// Whether a create-only write of a name that is taken is refused and the old content kept.
pub(crate) async fn create_only(store: &SharedStore) -> Result<bool, VaultError> {
    let name = Name::probe(random_id()?);
    let found = try_creating(store, &name).await;
    removed(store, &name, found).await
}

async fn try_creating(store: &SharedStore, name: &Name) -> Result<bool, StoreError> {
    store.create(name, FIRST).await?;
    let refused = match store.create(name, SECOND).await {
        Ok(_) => false,
        Err(error) if error.already_exists() => true,
        Err(error) => return Err(error),
    };
    Ok(refused && store.get(name, LIMIT).await? == FIRST)
}

/// Whether an overwrite with a stale ETag is refused and one with the right ETag is not; `None` where the store has no ETags
/// or no such overwrite.
async fn stale_overwrite_refused(store: &SharedStore) -> Result<Option<bool>, VaultError> {
    let name = Name::probe(random_id()?);
    let found = try_overwriting(store, &name).await;
    removed(store, &name, found).await
}

async fn try_overwriting(store: &SharedStore, name: &Name) -> Result<Option<bool>, StoreError> {
    let stale = store.create(name, FIRST).await?;
    let current = store.replace(name, SECOND).await?;
    if stale.etag.is_none() || current.etag.is_none() {
        return Ok(None);
    }
    match store.overwrite(name, &stale, THIRD).await? {
        Overwrite::Refused if store.get(name, LIMIT).await? == SECOND => {}
        Overwrite::Refused | Overwrite::Done(_) => return Ok(Some(false)),
        Overwrite::NotOffered => return Ok(None),
    }
    // A store that refuses every such overwrite has none.
    match store.overwrite(name, &current, THIRD).await? {
        Overwrite::Done(_) if store.get(name, LIMIT).await? == THIRD => Ok(Some(true)),
        Overwrite::Done(_) | Overwrite::Refused | Overwrite::NotOffered => Ok(None),
    }
}

/// What was found, once the object that it was tried with is gone, however the trial ended.
async fn removed<T>(store: &SharedStore, name: &Name, found: Result<T, StoreError>) -> Result<T, VaultError> {
    let deleted = store.delete(name).await;
    let found = found?;
    deleted?;
    Ok(found)
}

fn remember(state: &State, found: &Probes) -> Verdict {
    let is_news = state.vault().and_then(|vault| vault.probes.as_ref()).is_none_or(|known| {
        let same = Probes { probed: found.probed, ..known.clone() } == *found;
        !same || found.probed.duration_since(known.probed) >= GOOD_FOR
    });
    if is_news { Verdict::Append(vec![Promise::Probed { probes: found.clone() }]) } else { Verdict::Nothing }
}
