//! `coffer list`: the points of a vault.

use contract::{PointState, PointView};
use mover::vault::Access;
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::output::OutputOption;
use super::points;
use super::problem::Problem;
use super::session::{self, VaultArguments};

const AFTER_HELP: &str = "\
Examples:
  coffer list --vault file:///backups --identity key.txt
  coffer list --vault file:///backups --identity key.txt -o jsonl | jq .id";

/// Show the points of a vault, oldest first.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    pub vault: VaultArguments,
    #[command(flatten)]
    pub output: OutputOption,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    vault_id: String,
    fingerprint: String,
    points: Vec<PointView>,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let vault = session::open(&arguments.vault, environment, Access::ReadOnly).await?.vault;
    let mut points: Vec<PointView> =
        vault.points(0).into_iter().filter(|point| point.state != PointState::Expired).collect();
    points.sort_by(|one, other| (one.point_time, &one.id).cmp(&(other.point_time, &other.id)));
    let listing =
        Listing { vault_id: vault.id().to_string(), fingerprint: vault.fingerprint().to_string(), points };
    arguments
        .output
        .print_list(
            &listing,
            |listing| &listing.points,
            |listing| match listing.points.is_empty() {
                true => "the vault has no points yet\n".to_owned(),
                false => points::table(&listing.points),
            },
        )
        .map_err(Problem::Output)?;
    Ok(Exit::Done)
}
