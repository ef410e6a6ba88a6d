//! `coffer recovery-kit`: what to keep in a safe.

use mover::vault::Access;
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::output::OutputOption;
use super::problem::Problem;
use super::session::{self, VaultArguments};

const AFTER_HELP: &str = "\
Examples:
  coffer recovery-kit --vault file:///backups --identity key.txt > kit.txt";

/// Print what to keep in a safe: the vault's fingerprint, whom it is sealed for, and how to restore from it.
///
/// The identity itself is not printed. Put a copy of its file beside the kit.
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
struct Kit {
    vault_id: String,
    fingerprint: String,
    text: String,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let vault = session::open(&arguments.vault, environment, Access::ReadOnly).await?.vault;
    let kit = Kit {
        vault_id: vault.id().to_string(),
        fingerprint: vault.fingerprint().to_string(),
        text: vault.recovery_kit(),
    };
    arguments.output.print(&kit, |kit| kit.text.clone()).map_err(Problem::Output)?;
    Ok(Exit::Done)
}
