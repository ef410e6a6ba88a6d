//! Unpacks Debian packages, with all that they depend on, without installing them.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Error;
use crate::cluster::command;

/// Directories that hold the same files under two names in Debian since bookworm.
const MERGED: &str = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr";

/// Fills `into` with the files of `packages` from the newest of `suites` that has each.
pub(super) fn unpack(suites: &[&str], packages: &[&str], into: &Path) -> Result<(), Error> {
    let sources = into.with_extension("list");
    let archive = archive()?;
    let lines: Vec<String> = suites.iter().map(|suite| format!("deb {archive} {suite} main\n")).collect();
    fs::write(&sources, lines.concat()).map_err(Error::file("write", &sources))?;
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--mode=root", "--variant=extract", "--format=directory", MERGED]);
    // A mirror may serve an old index of a suite that is not released; signatures are checked all the same.
    command.arg(r#"--aptopt=Acquire::Check-Valid-Until "false""#);
    // apt downloads as a user of its own, who may not enter a cache in root's home.
    command.arg(r#"--aptopt=APT::Sandbox::User "root""#);
    command.arg(format!("--include={}", packages.join(",")));
    command.arg(suites.first().copied().unwrap_or_default()).arg(into).arg(&sources);
    command::run(&mut command).map_err(Error::command(format!("unpack {}", packages.join(", "))))?;
    fs::remove_file(&sources).map_err(Error::file("remove", &sources))
}

/// The archive that this machine itself is installed from, so that its mirror and proxy serve here too.
fn archive() -> Result<String, Error> {
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(REPO_URI) $(COMPONENT)",
        "Created-By: Packages",
        "Origin: Debian",
    ]);
    let listed = command::run(&mut command).map_err(Error::command("list apt's sources"))?;
    let mut entries = listed.lines().filter_map(|line| line.split_once(' '));
    let found = entries.find(|(address, component)| *component == "main" && !address.contains("security"));
    found.map(|(address, _)| address.to_owned()).ok_or(Error::NoArchive)
}
