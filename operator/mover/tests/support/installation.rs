//! Where PostgreSQL's programs are.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Directories of further installations, separated by `:`, each with `postgres` and `pg_dump` in it.
const EXTRA: &str = "COFFER_TEST_POSTGRES";
/// Where Debian and its derivatives put them.
const DEBIAN: &str = "/usr/lib/postgresql";

/// One major version's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub major: u32,
    pub bin: PathBuf,
}

impl Installation {
    /// Every major version that is here, the oldest first. There is at least one: a test without a server proves
    /// nothing, so it fails and says what is missing.
    pub fn all() -> Vec<Self> {
        let debian = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        let debian = debian.map(|directory| directory.path().join("bin"));
        let extra = env::var_os(EXTRA).unwrap_or_default();
        let found: BTreeMap<u32, Self> = debian
            .chain(env::split_paths(&extra))
            .filter_map(|bin| Self::at(&bin))
            .map(|installation| (installation.major, installation))
            .collect();
        assert!(
            !found.is_empty(),
            "no PostgreSQL server found: install postgresql, or name its bin directory in {EXTRA}"
        );
        found.into_values().collect()
    }

    /// The oldest one: what most tests run on.
    pub fn oldest() -> Self {
        Self::all().swap_remove(0)
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    fn at(bin: &Path) -> Option<Self> {
        let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version =
            text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        Some(Self { major: digits.parse().ok()?, bin: bin.to_owned() })
    }
}
