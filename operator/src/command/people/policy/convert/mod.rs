//! `coffer policy convert`: the policies of managed services as a BackupPolicy.
//!
//! ```text
//! json        reads a document and remembers what nobody asked for
//! rule_tree   backup and retention rules with tagging criteria        (policyRules)
//! plan        backup rules with cron expressions and lifecycles       (BackupPlan)
//! draft       the policy that comes of either, checked as a whole
//! ```
//!
//! What has no counterpart is told; what would mean something else is refused. Identifiers of the service's own objects
//! carry no behaviour and are dropped.

mod draft;
mod json;
mod plan;
mod plan_cron;
mod plan_retention;
mod rule_tree;
mod tagging;

use std::io::{self, Write as _};

use serde_json::Value;

use super::super::exit::Exit;
use super::super::output::warning_lines;
use super::super::problem::Problem;
use super::{PolicyError, source};
use draft::Draft;
use json::{Object, Warnings};

const AFTER_HELP: &str = "\
Examples:
  coffer policy convert policy.json > policy.yaml
  az dataprotection backup-policy show -g GROUP --vault-name VAULT -n NAME | coffer policy convert - > policy.yaml
  aws backup get-backup-plan --backup-plan-id ID | coffer policy convert - --name weekly > policy.yaml
  coffer policy simulate policy.yaml --from 2026-01-01 --to 2026-03-01";

/// Turn a managed service's policy into a BackupPolicy, and print it as YAML.
///
/// Two kinds of JSON are understood: a backup policy with `policyRules` (AzureBackupRule and AzureRetentionRule), and a backup
/// plan with `Rules` (cron expressions and lifecycles). What has no counterpart is told on standard error with the path of
/// its field, and the exit code is 3. What would come to mean something else is refused, with its path too.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The file with the JSON; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The name of the BackupPolicy. Unset: made from the name in the document.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Problem> {
    let text = source::read(&arguments.file)?;
    let converted = convert(&arguments.file, &text, arguments.name.as_deref())?;
    let mut output = io::stdout().lock();
    output.write_all(converted.yaml.as_bytes()).and_then(|()| output.flush()).map_err(Problem::Output)?;
    if converted.warnings.is_empty() {
        return Ok(Exit::Done);
    }
    // Nobody is left to be told when standard error is closed.
    let _closed = write!(io::stderr().lock(), "{}", warning_lines(&converted.warnings));
    Ok(Exit::Warnings)
}

/// A policy in YAML and what is to be said of it.
#[derive(Debug)]
struct Converted {
    yaml: String,
    warnings: Vec<String>,
}

fn convert(file: &str, text: &str, name: Option<&str>) -> Result<Converted, PolicyError> {
    let document: Value = serde_json::from_str(text).map_err(|error| PolicyError::Field {
        file: source::shown(file),
        field: ".".to_owned(),
        reason: error.to_string(),
    })?;
    let warnings = Warnings::default();
    let draft = draft(file, &document, &warnings)?;
    let yaml = draft.yaml(name, &warnings)?;
    Ok(Converted { yaml, warnings: warnings.into_lines() })
}

fn draft(file: &str, document: &Value, warnings: &Warnings) -> Result<Draft, PolicyError> {
    let root = Object::root(document, warnings)?;
    let inner = |name: &str, field: &str| document.get(name).and_then(|inner| inner.get(field)).is_some();
    if root.has("policyRules") || inner("properties", "policyRules") {
        return rule_tree::convert(root, warnings);
    }
    if root.has("Rules") || inner("BackupPlan", "Rules") {
        return plan::convert(root, warnings);
    }
    Err(PolicyError::UnknownDocument { file: source::shown(file) })
}

#[cfg(test)]
mod tests;
