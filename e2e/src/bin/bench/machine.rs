//! What has to be on the machine, and what machine it is.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::cluster::command;
use e2e::image;

/// A program of a peer, and the Debian package that brings it.
const PEERS: [(&str, &str); 7] = [
    ("age", "age"),
    ("aws", "awscli"),
    ("pgcopydb", "pgcopydb"),
    ("restic", "restic"),
    ("time", "time"),
    ("zstd", "zstd"),
    ("/usr/lib/postgresql/15/bin/initdb", "postgresql-15"),
];

/// Installs the peers that are missing.
pub fn install_peers() -> Result<(), Box<dyn Error>> {
    let is_there = |program: &str| {
        if program.starts_with('/') {
            return fs::exists(program).unwrap_or(false);
        }
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|directory| directory.join(program).is_file())
    };
    let missing: Vec<&str> =
        PEERS.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing {}", missing.join(", "));
    let mut install = Command::new("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "--yes", "--no-install-recommends"]);
    command::run(install.args(missing))?;
    Ok(())
}

/// The program as it is shipped.
pub fn build_coffer() -> Result<PathBuf, Box<dyn Error>> {
    Ok(e2e::world::prepare::Program::Shipped.build()?)
}

/// A pg_dump that knows zstd, which Debian 12's does not: the newest of those in Coffer's image, as the start of a command.
pub fn newest_dump(directory: &Path) -> Result<String, Box<dyn Error>> {
    let root = directory.join("clients");
    image::unpack_clients(&image::cache()?, &root)?;
    let root = root.display();
    Ok(format!(
        "{root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {root}/usr/lib/x86_64-linux-gnu \
         {root}/usr/lib/postgresql/18/bin/pg_dump"
    ))
}

/// What the figures were measured on, a line each.
pub fn described(newest_dump: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field(&cpu, "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let memory = field(&fs::read_to_string("/proc/meminfo")?, "MemTotal").unwrap_or_default();
    let mut lines = vec![format!("{cores} cores of {model}, {memory} of memory")];
    for (program, argument) in [
        ("/usr/lib/postgresql/15/bin/postgres", "--version"),
        ("/usr/lib/postgresql/15/bin/pg_dump", "--version"),
        ("age", "--version"),
        ("aws", "--version"),
        ("pgcopydb", "--version"),
        ("restic", "version"),
        ("zstd", "--version"),
    ] {
        let told = command::run(Command::new(program).arg(argument))?;
        let name = program.rsplit('/').next().unwrap_or(program);
        let first = told.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        lines.push(format!("{name}: {}", first.trim()));
    }
    let mut words = newest_dump.split_whitespace();
    let mut newest = Command::new(words.next().unwrap_or_default());
    lines.push(format!("the newest pg_dump: {}", command::run(newest.args(words).arg("--version"))?.trim()));
    Ok(lines)
}
