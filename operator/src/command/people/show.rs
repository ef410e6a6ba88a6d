//! `coffer show`: what is inside a point, without reading its data.

use contract::{PointView, RunId};
use mover::custody::Custody as _;
use mover::format::ContentsTable;
use mover::point::PointReader;
use mover::store;
use mover::vault::Access;
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::output::{OutputOption, Table, bytes};
use super::points;
use super::problem::Problem;
use super::session::{self, Session, VaultArguments};

const AFTER_HELP: &str = "\
Examples:
  coffer show --vault file:///backups --identity key.txt latest
  coffer show --vault file:///backups --identity key.txt 3f9a01 -o json";

/// Show what is inside a point: its databases, tables, rows and bytes, and what could not be read.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    pub vault: VaultArguments,
    /// A point's id, its beginning, or `latest`.
    #[arg(value_name = "POINT")]
    pub point: String,
    #[command(flatten)]
    pub output: OutputOption,
}

#[derive(Serialize)]
struct Contents {
    point: PointView,
    tables: Vec<TableOfDatabase>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TableOfDatabase {
    database: String,
    #[serde(flatten)]
    table: ContentsTable,
}

/// Only reads: the objects of a point stay for an hour after its tombstone, which is longer than this takes.
pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Problem> {
    let session = session::open(&arguments.vault, environment, Access::ReadOnly).await?;
    let point = points::find(&session.vault, &arguments.point, None)?;
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let tables = read(&session, &run, &point).await?;
    let contents = Contents { point, tables };
    arguments.output.print_list(&contents, |contents| &contents.tables, text).map_err(Problem::Output)?;
    Ok(Exit::Done)
}

async fn read(session: &Session, run: &RunId, point: &PointView) -> Result<Vec<TableOfDatabase>, Problem> {
    let reader = session::random_id()?;
    let grant = session.custody(session.deadline()).read_grant(run, &point.id, &reader).await?;
    let failed = |error: mover::point::ReadError| session::failed(error.code(), &error);
    let store = store::connect(&grant.storage, &session.clock)
        .map_err(|error| session::failed(error.code(), &error))?;
    let reader = PointReader::open(store, &grant).await.map_err(failed)?;
    let mut pages = Vec::new();
    for number in 0..reader.record().contents.len() {
        pages.push(reader.contents_page(number).await.map_err(failed)?);
    }
    // Databases are written in the order in which they came to their end.
    pages.sort_by_key(|page| page.data_store);
    let mut tables = Vec::new();
    for mut page in pages {
        // Tables are written in the order in which their last rows were read.
        page.tables.sort_by(|one, other| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
        let index = usize::try_from(page.data_store).unwrap_or(usize::MAX);
        let database = point.data_stores.get(index).map_or_else(String::new, |store| store.database.clone());
        tables.extend(
            page.tables.into_iter().map(|table| TableOfDatabase { database: database.clone(), table }),
        );
    }
    Ok(tables)
}

fn text(contents: &Contents) -> String {
    let mut text = points::table(std::slice::from_ref(&contents.point));
    let point = &contents.point;
    text.push_str(&format!("\nPostgreSQL {}, {} objects\n", point.source.server_version, point.objects));
    for (heading, lines) in [("not read", &point.coverage), ("warning", &point.warnings)] {
        for line in lines {
            text.push_str(&format!("{heading}: {}\n", super::output::printable(line)));
        }
    }
    let mut table = Table::new(["DATABASE", "SCHEMA", "TABLE", "ROWS", "BYTES"]);
    for TableOfDatabase { database, table: entry } in &contents.tables {
        table.row([
            database.clone(),
            entry.schema.to_lossy().into_owned(),
            entry.name.to_lossy().into_owned(),
            entry.rows.to_string(),
            bytes(entry.plain_bytes),
        ]);
    }
    text.push('\n');
    text.push_str(&table.text());
    text
}
