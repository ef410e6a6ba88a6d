//! Where the databases of a server wait for each other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Runs of pg_dump at the same time. Each takes memory for every table of its database.
const DUMPS: usize = 2;

/// What the databases of one run have in common while they are locked and their schemas stored.
pub struct Together {
    /// Those with locks and a snapshot: no data are read before all have theirs.
    pub locked: Rendezvous,
    /// Those whose schema is stored.
    pub stored: Rendezvous,
    pub dumps: Semaphore,
}

impl Together {
    pub fn new(databases: usize) -> Self {
        let (locked, stored) = (Rendezvous::new(databases), Rendezvous::new(databases));
        Self { locked, stored, dumps: Semaphore::new(DUMPS) }
    }
}

/// Tells when all have come. Who has come may leave again before that.
pub struct Rendezvous {
    is_here: Mutex<Vec<bool>>,
    all_here: CancellationToken,
}

impl Rendezvous {
    fn new(expected: usize) -> Self {
        Self { is_here: Mutex::new(vec![false; expected]), all_here: CancellationToken::new() }
    }

    pub fn arrive(&self, index: usize) {
        let mut is_here = self.lock();
        is_here[index] = true;
        if is_here.iter().all(|is_here| *is_here) {
            self.all_here.cancel();
        }
    }

    pub fn leave(&self, index: usize) {
        self.lock()[index] = false;
    }

    /// Cancelled once all were here at the same time.
    pub fn all_here(&self) -> CancellationToken {
        self.all_here.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<bool>> {
        self.is_here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_before_all_have_come_is_waited_for() {
        let rendezvous = Rendezvous::new(2);
        rendezvous.arrive(0);
        rendezvous.leave(0);
        rendezvous.arrive(1);
        assert!(!rendezvous.all_here().is_cancelled());
        rendezvous.arrive(0);
        assert!(rendezvous.all_here().is_cancelled());
        rendezvous.leave(1);
        assert!(rendezvous.all_here().is_cancelled());
    }
}
