//! PgBouncer for the component tests: Debian's packages, unpacked into the cache. Installed, they would start a service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::cluster::Cache;

use super::tools::other;
use crate::command::{CommandError, check};

/// The program, and the libraries that a machine need not have.
const PACKAGES: [&str; 3] = ["pgbouncer", "libc-ares2", "libevent-2.1-7"];

/// Where the program is.
pub fn ensure() -> Result<PathBuf, CommandError> {
    let cache = Cache::locate().map_err(other)?;
    let place = cache.keep("tools", "pgbouncer-debian", install)?;
    Ok(place.join("usr/sbin/pgbouncer"))
}

fn install(place: &Path) -> Result<(), CommandError> {
    eprintln!("unpacking PgBouncer for the tests");
    let packed = place.join("packed");
    fs::create_dir_all(&packed).map_err(other)?;
    check(Command::new("apt-get").current_dir(&packed).args(["download", "--quiet"]).args(PACKAGES))?;
    for package in fs::read_dir(&packed).map_err(other)? {
        let package = package.map_err(other)?.path();
        check(Command::new("dpkg-deb").arg("--extract").arg(package).arg(place))?;
    }
    fs::remove_dir_all(&packed).map_err(other)
}
