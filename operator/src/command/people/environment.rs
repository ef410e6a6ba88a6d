//! The environment variables and files that database and storage clients usually read, as a value.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The variables of the process, taken once. Tests make their own.
#[derive(Default)]
pub struct Environment {
    variables: HashMap<String, String>,
}

impl Environment {
    /// The variables of this process; those that are not UTF-8 are none of ours.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables }
    }

    /// A variable; an empty one counts as absent, as it does for libpq.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A path below the home directory; `None` when there is no home.
    pub fn in_home(&self, path: &str) -> Option<PathBuf> {
        Some(Path::new(self.get("HOME")?).join(path))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { variables: pairs.into_iter().map(own).collect() }
    }
}

/// The text of a file; `None` when there is no such file.
///
/// # Errors
/// When the file is there and cannot be read as text.
pub fn read_if_present(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
