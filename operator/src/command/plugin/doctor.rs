//! `kubectl coffer doctor`: every check of an instance, with what to do.

use std::time::Duration;

use crds::common::{Condition, ConditionType};
use crds::instance::{Check, CheckResult};
use crds::{BackupInstance, BackupInstanceStatus, annotations};
use jiff::Timestamp;
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::cluster::Cluster;
use super::output::{OutputOption, Screen, Shown, name_of};
use super::problem::Problem;
use super::times::{self, both};
use super::verdict::{action, find};
use crate::command::people::Exit;
use crate::command::people::output::{Table, printable, wrapped};

/// Between two looks while a round of checks is on its way.
const PERIOD: Duration = Duration::from_secs(2);
/// Letters of a line in the column that holds sentences.
const WIDTH: usize = 72;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer doctor orders -n shop                # what the last round of checks found
  kubectl coffer doctor orders -n shop --revalidate   # after something was mended: check again now, and wait for it";

/// Show every check of an instance with its result and what to do: server, TLS, log-in, rights, version.
///
/// The checks are made by a pod beside the vault, which connects as a backup does. The exit code is 0 when all passed, 3
/// with warnings or before the first round, 1 when one failed.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The BackupInstance.
    #[arg(value_name = "INSTANCE")]
    pub instance: String,
    /// Have everything checked again, and wait until it is.
    #[arg(long)]
    pub revalidate: bool,
    /// How long to wait for that.
    #[arg(long, value_name = "TIME", requires = "revalidate", default_value = "5m", value_parser = times::parse)]
    pub timeout: Duration,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let mut instance: BackupInstance = cluster.get(&cluster.namespace, &arguments.instance).await?;
    if arguments.revalidate {
        instance = revalidated(cluster, &instance, arguments.timeout, screen).await?;
    }
    let diagnosis = Diagnosis::of(&instance, (cluster.now)());
    arguments.output.print(screen, &diagnosis)?;
    Ok(diagnosis.exit())
}

/// Asks for a new round of checks, and gives the instance once it has ended.
async fn revalidated(
    cluster: &Cluster,
    before: &BackupInstance,
    timeout: Duration,
    screen: &mut Screen<'_>,
) -> Result<BackupInstance, Problem> {
    let (namespace, name) = (before.namespace().unwrap_or_default(), before.name_any());
    let token = (cluster.now)().to_string();
    let patch = json!({"metadata": {"annotations": {annotations::REVALIDATE: token}}});
    cluster.merge::<BackupInstance>(&namespace, &name, patch).await?;
    screen.note("waiting for a new round of checks")?;
    let begun = Instant::now();
    loop {
        if begun.elapsed() >= timeout {
            let hint =
                "look at the operator, and at pods of the vault's namespace that cannot start".to_owned();
            let what = format!("the round of checks of {name}");
            return Err(Problem::TimedOut { what, after: timeout, hint });
        }
        sleep(PERIOD.min(timeout.saturating_sub(begun.elapsed()))).await;
        match cluster.get::<BackupInstance>(&namespace, &name).await {
            Ok(now) if has_ended(before, &now, &token) => return Ok(now),
            Ok(_) => {}
            Err(problem) if problem.may_pass() => {}
            Err(problem) => return Err(problem),
        }
    }
}

/// Whether the round that `token` asked for has ended, or cannot be made.
fn has_ended(before: &BackupInstance, now: &BackupInstance, token: &str) -> bool {
    let Some(status) = &now.status else { return false };
    if status.revalidated.as_deref() != Some(token) {
        return false;
    }
    // What is checked has another hash with each token.
    let inputs = |instance: &BackupInstance| {
        let last = instance.status.as_ref().and_then(|status| status.last_check.clone());
        last.map(|last| last.inputs)
    };
    let is_ready = find(&status.conditions, ConditionType::Ready).is_some_and(|held| held.status == "True");
    inputs(now) != inputs(before) || !is_ready || (unexplained(status).is_some() && !is_lost(status))
}

/// Why backups cannot run, where no check has that reason: a Secret that is missing keeps checks from being made.
fn unexplained(status: &BackupInstanceStatus) -> Option<&Condition> {
    let held = find(&status.conditions, ConditionType::BackupReady).filter(|held| held.status == "False")?;
    let is_found = failed(status).any(|check| check.reason.as_deref() == Some(held.reason.as_str()));
    (!is_found).then_some(held)
}

fn failed(status: &BackupInstanceStatus) -> impl Iterator<Item = &Check> {
    status.checks.iter().filter(|check| check.result == CheckResult::Failed)
}

/// Whether the last round was lost: it failed, and no check of it did.
fn is_lost(status: &BackupInstanceStatus) -> bool {
    let last = status.last_check.as_ref();
    last.is_some_and(|last| last.result == CheckResult::Failed) && failed(status).next().is_none()
}

/// Every check, and when they were made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnosis {
    namespace: String,
    name: String,
    checks: Vec<Row>,
    missing_grants: Vec<String>,
    checked: Option<Timestamp>,
    #[serde(skip)]
    reference: String,
    #[serde(skip)]
    now: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    check: String,
    result: CheckResult,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    what_to_do: String,
}

impl Diagnosis {
    fn of(instance: &BackupInstance, now: Timestamp) -> Self {
        let status = instance.status.clone().unwrap_or_default();
        let ready = find(&status.conditions, ConditionType::Ready).map(|held| Row::of("Configuration", held));
        let readiness = unexplained(&status).map(|held| Row::of("Readiness", held));
        let mut checks: Vec<Row> = ready.into_iter().chain(readiness).collect();
        checks.extend(status.checks.iter().map(|check| {
            let reason = check.reason.clone().unwrap_or_default();
            Row {
                check: check.name.clone(),
                result: check.result,
                what_to_do: action(&reason),
                reason,
                message: check.message.clone().unwrap_or_default(),
            }
        }));
        Self {
            namespace: instance.namespace().unwrap_or_default(),
            name: instance.name_any(),
            checks,
            missing_grants: status.missing_grants,
            checked: status.last_check.map(|last| last.time.0),
            reference: name_of(instance),
            now,
        }
    }

    fn exit(&self) -> Exit {
        let any = |result| self.checks.iter().any(|row| row.result == result);
        if any(CheckResult::Failed) {
            Exit::Failed
        } else if any(CheckResult::Warning) || self.checked.is_none() {
            Exit::Warnings
        } else {
            Exit::Done
        }
    }
}

impl Row {
    /// What no pod has to look at, as a condition has it.
    fn of(check: &str, held: &Condition) -> Self {
        let good = held.status == "True";
        let unless_good = |text: &str| if good { String::new() } else { text.to_owned() };
        Self {
            check: check.to_owned(),
            result: if good { CheckResult::Passed } else { CheckResult::Failed },
            reason: unless_good(&held.reason),
            message: unless_good(&held.message),
            what_to_do: unless_good(&action(&held.reason)),
        }
    }
}

impl Shown for Diagnosis {
    fn text(&self) -> String {
        let mut table = Table::new(["CHECK", "RESULT", "WHAT IS FOUND, AND WHAT TO DO"]);
        for row in &self.checks {
            let result = match row.result {
                CheckResult::Passed => "ok",
                CheckResult::Warning => "warning",
                CheckResult::Failed => "FAILED",
                CheckResult::Skipped => "skipped",
            };
            let mut sentences = Vec::new();
            if !row.reason.is_empty() {
                sentences.extend(wrapped(&format!("{}: {}", row.reason, row.message), WIDTH));
            }
            if !row.what_to_do.is_empty() && !row.message.ends_with(&row.what_to_do) {
                sentences.extend(wrapped(&format!("-> {}", row.what_to_do), WIDTH));
            }
            let mut sentences = sentences.into_iter();
            table.row([row.check.clone(), result.to_owned(), sentences.next().unwrap_or_default()]);
            for sentence in sentences {
                table.row([String::new(), String::new(), sentence]);
            }
        }
        let mut text = table.text();
        if !self.missing_grants.is_empty() {
            text.push_str(
                "\nThis is missing, run by the database's owner (`kubectl coffer grants` prints it alone):\n",
            );
            for statement in &self.missing_grants {
                text.push_str(&format!("  {}\n", printable(statement)));
            }
        }
        text.push_str(&match self.checked {
            Some(time) => format!("\nChecked {}.\n", both(time, self.now)),
            None => "\nNo round of checks has ended yet.\n".to_owned(),
        });
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.reference.clone()]
    }
}
