//! Packs that are being read. Lanes that read the same pack share it; a few stay in memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::ReadError;
use crate::{
    format::Id,
    seal::ObjectKind,
    store::{Name, SharedStore},
};

/// The packs of one writer.
pub(super) struct Packs {
    store: SharedStore,
    writer: Id,
    capacity: usize,
    /// The most recently asked for come last.
    recent: Mutex<VecDeque<(u32, Slot)>>,
}

type Slot = Arc<OnceCell<Bytes>>;

impl Packs {
    pub fn new(store: SharedStore, writer: Id, capacity: usize) -> Self {
        Self { store, writer, capacity: capacity.max(1), recent: Mutex::default() }
    }

    /// The stored bytes of a pack or schema object.
    pub async fn get(&self, number: u32) -> Result<Bytes, ReadError> {
        let slot = self.slot(number);
        let name = Name::data(self.writer, number);
        let bytes = slot.get_or_try_init(|| self.store.get(&name, ObjectKind::Pack.stored_limit())).await?;
        Ok(bytes.clone())
    }

    fn slot(&self, number: u32) -> Slot {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().position(|(held, _)| *held == number).and_then(|at| recent.remove(at));
        let (_, slot) = found.unwrap_or_else(|| (number, Slot::default()));
        recent.push_back((number, Arc::clone(&slot)));
        while recent.len() > self.capacity {
            recent.pop_front();
        }
        slot
    }
}
