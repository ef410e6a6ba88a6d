//! What a command prints on standard output: columns for people; JSON, YAML or names for programs.

use std::io::Write;

use clap::ValueEnum;
use kube::ResourceExt as _;
use serde::Serialize;

use super::cluster::Kind;
use super::problem::Problem;

/// Where a command prints, and whether a person looks on.
pub struct Screen<'a> {
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Everything else.
    pub err: &'a mut (dyn Write + Send),
    /// Whether `err` is a terminal.
    pub terminal: bool,
}

impl Screen<'_> {
    /// A line for the person, beside the result.
    ///
    /// # Errors
    /// When standard error does not take it.
    pub fn note(&mut self, line: &str) -> Result<(), Problem> {
        Ok(writeln!(self.err, "{line}")?)
    }
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns of text.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// Kind and name, one a line, as kubectl takes them.
    Name,
}

/// The option that chooses it.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct OutputOption {
    /// How to print the result.
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
}

/// A result, in whichever form is asked for.
pub trait Shown: Serialize {
    /// For people. Ends with a line's end.
    fn text(&self) -> String;
    /// For `-o name`.
    fn names(&self) -> Vec<String>;
}

impl OutputOption {
    /// Prints a result.
    ///
    /// # Errors
    /// When it cannot be rendered, or standard output does not take it.
    pub fn print(self, screen: &mut Screen<'_>, result: &impl Shown) -> Result<(), Problem> {
        let text = match self.format {
            Format::Table => result.text(),
            Format::Json => format!("{}\n", json(result)?),
            Format::Yaml => yaml(result)?,
            Format::Name => result.names().iter().map(|name| format!("{name}\n")).collect(),
        };
        screen.out.write_all(text.as_bytes())?;
        Ok(screen.out.flush()?)
    }
}

fn json(result: &impl Serialize) -> Result<String, Problem> {
    serde_json::to_string_pretty(result)
        .map_err(|error| Problem::Render { what: "JSON", source: Box::new(error) })
}

/// A value as a YAML document.
///
/// # Errors
/// When it cannot be rendered.
pub fn yaml(result: &impl Serialize) -> Result<String, Problem> {
    serde_yaml::to_string(result).map_err(|error| Problem::Render { what: "YAML", source: Box::new(error) })
}

/// `backupjob.coffer.dev/orders-1`, as kubectl takes it.
pub fn name_of<K: Kind>(object: &K) -> String {
    format!("{}.{}/{}", K::kind(&()).to_ascii_lowercase(), K::group(&()), object.name_any())
}
