//! `coffer restore --all-databases`: every database of a point, and the roles that they need.

use contract::{PointView, RunId, Summary};
use mover::progress::ProgressSink;
use mover::restore::{self, Check, Roles, ServerRestoreInput};
use serde::Serialize;

use super::{Arguments, LOCK_TIMEOUT_SECONDS, MAINTENANCE_DATABASE};
use crate::command::people::exit::Exit;
use crate::command::people::output::{printable, totals, warning_lines};
use crate::command::people::points;
use crate::command::people::problem::Problem;
use crate::command::people::running;
use crate::command::people::server::Server;
use crate::command::people::session::Session;

#[derive(Serialize)]
struct Restored {
    point: PointView,
    databases: Vec<String>,
    summary: Summary,
    warnings: Vec<String>,
}

pub async fn run(
    arguments: &Arguments,
    mut server: Server,
    session: &Session,
    point: PointView,
) -> Result<Exit, Problem> {
    if !server.names_database {
        MAINTENANCE_DATABASE.clone_into(&mut server.connection.database);
    }
    let server = running::admitted(server).await?;
    let run = RunId(uuid::Uuid::new_v4().to_string());
    let deadline = session.deadline();
    let input = ServerRestoreInput {
        point: point.id.clone(),
        connection: server.connection,
        databases: Vec::new(),
        rename: arguments.rename_database.iter().cloned().collect(),
        tablespaces: arguments.tablespace.iter().cloned().collect(),
        roles: if arguments.no_roles { Roles::Skip } else { Roles::CreateMissing },
        requested_by: (String::new(), "command line".to_owned(), run.0.clone()),
        limits: running::limits(arguments.jobs, LOCK_TIMEOUT_SECONDS),
        deadline,
        check: Check::default(),
    };
    let custody = session.custody(deadline);
    let sink = ProgressSink::new(1);
    let moved = running::watched(&sink, arguments.progress.mode, async |cancel| {
        restore::run_server(&input, &custody, &run, &sink, cancel, &session.clock).await
    })
    .await?;
    let done = moved?;
    let stored = point.data_stores.iter().map(|store| &store.database);
    let databases = stored.map(|name| input.rename.get(name).unwrap_or(name).clone()).collect();
    let restored = Restored { point, databases, summary: done.summary, warnings: done.warnings };
    arguments.output.print(&restored, text).map_err(Problem::Output)?;
    Ok(if restored.warnings.is_empty() { Exit::Done } else { Exit::Warnings })
}

fn text(restored: &Restored) -> String {
    let Restored { point, databases, summary, warnings } = restored;
    let names: Vec<String> = databases.iter().map(|name| printable(name).to_string()).collect();
    format!(
        "databases {} restored from point {} of {}: {}{}",
        names.join(", "),
        point.id,
        points::second(point.point_time),
        totals(summary),
        warning_lines(warnings),
    )
}
