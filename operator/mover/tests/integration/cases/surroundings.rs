//! What cases need around a server: extensions, locales, a disk that is soon full.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::server;
use crate::support::Installation;

/// An extension that lies where the shared server looks for them, as long as this lives.
pub struct Extension {
    files: [PathBuf; 2],
}

impl Extension {
    pub fn install(name: &str, script: &str) -> Self {
        let share = server().sql("postgres", "SELECT setting FROM pg_config WHERE name = 'SHAREDIR'");
        let place = PathBuf::from(share).join("extension");
        let files = [place.join(format!("{name}.control")), place.join(format!("{name}--1.sql"))];
        fs::write(&files[0], "default_version = '1'\nrelocatable = true\n").unwrap();
        fs::write(&files[1], script).unwrap();
        Self { files }
    }
}

impl Drop for Extension {
    fn drop(&mut self) {
        for file in &self.files {
            fs::remove_file(file).unwrap();
        }
    }
}

/// An installation whose server also finds this locale, which is made below the directory.
pub fn with_locale(installation: &Installation, directory: &Path, language: &str) -> Installation {
    let locale = directory.join(format!("{language}.UTF-8"));
    let mut localedef = Command::new("localedef");
    // Debian calls some of its own definitions doubtful, which is told by the status alone.
    let made = localedef.args(["-c", "-i", language, "-f", "UTF-8"]).arg(&locale).output().unwrap();
    assert!(locale.join("LC_MONETARY").exists(), "{}", String::from_utf8_lossy(&made.stderr));
    let line = format!("LOCPATH='{}' exec \"$@\"", directory.display());
    started_by(installation, directory, &line)
}

/// An installation whose server sees a volume of so many MiB at `volume` below the directory. Nobody else sees it.
pub fn with_volume(installation: &Installation, directory: &Path, mebibytes: u32) -> Installation {
    let volume = directory.join("volume");
    fs::create_dir(&volume).unwrap();
    // Only root may mount, and the server refuses to be root.
    let line = format!(
        "exec unshare --user --map-root-user --mount -- sh -c 'mount -t tmpfs -o size={mebibytes}m,mode=700 volume \
         \"$0\" && exec unshare --user --map-user=65534 --map-group=65534 -- setpriv --pdeathsig=QUIT \"$@\"' '{}' \"$@\"",
        volume.display()
    );
    started_by(installation, directory, &line)
}

/// The installation with a server that a line of shell starts; its arguments are the program and the program's own.
fn started_by(installation: &Installation, directory: &Path, line: &str) -> Installation {
    let bin = directory.join("bin");
    fs::create_dir(&bin).unwrap();
    for (program, line) in [("postgres", line), ("initdb", "exec \"$@\"")] {
        let (script, own) = (bin.join(program), installation.server(program));
        fs::write(&script, format!("#!/bin/sh\nset -- '{}' \"$@\"\n{line}\n", own.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    }
    Installation { bin, ..installation.clone() }
}
