//! The commands for people. They need no cluster, and are how data are saved when there is none left.

mod aws;
mod bar;
mod environment;
mod exit;
mod identity;
mod ini;
mod location;
mod output;
mod problem;
mod server;

use std::process::ExitCode;

pub use exit::Exit;

/// Tells what is wrong with the command line, or what was asked of it (`--help`, `--version`).
pub fn refuse_usage(error: &clap::Error) -> ExitCode {
    // Nobody is left to be told when the terminal is closed.
    let _closed = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}
