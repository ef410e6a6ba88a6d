//! Runs a program to its end, so that a failure says which program, with what, and what it wrote.

use std::io;
use std::process::{Command, ExitStatus, Output};

/// How many lines of a failed program's output an error carries.
const TAIL_LINES: usize = 15;

/// A program that could not be run to a good end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program is missing or may not be started.
    #[error("failed to start `{line}`")]
    Start {
        /// The program and its arguments.
        line: String,
        /// Why it could not be started.
        source: io::Error,
    },
    /// The program ended with another status than zero.
    #[error("`{line}` ended with {status}:\n{tail}")]
    Ended {
        /// The program and its arguments.
        line: String,
        /// Its status.
        status: ExitStatus,
        /// The last lines that it wrote.
        tail: String,
    },
}

/// Runs `command` to its end and returns what it wrote to its standard output.
///
/// # Errors
/// [`Error::Start`] and [`Error::Ended`].
pub fn run(command: &mut Command) -> Result<String, Error> {
    let line = line(command);
    let output = command.output().map_err(|source| Error::Start { line: line.clone(), source })?;
    finish(line, &output)
}

/// As [`run`], for programs that take long, without holding up the runtime.
///
/// # Errors
/// [`Error::Start`] and [`Error::Ended`].
pub async fn run_async(command: Command) -> Result<String, Error> {
    let line = line(&command);
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|source| Error::Start { line: line.clone(), source })?;
    finish(line, &output)
}

/// The last `count` lines of `text`.
#[must_use]
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn finish(line: String, output: &Output) -> Result<String, Error> {
    let written = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(written);
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let text = if complaint.trim().is_empty() { written.as_str() } else { &complaint };
    Err(Error::Ended { line, status: output.status, tail: tail(text, TAIL_LINES) })
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_the_command_and_the_end_of_what_it_wrote() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 40 >&2; exit 3"]);
        let message = run(&mut command).unwrap_err().to_string();
        assert!(message.contains("seq 1 40"), "{message}");
        assert!(message.ends_with("39\n40"), "{message}");
        assert!(!message.contains("\n25\n"), "{message}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let message = run(&mut Command::new("no-such-program")).unwrap_err().to_string();
        assert_eq!(message, "failed to start `no-such-program`");
    }
}
