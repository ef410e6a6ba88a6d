//! `cargo bench-peers`: how long backup and restore take beside what people use today, on this machine, in one run.
//!
//! Every round plays all contestants once, in an order that is shuffled by the seed, since a machine drifts by more than
//! what is to be told apart. Figures are medians; what counts are ratios. It installs the peers from Debian, starts a
//! PostgreSQL and an S3 server of its own, and writes `e2e/bench/RESULTS.md` and `results.json`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod contest;
mod data;
mod link;
mod machine;
mod measure;
mod processor;
mod report;
mod server;
mod shuffle;
mod store;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use contest::{Contest, Place};
use link::Link;
use measure::Measured;

/// Compare backup and restore with the tools that people use today.
#[derive(Parser)]
#[command(name = "cargo bench-peers")]
struct Arguments {
    /// Size of the data: 1 is 16 million rows, about 2.8 GB of tables.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// How often each contestant runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Draws the data and the order of the runs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Lanes of ours, and jobs of those peers that have such.
    #[arg(long, default_value_t = 2)]
    lanes: u16,
    /// Only these contests, such as P1.
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// Where the servers' data go; by default a new directory below /tmp.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Do not write the results into the source tree.
    #[arg(long)]
    dry: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    machine::install_peers()?;
    let coffer = machine::build_coffer()?;
    let scratch = match &arguments.directory {
        Some(directory) => tempfile::Builder::new().prefix("bench-").tempdir_in(directory)?,
        None => tempfile::Builder::new().prefix("coffer-bench-").tempdir_in("/tmp")?,
    };
    let postgres = server::Postgres::start(&scratch.path().join("postgres"))?;
    let bucket = store::Bucket::start(&scratch.path().join("s3"))?;
    println!("filling the databases (scale {}, seed {})", arguments.scale, arguments.seed);
    data::fill(&postgres, arguments.scale, arguments.seed)?;
    let place = Place {
        directory: scratch.path().join("work"),
        coffer,
        lanes: arguments.lanes,
        far: Link::start(postgres.port, Duration::from_millis(1))?,
        near: Link::start(postgres.port, Duration::ZERO)?,
        postgres,
        bucket,
        newest_dump: machine::newest_dump(scratch.path())?,
    };
    place.prepare()?;
    let contests: Vec<Contest> = contest::all(&place)
        .into_iter()
        .filter(|contest| arguments.only.is_empty() || arguments.only.iter().any(|id| *id == contest.id))
        .collect();
    let results = play(arguments, &place, &contests)?;
    let report = report::Report::new(arguments, &place, &contests, &results)?;
    print!("{}", report.markdown());
    if !arguments.dry {
        report.write(&e2e::source::root().join("e2e/bench"))?;
    }
    Ok(())
}

/// Of every contest, ours and the peer's measurements.
type Results = Vec<[Vec<Measured>; 2]>;

fn play(arguments: &Arguments, place: &Place, contests: &[Contest]) -> Result<Results, Box<dyn Error>> {
    let mut results: Results = contests.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    let mut order: Vec<(usize, usize)> =
        (0..contests.len()).flat_map(|contest| [(contest, 0), (contest, 1)]).collect();
    let mut random = shuffle::Random::new(arguments.seed);
    for round in 1..=arguments.rounds {
        random.shuffle(&mut order);
        for (contest, side) in &order {
            let runner = &contests[*contest].sides[*side];
            let measured = place.measure(runner)?;
            println!("round {round}: {} {}: {:.2} s", contests[*contest].id, runner.name, measured.seconds);
            results[*contest][*side].push(measured);
        }
    }
    Ok(results)
}
