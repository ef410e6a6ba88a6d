//! The commands for people. They need no cluster, and are how data are saved when there is none left.
//!
//! ```text
//! location, aws, server, identity    what the command line and the environment name
//! session, points, running           an open vault, a point of it, a run on it
//! output, progress, problem, exit    what is told
//! ```
//!
//! Every other file is one command.

mod aws;
mod azure;
mod backup;
mod databases;
mod doctor;
mod environment;
mod exit;
mod files;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod google;
mod grants;
mod identity;
mod ini;
mod jobs;
mod keygen;
mod list;
mod location;
pub(in crate::command) mod output;
mod points;
mod policy;
mod problem;
pub(in crate::command) mod progress;
mod recovery_kit;
mod restore;
mod running;
mod selection;
mod server;
mod session;
mod show;
mod vault_init;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use environment::Environment;
pub use exit::Exit;
use output::Format;
use problem::Problem;
use vault_init::VaultCommand;

/// The commands for people, in the order in which a person meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    Keygen(keygen::Arguments),
    /// Work on a vault as a whole.
    #[command(subcommand)]
    Vault(VaultCommand),
    RecoveryKit(recovery_kit::Arguments),
    Doctor(doctor::Arguments),
    Grants(grants::Arguments),
    Backup(Box<backup::Arguments>),
    List(list::Arguments),
    Jobs(jobs::Arguments),
    Show(show::Arguments),
    Verify(verify::Arguments),
    Restore(Box<restore::Arguments>),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
}

/// Does what the command says, and tells how it ended.
pub async fn run(command: Command) -> ExitCode {
    let environment = Environment::of_process();
    let (format, ended) = dispatch(&command, &environment).await;
    match ended {
        Ok(exit) => exit.into(),
        Err(problem) => {
            problem.tell(format);
            problem.exit().into()
        }
    }
}

async fn dispatch(command: &Command, environment: &Environment) -> (Format, Result<Exit, Problem>) {
    match command {
        Command::Keygen(arguments) => (Format::Table, keygen::run(arguments)),
        Command::Vault(VaultCommand::Init(arguments)) => {
            (arguments.output.format, vault_init::run(arguments, environment).await)
        }
        Command::RecoveryKit(arguments) => {
            (arguments.output.format, recovery_kit::run(arguments, environment).await)
        }
        Command::Doctor(arguments) => (arguments.output.format, doctor::run(arguments, environment).await),
        Command::Grants(arguments) => (Format::Table, grants::run(arguments, environment).await),
        Command::Backup(arguments) => (arguments.output.format, backup::run(arguments, environment).await),
        Command::List(arguments) => (arguments.output.format, list::run(arguments, environment).await),
        Command::Jobs(arguments) => (arguments.output.format, jobs::run(arguments, environment).await),
        Command::Show(arguments) => (arguments.output.format, show::run(arguments, environment).await),
        Command::Verify(arguments) => (arguments.output.format, verify::run(arguments, environment).await),
        Command::Restore(arguments) => (arguments.output.format, restore::run(arguments, environment).await),
        Command::Policy(command) => (policy::format(command), policy::run(command)),
    }
}

/// Tells what is wrong with the command line, or what was asked of it (`--help`, `--version`).
pub fn refuse_usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to be told when the terminal is closed.
    let _closed = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
