//! Azurite, a server that speaks Azure Blob Storage's protocol, as an npm package. It is pinned with its hashes in `e2e/azurite`.

use std::path::{Path, PathBuf};

use super::{Cache, Error, cache, npm};

const PACKAGE: &str = include_str!("../../azurite/package.json");
const LOCK: &str = include_str!("../../azurite/package-lock.json");

/// Azurite in the cache.
#[derive(Debug, Clone)]
pub struct Azurite {
    place: PathBuf,
}

impl Azurite {
    /// What Node runs, below [`Azurite::place`].
    pub const PROGRAM: &str = "node_modules/azurite/dist/src/blob/main.js";

    /// Installs it into the cache, unless it is there.
    ///
    /// # Errors
    /// As [`npm::install`], and if the cache cannot be used.
    pub fn ensure(cache: &Cache) -> Result<Self, Error> {
        let name = format!("azurite-{}", cache::digest(&[PACKAGE, LOCK]));
        let place = cache.keep("tools", &name, |place| {
            eprintln!("installing Azurite for the tests");
            npm::install(place, PACKAGE, LOCK)
        })?;
        Ok(Self { place })
    }

    /// The directory that holds it and all that it needs besides Node. Its name tells the version.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// What Node runs.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.place.join(Self::PROGRAM)
    }
}
