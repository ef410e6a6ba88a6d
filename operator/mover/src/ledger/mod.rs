//! The ledger: every promise of a vault, as a chain of sealed entries that only ever grows (`FORMAT.md`, section 12).
//!
//! ```text
//! requests -> one task: gather for at most 50 ms or 256 promises -> decide on the state -> create ledger/<head + 1>
//!                          there already: fold the winner's entry, decide every request again
//! ```
//!
//! An entry counts only once its create-only write succeeded, so two custodians can work on one vault: neither can decide on
//! a state that the other has changed since. What a vault is follows from its entries alone; a stored state is a short cut.

mod back;
mod chain;
mod error;
mod owners;
mod state;
mod stored_state;
mod task;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    clock::Clock,
    format::{Hash, Id, Promise},
    seal::LedgerKey,
    store::{SharedStore, StoreError},
};

pub use error::{LedgerError, Refused};
pub use state::State;

pub(crate) use back::entries;
pub(crate) use chain::{create_genesis, read_first};
pub(crate) use error::{name_abroad, name_of};

/// The newest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHead {
    pub sequence: u64,
    /// SHA-256 of the entry as stored.
    pub hash: Hash,
}

impl From<LedgerHead> for contract::Head {
    fn from(head: LedgerHead) -> Self {
        Self { sequence: head.sequence, hash: head.hash.to_string() }
    }
}

/// What a request comes to, given the state of the moment.
#[derive(Debug)]
pub enum Verdict {
    /// Promise this.
    Append(Vec<Promise>),
    /// It is so already.
    Nothing,
    Refuse(Refused),
}

impl From<Result<Vec<Promise>, Refused>> for Verdict {
    /// No promise at all: it is so already.
    fn from(decided: Result<Vec<Promise>, Refused>) -> Self {
        match decided {
            Ok(promises) if promises.is_empty() => Self::Nothing,
            Ok(promises) => Self::Append(promises),
            Err(refused) => Self::Refuse(refused),
        }
    }
}

/// Decides on a state. Asked again whenever the state turned out to be another.
pub type Decide = Box<dyn FnMut(&State) -> Verdict + Send>;

/// An open ledger.
pub struct Ledger {
    shared: Arc<Shared>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    task: tokio::sync::Mutex<JoinSet<()>>,
}

struct Shared {
    state: RwLock<Arc<State>>,
    rolled_back: AtomicBool,
    /// Storage has lost entries while the ledger was open.
    lost: AtomicBool,
    /// Tombstoned points of which nothing is left in storage.
    cleared: Mutex<HashSet<Id>>,
}

struct Request {
    decide: Decide,
    reply: oneshot::Sender<Result<LedgerHead, LedgerError>>,
}

/// Where a ledger is and what opens it.
pub(crate) struct Place {
    pub store: SharedStore,
    pub vault: Id,
    pub key: LedgerKey,
    /// This process, as writer of entries.
    pub writer: Id,
    pub clock: Clock,
}

/// Requests that may wait for the writing task.
const WAITING: usize = 1_024;

impl Ledger {
    /// Reads the ledger to its end: the newest stored state, then entry after entry.
    ///
    /// # Errors
    /// When an entry is damaged or does not follow from the one before.
    pub(crate) async fn open(
        place: Place,
        known: Option<&contract::Head>,
        may_write: bool,
    ) -> Result<Self, LedgerError> {
        let state = chain::read(&place).await?;
        let rolled_back = match known {
            Some(known) => chain::is_behind(&place, &state, known).await?,
            None => false,
        };
        let shared = Arc::new(Shared {
            state: RwLock::new(Arc::new(state)),
            rolled_back: AtomicBool::new(rolled_back),
            lost: AtomicBool::new(false),
            cleared: Mutex::default(),
        });
        let mut task = JoinSet::new();
        let requests = may_write.then(|| {
            let (sender, receiver) = mpsc::channel(WAITING);
            task.spawn(task::run(place, Arc::clone(&shared), receiver));
            sender
        });
        Ok(Self { shared, requests: Mutex::new(requests), task: tokio::sync::Mutex::new(task) })
    }

    /// The state as it was last read or written.
    pub fn state(&self) -> Arc<State> {
        self.shared.state()
    }

    /// Whether it was so when the ledger was opened: its head is then not the newest that was ever seen.
    pub fn opened_rolled_back(&self) -> bool {
        self.shared.rolled_back.load(Ordering::Relaxed)
    }

    /// Whether storage holds an older or another ledger than was seen before.
    pub fn rolled_back(&self) -> bool {
        self.opened_rolled_back() || self.shared.is_lost()
    }

    /// Asks storage whether it still holds the newest entry. Once it does not, nothing is written through this handle any
    /// more: an entry after a hole would be in nobody's ledger. Opened anew, with the head that was seen, it goes on from
    /// where storage ends.
    ///
    /// # Errors
    /// When storage does not answer.
    pub(crate) async fn is_whole(&self, store: &SharedStore) -> Result<bool, StoreError> {
        if !self.shared.is_lost() && !chain::holds(store, self.state().head()).await? {
            self.shared.lose();
        }
        Ok(!self.shared.is_lost())
    }

    /// Whether promises can be made through this handle.
    pub fn is_writable(&self) -> bool {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Says that nothing of a tombstoned point is left in storage: its tombstone need not be remembered for ever.
    pub fn may_forget(&self, point: Id) {
        self.shared.cleared.lock().unwrap_or_else(PoisonError::into_inner).insert(point);
    }

    /// Has a request decided and, where it comes to promises, waits until they are stored. Returns the head after it.
    ///
    /// # Errors
    /// [`LedgerError::Refused`] as the request decided; a failure of storage, after which nobody knows whether the promises
    /// were stored: asking again is safe, because the next decision sees them.
    pub async fn append(
        &self,
        decide: impl FnMut(&State) -> Verdict + Send + 'static,
    ) -> Result<LedgerHead, LedgerError> {
        let sender = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or(LedgerError::ReadOnly)?;
        let (reply, answer) = oneshot::channel();
        let request = Request { decide: Box::new(decide), reply };
        sender.send(request).await.map_err(|_| LedgerError::Stopped)?;
        answer.await.map_err(|_| LedgerError::Stopped)?
    }

    /// Takes no further request, waits for those that are under way, and stores the state for a quick start.
    pub async fn close(&self) {
        let sender = self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(sender);
        let mut task = self.task.lock().await;
        while let Some(ended) = task.join_next().await {
            if let Err(error) = ended {
                tracing::warn!(%error, "the ledger's task ended early");
            }
        }
    }
}

impl Shared {
    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn lose(&self) {
        let head = self.state().head().sequence;
        tracing::error!(head, "storage has lost the newest entry of the ledger");
        self.lost.store(true, Ordering::Relaxed);
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, state: Arc<State>) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

#[cfg(test)]
mod tests;
