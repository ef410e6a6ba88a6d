//! The directory: made under a name that tells that it is not finished, and renamed at the end. Its files are for its
//! owner alone, since what they hold is no longer sealed.

use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use contract::RunId;
use data_encoding::HEXLOWER;

use crate::restore::{RestoreError, names};

/// A directory that is being written. Dropped before its end it goes, with all that is in it.
pub struct Folder {
    wanted: PathBuf,
    unfinished: PathBuf,
    sums: String,
    is_finished: bool,
}

/// A file that is being written.
pub struct Output {
    file: File,
    name: String,
    path: PathBuf,
    digest: Context,
}

impl Folder {
    /// Makes it beside the wanted directory, which may not be there.
    pub fn make(wanted: &Path, run: &RunId) -> Result<Self, RestoreError> {
        let failed = |source| RestoreError::File { path: wanted.display().to_string(), source };
        if wanted.symlink_metadata().is_ok() {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "it is there already")));
        }
        let name = wanted.file_name().ok_or_else(|| failed(io::Error::other("it names no directory")))?;
        let mut unfinished = name.to_owned();
        unfinished.push(names::incomplete_database("", run));
        let unfinished = wanted.with_file_name(unfinished);
        DirBuilder::new().mode(0o700).create(&unfinished).map_err(failed)?;
        let folder = Self {
            wanted: wanted.to_owned(),
            unfinished: unfinished.clone(),
            sums: String::new(),
            is_finished: false,
        };
        DirBuilder::new().mode(0o700).create(unfinished.join("data")).map_err(failed)?;
        Ok(folder)
    }

    /// Begins a file; `name` has at most one directory before it.
    pub fn create(&self, name: impl Into<String>) -> Result<Output, RestoreError> {
        let name = name.into();
        let path = self.unfinished.join(&name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|source| RestoreError::File { path: path.display().to_string(), source })?;
        Ok(Output { file, name, path, digest: Context::new(&SHA256) })
    }

    /// Ends a file; gives its name.
    pub fn end(&mut self, output: Output) -> Result<String, RestoreError> {
        let Output { file, name, path, digest } = output;
        let synced = file.sync_all();
        synced.map_err(|source| RestoreError::File { path: path.display().to_string(), source })?;
        let sum = HEXLOWER.encode(digest.finish().as_ref());
        writeln!(self.sums, "{sum}  {name}").expect("a String takes everything");
        Ok(name)
    }

    /// A whole file at once.
    pub fn file(&mut self, name: &str, bytes: &[u8]) -> Result<(), RestoreError> {
        let mut output = self.create(name)?;
        output.write(bytes)?;
        self.end(output).map(drop)
    }

    /// Gives the directory its name.
    pub fn finish(mut self) -> Result<(), RestoreError> {
        let sums = std::mem::take(&mut self.sums);
        self.file("SHA256SUMS", sums.as_bytes())?;
        let above = self.wanted.parent().filter(|path| !path.as_os_str().is_empty());
        let above = above.unwrap_or_else(|| Path::new("."));
        let sync = |path: &Path| File::open(path)?.sync_all();
        let renamed = sync(&self.unfinished.join("data"))
            .and_then(|()| sync(&self.unfinished))
            .and_then(|()| fs::rename(&self.unfinished, &self.wanted))
            .and_then(|()| sync(above));
        let path = self.wanted.display().to_string();
        renamed.map_err(|source| RestoreError::File { path, source })?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_finished
            && let Err(error) = fs::remove_dir_all(&self.unfinished)
        {
            tracing::warn!(directory = %self.unfinished.display(), %error, "an unfinished directory is still there");
        }
    }
}

impl Output {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        self.digest.update(bytes);
        let written = self.file.write_all(bytes);
        written.map_err(|source| RestoreError::File { path: self.path.display().to_string(), source })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_has_its_name_only_when_it_is_finished_and_is_its_owners_alone() {
        let place = tempfile::tempdir().unwrap();
        let wanted = place.path().join("out");
        let run = RunId("abcdefgh-1".into());
        let mut folder = Folder::make(&wanted, &run).unwrap();
        folder.file("a.sql", b"SELECT 1;\n").unwrap();
        assert!(!wanted.exists());
        drop(folder);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "what was not finished is gone");

        let mut folder = Folder::make(&wanted, &run).unwrap();
        folder.file("a.sql", b"SELECT 1;\n").unwrap();
        folder.finish().unwrap();
        let sums = fs::read_to_string(wanted.join("SHA256SUMS")).unwrap();
        assert!(
            sums.starts_with("b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd  a.sql\n"),
            "{sums}"
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&wanted), mode(&wanted.join("a.sql"))), (0o700, 0o600));
        assert!(Folder::make(&wanted, &run).is_err(), "what is there is left alone");
    }
}
