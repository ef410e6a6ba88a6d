//! A vault: its keys, its grants, what it accepts, keeps and lets go.
//!
//! ```text
//! look -> init -> open -> write_grant -> (a mover writes) -> settle: accept or void
//!                      -> read_grant  -> (a mover reads)  -> read closed
//!                      -> tombstone -> sweep: objects go, an hour later at the earliest
//!                      -> owners    : claimed, deleted, brought back, released; what that means for their points
//!                      -> removal   : another end for one point, or an early one that can be taken back
//! ```
//!
//! Everything that decides takes the time from the vault's clock. The end that a point is promised when it is accepted and the
//! least floor are the caller's: they come in as values.

mod accept;
mod error;
mod floor;
mod garbage;
mod grant;
mod init;
mod jobs;
mod keys;
mod kit;
mod look;
mod open;
mod owners;
mod probe;
mod refusals;
mod removal;
mod restores;
mod settle;
mod sweep;
mod tombstone;
mod view;

use std::sync::Arc;

use contract::Storage;
use tokio::sync::OnceCell;

use crate::{
    clock::Clock,
    format::Id,
    ledger::{Ledger, LedgerHead},
    seal::{CatalogueKey, Identity, Recipient, RecordKey},
    store::{SharedStore, StoreError},
};

pub use accept::Expiry;
pub use error::VaultError;
pub use init::{InitRequest, NewKeys, init, new_keys};
pub use jobs::EndedJob;
pub use look::look;
pub use open::{Access, OpenRequest, open};
pub use sweep::{SweepOptions, SweepReport};
pub use view::Totals;

use refusals::Refusals;

pub(crate) use grant::RestoreAnnouncement;
pub(crate) use probe::create_only;
pub(crate) use tombstone::SKEW_LIMIT;

/// An open vault. Clones share it.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    store: SharedStore,
    /// Goes into grants.
    storage: Storage,
    id: Id,
    fingerprint: String,
    catalogue: CatalogueKey,
    identities: Vec<Identity>,
    recipients: Vec<Recipient>,
    /// Every recipient is known to have the catalogue key.
    admitted: OnceCell<()>,
    ledger: Ledger,
    refusals: Refusals,
    clock: Clock,
    /// This process, where it writes objects of its own.
    process: Id,
}

impl Vault {
    pub fn id(&self) -> Id {
        self.inner.id
    }

    /// What people keep to recognise the vault's own key.
    pub fn fingerprint(&self) -> &str {
        &self.inner.fingerprint
    }

    /// The newest ledger entry that this process knows of.
    pub fn head(&self) -> LedgerHead {
        self.inner.ledger.state().head()
    }

    /// Storage holds an older or another ledger than was seen before. Nothing is deleted then; whoever keeps the head that
    /// was seen must not replace it by the one that is there now.
    pub fn rolled_back(&self) -> bool {
        self.inner.ledger.rolled_back()
    }

    /// Whether it was so when the vault was opened. Where it came later, [`Vault::head`] is the newest head there was.
    pub fn opened_rolled_back(&self) -> bool {
        self.inner.ledger.opened_rolled_back()
    }

    /// Whether promises can be made: not when it was opened for reading only, was closed, or storage forbids to write.
    pub fn is_writable(&self) -> bool {
        self.inner.ledger.is_writable()
    }

    /// Whom keys are wrapped for.
    pub fn recipients(&self) -> &[Recipient] {
        &self.inner.recipients
    }

    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub fn store(&self) -> &SharedStore {
        &self.inner.store
    }

    /// Asks storage for the newest entry of the ledger: whether it answers, and still has it. Where it has not, the vault
    /// has to be opened anew, with the head that was seen.
    ///
    /// # Errors
    /// When it does not answer or refuses.
    pub async fn check_storage(&self) -> Result<bool, StoreError> {
        self.inner.ledger.is_whole(&self.inner.store).await
    }

    /// Ends well: promises under way are stored, and the ledger's state for a quick start.
    pub async fn close(&self) {
        self.inner.ledger.close().await;
    }

    fn record_key(&self, point: Id, writer: Id) -> RecordKey {
        self.inner.catalogue.record_key(self.inner.id, point, writer)
    }
}

#[cfg(test)]
mod tests;
