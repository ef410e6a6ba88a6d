//! What a restore has begun, and the way back.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use contract::RunId;

use super::{
    preflight::Place,
    target::{Sessions, Target},
    unfinished,
};
use crate::format::PgText;

/// What was begun, and what of it has to be taken back when the restore fails. Outlives the work, which may be dropped
/// anywhere.
#[derive(Default)]
pub struct Begun {
    is_announced: AtomicBool,
    is_being_named: AtomicBool,
    undo: Mutex<Vec<Undo>>,
}

/// A target that was written to.
pub struct Undo {
    pub run: RunId,
    pub target: Target,
    pub place: Place,
    pub sessions: Sessions,
}

impl Begun {
    /// From now on the custodian may know that a restore begins.
    pub fn announced(&self) {
        self.is_announced.store(true, Ordering::Relaxed);
    }

    /// From now on the rows are checked, and the database gets its name.
    pub fn being_named(&self) {
        self.is_being_named.store(true, Ordering::Relaxed);
    }

    /// Whether the custodian was told that a restore begins.
    pub fn is_announced(&self) -> bool {
        self.is_announced.load(Ordering::Relaxed)
    }

    /// Whether the rows are checked, and the database gets its name now.
    pub fn is_being_named(&self) -> bool {
        self.is_being_named.load(Ordering::Relaxed)
    }

    /// What is to be taken back, the last that was begun first, for whoever does it.
    pub fn take(&self) -> Vec<Undo> {
        let mut begun = std::mem::take(&mut *self.lock());
        begun.reverse();
        begun
    }

    /// What else is to be taken back from now on.
    pub fn add(&self, undo: Undo) {
        self.lock().push(undo);
    }

    /// A database is finished: it is not taken back any more. `name` is what it was called while it was not.
    pub fn forget(&self, name: &PgText) {
        self.lock().retain(|undo| undo.place.name() != name);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Undo>> {
        self.undo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Undo {
    /// Takes back what was made; what could not be taken back, in a sentence.
    pub async fn undo(self) -> Option<String> {
        self.sessions.cancel_all().await;
        let name = self.place.name().clone();
        match self.place {
            Place::New { .. } => {
                let dropped = unfinished::drop(&self.target, &name, &self.run).await;
                dropped.err().map(|error| {
                    format!("the unfinished database \"{name}\" is still there, drop it: {error}")
                })
            }
            // The transaction ends with its session.
            Place::InUse { .. } => None,
            Place::Existing { .. } => Some(format!(
                "database \"{name}\" is unfinished, as its comment says: drop it, or empty it, before the next restore"
            )),
        }
    }
}
