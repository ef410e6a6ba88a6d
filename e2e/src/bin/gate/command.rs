//! Running a program, showing what it prints, and counting the tests that it says it ran.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::ops::AddAssign;
use std::process::{Command, Stdio};

use thiserror::Error;

/// Checks that held and checks that did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// A check that is not a test runner, and held.
    pub const ONE: Self = Self { passed: 1, failed: 0 };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

#[derive(Debug, Error)]
pub enum CommandError {
    #[error("failed to start `{program}`: {source}")]
    Start { program: String, source: std::io::Error },
    #[error("failed to read what `{program}` prints: {source}")]
    Read { program: String, source: std::io::Error },
    #[error("`{line}` ended with {status}")]
    Failed { line: String, status: String, tally: Tally },
    #[error("`{line}` ran no test")]
    NothingRan { line: String },
    #[error("{0}")]
    Other(String),
}

impl From<e2e::cluster::cache::Error> for CommandError {
    fn from(error: e2e::cluster::cache::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// Runs a program that is one check: it holds when the program ends with 0.
pub fn check(command: &mut Command) -> Result<Tally, CommandError> {
    run(command, |_| {})?;
    Ok(Tally::ONE)
}

/// Runs a test runner and counts by its closing lines. A run of no test at all is a failure.
pub fn test(command: &mut Command) -> Result<Tally, CommandError> {
    test_each(command, |_, _| {})
}

/// The same, and tells of each test that the runner names whether it passed. One that is quiet names none.
pub fn test_each(command: &mut Command, mut each: impl FnMut(&str, bool)) -> Result<Tally, CommandError> {
    let tally = run(command, |line| {
        if let Some((name, passed)) = ended(line) {
            each(name, passed);
        }
    })?;
    if tally == Tally::default() {
        return Err(CommandError::NothingRan { line: line_of(command) });
    }
    Ok(tally)
}

/// Runs a test runner out of sight, and gives what it printed. For those who run several at a time.
pub fn test_unseen(command: &mut Command) -> (String, Result<Tally, CommandError>) {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(source) => return (String::new(), Err(CommandError::Start { program, source })),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut tally = Tally::default();
    for counted in text.lines().filter_map(test_result) {
        tally += counted;
    }
    let line = line_of(command);
    let outcome = match output.status {
        status if !status.success() => Err(CommandError::Failed { line, status: status.to_string(), tally }),
        _ if tally == Tally::default() => Err(CommandError::NothingRan { line }),
        _ => Ok(tally),
    };
    (text + &String::from_utf8_lossy(&output.stderr), outcome)
}

/// A program's standard output as text; what it complains about goes straight through.
pub fn output(command: &mut Command) -> Result<String, CommandError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| CommandError::Start { program, source })?;
    if !output.status.success() {
        let (line, status) = (line_of(command), output.status.to_string());
        return Err(CommandError::Failed { line, status, tally: Tally::default() });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Standard output is shown as it comes and read for `test result:` lines; standard error goes straight through.
fn run(command: &mut Command, mut each_line: impl FnMut(&str)) -> Result<Tally, CommandError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| CommandError::Start { program: program.clone(), source })?;
    let mut tally = Tally::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|source| CommandError::Read { program: program.clone(), source })?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            each_line(&line);
            if let Some(counted) = test_result(&line) {
                tally += counted;
            }
        }
    }
    let status = child.wait().map_err(|source| CommandError::Read { program, source })?;
    if status.success() {
        Ok(tally)
    } else {
        Err(CommandError::Failed { line: line_of(command), status: status.to_string(), tally })
    }
}

/// Reads `test retention::row_a37_counted_once ... ok` of Rust's test runner; one that was left out has not ended.
fn ended(line: &str) -> Option<(&str, bool)> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match outcome.split_whitespace().next()? {
        "ok" => Some((name, true)),
        "FAILED" => Some((name, false)),
        _ => None,
    }
}

/// Reads `test result: ok. 12 passed; 0 failed; …` of Rust's test runner, and the plain `12 passed, 0 failed`.
fn test_result(line: &str) -> Option<Tally> {
    let counts = match line.strip_prefix("test result: ") {
        Some(rest) => rest.split_once(". ")?.1,
        None => line,
    };
    let mut parts = counts.split([';', ',']).map(str::trim);
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some(Tally { passed, failed })
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_test_runners_are_counted_and_others_are_not() {
        let counted = |line| test_result(line).map(|tally| (tally.passed, tally.failed));
        assert_eq!(counted("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured"), Some((12, 0)));
        assert_eq!(counted("test result: FAILED. 3 passed; 2 failed; 0 ignored"), Some((3, 2)));
        assert_eq!(counted("7 passed, 0 failed"), Some((7, 0)));
        assert_eq!(counted("test tests::it_passed ... ok"), None);
        assert_eq!(counted("12 tests passed, none failed"), None);
    }

    #[test]
    fn each_test_that_ended_is_known_by_its_name() {
        assert_eq!(ended("test a::row_a37_counted_once ... ok"), Some(("a::row_a37_counted_once", true)));
        assert_eq!(ended("test a::b ... FAILED"), Some(("a::b", false)));
        assert_eq!(ended("test a::b ... ignored, long: a minute"), None);
        assert_eq!(ended("test result: ok. 12 passed; 0 failed; 1 ignored"), None);
    }

    #[test]
    fn a_runner_that_runs_nothing_fails() {
        assert!(matches!(test(&mut Command::new("true")), Err(CommandError::NothingRan { .. })));
        assert!(matches!(check(&mut Command::new("false")), Err(CommandError::Failed { .. })));
    }
}
