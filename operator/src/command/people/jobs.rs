//! `coffer jobs`: how the jobs of a cluster have ended, as the vault's ledger has it.

use contract::Stage;
use jiff::{SignedDuration, Timestamp};
use mover::vault::{Access, EndedJob};
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::output::{OutputOption, Table};
use super::points::second;
use super::problem::Problem;
use super::session::{self, VaultArguments};

const AFTER_HELP: &str = "\
The objects of a cluster go by `jobHistory` of the policy, or with the cluster; the ledger keeps how they ended. What ended while the vault's keeper
did not answer is not in it.

Examples:
  coffer jobs --vault file:///backups --identity key.txt
  coffer jobs --vault file:///backups --identity key.txt --days 90 -o jsonl | jq 'select(.state != \"Completed\")'";

/// Show how BackupJobs and RestoreJobs have ended, newest first, also those whose objects are gone.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    pub vault: VaultArguments,
    /// How many days to look back.
    #[arg(long, value_name = "NUMBER", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=36_600))]
    pub days: u32,
    #[command(flatten)]
    pub output: OutputOption,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    /// When the ledger heard of it.
    ended: Timestamp,
    kind: String,
    namespace: String,
    name: String,
    uid: String,
    state: String,
    message: String,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let vault = session::open(&arguments.vault, environment, Access::ReadOnly).await?.vault;
    let back = SignedDuration::from_hours(24 * i64::from(arguments.days));
    let since = vault.clock().now().checked_sub(back).unwrap_or(Timestamp::MIN);
    let ended = vault.ended_jobs(Some(since)).await.map_err(|error| error.failure(Stage::Starting))?;
    let lines: Vec<Line> = ended.into_iter().map(line).collect();
    arguments.output.print_list(&lines, |lines| lines, |lines| text(lines)).map_err(Problem::Output)?;
    Ok(Exit::Done)
}

fn line(job: EndedJob) -> Line {
    let EndedJob { time, run, kind, namespace, name, state, message } = job;
    Line { ended: time, kind, namespace, name, uid: run.0, state, message }
}

fn text(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "no job has ended in that time\n".to_owned();
    }
    let mut table = Table::new(["ENDED", "KIND", "NAMESPACE", "NAME", "STATE", "MESSAGE"]);
    for line in lines {
        let Line { ended, kind, namespace, name, state, message, .. } = line;
        let [kind, namespace, name, state, message] =
            [kind, namespace, name, state, message].map(String::clone);
        table.row([second(*ended), kind, namespace, name, state, message]);
    }
    table.text()
}
