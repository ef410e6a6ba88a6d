//! The run itself: the task of the assignment, given to the data plane with the keeper as its custodian.

use std::collections::BTreeMap;

use ::mover::backup::{self, BackupJobInput};
use ::mover::check;
use ::mover::clock::Clock;
use ::mover::progress::ProgressSink;
use ::mover::restore::{self, Check, Purpose, RestoreInput, Roles, Selection, ServerRestoreInput};
use ::mover::verify::{self, VerifyInput};
use contract::{
    Assignment, BackupTask, Failure, FailureCode, KeeperEndpoint, Outcome, RestoreDatabasesTask,
    RestoreRoles, RestoreTask, Stage, Task, VerifyTask,
};

use super::remote::Remote;
use super::stopping::Stopping;

/// What came of it, and what somebody should look at.
pub type Ended = (Outcome, Vec<String>);

/// Does the task. A failure is an outcome like any other.
pub async fn work(assignment: &Assignment, stopping: &Stopping, sink: &ProgressSink, clock: &Clock) -> Ended {
    let ended = match &assignment.task {
        Task::Check(task) => {
            Ok((Outcome::Checked(check::run(&task.source, &task.databases).await), Vec::new()))
        }
        Task::Backup(task) => back_up(assignment, task, stopping, sink, clock).await,
        Task::Restore(task) => put_back(assignment, task, stopping, sink, clock).await,
        Task::RestoreDatabases(task) => put_all_back(assignment, task, stopping, sink, clock).await,
        Task::Verify(task) => look_at(assignment, task, stopping, sink, clock).await,
    };
    ended.unwrap_or_else(|failure| (Outcome::Failed(stopping.explain(failure)), Vec::new()))
}

async fn back_up(
    assignment: &Assignment,
    task: &BackupTask,
    stopping: &Stopping,
    sink: &ProgressSink,
    clock: &Clock,
) -> Result<Ended, Failure> {
    let keeper = keeper(&task.keeper, assignment, stopping, clock)?;
    let input = BackupJobInput {
        source: task.source.clone(),
        databases: task.databases.clone(),
        owner: task.owner.clone(),
        decision: task.decision.clone(),
        limits: task.limits.clone(),
        deadline: assignment.deadline,
    };
    let done = backup::run(&input, &keeper, &assignment.run, sink, stopping.token(), clock).await?;
    Ok((Outcome::Stored { point: done.point, writer: done.writer, summary: done.summary }, done.warnings))
}

async fn put_back(
    assignment: &Assignment,
    task: &RestoreTask,
    stopping: &Stopping,
    sink: &ProgressSink,
    clock: &Clock,
) -> Result<Ended, Failure> {
    let keeper = keeper(&task.keeper, assignment, stopping, clock)?;
    let renames: Vec<String> = task.select.rename.iter().map(|(old, new)| format!("{old}={new}")).collect();
    let selection = Selection::parse(&task.select.schemas, &task.select.tables, &renames);
    let selection = selection.map_err(|error| Failure {
        code: FailureCode::BadAssignment,
        stage: Stage::Starting,
        message: format!("read what is selected: {error}"),
        cause: None,
    })?;
    let input = RestoreInput {
        point: task.point.clone(),
        database: task.database.clone(),
        tablespaces: BTreeMap::new(),
        target: task.target.clone(),
        requested_by: task.requested_by.clone(),
        limits: task.limits.clone(),
        deadline: assignment.deadline,
        check: Check::default(),
        purpose: Purpose::Keep,
        selection,
    };
    let done = restore::run(&input, &keeper, &assignment.run, sink, stopping.token(), clock).await?;
    Ok((Outcome::Restored { summary: done.summary }, done.warnings))
}

async fn put_all_back(
    assignment: &Assignment,
    task: &RestoreDatabasesTask,
    stopping: &Stopping,
    sink: &ProgressSink,
    clock: &Clock,
) -> Result<Ended, Failure> {
    let keeper = keeper(&task.keeper, assignment, stopping, clock)?;
    let input = ServerRestoreInput {
        point: task.point.clone(),
        connection: task.connection.clone(),
        databases: task.databases.clone(),
        rename: task.rename.clone(),
        tablespaces: BTreeMap::new(),
        roles: match task.roles {
            RestoreRoles::CreateMissing => Roles::CreateMissing,
            RestoreRoles::Skip => Roles::Skip,
        },
        requested_by: task.requested_by.clone(),
        limits: task.limits.clone(),
        deadline: assignment.deadline,
        check: Check::default(),
    };
    let done = restore::run_server(&input, &keeper, &assignment.run, sink, stopping.token(), clock).await?;
    Ok((Outcome::Restored { summary: done.summary }, done.warnings))
}

async fn look_at(
    assignment: &Assignment,
    task: &VerifyTask,
    stopping: &Stopping,
    sink: &ProgressSink,
    clock: &Clock,
) -> Result<Ended, Failure> {
    let keeper = keeper(&task.keeper, assignment, stopping, clock)?;
    let input = VerifyInput {
        point: task.point.clone(),
        level: task.level,
        scratch: task.scratch.clone(),
        deadline: assignment.deadline,
    };
    let seen = verify::verify(&input, &keeper, &assignment.run, sink, stopping.token(), clock).await?;
    Ok((Outcome::Verified(seen), Vec::new()))
}

fn keeper(
    endpoint: &KeeperEndpoint,
    assignment: &Assignment,
    stopping: &Stopping,
    clock: &Clock,
) -> Result<Remote, Failure> {
    Remote::new(endpoint, assignment.deadline, clock.clone(), stopping.token())
}
