//! `coffer verify`: whether points still hold what they promise.

mod point;
mod scratch;

use std::collections::HashSet;
use std::io::{self, Write as _};

use contract::{Failure, PointState, PointView, Stage};
use mover::format::Damage;
use mover::progress::ProgressSink;
use mover::vault::Access;
use mover::verify::Level;

use super::environment::Environment;
use super::exit::Exit;
use super::output::{OutputOption, Table, bytes, printable};
use super::points;
use super::problem::Problem;
use super::progress::ProgressOption;
use super::running;
use super::session::{self, VaultArguments};
use point::Verified;

const AFTER_HELP: &str = "\
Examples:
  coffer verify --vault file:///backups --identity key.txt latest
  coffer verify --vault file:///backups --identity key.txt --all --level 3 -o jsonl";

/// Check whether points still hold what they promise. Damage is written into the vault's ledger, unless the credentials
/// only allow reading, and ends with code 12. A point that none of the keys opens is not checked, and the others are.
///
/// Level 1 reads record, index and the sizes of all objects; level 2 reads every object and opens every seal; level 3
/// also counts every row and compares the digests with the manifest; level 4 restores the point into a database of its own
/// on the --scratch server, compares every table and the schema there, and drops it, whatever came of it. What keeps a
/// scratch server from taking the point is no damage, and ends with the code of its cause; a difference ends with code 12.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
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
    #[arg(long, value_name = "1|2|3|4", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub level: u8,
    /// The server for level 4: postgresql://user@host:port. The role needs what a restore needs.
    #[arg(long, value_name = "URI", required_if_eq("level", "4"))]
    pub scratch: Option<String>,
    /// On the scratch server, who gets what belonged to roles that are missing there.
    #[arg(long, value_name = "ROLE", requires = "scratch")]
    pub owner: Option<String>,
    /// Connections that load into the scratch database at the same time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub jobs: u16,
    #[command(flatten)]
    pub progress: ProgressOption,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let level = level(arguments);
    let scratch = scratch::Place::of(arguments, environment).await?;
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
    let mut all = Vec::new();
    let ended = running::watched(&sink, arguments.progress.mode, async |cancel| {
        for point in &points {
            let verified = point::verify(&session, point, level, &sink, &cancel).await?;
            let Some(mut verified) = verified else { continue };
            let ended = match point::record(&session, point, &verified).await {
                Ok(false) => continue,
                Ok(true) => match scratch.as_ref().filter(|_| verified.is_sound()) {
                    Some(scratch) => scratch.rehearse(&session, point, &mut verified, &sink, &cancel).await,
                    None => Ok(()),
                },
                Err(failure) => Err(failure),
            };
            all.push(verified);
            ended?;
        }
        Ok::<_, Failure>(())
    })
    .await;
    let may_record = session.vault.is_writable();
    session.close().await;
    if !may_record {
        not_recorded();
        forgive_what_was_removed(&mut all, arguments, environment).await?;
    }
    // What was found is told also when the rest could not be checked.
    arguments.output.print_list(&all, |all| all, |all| text(all)).map_err(Problem::Output)?;
    ended??;
    Ok(exit(&all))
}

fn exit(all: &[Verified]) -> Exit {
    if all.iter().any(|verified| !verified.damage.is_empty() || verified.has_differences()) {
        return Exit::Integrity;
    }
    let unchecked = all.iter().find_map(|verified| verified.not_checked.as_ref());
    unchecked.map_or(Exit::Done, |failure| failure.code.into())
}

fn level(arguments: &Arguments) -> Level {
    match arguments.level {
        1 => Level::Structure,
        2 => Level::Objects,
        3 => Level::Rows,
        _ => Level::Scratch,
    }
}

/// What progress counts: stored bytes as they are read, and once more the rows in them where those are counted too.
fn bytes_to_read(point: &PointView, level: Level) -> u64 {
    let rows: u64 = point.data_stores.iter().map(|store| store.plain_bytes).sum();
    match level {
        Level::Structure => 0,
        Level::Objects => point.stored_bytes,
        Level::Rows => point.stored_bytes.saturating_add(rows),
        Level::Scratch => point.stored_bytes.saturating_add(rows.saturating_mul(2)),
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
            result(verified).to_owned(),
        ]);
    }
    let mut text = table.text();
    for verified in all {
        for Damage { object, message } in &verified.damage {
            text.push_str(&format!("\n{}: {object}: {}", verified.point, printable(message)));
        }
        for sentence in verified.restored.iter().flat_map(scratch::Restored::sentences) {
            text.push_str(&format!("\n{}: {}", verified.point, printable(&sentence)));
        }
        if let Some(failure) = &verified.not_checked {
            text.push_str(&format!("\n{}: {}", verified.point, printable(&failure.message)));
        }
    }
    text
}

fn result(verified: &Verified) -> &'static str {
    match (verified.damage.is_empty(), &verified.not_checked) {
        (false, _) => "DAMAGED",
        (true, Some(_)) if verified.level == Level::Scratch.number() => "not restored",
        (true, Some(_)) => "not checked",
        (true, None) if verified.has_differences() => "DIFFERENT",
        (true, None) => "good",
    }
}
