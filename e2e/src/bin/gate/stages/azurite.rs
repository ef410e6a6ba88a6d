//! Azurite, a server that speaks Azure Blob Storage's protocol, as an npm package. It is pinned with its hashes in `e2e/azurite`.

use std::path::PathBuf;

use e2e::cluster::{Cache, cache};

use super::tools::{install_npm, other};
use crate::command::CommandError;

const PACKAGE: &str = include_str!("../../../../azurite/package.json");
const LOCK: &str = include_str!("../../../../azurite/package-lock.json");

/// Installs it into the cache, unless it is there, and returns the program that Node runs.
pub fn ensure() -> Result<PathBuf, CommandError> {
    let cache = Cache::locate().map_err(other)?;
    let name = format!("azurite-{}", cache::digest(&[PACKAGE, LOCK]));
    let place = cache.keep("tools", &name, |place| {
        eprintln!("installing Azurite for the tests");
        install_npm(place, PACKAGE, LOCK)
    })?;
    Ok(place.join("node_modules/azurite/dist/src/blob/main.js"))
}
