//! The cache outside the source tree: built tools, image layers and the state of clusters.
//!
//! What is kept is made once, in a directory beside its place, and renamed into it, so that nothing half made is ever
//! found. A lock per thing keeps two runs from making it twice.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// A failure of the cache itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None of the variables that say where the cache is has a value.
    #[error("failed to find a place for the cache: set COFFER_CACHE, XDG_CACHE_HOME or HOME")]
    Place,
    /// A directory or file of the cache cannot be made, locked or renamed.
    #[error("failed to {attempt} {}", path.display())]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// Where built things are kept between runs.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$COFFER_CACHE`, else `$XDG_CACHE_HOME/coffer`, else `~/.cache/coffer`.
    ///
    /// # Errors
    /// [`Error::Place`].
    pub fn locate() -> Result<Self, Error> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("COFFER_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|path| path.join("coffer")))
            .or_else(|| set("HOME").map(|path| path.join(".cache/coffer")))
            .ok_or(Error::Place)?;
        Ok(Self::at(root))
    }

    /// A cache at a place of the caller's choice.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The path of `name` in the cache, whether it exists or not.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory `room/name`, filled by `make` if it is not there yet.
    ///
    /// # Errors
    /// What `make` returns, and failures to lock or rename.
    pub fn keep<E: From<Error>>(
        &self,
        room: &str,
        name: &str,
        make: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let place = self.root.join(room).join(name);
        if place.is_dir() {
            return Ok(place);
        }
        let locks = self.root.join("locks");
        create(&locks)?;
        let _held = wait_for(&locks.join(format!("{room}-{name}.lock")), &format!("{room}/{name}"))?;
        if place.is_dir() {
            return Ok(place);
        }
        let unfinished = self.root.join(room).join(format!(".{name}"));
        remove(&unfinished)?;
        create(&unfinished)?;
        make(&unfinished)?;
        fs::rename(&unfinished, &place).map_err(failed_to("put in place", &place))?;
        Ok(place)
    }

    /// Runs `work` in an empty directory that is removed afterwards; one that an interrupted run left is removed first.
    ///
    /// # Errors
    /// What `work` returns, and failures to lock or remove.
    pub fn scratch<T, E: From<Error>>(
        &self,
        name: &str,
        work: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<T, E> {
        let locks = self.root.join("locks");
        create(&locks)?;
        let _held = wait_for(&locks.join(format!("scratch-{name}.lock")), name)?;
        let place = self.root.join("scratch").join(name);
        remove(&place)?;
        create(&place)?;
        let result = work(&place);
        remove(&place)?;
        result
    }
}

/// What tells things apart that are made from other texts: part of the name of what is kept.
#[must_use]
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    data_encoding::HEXLOWER.encode(&hash.finalize()[..6])
}

/// Creates a directory and those above it.
pub(crate) fn create(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(failed_to("create", path))
}

/// Takes the lock file at `path`, waiting for whoever holds it; the lock ends with the returned file.
pub(crate) fn wait_for(path: &Path, what: &str) -> Result<File, Error> {
    if let Some(held) = try_lock(path)? {
        return Ok(held);
    }
    eprintln!("waiting for another run that is busy with {what}");
    let file = open(path)?;
    file.lock().map_err(failed_to("lock", path))?;
    Ok(file)
}

/// Takes the lock file at `path`, or returns `None` while another process holds it.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>, Error> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed_to("lock", path)(source)),
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(failed_to("remove", path)(source)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn open(path: &Path) -> Result<File, Error> {
    File::options().create(true).truncate(false).write(true).open(path).map_err(failed_to("open", path))
}

fn failed_to(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { attempt, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_and_found_afterwards() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::at(scratch.path());
        for round in 0..2 {
            let place = cache.keep::<Error>("tools", "one", |path| {
                assert_eq!(round, 0, "made a second time");
                fs::write(path.join("content"), "whole").map_err(failed_to("write", path))
            });
            assert_eq!(fs::read_to_string(place.unwrap().join("content")).unwrap(), "whole");
        }
    }

    #[test]
    fn what_a_failed_or_interrupted_attempt_left_is_never_found() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::at(scratch.path());
        let failed = cache.keep("tools", "one", |path| {
            fs::write(path.join("half"), "").map_err(failed_to("write", path))?;
            Err(Error::Place)
        });
        assert!(failed.is_err());
        assert!(!cache.path("tools/one").exists());
        let place = cache.keep::<Error>("tools", "one", |_| Ok(())).unwrap();
        assert!(!place.join("half").exists());
    }

    #[test]
    fn a_scratch_directory_is_empty_whatever_an_earlier_run_left() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = Cache::at(scratch.path());
        let left = cache.path("scratch/image/left");
        create(&left).unwrap();
        let place = cache.scratch::<_, Error>("image", |place| {
            assert_eq!(fs::read_dir(place).unwrap().count(), 0);
            Ok(place.to_owned())
        });
        assert!(!place.unwrap().exists());
    }

    #[test]
    fn a_held_lock_is_seen_and_ends_with_its_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("lock");
        let held = try_lock(&path).unwrap();
        assert!(held.is_some());
        assert!(try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
    }
}
