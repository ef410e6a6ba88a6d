//! Skeleton: signatures that the backup is written against.

use contract::{Decision, FailureCode, Owner, RunId, SourceServer, WriteGrant};
use jiff::Timestamp;

use crate::{
    clock::Clock,
    format::{FrameSpan, Hash, Id, ListEntry, ListRef, Manifest},
    store::SharedStore,
};

/// How much a writer may have in its hands.
#[derive(Debug, Clone, Copy)]
pub struct WriterOptions {
    /// Lanes that fill packs at the same time.
    pub lanes: u16,
    /// Uploads at the same time. Packs in memory: `lanes + uploads`.
    pub uploads: u16,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { lanes: 2, uploads: 3 }
    }
}

pub struct PointWriter {
    _private: (),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackKind {
    Rows,
    Schema,
}

pub struct Pack {
    _private: (),
}

#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("add a frame of {plain} bytes: the pack is full")]
    Full { plain: usize },
}

#[derive(Debug, thiserror::Error)]
#[error("write the point")]
pub struct WriteError;

impl WriteError {
    pub fn code(&self) -> FailureCode {
        FailureCode::Internal
    }
}

/// What the writer says of the point besides what it counts itself.
#[derive(Debug, Clone)]
pub struct RecordDraft {
    pub owner: Owner,
    pub decision: Decision,
    pub source: SourceServer,
    pub point_time: Timestamp,
    /// One per manifest, in the order of `add_database`.
    pub data_stores: Vec<contract::DataStore>,
    pub coverage: Vec<String>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Committed {
    pub record_hash: Hash,
    pub commit_time: Timestamp,
    pub objects: u64,
    pub stored_bytes: u64,
}

pub struct ListWriter<E: ListEntry> {
    _entry: std::marker::PhantomData<E>,
}

impl<E: ListEntry> ListWriter<E> {
    pub async fn push(&mut self, _entry: E) -> Result<(), WriteError> {
        Err(WriteError)
    }

    pub async fn finish(self) -> Result<Vec<ListRef>, WriteError> {
        Err(WriteError)
    }
}

impl PointWriter {
    pub async fn begin(
        _store: SharedStore,
        _grant: &WriteGrant,
        _run: &RunId,
        _writer: Id,
        _deadline: Timestamp,
        _clock: Clock,
        _options: WriterOptions,
    ) -> Result<Self, WriteError> {
        Err(WriteError)
    }

    pub async fn open_pack(&self, _kind: PackKind) -> Result<Pack, WriteError> {
        Err(WriteError)
    }

    pub async fn put(&self, _pack: Pack) -> Result<(), WriteError> {
        Err(WriteError)
    }

    pub fn list<E: ListEntry>(&self) -> ListWriter<E> {
        ListWriter { _entry: std::marker::PhantomData }
    }

    pub fn stored_bytes(&self) -> u64 {
        0
    }

    pub async fn add_database(&self, _manifest: Manifest) -> Result<(), WriteError> {
        Err(WriteError)
    }

    pub async fn commit(self, _draft: RecordDraft) -> Result<Committed, WriteError> {
        Err(WriteError)
    }

    pub async fn abandon(self) {}
}

impl Pack {
    pub fn fits(&self, _plain: usize) -> bool {
        false
    }

    pub fn is_full(&self) -> bool {
        true
    }

    pub fn push(&mut self, plain: &[u8]) -> Result<FrameSpan, PackError> {
        Err(PackError::Full { plain: plain.len() })
    }
}
