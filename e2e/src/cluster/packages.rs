//! The Debian packages that the cluster and the images need; what is missing is installed.

use std::path::Path;
use std::process::Command;

use super::{Error, cache, command};

/// A program or file, and the package that brings it.
const NEEDED: [(&str, &str); 7] = [
    ("containerd", "containerd"),
    ("runc", "runc"),
    ("/usr/lib/cni/bridge", "containernetworking-plugins"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("mmdebstrap", "mmdebstrap"),
];

/// Installs what is missing with apt-get.
///
/// A system service that a package starts is left alone: clusters run their own containerd.
///
/// # Errors
/// [`Error::Prerequisite`] says what a person has to do; [`Error::Command`] if apt-get fails.
pub fn ensure() -> Result<(), Error> {
    require_root()?;
    if missing().is_empty() {
        return Ok(());
    }
    let _held = cache::wait_for(Path::new("/run/lock/coffer-packages.lock"), "installing packages")?;
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    if find("apt-get").is_none() {
        return Err(Error::Prerequisite {
            what: format!(
                "these are missing and there is no apt-get to install them: {}",
                packages.join(", ")
            ),
            remedy: "run on Debian, or install what these Debian packages hold yourself".to_owned(),
        });
    }
    eprintln!("installing the Debian packages {}", packages.join(", "));
    apt_get(&["update"])?;
    let install = ["install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    apt_get(&[&install[..], &packages[..]].concat())
}

/// Installs the package that brings a program, unless the program is there.
///
/// # Errors
/// [`Error::Command`] if apt-get fails.
pub(super) fn ensure_program(program: &str, package: &str) -> Result<(), Error> {
    if find(program).is_some() {
        return Ok(());
    }
    apt_get(&["install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", package])
}

/// Where the program is, looking also where only root's path would.
pub(crate) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain([
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ]);
    places.map(|place| Path::new(place).join(program)).find(|candidate| candidate.is_file())
}

fn missing() -> Vec<&'static str> {
    NEEDED.into_iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| package).collect()
}

fn require_root() -> Result<(), Error> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Error::Prerequisite {
        what: "a cluster needs network and mount namespaces and control groups, so it needs root".to_owned(),
        remedy: "run this as root, or set KUBECONFIG and COFFER_IMAGE to use a cluster that exists"
            .to_owned(),
    })
}

fn apt_get(arguments: &[&str]) -> Result<(), Error> {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    command::run(&mut command).map(drop).map_err(Error::command("install Debian packages"))
}
