//! `--schema`, `--table` and `--rename`: names as people write them on the command line.

use mover::restore::Selection;

use super::problem::Problem;

/// Only some objects of a database.
#[derive(Debug, clap::Args)]
pub struct SelectionOptions {
    /// Only this schema, with all that is in it and what that depends on; may be given several times.
    ///
    /// With --schema or --table the target may be a database that is in use: everything is added in one transaction, and
    /// what is selected may not be there yet. Letters are taken as they are; quote a name that has a dot: '"a.b"'.
    #[arg(long, value_name = "SCHEMA")]
    pub schema: Vec<String>,
    /// Only this table, view, materialised view or sequence, with its rows, partitions, keys, indexes, triggers, policies and
    /// grants, and the types and functions that it needs; may be given several times.
    ///
    /// Foreign keys to tables that are not selected are left out, and told.
    #[arg(long, value_name = "SCHEMA.TABLE")]
    pub table: Vec<String>,
    /// A new name for what is restored: SCHEMA=NEW or SCHEMA.TABLE=NEW; may be given several times.
    ///
    /// A renamed schema may be restored beside one of its old name that is in use.
    #[arg(long, value_name = "OLD=NEW")]
    pub rename: Vec<String>,
}

impl SelectionOptions {
    /// What is meant.
    ///
    /// # Errors
    /// A usage problem that says how to write it.
    pub fn selection(&self) -> Result<Selection, Problem> {
        let selection = Selection::parse(&self.schema, &self.table, &self.rename);
        selection.map_err(|error| Problem::Usage(error.to_string()))
    }
}
