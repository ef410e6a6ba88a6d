//! `cargo demo`: from an empty machine to a lost and restored database, with everything real.
//!
//! It boots a Kubernetes if there is none, installs the chart, starts PostgreSQL with data in it, takes a scheduled and an
//! on-demand backup while a workload writes, drops the database and brings it back. `cargo demo --down` removes it all.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod play;
mod size;
mod tell;

use std::process::ExitCode;

use clap::Parser;

use crate::size::Size;

/// Back up and restore a real database on a real Kubernetes, on this machine.
#[derive(Parser)]
#[command(name = "cargo demo")]
struct Arguments {
    /// How much data the database holds, such as 200MiB or 2GiB.
    #[arg(long, default_value = "1GiB")]
    size: Size,
    /// Keep the backups in an S3 bucket instead of a PersistentVolumeClaim.
    #[arg(long)]
    s3: bool,
    /// Remove everything that the demo left on this machine.
    #[arg(long, conflicts_with_all = ["size", "s3"])]
    down: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = if arguments.down { play::down() } else { play::play(arguments.size, arguments.s3) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error}");
            ExitCode::FAILURE
        }
    }
}
