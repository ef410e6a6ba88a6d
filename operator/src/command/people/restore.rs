//! `coffer restore`: a point into a database.

use std::path::PathBuf;

use contract::{Connection, PointView, RestoreTarget, RunId, Summary};
use mover::progress::ProgressSink;
use mover::restore::{self, Check, Purpose, RestoreInput};
use mover::vault::Access;
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::files;
use super::output::{OutputOption, printable, totals, warning_lines};
use super::points;
use super::problem::Problem;
use super::progress::ProgressOption;
use super::running;
use super::selection::SelectionOptions;
use super::server::{self, Server};
use super::session::{self, VaultArguments};

mod whole;

/// Where to log in to make a database, and never a database that is meant by mistake.
const MAINTENANCE_DATABASE: &str = "postgres";
/// A lock of a restore into a database of its own is never waited for long.
const LOCK_TIMEOUT_SECONDS: u32 = 60;

const AFTER_HELP: &str = "\
Examples:
  coffer restore --vault file:///backups --identity key.txt latest --target postgresql://admin@db.example --as orders_copy
  coffer restore --vault file:///backups --identity key.txt 3f9a01 --target postgresql://admin@db.example/empty --owner app";

/// Restore a point into a database that does not exist yet, or is empty; or only some schemas or tables, also into one that is
/// in use.
///
/// The database is loaded under another name and gets its own after everything was compared, so that a restore that is
/// cut off leaves nothing that looks whole. It is called --as, else as the URI says, unless that is `postgres`, else as it was
/// called.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    pub vault: VaultArguments,
    /// A point's id, its beginning, or `latest`.
    #[arg(value_name = "POINT")]
    pub point: String,
    /// The server: postgresql://user@host:port. The role needs CREATEDB, and the roles that own the restored objects.
    ///
    /// A password comes from PGPASSWORD, PGPASSFILE, a service file or a prompt.
    #[arg(long, value_name = "URI", required_unless_present = "files")]
    pub target: Option<String>,
    /// Which database of the point, if it holds several. `latest` is then the newest point with this one.
    #[arg(long, value_name = "NAME")]
    pub database: Option<String>,
    /// Every database of the point, with the roles that the target lacks. They get their names all at once.
    #[arg(long, conflicts_with_all = ["database", "name", "owner", "files", "schema", "table"])]
    pub all_databases: bool,
    /// With --all-databases: what one of them is to be called.
    #[arg(long, value_name = "OLD=NEW", requires = "all_databases", value_parser = pair)]
    pub rename_database: Vec<(String, String)>,
    /// With --all-databases: make no roles; those that the databases need must be there.
    #[arg(long, requires = "all_databases")]
    pub no_roles: bool,
    /// The tablespace of the target that is taken for one of the source, such as `fast=pg_default`.
    #[arg(long, value_name = "OLD=NEW", value_parser = pair)]
    pub tablespace: Vec<(String, String)>,
    /// The restored database's name; Coffer then logs in to the URI's database, else to `postgres`.
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// The restored database's owner, instead of the owner that it had.
    #[arg(long, value_name = "ROLE")]
    pub owner: Option<String>,
    /// Connections that load at the same time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=32))]
    pub jobs: u16,
    #[command(flatten)]
    pub select: SelectionOptions,
    /// Write the database as files instead, which psql loads without Coffer: scripts, and the rows of each table in COPY's
    /// formats. The directory may not be there yet. What is in it is not encrypted.
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["target", "name", "owner", "rename"])]
    pub files: Option<PathBuf>,
    #[command(flatten)]
    pub progress: ProgressOption,
    #[command(flatten)]
    pub output: OutputOption,
}

#[derive(Serialize)]
struct Restored {
    point: PointView,
    database: String,
    summary: Summary,
    warnings: Vec<String>,
}

pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    if let Some(directory) = &arguments.files {
        return files::run(arguments, directory, environment).await;
    }
    let uri = target_of(arguments)?;
    let selection = arguments.select.selection()?;
    let server = server::resolve(uri, environment)?;
    let session = session::open(&arguments.vault, environment, Access::ReadWrite).await?;
    let point = points::find(&session.vault, &arguments.point, arguments.database.as_deref())?;
    if arguments.all_databases {
        let ended = whole::run(arguments, server, &session, point).await;
        session.close().await;
        return ended;
    }
    let database = name_of(arguments, &server, &point)?;
    let server = running::admitted(log_in_to(server, arguments)).await?;
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let deadline = session.deadline();
    let input = RestoreInput {
        point: point.id.clone(),
        database: arguments.database.clone(),
        tablespaces: arguments.tablespace.iter().cloned().collect(),
        target: RestoreTarget {
            connection: server.connection,
            database: database.clone(),
            owner: arguments.owner.clone(),
        },
        requested_by: (String::new(), "command line".to_owned(), run.0.clone()),
        limits: running::limits(arguments.jobs, LOCK_TIMEOUT_SECONDS),
        deadline,
        check: Check::default(),
        purpose: Purpose::Keep,
        selection,
    };
    let custody = session.custody(deadline);
    let sink = ProgressSink::new(1);
    let moved = running::watched(&sink, arguments.progress.mode, async |cancel| {
        restore::run(&input, &custody, &run, &sink, cancel, &session.clock).await
    })
    .await?;
    session.close().await;
    let done = moved?;
    let restored = Restored { point, database, summary: done.summary, warnings: done.warnings };
    arguments.output.print(&restored, text).map_err(Problem::Output)?;
    Ok(if restored.warnings.is_empty() { Exit::Done } else { Exit::Warnings })
}

/// The URI of the target.
fn target_of(arguments: &Arguments) -> Result<&str, Problem> {
    match &arguments.target {
        Some(uri) => Ok(uri),
        None => Err(Problem::Usage("name the server with --target postgresql://user@host".to_owned())),
    }
}

/// What the restored database will be called.
fn name_of(arguments: &Arguments, server: &Server, point: &PointView) -> Result<String, Problem> {
    if let Some(name) = &arguments.name {
        return Ok(name.clone());
    }
    let named = server.names_database && server.connection.database != MAINTENANCE_DATABASE;
    if named {
        return Ok(server.connection.database.clone());
    }
    match (&arguments.database, point.data_stores.as_slice()) {
        (Some(name), _) => Ok(name.clone()),
        (None, [store]) => Ok(store.database.clone()),
        (None, [] | [_, _, ..]) => {
            let names = points::databases(point);
            let message =
                format!("the point holds {names}: name one with --database NAME, or take --all-databases");
            Err(Problem::Usage(message))
        }
    }
}

/// `old=new`.
fn pair(given: &str) -> Result<(String, String), String> {
    let halves = given.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty());
    let (old, new) = halves.ok_or("expected OLD=NEW")?;
    Ok((old.to_owned(), new.to_owned()))
}

/// The server, with the database to log in to.
fn log_in_to(mut server: Server, arguments: &Arguments) -> Server {
    let Connection { database, .. } = &mut server.connection;
    if arguments.name.is_none() || !server.names_database {
        MAINTENANCE_DATABASE.clone_into(database);
    }
    server
}

fn text(restored: &Restored) -> String {
    let Restored { point, database, summary, warnings } = restored;
    format!(
        "database {} restored from point {} of {}: {}{}",
        printable(database),
        point.id,
        points::second(point.point_time),
        totals(summary),
        warning_lines(warnings),
    )
}
