//! `--database` and `--all-databases`: which databases of a server are meant.

use contract::Databases;
use mover::check;

use super::environment::Environment;
use super::problem::Problem;
use super::server::{self, Server};

/// Where to log in to see which databases there are.
const MAINTENANCE_DATABASE: &str = "postgres";

/// Which databases of a server are meant; without any of these the one that the connection names.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DatabaseOptions {
    /// The database, if the URI does not name it. Given again, all of these are meant.
    #[arg(long = "database", value_name = "NAME", requires = "source")]
    pub databases: Vec<String>,
    /// Every database of the server but templates, those that take no connections, and a provider's own.
    #[arg(long, conflicts_with = "databases", requires = "source")]
    pub all_databases: bool,
    /// With --all-databases: leave out those whose name is like this; `*` and `?` as in a shell.
    #[arg(long, value_name = "PATTERN", requires = "all_databases")]
    pub exclude_database: Vec<String>,
}

impl DatabaseOptions {
    /// The server that a connection names, with the database to log in to first, and what of it is meant.
    ///
    /// # Errors
    /// A server that cannot be made out, or a usage problem where libpq would take a default that nobody has named.
    pub fn resolve(&self, uri: &str, environment: &Environment) -> Result<(Server, Databases), Problem> {
        let mut server = server::resolve_in(uri, self.databases.first(), environment)?;
        let databases = match self.databases.as_slice() {
            [] if self.all_databases => {
                if !server.names_database {
                    MAINTENANCE_DATABASE.clone_into(&mut server.connection.database);
                }
                Databases::Matching { include: vec!["*".to_owned()], exclude: self.exclude_database.clone() }
            }
            [] if server.names_database => Databases::Connected,
            [] => {
                let message =
                    "which database? Name it in --source or with --database NAME, or take --all-databases";
                return Err(Problem::Usage(message.to_owned()));
            }
            [_] => Databases::Connected,
            [_, _, ..] => Databases::Named(self.databases.clone()),
        };
        Ok((server, databases))
    }
}

/// The names of those that are meant. Only for patterns is the server asked.
///
/// # Errors
/// What kept us out, or keeps one of them from being backed up.
pub async fn names(server: &Server, asked: &Databases) -> Result<Vec<String>, contract::Failure> {
    match asked {
        Databases::Connected => Ok(vec![server.connection.database.clone()]),
        Databases::Named(names) => Ok(names.clone()),
        Databases::Matching { .. } => check::choose(&server.connection, asked).await,
    }
}
