//! `coffer doctor`: what has to be right before a backup, looked at without making one.

use std::path::PathBuf;

use clap::ArgGroup;
use contract::{CheckResult, FailureCode, Stage};
use mover::check::{self, Finding, VaultRequest};
use mover::clock::Clock;
use serde::Serialize;

use super::databases::{self, DatabaseOptions};
use super::environment::Environment;
use super::exit::Exit;
use super::location::Location;
use super::output::{OutputOption, Table, printable, wrapped};
use super::problem::Problem;
use super::running;
use super::session;

/// Letters of a line in the two columns that hold sentences.
const WIDTH: usize = 50;

const AFTER_HELP: &str = "\
Examples:
  coffer doctor --source postgresql://app@db.example/orders
  coffer doctor --source postgresql://coffer_backup@db.example --all-databases --exclude-database 'scratch_*'
  coffer doctor --vault s3://bucket/backups --identity key.txt --fingerprint 1a2b-...
  coffer doctor --source postgresql://app@db.example/orders --vault file:///backups --identity key.txt -o json";

/// Look at everything that a backup needs: server, TLS, role, rights, locks; storage, vault, key. Nothing is backed up.
///
/// Each check is ok, a warning, failed, or skipped because an earlier one failed, and says what to do. To try storage out an
/// object is written to it and removed again. The exit code is that of the most severe finding.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, group(ArgGroup::new("what").args(["source", "vault"]).required(true).multiple(true)))]
pub struct Arguments {
    /// The server and database that are to be backed up: postgresql://user@host:port/database.
    #[arg(long, value_name = "URI")]
    pub source: Option<String>,
    #[command(flatten)]
    pub databases: DatabaseOptions,
    /// The vault that backups go to: file:///directory, s3://bucket/prefix, az://account/container/prefix or gs://bucket/prefix.
    #[arg(long, value_name = "URL", env = "COFFER_VAULT")]
    pub vault: Option<Location>,
    /// The age identity that opens the vault.
    #[arg(long, value_name = "FILE", env = "COFFER_IDENTITY")]
    pub identity: Option<PathBuf>,
    /// The vault's fingerprint, as `coffer vault init` printed it.
    #[arg(long, value_name = "FINGERPRINT", env = "COFFER_FINGERPRINT")]
    pub fingerprint: Option<String>,
    #[command(flatten)]
    pub output: OutputOption,
}

/// What was found, of source and vault.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnosis {
    checks: Vec<Row>,
    /// SQL that would give the role what it lacks.
    missing_grants: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// `source NAME` or `vault`.
    subject: String,
    check: String,
    state: CheckResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<FailureCode>,
    detail: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    what_to_do: String,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let mut diagnosis = Diagnosis { checks: Vec::new(), missing_grants: Vec::new() };
    if let Some(uri) = &arguments.source {
        source(uri, arguments, environment, &mut diagnosis).await?;
    }
    if let Some(location) = &arguments.vault {
        let request = VaultRequest {
            storage: location.storage(environment)?,
            identity: arguments.identity.as_deref().map(session::identity).transpose()?,
            fingerprint: arguments.fingerprint.clone(),
        };
        let clock = Clock::system(jiff::SignedDuration::ZERO);
        let findings = check::examine_vault(request, &clock).await;
        diagnosis.checks.extend(findings.iter().map(|finding| row("vault", finding)));
    }
    arguments.output.print_list(&diagnosis, |diagnosis| &diagnosis.checks, text).map_err(Problem::Output)?;
    Ok(exit(&diagnosis.checks))
}

async fn source(
    uri: &str,
    arguments: &Arguments,
    environment: &Environment,
    diagnosis: &mut Diagnosis,
) -> Result<(), Problem> {
    let (server, asked) = arguments.databases.resolve(uri, environment)?;
    let mut server = running::introduced(server).await?;
    let databases = match databases::names(&server, &asked).await {
        Ok(databases) => databases,
        Err(failure) => {
            // What keeps us out is found where we log in, below.
            if failure.stage == Stage::Preflight {
                let finding = Finding::failed("Databases", failure);
                diagnosis.checks.push(row("source", &finding));
            }
            vec![server.connection.database.clone()]
        }
    };
    for database in databases {
        server.connection.database = database;
        let found = check::examine(&server.connection).await;
        let subject = format!("source {}", server.connection.database);
        diagnosis.checks.extend(found.findings.iter().map(|finding| row(&subject, finding)));
        diagnosis.missing_grants.extend(found.report.missing_grants);
    }
    Ok(())
}

fn row(subject: &str, finding: &Finding) -> Row {
    Row {
        subject: subject.to_owned(),
        check: finding.item.name.clone(),
        state: finding.item.result,
        code: finding.item.failure.as_ref().map(|failure| failure.code),
        detail: finding.what().to_owned(),
        what_to_do: finding.advice().to_owned(),
    }
}

/// The exit code of the most severe finding.
fn exit(checks: &[Row]) -> Exit {
    let of = |row: &Row| match (row.state, row.code) {
        (CheckResult::Failed, Some(code)) => code.into(),
        (CheckResult::Failed, None) => Exit::Failed,
        (CheckResult::Warning, _) => Exit::Warnings,
        (CheckResult::Passed | CheckResult::Skipped, _) => Exit::Done,
    };
    checks.iter().map(of).max_by_key(|exit| exit.severity()).unwrap_or(Exit::Done)
}

fn text(diagnosis: &Diagnosis) -> String {
    let mut table = Table::new(["WHAT", "CHECK", "STATE", "DETAIL", "WHAT TO DO"]);
    for row in &diagnosis.checks {
        let state = match row.state {
            CheckResult::Passed => "ok",
            CheckResult::Warning => "warning",
            CheckResult::Failed => "FAILED",
            CheckResult::Skipped => "skipped",
        };
        let (detail, what_to_do) = (wrapped(&row.detail, WIDTH), wrapped(&row.what_to_do, WIDTH));
        for line in 0..detail.len().max(what_to_do.len()) {
            let first = |text: &str| if line == 0 { text.to_owned() } else { String::new() };
            let part = |lines: &[String]| lines.get(line).cloned().unwrap_or_default();
            table.row([
                first(&row.subject),
                first(&row.check),
                first(state),
                part(&detail),
                part(&what_to_do),
            ]);
        }
    }
    let mut text = table.text();
    if !diagnosis.missing_grants.is_empty() {
        text.push_str(
            "\nThis would help, run by a superuser (`coffer grants` writes all that a role needs):\n",
        );
        for statement in &diagnosis.missing_grants {
            text.push_str(&format!("  {}\n", printable(statement)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(found: &[(CheckResult, Option<FailureCode>)]) -> Vec<Row> {
        let row = |&(state, code): &(CheckResult, Option<FailureCode>)| Row {
            subject: "vault".to_owned(),
            check: "Storage".to_owned(),
            state,
            code,
            detail: String::new(),
            what_to_do: String::new(),
        };
        found.iter().map(row).collect()
    }

    #[test]
    fn the_most_severe_finding_decides_how_it_ends() {
        use CheckResult::{Failed, Passed, Skipped, Warning};
        for (found, expected) in [
            (vec![(Passed, None), (Skipped, None)], Exit::Done),
            (vec![(Passed, None), (Warning, Some(FailureCode::Damaged))], Exit::Warnings),
            (vec![(Failed, Some(FailureCode::PrivilegesMissing)), (Warning, None)], Exit::Failed),
            (
                vec![(Failed, Some(FailureCode::WrongKey)), (Failed, Some(FailureCode::ConnectionRefused))],
                Exit::Credentials,
            ),
            (
                vec![(Failed, Some(FailureCode::KeySubstituted)), (Failed, Some(FailureCode::WrongKey))],
                Exit::Integrity,
            ),
        ] {
            assert_eq!(exit(&rows(&found)), expected, "{found:?}");
        }
    }
}
