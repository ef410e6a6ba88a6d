//! `coffer policy`: what a policy would do, and policies out of those of other services. No vault, no key, no cluster.
//!
//! ```text
//! source, times   the file of a policy, the dates and failures that are asked about
//! simulate        slots, tags and expiries over a range of time
//! convert         other services' documents as a BackupPolicy
//! ```

mod convert;
mod simulate;
mod source;
mod times;

use std::io;

use clap::Subcommand;

use crate::controller::policy::PolicyFault;

use super::exit::Exit;
use super::output::Format;
use super::problem::Problem;

/// Look at policies; needs neither a vault nor a cluster.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    Simulate(simulate::Arguments),
    Convert(convert::Arguments),
}

/// What is wrong with a document or with what is asked about it. Each message names the field, option or file.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("failed to read {file}")]
    Read { file: String, source: io::Error },
    /// The file is larger than any policy.
    #[error("{file} has more than {most} bytes: that is no policy")]
    TooLarge { file: String, most: u64 },
    /// It is no YAML, or a field has a value of the wrong kind.
    #[error("failed to read `{field}` of {file}: {reason}")]
    Field { file: String, field: String, reason: String },
    /// A field that a BackupPolicy does not have.
    #[error("`{field}` of {file} is not a field of a BackupPolicy")]
    UnknownField { file: String, field: String },
    /// No policy, or several.
    #[error("{file} holds {count} policies: give it exactly one BackupPolicy, or the `spec` of one")]
    Documents { file: String, count: usize },
    /// The policy does not hold together.
    #[error("the policy in {file} cannot be used: {}", .fault.message)]
    Fault { file: String, fault: PolicyFault },
    /// A date or time on the command line.
    #[error(
        "failed to read `{option} {given}`: write a day such as 2026-01-01, or a time such as 2026-01-01T20:00 or \
         2026-01-01T19:00:00Z"
    )]
    Time { option: &'static str, given: String },
    /// Nothing lies between the two.
    #[error("`--from` {from} is not before `--to` {to}")]
    Range { from: jiff::Timestamp, to: jiff::Timestamp },
    /// Years of minutes.
    #[error("there are more than {most} backups between `--from` and `--to`: choose a shorter range")]
    TooMany { most: usize },
    /// `--fail` without its two parts.
    #[error("failed to read `--fail {given}`: write RULE@SLOT, such as Weekly@2026-01-03T20:00")]
    FailForm { given: String },
    /// `--fail` for a rule that there is not.
    #[error("`--fail {given}`: the policy has no backup rule {rule:?}: it has {known}")]
    FailRule { given: String, rule: String, known: String },
    /// `--fail` for a time at which nothing is due.
    #[error("`--fail {given}`: rule {rule:?} has no slot then between `--from` and `--to`{next}")]
    FailSlot { given: String, rule: String, next: String },
    /// A document that is neither of the two kinds.
    #[error(
        "{file} is no backup policy of a managed service: it has neither `policyRules` nor `Rules` at a place \
         where they are looked for"
    )]
    UnknownDocument { file: String },
    /// A field of a managed service that a BackupPolicy cannot express without meaning something else.
    #[error("`{field}` cannot be converted: {reason}")]
    Refused { field: String, reason: String },
}

/// How the result is to be printed, for errors too.
pub fn format(command: &PolicyCommand) -> Format {
    match command {
        PolicyCommand::Simulate(arguments) => arguments.output.format,
        PolicyCommand::Convert(_) => Format::Table,
    }
}

/// Does what the command says.
///
/// # Errors
/// Any [`Problem`].
pub fn run(command: &PolicyCommand) -> Result<Exit, Problem> {
    match command {
        PolicyCommand::Simulate(arguments) => simulate::run(arguments),
        PolicyCommand::Convert(arguments) => convert::run(arguments),
    }
}
