//! `coffer policy simulate`: the points that a policy would make, with their tags and ends.

use jiff::Timestamp;
use policy::Zone;
use policy::simulate::{self, Row, Rule};

use super::super::exit::Exit;
use super::super::output::{OutputOption, Table};
use super::super::problem::Problem;
use super::times::{self, Range};
use super::{PolicyError, source};
use crate::controller::policy::ParsedPolicy;

/// The most rows of one answer: an hourly schedule over twenty years.
const MOST_ROWS: usize = 200_000;

const AFTER_HELP: &str = "\
Examples:
  coffer policy simulate policy.yaml --from 2026-01-01 --to 2026-03-01
  coffer policy simulate policy.yaml --from 2026-01-01 --to 2027-01-01 --fail Weekly@2026-01-03T20:00 -o jsonl
  kubectl get bpol weekly -n backups -o yaml | coffer policy simulate - --from 2026-01-01 --to 2026-02-01";

/// Show the points that a policy would make: every slot with its tag and when it expires.
///
/// Every backup starts and succeeds at its slot, except those of --fail, and nothing was backed up before --from: so the
/// first point is also the first of its year, month and week. Slots of several rules at one instant are one backup. Points
/// that `keepAtLeast`, a hold or a suspended protection keeps for longer are shown with the end that they carry.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// A file with one BackupPolicy, or with the `spec` of one, as YAML or JSON; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The first day (2026-01-01) or time (2026-01-01T20:00, or with an offset or Z). Without an offset it is in the rules'
    /// time zone, or in UTC if they have several.
    #[arg(long, value_name = "DATE")]
    pub from: String,
    /// The first day or time that is left out.
    #[arg(long, value_name = "DATE")]
    pub to: String,
    /// Let the backup of this slot fail; may be given several times. A time without an offset is in the rule's zone, and a
    /// day stands for all its slots.
    #[arg(long, value_name = "RULE@SLOT")]
    pub fail: Vec<String>,
    #[command(flatten)]
    pub output: OutputOption,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let text = source::read(&arguments.file)?;
    let policy = Policy::read(&arguments.file, &text)?;
    let rows = policy.rows(&arguments.from, &arguments.to, &arguments.fail)?;
    arguments
        .output
        .print_list(&rows, |rows| rows.as_slice(), |rows| policy.table(rows))
        .map_err(Problem::Output)?;
    Ok(Exit::Done)
}

/// What the walk needs of a policy.
struct Policy {
    rules: Vec<Rule>,
    retention: policy::tag::Retention,
}

impl Policy {
    fn read(file: &str, text: &str) -> Result<Self, PolicyError> {
        let spec = source::policy(file, text)?;
        let parsed = ParsedPolicy::parse(&spec)
            .map_err(|fault| PolicyError::Fault { file: source::shown(file), fault })?;
        let rule =
            |rule: crate::controller::policy::ParsedRule| Rule { name: rule.name, schedule: rule.schedule };
        Ok(Self { rules: parsed.rules.into_iter().map(rule).collect(), retention: parsed.retention })
    }

    fn rows(&self, from: &str, to: &str, fail: &[String]) -> Result<Vec<Row>, PolicyError> {
        let range = Range::parse(from, to, &self.rules)?;
        let failed = times::failures(fail, &self.rules, range)?;
        let walk = simulate::simulate(&self.rules, &self.retention, range.from, range.to, &failed);
        let rows: Vec<Row> = walk.take(MOST_ROWS + 1).collect();
        if rows.len() > MOST_ROWS {
            return Err(PolicyError::TooMany { most: MOST_ROWS });
        }
        Ok(rows)
    }

    /// Times as the wall of the rule's zone shows them.
    fn table(&self, rows: &[Row]) -> String {
        if rows.is_empty() {
            return "no backup is due and succeeds in this time\n".to_owned();
        }
        let mut table = Table::new(["SLOT", "RULE", "TAG", "EXPIRES", "ALSO FOR", "WHY"]);
        for row in rows {
            let zone = self.rules.iter().find(|rule| rule.name == row.rule).map(|rule| rule.schedule.zone());
            table.row([
                on_wall(row.slot, zone),
                row.rule.clone(),
                row.tag.clone(),
                on_wall(row.expires, zone),
                if row.merged_rules.is_empty() { "-".to_owned() } else { row.merged_rules.join(", ") },
                row.reason.clone(),
            ]);
        }
        table.text()
    }
}

fn on_wall(time: Timestamp, zone: Option<&Zone>) -> String {
    let zone = zone.map_or(jiff::tz::TimeZone::UTC, |zone| zone.time_zone().clone());
    time.to_zoned(zone).strftime("%a %F %H:%M %:z").to_string()
}

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
