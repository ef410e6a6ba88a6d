//! Stored packs in pieces: what is read of a pack is fetched piece by piece, so that memory depends neither on the size of a
//! pack nor on how far apart in it the lanes read. A few pieces stay in memory for whoever reads the same ones next.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::ReadError;
use crate::{
    format::Id,
    seal::HEADER_LENGTH,
    store::{Name, SharedStore},
};

/// Bytes that are asked for at once. An allocator keeps about twice as many for each thread that ever held a piece.
pub(super) const PIECE: u64 = 2 << 20;
/// Pieces that are kept: those that two lanes read, and for each the one that comes next.
const PIECES_KEPT: usize = 4;
/// Headers that are kept, of which each is 152 bytes.
const HEADERS_KEPT: usize = 64;

/// Which piece of which object. Pieces are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub object: u32,
    pub piece: u32,
}

/// The objects of one writer.
pub(super) struct Pieces {
    store: SharedStore,
    writer: Id,
    pieces: Kept<Place>,
    headers: Kept<u32>,
}

/// Bytes that several may wait for, of whom one fetches them.
pub(super) type Slot = Arc<OnceCell<Bytes>>;

impl Place {
    /// Where a byte of an object lies; `None`: in no object that was ever written.
    pub fn of(object: u32, offset: u64) -> Option<Self> {
        u32::try_from(offset / PIECE).ok().map(|piece| Self { object, piece })
    }

    pub fn start(self) -> u64 {
        u64::from(self.piece) * PIECE
    }

    pub fn next(self) -> Self {
        Self { piece: self.piece.saturating_add(1), ..self }
    }
}

impl Pieces {
    pub fn new(store: SharedStore, writer: Id) -> Self {
        Self { store, writer, pieces: Kept::new(PIECES_KEPT), headers: Kept::new(HEADERS_KEPT) }
    }

    pub fn slot(&self, place: Place) -> Slot {
        self.pieces.slot(place)
    }

    /// A piece's bytes; fewer than [`PIECE`] only where the object ends.
    pub async fn fill(&self, place: Place, slot: &Slot) -> Result<Bytes, ReadError> {
        self.range(place.object, place.start(), PIECE, slot).await
    }

    /// An object's header, for whoever does not read its first piece.
    pub async fn header(&self, object: u32) -> Result<Bytes, ReadError> {
        self.range(object, 0, HEADER_LENGTH as u64, &self.headers.slot(object)).await
    }

    async fn range(&self, object: u32, offset: u64, length: u64, slot: &Slot) -> Result<Bytes, ReadError> {
        let name = Name::data(self.writer, object);
        let bytes = slot.get_or_try_init(|| self.store.get_range(&name, offset, length)).await?;
        Ok(bytes.clone())
    }
}

/// What was asked for last.
struct Kept<K> {
    /// The most recent come last.
    recent: Mutex<VecDeque<(K, Slot)>>,
    capacity: usize,
}

impl<K: PartialEq + Copy> Kept<K> {
    fn new(capacity: usize) -> Self {
        Self { recent: Mutex::default(), capacity }
    }

    fn slot(&self, key: K) -> Slot {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().position(|(held, _)| *held == key).and_then(|at| recent.remove(at));
        let (_, slot) = found.unwrap_or_else(|| (key, Slot::default()));
        recent.push_back((key, Arc::clone(&slot)));
        while recent.len() > self.capacity {
            recent.pop_front();
        }
        slot
    }
}
