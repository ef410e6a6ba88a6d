//! `cargo gate`: everything that has to hold before a change lands, in the order of what is cheapest to find out.
//!
//! It installs and builds what it needs, prints the minutes of each stage, and ends with the line `N passed, N failed`.
//! `cargo gate --full` adds what is long and writes `e2e/RESULTS.md`. `cargo gate --only NAME` runs one stage, and with
//! `--only stories --story PART` a few of the stories.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod command;
mod report;
mod stages;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::report::{Report, StageResult};
use crate::stages::{Context, STAGES};

/// Check everything that has to hold before a change lands.
#[derive(Parser)]
#[command(name = "cargo gate")]
struct Arguments {
    /// Add what is long: size cases, exhaustive damage, million-run models, long stories. Writes e2e/RESULTS.md.
    #[arg(long)]
    full: bool,
    /// Run only these stages, by name.
    #[arg(long, value_name = "STAGE")]
    only: Vec<String>,
    /// Of the stories play only those whose names contain this.
    #[arg(long, value_name = "NAME")]
    story: Vec<String>,
    /// List the stages and what each is for.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for stage in STAGES {
            println!("{:10} {}", stage.name, stage.purpose);
        }
        return ExitCode::SUCCESS;
    }
    if let Some(unknown) = arguments.only.iter().find(|name| !STAGES.iter().any(|stage| stage.name == **name))
    {
        eprintln!("there is no stage `{unknown}`; `cargo gate --list` names them");
        return ExitCode::from(2);
    }
    let context = Context::new(arguments.full, arguments.story);
    let report = run(&context, &arguments.only);
    if arguments.full
        && let Err(error) = report.write_results(&context)
    {
        eprintln!("failed to write e2e/RESULTS.md: {error}");
        return ExitCode::FAILURE;
    }
    report.print(&context.notes());
    if report.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the stages in order. A failed stage does not hide what later ones would find, unless they stand on it.
fn run(context: &Context, only: &[String]) -> Report {
    let mut report = Report::default();
    for stage in STAGES {
        if !only.is_empty() && !only.iter().any(|name| name == stage.name) {
            continue;
        }
        if stage.needs.iter().any(|needed| report.has_failed(needed)) {
            println!("\n== {}: left out, since it stands on a stage that failed", stage.name);
            continue;
        }
        println!("\n== {}: {}", stage.name, stage.purpose);
        let begun = Instant::now();
        let outcome = (stage.run)(context);
        if let Err(error) = &outcome {
            println!("{}: {error}", stage.name);
        }
        report.add(StageResult::new(stage.name, begun.elapsed(), outcome));
    }
    report
}
