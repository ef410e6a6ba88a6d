//! A store in a directory, usually of a mounted volume.
//!
//! An object appears whole and durable or not at all: it is written beside its place, synced, then linked to its name, which
//! the kernel refuses when the name is taken. All calls of the file system run on blocking threads.

mod errors;
mod files;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use futures::future::BoxFuture;

use super::{Listed, Name, Overwrite, Place, Setup, Store, StoreError, StoreErrorKind, Stored, Verb};
use crate::{clock::Clock, format::Id, seal::random_id};
use files::{Directory, Landing};

/// A directory that holds a vault.
pub struct FilesystemStore {
    directory: Arc<Directory>,
    clock: Clock,
    skew: Arc<AtomicI64>,
}

const UNKNOWN: i64 = i64::MIN;

impl FilesystemStore {
    /// Takes a directory, which must be there. Nothing is written yet.
    ///
    /// # Errors
    /// When the path is not an absolute one.
    pub fn open(path: impl Into<PathBuf>, clock: &Clock) -> Result<Self, StoreError> {
        let path: PathBuf = path.into();
        if !path.is_absolute() {
            return Err(StoreError::new(
                Verb::Open,
                path.display(),
                StoreErrorKind::Misconfigured,
                "the path of a vault must be absolute",
            ));
        }
        let process = random_id().map_err(|error| {
            StoreError::new(Verb::Open, path.display(), StoreErrorKind::Unexpected, error.to_string())
        })?;
        Ok(Self {
            directory: Arc::new(Directory::new(path, process)),
            clock: clock.clone(),
            skew: Arc::new(AtomicI64::new(UNKNOWN)),
        })
    }

    /// Where the vault is.
    pub fn path(&self) -> &Path {
        self.directory.root()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        verb: Verb,
        object: &str,
        work: impl FnOnce(&Directory) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let directory = Arc::clone(&self.directory);
        let done = tokio::task::spawn_blocking(move || work(&directory)).await;
        done.unwrap_or_else(|error| {
            Err(StoreError::new(verb, object, StoreErrorKind::Unexpected, error.to_string()))
        })
    }

    async fn write(
        &self,
        verb: Verb,
        name: &Name,
        bytes: Bytes,
        landing: Landing,
    ) -> Result<Stored, StoreError> {
        let (target, clock, skew) = (name.clone(), self.clock.clone(), Arc::clone(&self.skew));
        self.blocking(verb, name.as_str(), move |directory| {
            let stored = directory.write(verb, &target, &bytes, landing)?;
            if let Some(modified) = stored.modified {
                skew.store(modified.as_second() - clock.wall().as_second(), Ordering::Relaxed);
            }
            Ok(stored)
        })
        .await
    }
}

impl Store for FilesystemStore {
    fn create<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(self.write(Verb::Create, name, bytes, Landing::OnlyWhereNoneIs))
    }

    fn replace<'a>(&'a self, name: &'a Name, bytes: Bytes) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(self.write(Verb::Replace, name, bytes, Landing::OverWhatIsThere))
    }

    fn get<'a>(&'a self, name: &'a Name, limit: u64) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        let target = name.clone();
        Box::pin(self.blocking(Verb::Get, name.as_str(), move |directory| directory.read(&target, limit)))
    }

    fn get_range<'a>(
        &'a self,
        name: &'a Name,
        offset: u64,
        length: u64,
    ) -> BoxFuture<'a, Result<Bytes, StoreError>> {
        let target = name.clone();
        Box::pin(self.blocking(Verb::Get, name.as_str(), move |directory| {
            directory.read_range(&target, offset, length)
        }))
    }

    fn head<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<Stored, StoreError>> {
        let target = name.clone();
        Box::pin(self.blocking(Verb::Head, name.as_str(), move |directory| directory.head(&target)))
    }

    fn list<'a>(&'a self, place: &'a Place) -> BoxFuture<'a, Result<Vec<Listed>, StoreError>> {
        let target = place.clone();
        Box::pin(self.blocking(Verb::List, place.as_str(), move |directory| directory.list(&target)))
    }

    fn delete<'a>(&'a self, name: &'a Name) -> BoxFuture<'a, Result<(), StoreError>> {
        let target = name.clone();
        Box::pin(self.blocking(Verb::Delete, name.as_str(), move |directory| directory.delete(&target)))
    }

    fn clear_unfinished<'a>(&'a self, writer: Id) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(
            self.blocking(Verb::Delete, "unfinished files", move |directory| {
                directory.clear_unfinished(writer)
            }),
        )
    }

    fn overwrite<'a>(
        &'a self,
        _name: &'a Name,
        _former: &'a Stored,
        _bytes: Bytes,
    ) -> BoxFuture<'a, Result<Overwrite, StoreError>> {
        Box::pin(std::future::ready(Ok(Overwrite::NotOffered)))
    }

    fn setup(&self) -> BoxFuture<'_, Setup> {
        // A file has no former contents and nothing keeps it from being removed; what lies below the file system is not
        // asked.
        Box::pin(std::future::ready(Setup { versioning: Some(false), object_lock: Some(false) }))
    }

    fn skew_seconds(&self) -> Option<i64> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|skew| *skew != UNKNOWN)
    }

    fn location(&self) -> String {
        format!("file://{}", self.directory.root().display())
    }
}
