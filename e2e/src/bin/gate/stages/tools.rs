//! What tests and stories need to be on the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::cluster::{Azurite, Tools};

use super::{Context, pooler, postgres::Majors};
use crate::command::{CommandError, Tally, check};

/// The directory with PostgreSQL 15, which Debian 12 brings: the component tests' server.
const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

pub fn ensure(_: &Context) -> Result<Tally, CommandError> {
    let tools = Tools::ensure().map_err(other)?;
    if !Path::new(POSTGRES).join("initdb").is_file() {
        install_postgres()?;
    }
    Majors::ensure()?;
    pooler::ensure()?;
    Azurite::ensure(tools.cache()).map_err(other)?;
    Ok(Tally::ONE)
}

/// Sets the variables by which tests find the programs they start.
pub fn with_servers(command: &mut Command) -> Result<&mut Command, CommandError> {
    let tools = Tools::ensure().map_err(other)?;
    let majors = Majors::ensure()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::env::split_paths(&path).chain(majors.clients().iter().cloned()).collect();
    Ok(command
        .env("COFFER_HELM", tools.helm())
        .env("COFFER_KUBECTL", tools.kubernetes("kubectl"))
        .env("COFFER_VERSITYGW", tools.versitygw())
        .env("COFFER_TEST_PGBOUNCER", pooler::ensure()?)
        .env("COFFER_FAKE_GCS_SERVER", tools.fake_gcs_server())
        .env("COFFER_AZURITE", Azurite::ensure(tools.cache()).map_err(other)?.program())
        .env("COFFER_TEST_POSTGRES", std::env::join_paths(majors.all()).map_err(other)?)
        .env("PATH", std::env::join_paths(path).map_err(other)?))
}

/// A place in the cache, such as `tools/cargo-deny-0.20.2`.
pub fn cached(name: &str) -> Result<PathBuf, CommandError> {
    e2e::cluster::Cache::locate().map(|cache| cache.path(name)).map_err(other)
}

pub fn other(error: impl std::fmt::Display) -> CommandError {
    CommandError::Other(error.to_string())
}

/// Debian's package would make and start a server of its own: the file says that it must not.
fn install_postgres() -> Result<(), CommandError> {
    let settings = Path::new("/etc/postgresql-common");
    std::fs::create_dir_all(settings).map_err(other)?;
    let file = settings.join("createcluster.conf");
    if !file.exists() {
        std::fs::write(&file, "create_main_cluster = false\n").map_err(other)?;
    }
    apt_get("postgresql-15")
}

/// Installs the Debian package that brings a program, unless the program is there.
pub fn install_debian(program: &str, package: &str) -> Result<(), CommandError> {
    match Command::new(program).arg("--version").output() {
        Ok(_) => Ok(()),
        Err(_) => apt_get(package),
    }
}

pub fn apt_get(package: &str) -> Result<(), CommandError> {
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive");
    check(install.args(["install", "--yes", "--no-install-recommends", package])).map(|_| ())
}
