//! `coffer backup`: one database, or several of a server, into a vault.

use contract::{
    CheckReport, CheckResult, Connection, Databases, Decision, Owner, PointView, RunId, Settled, Summary,
    Trigger, datasource,
};
use mover::backup::{self, BackupJobInput};
use mover::check;
use mover::custody::Custody as _;
use mover::progress::ProgressSink;
use mover::vault::Access;
use policy::{Keep, Zone};
use serde::Serialize;

use super::databases::DatabaseOptions;
use super::environment::Environment;
use super::exit::Exit;
use super::output::{OutputOption, bytes, printable};
use super::points;
use super::problem::Problem;
use super::progress::ProgressOption;
use super::running;
use super::server::Server;
use super::session::{self, VaultArguments};

const DEFAULT_TAG: &str = "Manual";
const LOCK_TIMEOUT_SECONDS: u32 = 10;

const AFTER_HELP: &str = "\
Examples:
  coffer backup --source postgresql://app@db.example/orders --vault file:///backups --identity key.txt
  coffer backup --source service=production --database orders --vault file:///backups --identity key.txt --keep P3M --label weekly
  coffer backup --source postgresql://app@db.example/orders --vault file:///backups --identity key.txt --progress json -o json
  coffer backup --source postgresql://admin@db.example --all-databases --vault file:///backups --identity key.txt";

/// Back up one database, or several of a server, into a vault.
///
/// The database stays in use meanwhile; the backup shows it as it was at one instant. Of several each has an instant of its
/// own, a moment apart, and the point also holds what they share: roles, their memberships and settings, and tablespaces. The
/// role needs to read what is to be backed up: `coffer grants` writes the SQL for one that may do nothing else. Passwords of
/// roles, as the server keeps them, are in the point if the role may read `pg_authid`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The server and database: postgresql://user@host:port/database.
    ///
    /// A password comes from PGPASSWORD, PGPASSFILE, a service file or a prompt. Without `sslmode` the server's
    /// certificate is verified in full, except on this machine itself.
    #[arg(long, value_name = "URI")]
    pub source: String,
    #[command(flatten)]
    pub vault: VaultArguments,
    #[command(flatten)]
    pub databases: DatabaseOptions,
    /// Connections that read at the same time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub lanes: u16,
    /// How long to keep the point, such as P30D or P3M; without it the point does not expire.
    #[arg(long, value_name = "KEEP", value_parser = Keep::parse)]
    pub keep: Option<Keep>,
    /// The time zone in which --keep is counted.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub time_zone: String,
    /// A word of your own for the point.
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    #[command(flatten)]
    pub progress: ProgressOption,
    #[command(flatten)]
    pub output: OutputOption,
}

#[derive(Serialize)]
struct Made {
    point: PointView,
    summary: Summary,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let decision = decision(arguments)?;
    let (server, databases) = arguments.databases.resolve(&arguments.source, environment)?;
    let server = running::admitted(server).await?;
    let opened = session::open(&arguments.vault, environment, Access::ReadWrite);
    let (session, report) = tokio::try_join!(opened, checked(&server, &databases))?;
    let datasource_id = datasource_id(report, &server, &databases);
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let deadline = session.deadline();
    let input = BackupJobInput {
        source: server.connection,
        databases,
        owner: Owner::Cli { datasource_id },
        decision,
        limits: running::limits(arguments.lanes, LOCK_TIMEOUT_SECONDS),
        deadline,
    };
    let custody = session.custody(deadline);
    let sink = ProgressSink::new(1);
    let moved = running::watched(&sink, arguments.progress.mode, async |cancel| {
        backup::run(&input, &custody, &run, &sink, cancel, &session.clock).await
    })
    .await?;
    let settled = settle(&custody, &run, moved.is_err()).await;
    session.close().await;
    let done = moved?;
    let made = Made { summary: done.summary, point: settled? };
    arguments.output.print(&made, text).map_err(Problem::Output)?;
    let clean = done.coverage.is_empty() && done.warnings.is_empty();
    Ok(if clean { Exit::Done } else { Exit::Warnings })
}

fn decision(arguments: &Arguments) -> Result<Decision, Problem> {
    let zone = Zone::parse(&arguments.time_zone)
        .map_err(|error| Problem::Usage(format!("failed to use --time-zone: {error}")))?;
    Ok(Decision {
        tag: arguments.label.clone().unwrap_or_else(|| DEFAULT_TAG.to_owned()),
        keep: arguments.keep.map(|keep| keep.to_string()),
        time_zone: zone.name().to_owned(),
        reason: "made on the command line".to_owned(),
        keep_at_least: 0,
        policy: None,
        trigger: Trigger::Cli,
    })
}

/// What the point is of, for whoever lists points, where the server does not say who it is.
fn datasource_id(report: CheckReport, server: &Server, databases: &Databases) -> String {
    let Connection { host, port, database, .. } = &server.connection;
    report.datasource_id.unwrap_or_else(|| {
        let database = matches!(databases, Databases::Connected).then_some(database.as_str());
        datasource::name(None, host, *port, database)
    })
}

/// Looks at the source before anything is written.
async fn checked(server: &Server, databases: &Databases) -> Result<CheckReport, Problem> {
    let report = check::run(&server.connection, databases).await;
    match first_failure(&report).cloned() {
        Some(failure) => Err(Problem::Failed(failure)),
        None => Ok(report),
    }
}

fn first_failure(report: &CheckReport) -> Option<&contract::Failure> {
    report.items.iter().find(|item| item.result == CheckResult::Failed).and_then(|item| item.failure.as_ref())
}

/// Has the point accepted, or closed for good when the run failed.
async fn settle(custody: &mover::custody::Direct, run: &RunId, void: bool) -> Result<PointView, Problem> {
    match custody.settle(run, void).await? {
        Settled::Accepted(point) => Ok(*point),
        Settled::Rejected(failure) => Err(Problem::Failed(failure)),
        Settled::Voided | Settled::Undecided => Err(Problem::Failed(contract::Failure {
            code: contract::FailureCode::Voided,
            stage: contract::Stage::Accepting,
            message: "the point was closed before it was written".to_owned(),
            cause: None,
        })),
    }
}

fn text(made: &Made) -> String {
    let Made { point, summary } = made;
    let mut text = points::table(std::slice::from_ref(point));
    text.push_str(&format!(
        "\n{} tables, {} rows, {} large objects: {} in, {} stored, {} s\n",
        summary.tables,
        summary.rows,
        summary.large_objects,
        bytes(summary.plain_bytes),
        bytes(summary.stored_bytes),
        summary.seconds,
    ));
    for (heading, lines) in [("not read", &point.coverage), ("warning", &point.warnings)] {
        for line in lines {
            text.push_str(&format!("{heading}: {}\n", printable(line)));
        }
    }
    text
}
