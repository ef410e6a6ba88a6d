//! Container images without a daemon: file systems carved out of Debian packages, written as OCI archives.
//!
//! An image is layers of which each is kept in the cache under a digest of its definition, so that a new build of the
//! operator makes only the layer with its binary.

mod carve;
mod layer;
mod oci;
mod packages;
mod recipes;

use std::io;
use std::path::{Path, PathBuf};

use crate::cluster::{Cache, cache, command};

pub use recipes::{azurite, busybox, coffer, fake_gcs_server, pause, postgres, unpack_clients, versitygw};

/// An image in a file, as containerd, skopeo, podman and docker read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    reference: String,
    archive: PathBuf,
}

impl Image {
    /// The name that pods use, tag included.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The OCI archive.
    #[must_use]
    pub fn archive(&self) -> &Path {
        &self.archive
    }
}

/// A failure to build an image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// A program failed.
    #[error("failed to {attempt}")]
    Command {
        /// What it was run for.
        attempt: String,
        /// How it failed.
        source: command::Error,
    },
    /// A file refused.
    #[error("failed to {attempt} {}", path.display())]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A program of the image needs a library that no package brought.
    #[error("failed to find the libraries of {}: {missing}", program.display())]
    Library {
        /// The program in the image.
        program: PathBuf,
        /// What the loader said.
        missing: String,
    },
    /// A packed file is not where the recipe says.
    #[error("failed to find {} among the packages' files", path.display())]
    Absent {
        /// The path in the image.
        path: PathBuf,
    },
    /// No Debian archive is configured on this machine.
    #[error("failed to find a Debian archive in apt's sources")]
    NoArchive,
    /// No suite of Debian has this server.
    #[error("no recipe for a PostgreSQL {0} server; there are ones for 15, 17 and 18")]
    NoServer(u8),
}

impl Error {
    fn command(attempt: impl Into<String>) -> impl FnOnce(command::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Command { attempt, source }
    }

    fn file(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { attempt, path, source }
    }
}

/// The cache that images are kept in.
///
/// # Errors
/// [`Error::Cache`].
pub fn cache() -> Result<Cache, Error> {
    Cache::locate().map_err(Error::Cache)
}
