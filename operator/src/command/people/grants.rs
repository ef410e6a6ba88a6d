//! `coffer grants`: the SQL that gives a role what a backup needs.

use std::io::{self, Write as _};

use contract::Stage;
use mover::grants::{self, GrantRequest};
use mover::postgres::{Endpoint, PgError};

use super::databases::{self, DatabaseOptions};
use super::environment::Environment;
use super::exit::Exit;
use super::problem::Problem;
use super::running;

const AFTER_HELP: &str = "\
Examples:
  coffer grants --source postgresql://admin@db.example/orders --role coffer_backup > grants.sql
  coffer grants --source postgresql://admin@db.example --all-databases --role coffer_backup > grants.sql
  psql -v ON_ERROR_STOP=1 -f grants.sql postgresql://admin@db.example/orders
  psql -c '\\password coffer_backup' postgresql://admin@db.example/orders
  coffer doctor --source postgresql://coffer_backup@db.example/orders";

/// Print an SQL script that lets a role back databases up, and do nothing else. Nothing is changed: read it, then run it.
///
/// The script makes the role if it is missing, without a password, and says of every grant what it is for. It is made for
/// what is in the databases now; `coffer doctor` tells when something is missing later, and it may be run again.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The server and database, as any role that may log in: postgresql://user@host:port/database.
    #[arg(long, value_name = "URI")]
    pub source: String,
    #[command(flatten)]
    pub databases: DatabaseOptions,
    /// The role that is to make backups.
    #[arg(long, value_name = "NAME")]
    pub role: String,
    /// Grant on each schema, table and sequence, also where `pg_read_all_data` is there (from PostgreSQL 14 on): the role
    /// then reads nothing of other databases.
    #[arg(long)]
    pub object_by_object: bool,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let request = GrantRequest::new(&arguments.role, arguments.object_by_object)
        .map_err(|error| Problem::Usage(format!("failed to use --role: {error}")))?;
    let (server, asked) = arguments.databases.resolve(&arguments.source, environment)?;
    let server = running::admitted(server).await?;
    let databases = databases::names(&server, &asked).await?;
    let endpoint = Endpoint::new(&server.connection).map_err(failed)?;
    let mut facts = Vec::new();
    for database in databases {
        facts.push(grants::look(&endpoint.with_database(database)).await.map_err(failed)?);
    }
    let mut output = io::stdout().lock();
    output.write_all(&request.script(&facts)).and_then(|()| output.flush()).map_err(Problem::Output)?;
    Ok(Exit::Done)
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn failed(error: PgError) -> Problem {
    Problem::Failed(error.failure(Stage::Connecting))
}
