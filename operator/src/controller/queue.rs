//! Which objects wait: woken, and not looked at since.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::gauge::Gauge;

use crate::cluster::Address;

/// The waiting objects of one controller, counted in a gauge. Looks that were planned before do not wait.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<HashSet<Address>>,
    depth: Gauge,
}

impl Queue {
    pub fn new(depth: Gauge) -> Self {
        Self { waiting: Mutex::default(), depth }
    }

    /// Takes note of a wake. One for an object that is gone is for nobody: it is not looked at.
    pub fn woken(&self, object: Address, is_there: bool) {
        self.change(|waiting| if is_there { waiting.insert(object) } else { waiting.remove(&object) });
    }

    /// The object is being looked at.
    pub fn taken(&self, object: &Address) {
        self.change(|waiting| waiting.remove(object));
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<Address>) -> bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut waiting);
        self.depth.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str) -> Address {
        ("shop".to_owned(), name.to_owned())
    }

    #[test]
    fn what_is_woken_waits_once_until_it_is_taken_or_gone() {
        let depth = Gauge::default();
        let queue = Queue::new(depth.clone());
        queue.woken(address("a"), true);
        queue.woken(address("a"), true);
        queue.woken(address("b"), true);
        assert_eq!(depth.get(), 2);
        queue.taken(&address("a"));
        queue.taken(&address("never woken"));
        assert_eq!(depth.get(), 1);
        queue.woken(address("b"), false);
        assert_eq!(depth.get(), 0);
    }
}
