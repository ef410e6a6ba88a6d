//! `coffer mover`: does the one run that its assignment describes, and leaves a report.
//!
//! ```text
//! assignment   what to do, read once
//! stopping     SIGTERM and the deadline
//! remote       the keeper, over pinned HTTPS
//! work         check, back up or restore
//! ```

mod assignment;
mod remote;
mod stopping;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use ::mover::clock::Clock;
use ::mover::progress::ProgressSink;
use contract::{Assignment, Exit, Failure, FailureCode, Outcome, Report, VERSION, files};
use jiff::SignedDuration;

use stopping::Stopping;

/// Flags of the mover. A pod needs none.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The assignment.
    #[arg(value_name = "FILE", default_value = files::ASSIGNMENT)]
    assignment: PathBuf,
    /// Where the report goes.
    #[arg(long, value_name = "FILE", default_value = files::TERMINATION_MESSAGE)]
    report: PathBuf,
}

/// Does the run. The exit code is for the case that the report is lost.
pub async fn run(arguments: Arguments, obeys_test_clock: bool) -> ExitCode {
    let assignment = match assignment::read(&arguments.assignment) {
        Ok(assignment) => assignment,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "the assignment cannot be used");
            return exit(Exit::BadAssignment);
        }
    };
    let report = carry_out(&assignment, obeys_test_clock).await;
    let code = code(&report.outcome);
    tracing::info!(run = %report.run, attempt = report.attempt, outcome = ?report.outcome, code = code as u8, "run ended");
    if let Err(error) = leave(&report, &arguments.report) {
        tracing::error!(%error, path = %arguments.report.display(), "failed to leave the report");
    }
    exit(code)
}

async fn carry_out(assignment: &Assignment, obeys_test_clock: bool) -> Report {
    tracing::info!(run = %assignment.run, attempt = assignment.attempt, deadline = %assignment.deadline, "run begins");
    // How far the run lives ahead of the wall clock. What is shipped does not believe anybody about that.
    let ahead = if obeys_test_clock { assignment.clock_offset_seconds } else { 0 };
    let clock = Clock::system(SignedDuration::from_secs(ahead));
    let sink = ProgressSink::new(assignment.attempt);
    let stopping = Stopping::new(assignment.deadline, clock.clone());
    let (outcome, warnings) = stopping.watch(work::work(assignment, &stopping, &sink, &clock)).await;
    Report {
        version: VERSION,
        run: assignment.run.clone(),
        attempt: assignment.attempt,
        started: sink.now().started,
        outcome,
        warnings,
    }
}

fn code(outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Stored { .. } | Outcome::Restored { .. } | Outcome::Checked(_) | Outcome::Verified(_) => {
            Exit::Done
        }
        Outcome::Failed(Failure { code: FailureCode::LostRace, .. }) => Exit::LostRace,
        Outcome::Failed(failure) if failure.code.is_retryable() => Exit::Retryable,
        Outcome::Failed(_) => Exit::Permanent,
    }
}

fn exit(code: Exit) -> ExitCode {
    ExitCode::from(code as u8)
}

/// The termination message is a file that Kubernetes made; it may not be replaced by another one, only written.
fn leave(report: &Report, path: &Path) -> io::Result<()> {
    fs::write(path, report.to_termination_message())
}

#[cfg(test)]
mod tests {
    use contract::{CheckReport, Stage};

    use super::*;

    fn failed(code: FailureCode) -> Outcome {
        Outcome::Failed(Failure { code, stage: Stage::Data, message: String::new(), cause: None })
    }

    #[test]
    fn exit_codes_tell_what_another_attempt_can_do() {
        let checked = CheckReport {
            items: Vec::new(),
            server_version: None,
            datasource_id: None,
            relations: None,
            size_bytes: None,
            missing_grants: Vec::new(),
        };
        for (outcome, expected) in [
            (Outcome::Checked(checked), Exit::Done),
            (failed(FailureCode::ConnectionLost), Exit::Retryable),
            (failed(FailureCode::AuthenticationFailed), Exit::Permanent),
            (failed(FailureCode::Cancelled), Exit::Permanent),
            (failed(FailureCode::LostRace), Exit::LostRace),
        ] {
            assert_eq!(code(&outcome), expected, "{outcome:?}");
        }
    }
}
