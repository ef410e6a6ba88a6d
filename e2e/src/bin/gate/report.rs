//! What the stages found: counted, timed, printed.

use std::error::Error;
use std::fs;
use std::process::Command;
use std::time::Duration;

use e2e::features::Features;

use crate::command::{self, CommandError, Tally};
use crate::stages::Context;

/// One stage's outcome.
pub struct StageResult {
    name: &'static str,
    took: Duration,
    tally: Tally,
}

impl StageResult {
    /// A stage that broke off counts as one failure beside those it had counted.
    pub fn new(name: &'static str, took: Duration, outcome: Result<Tally, CommandError>) -> Self {
        let tally = match outcome {
            Ok(tally) => tally,
            Err(CommandError::Failed { tally, .. }) if tally.failed > 0 => tally,
            Err(CommandError::Failed { tally, .. }) => Tally { failed: 1, ..tally },
            Err(_) => Tally { failed: 1, ..Tally::default() },
        };
        Self { name, took, tally }
    }
}

/// All stages' outcomes, in order.
#[derive(Default)]
pub struct Report {
    stages: Vec<StageResult>,
}

impl Report {
    pub fn add(&mut self, stage: StageResult) {
        self.stages.push(stage);
    }

    pub fn has_failed(&self, name: &str) -> bool {
        self.stages.iter().any(|stage| stage.name == name && stage.tally.failed > 0)
    }

    pub fn failed(&self) -> u64 {
        self.stages.iter().map(|stage| stage.tally.failed).sum()
    }

    fn passed(&self) -> u64 {
        self.stages.iter().map(|stage| stage.tally.passed).sum()
    }

    /// Minutes per stage, what stages noted, then the plain line that ends every run.
    pub fn print(&self, notes: &str) {
        println!("\n{}\n{notes}", self.table());
        println!("{} passed, {} failed", self.passed(), self.failed());
    }

    /// Leaves the counts beside the commit they belong to.
    pub fn write_results(&self, context: &Context) -> Result<(), Box<dyn Error>> {
        let root = &context.root;
        let commit = command::output(Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root));
        let rows = Features::read(root)?.results(&context.outcomes());
        let commit = commit.unwrap_or_default();
        let text = format!(
            "# Results of `cargo gate --full`\n\nCommit {}.\n\n{}\n{}{} passed, {} failed\n\n{rows}",
            commit.trim(),
            self.table(),
            as_list(&context.notes()),
            self.passed(),
            self.failed()
        );
        Ok(fs::write(root.join("e2e/RESULTS.md"), text)?)
    }

    fn table(&self) -> String {
        let mut text = String::from("| stage | minutes | passed | failed |\n|---|---:|---:|---:|\n");
        for stage in &self.stages {
            text += &format!(
                "| {} | {:.1} | {} | {} |\n",
                stage.name,
                stage.took.as_secs_f64() / 60.0,
                stage.tally.passed,
                stage.tally.failed
            );
        }
        let total: Duration = self.stages.iter().map(|stage| stage.took).sum();
        text +=
            &format!("| all | {:.1} | {} | {} |\n", total.as_secs_f64() / 60.0, self.passed(), self.failed());
        text
    }
}

/// The lines as a list in Markdown.
fn as_list(notes: &str) -> String {
    let items: String = notes.lines().map(|line| format!("- {line}\n")).collect();
    if items.is_empty() { items } else { items + "\n" }
}
