//! Reads the assignment: the only input of a mover.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use contract::{Assignment, VERSION};
use zeroize::Zeroizing;

/// Kubernetes keeps no larger Secret.
const LARGEST: u64 = 1024 * 1024;

/// Why there is nothing to do. No message repeats any part of the file: it holds passwords.
#[derive(Debug, thiserror::Error)]
pub enum AssignmentError {
    #[error("failed to read the assignment {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("the assignment {path} has more than {LARGEST} bytes")]
    TooLarge { path: PathBuf },
    #[error("failed to understand the assignment {path} at line {line}, column {column}")]
    Parse { path: PathBuf, line: usize, column: usize },
    #[error("the assignment is of version {found}, and this mover understands {VERSION} and the one before")]
    Version { found: u32 },
}

/// Reads it.
///
/// # Errors
/// Any [`AssignmentError`].
pub fn read(path: &Path) -> Result<Assignment, AssignmentError> {
    let failed = |source| AssignmentError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err(AssignmentError::TooLarge { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(Vec::new());
    File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut text)).map_err(failed)?;
    let assignment: Assignment = serde_json::from_slice(&text).map_err(|error| AssignmentError::Parse {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    let version = assignment.version;
    if version == VERSION || version.checked_add(1) == Some(VERSION) {
        Ok(assignment)
    } else {
        Err(AssignmentError::Version { found: version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(content: &[u8]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("assignment.json");
        fs::write(&path, content).unwrap();
        read(&path).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_assignment_is_refused_without_repeating_it() {
        let wrong_type = br#"{"version":1,"run":"r","attempt":"hunter2"}"#;
        assert!(!refused(wrong_type).contains("hunter2"));
        assert!(refused(wrong_type).contains("line 1"));
        assert!(refused(b"").contains("failed to understand"));
        assert!(refused(&vec![b' '; 1024 * 1024 + 1]).contains("more than"));
        let absent = read(Path::new("/nonexistent/assignment.json")).unwrap_err().to_string();
        assert!(absent.contains("/nonexistent/assignment.json"), "{absent}");
    }

    #[test]
    fn the_version_before_is_understood_and_the_next_is_not() {
        let text = |version: u32| {
            format!(
                r#"{{"version":{version},"run":"r","attempt":1,"clockOffsetSeconds":0,
                "deadline":"2026-11-21T00:00:00Z","task":{{"check":{{"source":{{"host":"h","port":1,"database":"d",
                "credentials":{{"connectionString":"x"}},"tls":{{"mode":"VerifyFull","ca":null,"client":null}}}}}}}}}}"#
            )
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("assignment.json");
        for (version, understood) in [(VERSION - 1, true), (VERSION, true), (VERSION + 1, false)] {
            fs::write(&path, text(version)).unwrap();
            assert_eq!(read(&path).is_ok(), understood, "{version}");
        }
    }
}
