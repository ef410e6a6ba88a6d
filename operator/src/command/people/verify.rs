//! `coffer verify`: whether points still hold what they promise.

use contract::{PointState, PointView, RunId, Stage};
use mover::custody::Custody as _;
use mover::format::Damage;
use mover::store;
use mover::vault::Access;
use mover::verify::{self, Level};
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::output::{OutputOption, Table, bytes, printable};
use super::points;
use super::problem::Problem;
use super::session::{self, Session, VaultArguments};

/// Check whether points still hold what they promise. Damage is written into the vault's ledger, and ends with code 12.
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
    let mut all = Vec::new();
    for point in &points {
        all.push(verified(&session, point, level).await?);
    }
    session.close().await;
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

async fn verified(session: &Session, point: &PointView, level: Level) -> Result<Verified, Problem> {
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let reader = session::random_id()?;
    let grant = session.custody(session.deadline()).read_grant(&run, &point.id, &reader).await?;
    let store = store::connect(&grant.storage, &session.clock)
        .map_err(|error| session::failed(error.code(), &error))?;
    let report = verify::run(store, &grant, level, &|_| {}).await;
    let closed = session.vault.close_read(&run).await;
    let report = report.map_err(|error| session::failed(error.code(), &error))?;
    closed.map_err(|error| error.failure(Stage::Finishing))?;
    session
        .vault
        .verified(&point.id, level.number(), report.damage.first().cloned())
        .await
        .map_err(|error| error.failure(Stage::Finishing))?;
    Ok(Verified {
        point: point.id.to_string(),
        level: level.number(),
        objects: report.objects,
        stored_bytes: report.stored_bytes,
        rows: report.rows,
        damage: report.damage,
    })
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
