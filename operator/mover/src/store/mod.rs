//! Where objects lie. Seven verbs are asked of a store, and two questions more when it is tried out.
//!
//! Nothing is ever decided by what a listing lacks. Only heartbeats are overwritten.

mod connect;
mod credentials;
mod error;
mod filesystem;
mod http;
mod name;
mod patience;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::format::{Hash, Id};

pub use connect::{connect, connect_with};
pub use credentials::mounted;
pub use error::{StoreError, StoreErrorKind, Verb};
pub use filesystem::FilesystemStore;
pub use http::Network;
pub use name::{Name, NameError, Place};
pub use patience::Patience;

/// A store that is shared by everything that works on one vault.
pub type SharedStore = Arc<dyn Store>;

/// What a store says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub size: u64,
    /// `None` where the store has none.
    pub etag: Option<String>,
    /// `None` where the store keeps no versions.
    pub version: Option<String>,
    /// By the store's clock; `None` where it tells none.
    pub modified: Option<Timestamp>,
}

/// An object that a listing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: Name,
    pub size: u64,
    pub etag: Option<String>,
    pub modified: Option<Timestamp>,
}

/// What became of an overwrite that was bound to what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overwrite {
    Done(Stored),
    /// The object is another one by now.
    Refused,
    /// The store has no such overwrite.
    NotOffered,
}

/// How the place that holds a vault is set up; `None` where the store does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Setup {
    /// Former versions of an object are kept.
    pub versioning: Option<bool>,
    /// Objects can be locked.
    pub object_lock: Option<bool>,
}

/// What a store can do. Every call repeats itself while that makes sense, and fails typed.
pub trait Store: Send + Sync + 'static {
    /// Writes an object where none is. Success means that the object is there, with these bytes, durable: also when an
    /// earlier try of the same bytes had succeeded and its answer was lost.
    ///
    /// # Errors
    /// [`StoreErrorKind::AlreadyExists`]: an object with other bytes is there.
    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>>;

    /// As [`Store::create`], of bytes whose SHA-256 is known already: where it is sent along, it is not computed once more.
    ///
    /// # Errors
    /// As those of [`Store::create`].
    fn create_hashed<'a>(
        &'a self,
        name: &'a Name,
        bytes: Bytes,
        sha256: Hash,
    ) -> BoxFuture<'a, Result<Stored, StoreError>> {
        let _ = sha256;
        self.create(name, bytes)
    }

    /// Writes an object whether or not one is there. Heartbeats only.
    fn replace<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>>;

    /// A whole object of at most `limit` bytes; a larger one is refused before memory is taken for it.
    fn get<'a>(&'a self, name: &'a Name, limit: u64) -> BoxFuture<'a, Result<Bytes, StoreError>>;

    /// Exactly `length` bytes from `offset`; fewer only at the object's end, none behind it.
    fn get_range<'a>(
        &'a self,
        name: &'a Name,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Bytes, StoreError>>;

    /// What the store says of an object.
    fn head<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Stored, StoreError>>;

    /// Every object below a place that the store tells of: for discovery only. An error on the way is an error of the
    /// whole listing.
    fn list<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>>;

    /// Removes an object; one that is not there is removed already.
    fn delete<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes what a dead writer left half written, where the store has such a thing.
    fn clear_unfinished<'a>(&'a self, writer: Id) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Overwrites an object if it is still the one that was stored then. Only to try a store out: nothing rests on it.
    fn overwrite<'a>(
        &'a self,
        name: &'a Name,
        former: &'a Stored,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Overwrite, StoreError>>;

    /// How the place is set up, as far as the store tells. Only to try a store out: nothing rests on it.
    fn setup(&self) -> BoxFuture<'_, Setup>;

    /// Seconds that the store's clock was ahead of this machine's when it last answered; `None` before that, and where
    /// it tells no time.
    fn skew_seconds(&self) -> Option<i64>;

    /// For people: where the store is, without secrets.
    fn location(&self) -> String;
}

/// The refusal of an object that is larger than its kind may be.
fn too_large(verb: Verb, name: &Name, size: u64, limit: u64) -> StoreError {
    StoreError::new(
        verb,
        name,
        StoreErrorKind::TooLarge,
        format!("it has {size} bytes; at most {limit} were expected"),
    )
}
