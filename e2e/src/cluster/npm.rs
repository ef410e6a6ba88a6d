//! Programs that come as npm packages.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Error, command, packages};

/// Installs packages, none of whose scripts is run, in exactly the versions of a lock file, into the directory `place`.
///
/// # Errors
/// [`Error::Command`] if npm, or apt-get where there is no npm yet, fails; [`Error::File`] if `place` cannot be written to.
pub fn install(place: &Path, package: &str, lock: &str) -> Result<(), Error> {
    packages::ensure_program("npm", "npm")?;
    for (name, content) in [("package.json", package), ("package-lock.json", lock)] {
        let file = place.join(name);
        fs::write(&file, content).map_err(Error::file("write", &file))?;
    }
    let mut npm = Command::new("npm");
    npm.current_dir(place).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
    command::run(&mut npm).map(drop).map_err(Error::command("install npm packages"))
}
