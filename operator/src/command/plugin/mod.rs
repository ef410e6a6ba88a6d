//! `kubectl coffer`: the commands for people who have a cluster. The same binary under the name `kubectl-coffer`.
//!
//! ```text
//! cluster, problem     which cluster, its answers, and what a refusal means
//! output, times        what is printed
//! job, follow, making  jobs of both kinds: how they stand, waiting for their end, making one
//! verdict              whether an instance is protected, from its status
//! ```
//!
//! Every other file is one command. Secrets are never read: what a command cannot see in a status it does not know.

mod backup;
mod cancel;
mod cluster;
mod doctor;
mod follow;
mod grants;
mod job;
mod list;
mod logs;
mod making;
mod output;
mod problem;
mod restore;
mod resume;
mod show_points;
mod status;
#[cfg(test)]
mod tests;
mod times;
mod undelete;
mod verdict;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use super::people::Exit;
use cluster::{Cluster, ClusterOptions};
use output::Screen;
use problem::Problem;

/// The name under which kubectl finds the plugin.
pub const NAME: &str = "kubectl-coffer";

const AFTER_HELP: &str = "\
A first look, a backup by hand, and a restore beside the original:

  kubectl coffer status -A
  kubectl coffer status orders -n shop
  kubectl coffer backup orders -n shop --wait
  kubectl coffer list orders -n shop
  kubectl coffer restore latest -n shop --instance orders --as orders_copy --credentials orders-owner --wait

When something is wrong:

  kubectl coffer doctor orders -n shop --revalidate
  kubectl coffer grants orders -n shop | psql postgresql://admin@db.example/orders
  kubectl coffer logs -f orders-20261122t0200z -n shop

Exit codes: 0 done, 1 failed, 2 usage, 3 something needs attention, 10 not reachable, 11 not allowed or refused
credentials, 12 integrity, 124 not ended in time. Secrets are never read. Without a cluster: `coffer --help`.";

/// Backups of PostgreSQL in this cluster: whether they run, what they made, and what to do.
#[derive(Debug, Parser)]
#[command(name = NAME, bin_name = "kubectl coffer", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct CommandLine {
    #[command(flatten)]
    cluster: ClusterOptions,
    #[command(subcommand)]
    command: Command,
}

/// The commands, in the order in which a person meets them.
#[derive(Debug, Subcommand)]
enum Command {
    Status(status::Arguments),
    Backup(backup::Arguments),
    List(list::Arguments),
    Restore(Box<restore::Arguments>),
    Logs(logs::Arguments),
    Cancel(cancel::Arguments),
    Doctor(doctor::Arguments),
    Grants(grants::Arguments),
    ShowPoints(show_points::Arguments),
    Undelete(undelete::Arguments),
    Resume(resume::Arguments),
}

/// What the exit codes say here, for the documentation.
pub const EXIT_CODES: [(Exit, &str); 8] = [
    (Exit::Done, "done; of `status` and `doctor`: all is well"),
    (
        Exit::Failed,
        "failed: the message says why. With `--wait` and of `logs -f`: the job ended badly. Also: there is no such object, \
         or Coffer is not installed",
    ),
    (
        Exit::Usage,
        "the command line cannot be meant so, the kubeconfig cannot be used, or the cluster refuses what was asked",
    ),
    (
        Exit::Warnings,
        "done, and something needs a person's eye: an instance of `status`, a check that warns, a job that is \
         CompletedWithWarnings, or that had ended well before it could be cancelled",
    ),
    (Exit::Unreachable, "the API server did not answer; of a job: database or storage did not"),
    (
        Exit::Credentials,
        "you may not do that, and the message names the right and the ClusterRole that has it; of a job: a password, a \
         storage credential or a key was refused",
    ),
    (Exit::Integrity, "of a job: stored or restored bytes are not what was promised"),
    (Exit::TimedOut, "`--timeout` passed first; what was waited for goes on"),
];

/// The command line, for the documentation.
pub fn described() -> clap::Command {
    CommandLine::command()
}

/// Reads the command line.
///
/// # Errors
/// What is wrong with it, or what was asked of it (`--help`, `--version`).
pub fn parse() -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse()
}

/// Does what the command says, and tells how it ended.
pub async fn run(line: CommandLine) -> ExitCode {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let terminal = err.is_terminal();
    let mut screen = Screen { out: &mut out, err: &mut err, terminal };
    let ended = match Cluster::connect(&line.cluster).await {
        Ok(cluster) => dispatch(&cluster, &line.command, &mut screen).await,
        Err(problem) => Err(problem),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(problem) => {
            problem.tell();
            problem.exit().into()
        }
    }
}

async fn dispatch(cluster: &Cluster, command: &Command, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    match command {
        Command::Status(arguments) => status::run(cluster, arguments, screen).await,
        Command::Backup(arguments) => backup::run(cluster, arguments, screen).await,
        Command::List(arguments) => list::run(cluster, arguments, screen).await,
        Command::Restore(arguments) => restore::run(cluster, arguments, screen).await,
        Command::Logs(arguments) => logs::run(cluster, arguments, screen).await,
        Command::Cancel(arguments) => cancel::run(cluster, arguments, screen).await,
        Command::Doctor(arguments) => doctor::run(cluster, arguments, screen).await,
        Command::Grants(arguments) => grants::run(cluster, arguments, screen).await,
        Command::ShowPoints(arguments) => show_points::run(cluster, arguments, screen).await,
        Command::Undelete(arguments) => undelete::run(cluster, arguments, screen).await,
        Command::Resume(arguments) => resume::run(cluster, arguments, screen).await,
    }
}
