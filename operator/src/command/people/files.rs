//! `coffer restore --files`: a point as files that psql loads.

use std::path::Path;

use contract::{PointView, RunId, Summary};
use mover::progress::ProgressSink;
use mover::restore::files::{self, FilesInput};
use mover::vault::Access;
use serde::Serialize;

use super::environment::Environment;
use super::exit::Exit;
use super::output::{printable, totals, warning_lines};
use super::points;
use super::problem::Problem;
use super::restore::Arguments;
use super::running;
use super::session;

/// Locks are nobody's here.
const NO_LOCKS: u32 = 0;

#[derive(Serialize)]
struct Written {
    point: PointView,
    directory: String,
    summary: Summary,
    warnings: Vec<String>,
}

/// Writes the files of a point.
///
/// # Errors
/// Any [`Problem`]; no directory is left behind.
pub async fn run(
    arguments: &Arguments,
    directory: &Path,
    environment: &Environment,
) -> Result<Exit, Problem> {
    let selection = arguments.select.selection()?;
    let session = session::open(&arguments.vault, environment, Access::ReadWrite).await?;
    let point = points::find(&session.vault, &arguments.point, arguments.database.as_deref())?;
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let deadline = session.deadline();
    let input = FilesInput {
        point: point.id.clone(),
        database: arguments.database.clone(),
        directory: directory.to_owned(),
        selection,
        limits: running::limits(arguments.jobs, NO_LOCKS),
        deadline,
    };
    let custody = session.custody(deadline);
    let sink = ProgressSink::new(1);
    let written = running::watched(&sink, arguments.progress.mode, async |cancel| {
        files::run(&input, &custody, &run, &sink, cancel, &session.clock).await
    })
    .await?;
    session.end_reading(&run).await;
    session.close().await;
    let done = written?;
    let directory = directory.display().to_string();
    let written = Written { point, directory, summary: done.summary, warnings: done.warnings };
    arguments.output.print(&written, text).map_err(Problem::Output)?;
    Ok(if written.warnings.is_empty() { Exit::Done } else { Exit::Warnings })
}

fn text(written: &Written) -> String {
    let Written { point, directory, summary, warnings } = written;
    format!(
        "point {} of {} written to {}: {}README.txt there tells how psql loads it. It is not encrypted.\n{}",
        point.id,
        points::second(point.point_time),
        printable(directory),
        totals(summary),
        warning_lines(warnings),
    )
}
