//! The calls of the file system behind each verb.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::errors;
use crate::{
    format::Id,
    seal::random_id,
    store::{Listed, Name, Place, StoreError, StoreErrorKind, Stored, Verb, too_large},
};

/// Whether a file may take the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    OnlyWhereNoneIs,
    OverWhatIsThere,
}

/// A vault's directory.
pub(super) struct Directory {
    root: PathBuf,
    /// Whose unfinished files those of no writer are.
    process: Id,
}

impl Directory {
    pub fn new(root: PathBuf, process: Id) -> Self {
        Self { root, process }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn write(
        &self,
        verb: Verb,
        name: &Name,
        bytes: &[u8],
        landing: Landing,
    ) -> Result<Stored, StoreError> {
        let failed = |error| errors::classify(verb, name.as_str(), &self.root, &error);
        self.check_root(verb, name.as_str())?;
        let unfinished = self.unfinished(name.writer().unwrap_or(self.process)).map_err(failed)?;
        let written = write_durably(&unfinished, bytes).and_then(|metadata| {
            self.land(&unfinished, &self.path(name), landing)?;
            Ok(metadata)
        });
        // Linked or given up: either way this name has served.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %unfinished.display(), %error, "an unfinished file could not be removed");
            }
            _ => {}
        }
        match written {
            Ok(metadata) => Ok(stored(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.already_there(verb, name, bytes)
            }
            Err(error) => Err(failed(error)),
        }
    }

    pub fn read(&self, name: &Name, limit: u64) -> Result<Bytes, StoreError> {
        let failed = |error| self.failed(Verb::Get, name, &error);
        let mut file = File::open(self.path(name)).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > limit {
            return Err(too_large(Verb::Get, name, size, limit));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        (&mut file).take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit {
            return Err(too_large(Verb::Get, name, bytes.len() as u64, limit));
        }
        Ok(bytes.into())
    }

    pub fn read_range(&self, name: &Name, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        let failed = |error| self.failed(Verb::Get, name, &error);
        let mut file = File::open(self.path(name)).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let length = length.min(size.saturating_sub(offset));
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.take(length).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes.into())
    }

    pub fn head(&self, name: &Name) -> Result<Stored, StoreError> {
        let metadata =
            fs::metadata(self.path(name)).map_err(|error| self.failed(Verb::Head, name, &error))?;
        Ok(stored(&metadata))
    }

    pub fn list(&self, place: &Place) -> Result<Vec<Listed>, StoreError> {
        self.check_root(Verb::List, place.as_str())?;
        let mut found = Vec::new();
        let mut open = vec![self.root.join(place.as_str())];
        while let Some(directory) = open.pop() {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(errors::classify(Verb::List, place.as_str(), &self.root, &error)),
            };
            for entry in entries {
                let entry = entry
                    .map_err(|error| errors::classify(Verb::List, place.as_str(), &self.root, &error))?;
                match self.entry(&entry) {
                    Ok(Entry::Directory) => open.push(entry.path()),
                    Ok(Entry::Object(listed)) => found.push(listed),
                    Ok(Entry::Foreign) => {}
                    // Removed since the directory was read.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => {
                        return Err(errors::classify(Verb::List, place.as_str(), &self.root, &error));
                    }
                }
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    pub fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.check_root(Verb::Delete, name.as_str())?;
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.failed(Verb::Delete, name, &error)),
        }
        let Some(parent) = path.parent() else {
            return Ok(());
        };
        sync_directory(parent).map_err(|error| self.failed(Verb::Delete, name, &error))?;
        // The last object of a writer takes its directory along; one that is not empty stays.
        match fs::remove_dir(parent) {
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub fn clear_unfinished(&self, writer: Id) -> Result<(), StoreError> {
        match fs::remove_dir_all(self.unfinished_directory(writer)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(errors::classify(Verb::Delete, "unfinished files", &self.root, &error))
            }
            _ => Ok(()),
        }
    }

    /// Success, if what is there are these very bytes.
    fn already_there(&self, verb: Verb, name: &Name, bytes: &[u8]) -> Result<Stored, StoreError> {
        match self.read(name, bytes.len() as u64) {
            Ok(there) if there == bytes => {
                // It may be another process's, and linked but not yet synced.
                let path = self.path(name);
                let parent = path.parent().unwrap_or(&self.root);
                sync_directory(parent).map_err(|error| self.failed(verb, name, &error))?;
                self.head(name)
            }
            Ok(_) => Err(exists(verb, name)),
            Err(error) if error.kind == StoreErrorKind::TooLarge => Err(exists(verb, name)),
            Err(error) => Err(error),
        }
    }

    fn land(&self, unfinished: &Path, target: &Path, landing: Landing) -> io::Result<()> {
        const TRIES: usize = 3;
        let parent = target.parent().unwrap_or(&self.root);
        let mut result = Ok(());
        for _ in 0..TRIES {
            self.make_directories(parent)?;
            result = match landing {
                Landing::OnlyWhereNoneIs => link(unfinished, target),
                Landing::OverWhatIsThere => fs::rename(unfinished, target),
            };
            // A directory that was just made can be taken away again with the last object in it.
            if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::NotFound) {
                break;
            }
        }
        result?;
        sync_directory(parent)
    }

    /// Makes a directory and syncs every directory that got a new entry.
    fn make_directories(&self, wanted: &Path) -> io::Result<()> {
        if wanted.is_dir() {
            return Ok(());
        }
        if let Some(parent) = wanted.parent().filter(|parent| parent.starts_with(&self.root)) {
            self.make_directories(parent)?;
            match fs::create_dir(wanted) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => sync_directory(parent)?,
            }
        }
        Ok(())
    }

    fn entry(&self, entry: &fs::DirEntry) -> io::Result<Entry> {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            return Ok(Entry::Directory);
        }
        let path = entry.path();
        let name = path.strip_prefix(&self.root).ok().and_then(Path::to_str).and_then(Name::listed);
        match name {
            Some(name) if kind.is_file() => {
                let stored = stored(&entry.metadata()?);
                Ok(Entry::Object(Listed { name, size: stored.size, etag: None, modified: stored.modified }))
            }
            _ => Ok(Entry::Foreign),
        }
    }

    fn unfinished(&self, writer: Id) -> io::Result<PathBuf> {
        let directory = self.unfinished_directory(writer);
        fs::create_dir_all(&directory)?;
        let id = random_id().map_err(io::Error::other)?;
        Ok(directory.join(id.to_string()))
    }

    fn unfinished_directory(&self, writer: Id) -> PathBuf {
        self.root.join("tmp").join(writer.to_string())
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.root.join(name.as_str())
    }

    /// A volume that is not mounted must not look like an empty vault.
    fn check_root(&self, verb: Verb, object: &str) -> Result<(), StoreError> {
        match fs::metadata(&self.root) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(StoreError::new(
                verb,
                object,
                StoreErrorKind::BucketMissing,
                format!("{} is not a directory", self.root.display()),
            )),
            Err(error) => Err(errors::root(verb, object, &self.root, &error)),
        }
    }

    fn failed(&self, verb: Verb, name: &Name, error: &io::Error) -> StoreError {
        match self.check_root(verb, name.as_str()) {
            Ok(()) => errors::classify(verb, name.as_str(), &self.root, error),
            Err(root) => root,
        }
    }
}

impl Drop for Directory {
    /// Takes the process's own place for unfinished files away, unless something is in it.
    fn drop(&mut self) {
        let _ = fs::remove_dir(self.unfinished_directory(self.process));
    }
}

enum Entry {
    Directory,
    Object(Listed),
    Foreign,
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<Metadata> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    file.metadata()
}

/// Gives the file its name unless the name is taken. Some file systems know no hard links; then the kernel is asked to rename
/// without replacing.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if no_links(&error) => {
            renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from)
        }
        answer => answer,
    }
}

fn no_links(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::PERM, Errno::NOSYS, Errno::OPNOTSUPP, Errno::MLINK].contains(&errno))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn exists(verb: Verb, name: &Name) -> StoreError {
    StoreError::new(verb, name, StoreErrorKind::AlreadyExists, "another object of that name is there")
}

fn stored(metadata: &Metadata) -> Stored {
    let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    Stored { size: metadata.len(), etag: None, version: None, modified }
}
