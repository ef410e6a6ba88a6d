//! `coffer verify`: whether points still hold what they promise.

use std::collections::HashSet;
use std::io::{self, Write as _};

use contract::{Failure, FailureCode, PointState, PointView, RunId, Stage};
use mover::format::Damage;
use mover::progress::ProgressSink;
use mover::store;
use mover::vault::{Access, VaultError};
use mover::verify::{self, Level, VerifyReport};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::environment::Environment;
use super::exit::Exit;
use super::output::{OutputOption, Table, bytes, printable};
use super::points;
use super::problem::Problem;
use super::running;
use super::session::{self, Session, VaultArguments};

/// Check whether points still hold what they promise. Damage is written into the vault's ledger, unless the credentials
/// only allow reading, and ends with code 12.
///
/// Level 1 reads record, index and the sizes of all objects; level 2 reads every object and opens every seal; level 3
/// also counts every row and compares the digests with the manifest.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub vault: VaultArguments,
    /// A point's id, its beginning, or `latest`.
    #[arg(value_name = "POINT", required_unless_present = "all", conflicts_with = "all")]
    pub point: Option<String>,
    /// Check every point.
    #[arg(long)]
    pub all: bool,
    /// How deep to look.
    #[arg(long, value_name = "1|2|3", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub level: u8,
    /// A server for level 4, which this release does not have.
    #[arg(long, value_name = "URI", hide = true)]
    pub scratch: Option<String>,
    #[command(flatten)]
    pub output: OutputOption,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    point: String,
    level: u8,
    objects: u64,
    stored_bytes: u64,
    rows: u64,
    /// What is damaged: each stored object, and how.
    damage: Vec<Damage>,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let level = level(arguments)?;
    let session = session::open(&arguments.vault, environment, Access::ReadWrite).await?;
    let points = match &arguments.point {
        Some(word) => vec![points::find(&session.vault, word, None)?],
        None => {
            session.vault.points(0).into_iter().filter(|point| point.state != PointState::Expired).collect()
        }
    };
    let sink = ProgressSink::new(1);
    sink.stage(Stage::Data);
    sink.expect(points.iter().map(|point| bytes_to_read(point, level)).sum(), 0);
    let ended = running::watched(&sink, async |cancel| {
        let mut all = Vec::new();
        for point in &points {
            all.push(verified(&session, point, level, &sink, &cancel).await?);
        }
        Ok::<_, Failure>(all)
    })
    .await;
    let may_record = session.vault.is_writable();
    session.close().await;
    let mut all: Vec<Verified> = ended??;
    if !may_record {
        not_recorded();
        forgive_what_was_removed(&mut all, arguments, environment).await?;
    }
    arguments.output.print(&all, |all| text(all)).map_err(Problem::Output)?;
    let damaged = all.iter().any(|verified| !verified.damage.is_empty());
    Ok(if damaged { Exit::Integrity } else { Exit::Done })
}

fn level(arguments: &Arguments) -> Result<Level, Problem> {
    match arguments.level {
        1 => Ok(Level::Structure),
        2 => Ok(Level::Objects),
        3 => Ok(Level::Rows),
        _ => Err(Problem::Usage(
            "level 4 (restore into a scratch database and compare) is not supported yet: use --level 3, and \
             `coffer restore --as NAME` for a trial restore"
                .to_owned(),
        )),
    }
}

/// What progress counts: stored bytes as they are read, and once more the rows in them where those are counted too.
fn bytes_to_read(point: &PointView, level: Level) -> u64 {
    let rows: u64 = point.data_stores.iter().map(|store| store.plain_bytes).sum();
    match level {
        Level::Structure => 0,
        Level::Objects => point.stored_bytes,
        Level::Rows => point.stored_bytes.saturating_add(rows),
    }
}

async fn verified(
    session: &Session,
    point: &PointView,
    level: Level,
    sink: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Verified, Failure> {
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let checked = tokio::select! {
        checked = checked(session, &run, point, level, sink) => checked,
        () = cancel.cancelled() => Err(cancelled()),
    };
    let finishing = |error: VaultError| error.failure(Stage::Finishing);
    if session.vault.is_writable() {
        session.vault.close_read(&run).await.map_err(finishing)?;
    }
    let report = checked?;
    if session.vault.is_writable() {
        let damage = report.damage.first().cloned();
        session.vault.verified(&point.id, level.number(), damage).await.map_err(finishing)?;
    }
    Ok(Verified {
        point: point.id.to_string(),
        level: level.number(),
        objects: report.objects,
        stored_bytes: report.stored_bytes,
        rows: report.rows,
        damage: report.damage,
    })
}

async fn checked(
    session: &Session,
    run: &RunId,
    point: &PointView,
    level: Level,
    sink: &ProgressSink,
) -> Result<VerifyReport, Failure> {
    let failure = |code: FailureCode, error: &dyn std::error::Error| Failure {
        code,
        stage: Stage::Data,
        message: mover::causes(error),
    };
    let reader = mover::seal::random_id().map_err(|error| failure(FailureCode::Internal, &error))?.into();
    let grant = session
        .vault
        .read_grant_announced_if_allowed(run, &point.id, &reader, session.deadline())
        .await
        .map_err(|error| error.failure(Stage::Starting))?;
    let store =
        store::connect(&grant.storage, &session.clock).map_err(|error| failure(error.code(), &error))?;
    verify::run(store, &grant, level, &|bytes| sink.bytes(bytes))
        .await
        .map_err(|error| failure(error.code(), &error))
}

fn cancelled() -> Failure {
    Failure {
        code: FailureCode::Cancelled,
        stage: Stage::Data,
        message: "check the point: stopped by a signal".to_owned(),
    }
}

/// A point whose reading was not announced may be removed meanwhile, by right: that is no damage.
async fn forgive_what_was_removed(
    all: &mut Vec<Verified>,
    arguments: &Arguments,
    environment: &Environment,
) -> Result<(), Problem> {
    if all.iter().all(|verified| verified.damage.is_empty()) {
        return Ok(());
    }
    let vault = session::open(&arguments.vault, environment, Access::ReadOnly).await?.vault;
    let there: HashSet<String> = vault
        .points(0)
        .into_iter()
        .filter(|point| point.state != PointState::Expired)
        .map(|point| point.id.to_string())
        .collect();
    all.retain(|verified| verified.damage.is_empty() || there.contains(&verified.point));
    Ok(())
}

fn not_recorded() {
    let notice = "The vault lets itself be read only: what was found is not written into its ledger.";
    // Nobody is left to be told when standard error is closed.
    let _closed = writeln!(io::stderr().lock(), "{notice}");
}

fn text(all: &[Verified]) -> String {
    let mut table = Table::new(["POINT", "LEVEL", "OBJECTS", "READ", "ROWS", "RESULT"]);
    for verified in all {
        table.row([
            verified.point.clone(),
            verified.level.to_string(),
            verified.objects.to_string(),
            bytes(verified.stored_bytes),
            verified.rows.to_string(),
            if verified.damage.is_empty() { "good".to_owned() } else { "DAMAGED".to_owned() },
        ]);
    }
    let mut text = table.text();
    for verified in all {
        for Damage { object, message } in &verified.damage {
            text.push_str(&format!("\n{}: {object}: {}", verified.point, printable(message)));
        }
    }
    text
}
