//! Which pg_dump: the smallest major version that is not older than the server's.

use std::{
    collections::HashMap,
    env,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use tokio::{process::Command, sync::Mutex, time::timeout};

/// Where Debian's packages, and so the image, put one directory per major version.
const INSTALLED: &str = "/usr/lib/postgresql";
/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// The major version of each program that was asked for it. They are installed before this process begins, and the check
/// of a source asks what its backup will ask again.
static KNOWN: LazyLock<Mutex<HashMap<PathBuf, u32>>> = LazyLock::new(Mutex::default);

/// A pg_dump that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpClient {
    pub major: u32,
    pub program: PathBuf,
}

impl DumpClient {
    /// The one for a server of this major version.
    ///
    /// # Errors
    /// All that are here are older: the newest of them, if there is any.
    pub async fn for_server(major: u32) -> Result<Self, Option<u32>> {
        let mut newest = None;
        let mut best: Option<Self> = None;
        for program in candidates() {
            let Some(found) = known(&program).await else { continue };
            newest = newest.max(Some(found));
            if found >= major && best.as_ref().is_none_or(|best| found < best.major) {
                best = Some(Self { major: found, program });
            }
            // None fits better than this one, and asking each takes as long as a small backup.
            if found == major {
                break;
            }
        }
        best.ok_or(newest)
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = std::fs::read_dir(INSTALLED)
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    directories.sort();
    directories.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    directories
        .iter()
        .map(|directory| directory.join("pg_dump"))
        .filter(|program| program.is_file())
        .collect()
}

async fn known(program: &Path) -> Option<u32> {
    let mut known = KNOWN.lock().await;
    if let Some(major) = known.get(program) {
        return Some(*major);
    }
    let major = major_of(program).await?;
    known.insert(program.to_owned(), major);
    Some(major)
}

async fn major_of(program: &Path) -> Option<u32> {
    let mut command = Command::new(program);
    command.arg("--version").env_clear().kill_on_drop(true);
    let output = timeout(VERSION_TIMEOUT, command.output()).await.ok()?.ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// The major version in `pg_dump (PostgreSQL) 15.18 (Debian 15.18-1)`.
fn major(text: &str) -> Option<u32> {
    let version = text.strip_prefix("pg_dump (PostgreSQL) ")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_with_whatever_stands_behind_them() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("pg_dump (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(major("pg_dump: command not found"), None);
    }
}
