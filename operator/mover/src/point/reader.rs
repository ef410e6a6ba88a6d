//! Skeleton: signatures that restore and verification are written against.

use bytes::Bytes;
use contract::{FailureCode, ReadGrant};

use crate::{
    format::{FrameSpan, ListEntry, ListRef, Manifest, Record, SchemaStreamRef, SegmentEntry},
    store::SharedStore,
};

#[derive(Debug, thiserror::Error)]
#[error("read the point")]
pub struct ReadError;

impl ReadError {
    pub fn code(&self) -> FailureCode {
        FailureCode::Internal
    }
}

#[derive(Clone)]
pub struct PointReader {
    _private: (),
}

pub struct FrameStream {
    _private: (),
}

impl PointReader {
    pub async fn open(_store: SharedStore, _grant: &ReadGrant) -> Result<Self, ReadError> {
        Err(ReadError)
    }

    pub fn record(&self) -> &Record {
        unreachable!()
    }

    pub async fn manifest(&self, _data_store: usize) -> Result<Manifest, ReadError> {
        Err(ReadError)
    }

    pub async fn list_page<E: ListEntry>(&self, _page: &ListRef) -> Result<Vec<E>, ReadError> {
        Err(ReadError)
    }

    pub async fn list<E: ListEntry>(&self, _manifest: &Manifest) -> Result<Vec<E>, ReadError> {
        Err(ReadError)
    }

    pub fn rows(&self, segment: &SegmentEntry) -> FrameStream {
        self.frames(&segment.spans)
    }

    pub fn schema(&self, schema: &SchemaStreamRef) -> FrameStream {
        self.frames(&schema.spans)
    }

    fn frames(&self, _spans: &[FrameSpan]) -> FrameStream {
        FrameStream { _private: () }
    }
}

impl FrameStream {
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        Err(ReadError)
    }
}
