//! The figures, as a table for people and as JSON.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::contest::{Contest, Place};
use super::measure::{Measured, median};
use super::{Arguments, Results, machine};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    commit: String,
    scale: f64,
    seed: u64,
    rounds: usize,
    lanes: u16,
    database_bytes: u64,
    machine: Vec<String>,
    contests: Vec<Outcome>,
    figures: Vec<Figure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    id: &'static str,
    what: &'static str,
    ours: Side,
    theirs: Side,
    ratio: f64,
    goal: String,
    is_met: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    name: &'static str,
    command: String,
    median: Measured,
    runs: Vec<Measured>,
}

/// What the same runs say of something else than time.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Figure {
    id: &'static str,
    what: &'static str,
    value: f64,
    at_most: f64,
    is_met: bool,
}

impl Report {
    pub fn new(
        arguments: &Arguments,
        place: &Place,
        contests: &[Contest],
        results: &Results,
    ) -> Result<Self, Box<dyn Error>> {
        let mut git = std::process::Command::new("git");
        git.current_dir(e2e::source::root()).args(["describe", "--always", "--dirty"]);
        let size = place.postgres.sql("large", "SELECT pg_database_size('large')")?;
        let contests: Vec<Outcome> =
            contests.iter().zip(results).map(|(contest, runs)| outcome(contest, runs)).collect();
        Ok(Self {
            commit: e2e::cluster::command::run(&mut git)?.trim().to_owned(),
            scale: arguments.scale,
            seed: arguments.seed,
            rounds: arguments.rounds,
            lanes: arguments.lanes,
            database_bytes: size.parse()?,
            machine: machine::described(&place.newest_dump)?,
            figures: figures(&contests),
            contests,
        })
    }

    /// As people read it.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Side by side\n\nCommit {}, {} rounds, seed {}, {} lanes, data at scale {} ({} MB on the server). Medians; \
             processor is that of the contestant alone, then of PostgreSQL and of the S3 server for it; what all three take \
             together, divided by the seconds, is how many cores were busy. Memory is that of the contestant's largest \
             process.\n\n",
            self.commit,
            self.rounds,
            self.seed,
            self.lanes,
            self.scale,
            self.database_bytes / 1_000_000
        );
        for line in &self.machine {
            let _infallible = writeln!(text, "- {line}");
        }
        text += "\n| | what | who | s | CPU s | PostgreSQL's | S3's | cores busy | MiB | stored MB | ratio | goal | met |\n";
        text += "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|---|\n";
        for outcome in &self.contests {
            let (met, ratio) = (if outcome.is_met { "yes" } else { "no" }, outcome.ratio);
            let ours = row(&outcome.ours);
            let theirs = row(&outcome.theirs);
            let _infallible = writeln!(
                text,
                "| {} | {} | {ours} | {ratio:.2} | {} | {met} |\n| | | {theirs} | | | |",
                outcome.id, outcome.what, outcome.goal
            );
        }
        if !self.figures.is_empty() {
            text += "\n| | of the same runs | | goal | met |\n|---|---|--:|---|---|\n";
        }
        for Figure { id, what, value, at_most, is_met } in &self.figures {
            let met = if *is_met { "yes" } else { "no" };
            let _infallible = writeln!(text, "| {id} | {what} | {value:.2} | at most {at_most} | {met} |");
        }
        text += "\n## The commands\n\n";
        for outcome in &self.contests {
            for side in [&outcome.ours, &outcome.theirs] {
                let _infallible = writeln!(text, "- {} {}: `{}`", outcome.id, side.name, side.command);
            }
        }
        text
    }

    pub fn write(&self, directory: &Path) -> Result<(), Box<dyn Error>> {
        fs::write(directory.join("RESULTS.md"), self.markdown())?;
        fs::write(directory.join("results.json"), serde_json::to_string_pretty(self)? + "\n")?;
        Ok(())
    }
}

/// Size, processor and memory, as far as the contests that they come from were played.
fn figures(contests: &[Outcome]) -> Vec<Figure> {
    let medians = |id: &str| {
        let found = contests.iter().find(|contest| contest.id == id)?;
        Some((found.ours.median, found.theirs.median))
    };
    #[expect(clippy::cast_precision_loss, reason = "sizes are compared, not accounted")]
    let stored = |(ours, theirs): (Measured, Measured)| ours.stored_bytes as f64 / theirs.stored_bytes as f64;
    let memory = contests.iter().filter(|contest| contest.ours.name.starts_with("coffer"));
    let memory = memory.flat_map(|contest| &contest.ours.runs).map(|run| run.peak_mib).reduce(f64::max);
    let figure =
        |id, what, value: f64, at_most: f64| Figure { id, what, value, at_most, is_met: value <= at_most };
    [
        medians("P2")
            .map(|both| figure("P11", "stored bytes, ours / pg_dump's with zstd", stored(both), 1.03)),
        medians("P3")
            .map(|both| figure("P11", "stored bytes, ours / pg_dump's with gzip", stored(both), 0.95)),
        medians("P1").map(|(ours, theirs)| {
            figure("P12", "processor, ours / the pipeline's", ours.cpu_seconds / theirs.cpu_seconds, 0.5)
        }),
        memory.map(|peak| figure("P13", "most memory that ours ever had, MiB", peak, 128.0)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn outcome(contest: &Contest, runs: &[Vec<Measured>; 2]) -> Outcome {
    let [ours, theirs] = [0, 1].map(|at| Side {
        name: contest.sides[at].name,
        command: contest.sides[at].command.clone(),
        median: medians(&runs[at]),
        runs: runs[at].clone(),
    });
    let ratio = contest.goal.ratio(ours.median.seconds, theirs.median.seconds);
    let (goal, is_met) = (contest.goal.to_string(), contest.goal.is_met(ratio));
    Outcome { id: contest.id, what: contest.what, ours, theirs, ratio, goal, is_met }
}

fn medians(runs: &[Measured]) -> Measured {
    let mut stored: Vec<u64> = runs.iter().map(|run| run.stored_bytes).collect();
    stored.sort_unstable();
    Measured {
        seconds: median(runs.iter().map(|run| run.seconds)),
        cpu_seconds: median(runs.iter().map(|run| run.cpu_seconds)),
        postgres_cpu_seconds: median(runs.iter().map(|run| run.postgres_cpu_seconds)),
        store_cpu_seconds: median(runs.iter().map(|run| run.store_cpu_seconds)),
        peak_mib: median(runs.iter().map(|run| run.peak_mib)),
        stored_bytes: stored.get(stored.len().saturating_sub(1) / 2).copied().unwrap_or(0),
    }
}

fn row(side: &Side) -> String {
    let Measured { seconds, cpu_seconds, postgres_cpu_seconds, store_cpu_seconds, peak_mib, stored_bytes } =
        side.median;
    let busy = (cpu_seconds + postgres_cpu_seconds + store_cpu_seconds) / seconds;
    let stored = match stored_bytes {
        0 => String::new(),
        bytes => (bytes / 1_000_000).to_string(),
    };
    // A bar would end the cell.
    let name = side.name.replace('|', "→");
    format!(
        "{name} | {seconds:.2} | {cpu_seconds:.2} | {postgres_cpu_seconds:.2} | {store_cpu_seconds:.2} | {busy:.2} | \
         {peak_mib:.0} | {stored}"
    )
}
