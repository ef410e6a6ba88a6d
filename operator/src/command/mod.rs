//! The command line: one word chooses what the process is. Everything below `people` works without any cluster; `plugin` is
//! what kubectl runs; `operator`, `keeper` and `mover` are started by Kubernetes.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

mod document;
mod expiry;
mod keeper;
mod logging;
mod mover;
mod operator;
pub(crate) mod people;
mod plugin;
mod release;
mod signals;
mod test_clock;

#[cfg(test)]
pub use keeper::in_process;

pub use document::{command_line_document, plugin_document};
pub use test_clock::{Raise, TestClock};

const AFTER_HELP: &str = "\
The commands for people need no cluster. A first backup and its restore:

  coffer keygen -o key.txt
  coffer vault init --vault file:///backups --recipient age1...
  coffer doctor  --source postgresql://app@db.example/app --vault file:///backups --identity key.txt
  coffer backup  --source postgresql://app@db.example/app --vault file:///backups --identity key.txt
  coffer list    --vault file:///backups --identity key.txt
  coffer restore --vault file:///backups --identity key.txt latest --target postgresql://postgres@db.example --as app_copy

Keep key.txt and the printed fingerprint somewhere safe: without the key no backup can be opened by anybody.

Exit codes: 0 done, 1 failed, 2 usage, 3 done with warnings, 10 not reachable, 11 refused credentials, 12 integrity.
COFFER_LOG=debug shows what is going on.";

/// Backs up PostgreSQL into encrypted object storage, and restores it.
#[derive(Debug, Parser)]
#[command(name = "coffer", after_help = AFTER_HELP, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    People(people::Command),
    /// Reconcile Coffer's kinds (runs in the cluster).
    #[command(hide = true)]
    Operator(operator::Arguments),
    /// Hold one vault's storage and keys (runs in the cluster).
    #[command(hide = true)]
    Keeper(keeper::Arguments),
    /// Do one run: check, back up or restore (runs in the cluster).
    #[command(hide = true)]
    Mover(mover::Arguments),
    /// Stop everything of Coffer in the cluster and take its finalizers away (runs before the chart is removed).
    #[command(hide = true)]
    Release(release::Arguments),
}

/// The whole process: reads the command line, does what it says, and tells how it ended. Without a test clock, as it is
/// shipped, the time is the machine's.
pub fn main(test_clock: Option<TestClock>) -> ExitCode {
    let process = match parse(std::env::args_os().next().as_deref(), test_clock) {
        Ok(process) => process,
        Err(error) => return people::refuse_usage(&error),
    };
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("no other provider is installed before main");
    match &process {
        Process::Plugin(_) | Process::Coffer(Command::People(_)) => logging::for_people(),
        Process::Coffer(
            Command::Operator(_) | Command::Keeper(_) | Command::Mover(_) | Command::Release(_),
        ) => logging::for_pods(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "failed to start the threads of the process");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(process, test_clock))
}

/// What the process is.
enum Process {
    Plugin(Box<plugin::CommandLine>),
    Coffer(Command),
}

/// `--version` tells the release, and whether the program obeys a test clock, which no shipped one may.
fn parse(program: Option<&OsStr>, test_clock: Option<TestClock>) -> Result<Process, clap::Error> {
    if is_plugin(program) {
        return plugin::parse().map(|line| Process::Plugin(Box::new(line)));
    }
    let version = match test_clock {
        Some(_) => concat!(env!("CARGO_PKG_VERSION"), " (test-clock: on)"),
        None => concat!(env!("CARGO_PKG_VERSION"), " (test-clock: off)"),
    };
    let line = CommandLine::from_arg_matches(&CommandLine::command().version(version).try_get_matches()?)?;
    Ok(Process::Coffer(line.command))
}

async fn run(process: Process, test_clock: Option<TestClock>) -> ExitCode {
    match process {
        Process::Plugin(line) => plugin::run(*line).await,
        Process::Coffer(Command::People(command)) => people::run(command).await,
        Process::Coffer(Command::Operator(arguments)) => operator::run(arguments, test_clock).await,
        Process::Coffer(Command::Keeper(arguments)) => keeper::run(arguments, test_clock.is_some()).await,
        Process::Coffer(Command::Mover(arguments)) => mover::run(arguments, test_clock.is_some()).await,
        Process::Coffer(Command::Release(arguments)) => release::run(arguments).await,
    }
}

fn is_plugin(program: Option<&OsStr>) -> bool {
    program.and_then(|path| Path::new(path).file_name()).is_some_and(|name| name == plugin::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
        plugin::described().debug_assert();
    }

    #[test]
    fn only_the_plugin_name_makes_a_plugin() {
        for (program, plugin) in [
            ("kubectl-coffer", true),
            ("/usr/local/bin/kubectl-coffer", true),
            ("/usr/bin/coffer", false),
            ("/opt/kubectl-coffer/coffer", false),
        ] {
            assert_eq!(is_plugin(Some(OsStr::new(program))), plugin, "{program}");
        }
    }
}
