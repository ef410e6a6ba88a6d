//! One request of a protocol each; nothing is repeated and nothing decided here.

use std::ops::Range;

use bytes::Bytes;
use jiff::Timestamp;
use object_store::client::HttpError;

use super::watch::Refusal;
use crate::{
    format::Hash,
    store::{StoreErrorKind, Stored, Verb},
};

/// A protocol, spoken to one bucket. Keys are whole: with the vault's prefix.
pub(in crate::store) trait Wire: Send + Sync + 'static {
    fn put(
        &self,
        key: &str,
        content: Content,
        condition: Condition<'_>,
    ) -> impl Future<Output = Result<Stored, Trouble>> + Send;

    /// An object; without its bytes when it says that it has more than `limit`.
    fn get(
        &self,
        key: &str,
        limit: u64,
    ) -> impl Future<Output = Result<(Stored, Option<Bytes>), Trouble>> + Send;

    fn get_range(&self, key: &str, range: Range<u64>) -> impl Future<Output = Result<Bytes, Trouble>> + Send;

    fn head(&self, key: &str) -> impl Future<Output = Result<Stored, Trouble>> + Send;

    /// One page of the keys that begin with `prefix`; `token` is what the page before ended with.
    fn page(&self, prefix: &str, token: Option<&str>) -> impl Future<Output = Result<Page, Trouble>> + Send;

    fn delete(&self, key: &str) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// How the bucket is set up; `None` where the answer does not say.
    fn tells(&self, question: Question) -> impl Future<Output = Result<Option<bool>, Trouble>> + Send;

    /// What a refusal means.
    fn kind(verb: Verb, refusal: &Refusal) -> StoreErrorKind;
}

/// What is written.
#[derive(Debug, Clone)]
pub(in crate::store) struct Content {
    pub bytes: Bytes,
    /// Of the bytes, where it is known already.
    pub sha256: Option<Hash>,
}

/// On what a write depends.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Condition<'a> {
    /// Nothing is there.
    Absent,
    /// What is there is still this.
    Unchanged(&'a Stored),
    Whatever,
}

/// What a bucket is asked about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Question {
    Versioning,
    ObjectLock,
}

/// A part of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Page {
    pub objects: Vec<PageObject>,
    /// What the next page is asked with; `None` on the last.
    pub next: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct PageObject {
    pub key: String,
    pub size: u64,
    pub etag: Option<String>,
    pub modified: Option<Timestamp>,
}

/// Why a request did not do what was asked. Where the store refused it, the watch has seen why.
#[derive(Debug)]
pub(in crate::store) enum Trouble {
    Client(object_store::Error),
    Http(HttpError),
    /// The store answered what is no answer to the question.
    Answer(String),
    /// The request cannot even be made.
    Request(String),
}

impl From<object_store::Error> for Trouble {
    fn from(error: object_store::Error) -> Self {
        Self::Client(error)
    }
}

impl From<HttpError> for Trouble {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}
