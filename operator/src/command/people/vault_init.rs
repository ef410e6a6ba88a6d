//! `coffer vault init`: makes an empty vault.

use clap::Subcommand;
use mover::seal::Recipient;
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::location::Location;
use super::output::OutputOption;
use super::problem::Problem;
use super::session;

/// Work on a vault as a whole.
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    Init(InitArguments),
}

const AFTER_HELP: &str = "\
Examples:
  coffer vault init --vault file:///backups --recipient age1...
  coffer vault init --vault s3://bucket/backups --recipient age1... --recipient age1...";

/// Make a vault and print its fingerprint.
///
/// Everything that is stored there later can be opened by each recipient's identity, and by nothing else. The printed
/// fingerprint proves in every later command that this is still the same vault (`--fingerprint`): keep it with the
/// identity.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct InitArguments {
    /// Where the vault goes: file:///directory, s3://bucket/prefix, az://account/container/prefix or gs://bucket/prefix.
    #[arg(long, value_name = "URL", env = "COFFER_VAULT")]
    vault: Location,
    /// Whoever may open the backups: the recipient of `coffer keygen`, or any other age recipient. May be repeated.
    #[arg(long = "recipient", value_name = "age1...", required = true)]
    recipients: Vec<String>,
    #[command(flatten)]
    pub output: OutputOption,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    vault_id: String,
    fingerprint: String,
    recipients: Vec<String>,
}

pub async fn run(arguments: &InitArguments, environment: &Environment) -> Result<Exit, Problem> {
    let recipients = arguments
        .recipients
        .iter()
        .map(|text| Recipient::parse(text))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Problem::Usage(format!("failed to use --recipient: {error}")))?;
    let storage = arguments.vault.storage(environment)?;
    let (vault_id, fingerprint) = session::init(&storage, recipients).await?;
    let made = Made { vault_id, fingerprint, recipients: arguments.recipients.clone() };
    arguments.output.print(&made, |made| format!("{}\n", made.fingerprint)).map_err(Problem::Output)?;
    Ok(Exit::Done)
}
