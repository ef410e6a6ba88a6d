//! Where PostgreSQL's programs are.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Directories of further installations, separated by `:`. Those without clients are servers only.
const EXTRA: &str = "COFFER_TEST_POSTGRES";
/// Where Debian and its derivatives put them.
const DEBIAN: &str = "/usr/lib/postgresql";
/// What most tests run on: Debian 12's.
const USUAL: u32 = 15;

/// One major version's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub major: u32,
    /// Where `postgres` and `initdb` are.
    pub bin: PathBuf,
    /// Where `psql` and `pg_dump` are: of the same major, else of the next newer one.
    pub clients: PathBuf,
}

impl Installation {
    /// Every major version that has a server here, the oldest first. There is at least one: a test without a server proves
    /// nothing, so it fails and says what is missing.
    pub fn all() -> Vec<Self> {
        let clients = majors("pg_dump");
        let servers = majors("postgres");
        assert!(
            !servers.is_empty() && !clients.is_empty(),
            "no PostgreSQL server found: install postgresql, or name its bin directory in {EXTRA}"
        );
        let clients_for = |major| {
            let next = clients.range(major..).next().or_else(|| clients.last_key_value());
            next.map(|(_, bin)| bin.clone()).unwrap_or_default()
        };
        servers.into_iter().map(|(major, bin)| Self { major, bin, clients: clients_for(major) }).collect()
    }

    /// Those that have clients of their own.
    pub fn with_clients() -> Vec<Self> {
        let clients = majors("pg_dump");
        Self::all().into_iter().filter(|one| clients.contains_key(&one.major)).collect()
    }

    /// The one that most tests run on.
    pub fn usual() -> Self {
        let mut all = Self::all();
        let at = all.iter().position(|one| one.major >= USUAL).unwrap_or(all.len() - 1);
        all.swap_remove(at)
    }

    /// Those newer than the usual one.
    pub fn newer() -> Vec<Self> {
        let usual = Self::usual().major;
        Self::all().into_iter().filter(|one| one.major > usual).collect()
    }

    pub fn server(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    pub fn client(&self, name: &str) -> PathBuf {
        self.clients.join(name)
    }
}

/// The directories with a program, by its major version; of equal ones the last that is named.
fn majors(program: &str) -> BTreeMap<u32, PathBuf> {
    let debian = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let debian = debian.map(|directory| directory.path().join("bin"));
    let extra = env::var_os(EXTRA).unwrap_or_default();
    let found = debian.chain(env::split_paths(&extra));
    found.filter_map(|bin| Some((major(&bin.join(program))?, bin))).collect()
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-1)`.
fn major(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let version = text.split_whitespace().find(is_version)?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
