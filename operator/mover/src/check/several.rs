//! Several databases of a server: which they are, and the worst that was found of each.

use std::collections::BTreeSet;

use contract::datasource::server_of;
use contract::{CheckReport, CheckResult, Connection, Databases, Failure, Stage};

use super::{Checklist, examine, probe};
use crate::{
    backup::{Obstacle, choose_databases},
    postgres::{Endpoint, PgError},
};

/// Looks at every database that is asked for. `first` is what was found of the one to log in to.
pub async fn run(connection: &Connection, asked: &Databases, first: CheckReport) -> CheckReport {
    let is_reached = first.server_version.is_some();
    if !is_reached {
        return first;
    }
    let names = match names(connection, asked).await {
        Ok(Ok(names)) => names,
        Ok(Err(obstacle)) => return refused(first, obstacle),
        Err(error) => return Checklist::default().refused("LogIn", &error).report,
    };
    let mut whole: Option<CheckReport> = None;
    for name in names {
        let report = if name == connection.database {
            first.clone()
        } else {
            let one = Connection { database: name.clone(), ..connection.clone() };
            examine(&one).await.report
        };
        let is_unreachable = report.server_version.is_none();
        let report = named(report, &name);
        whole = Some(match whole {
            Some(whole) => together(whole, report),
            None => report,
        });
        if is_unreachable {
            break;
        }
    }
    let mut whole = whole.unwrap_or(first);
    whole.datasource_id = whole.datasource_id.map(|id| server_of(&id).to_owned());
    whole
}

/// The databases that are asked for, of those that the server has.
///
/// # Errors
/// What keeps us from asking, or one of them from being backed up.
pub async fn choose(connection: &Connection, asked: &Databases) -> Result<Vec<String>, Failure> {
    match names(connection, asked).await {
        Ok(Ok(names)) => Ok(names),
        Ok(Err(Obstacle { code, message })) => {
            Err(Failure { code, stage: Stage::Preflight, message, cause: None })
        }
        Err(error) => Err(error.failure(Stage::Connecting)),
    }
}

async fn names(connection: &Connection, asked: &Databases) -> Result<Result<Vec<String>, Obstacle>, PgError> {
    let mut session = Endpoint::new(connection)?.connect("coffer check").await?;
    let chosen = choose_databases(&mut session, asked, probe::LOCK_TIMEOUT).await?;
    session.close().await;
    Ok(chosen.map(|chosen| chosen.names))
}

/// The databases cannot be backed up as they were asked for.
fn refused(mut report: CheckReport, obstacle: Obstacle) -> CheckReport {
    if let Some(item) = report.items.iter_mut().find(|item| item.name == "Privileges") {
        item.result = CheckResult::Failed;
        let Obstacle { code, message } = obstacle;
        item.failure = Some(Failure { code, stage: Stage::Preflight, message, cause: None });
    }
    report.datasource_id = report.datasource_id.map(|id| server_of(&id).to_owned());
    report
}

/// Tells of which database each sentence is.
fn named(mut report: CheckReport, name: &str) -> CheckReport {
    for failure in report.items.iter_mut().filter_map(|item| item.failure.as_mut()) {
        failure.message = format!("database \"{name}\": {}", failure.message);
    }
    report
}

/// The worse result of each check, and what both are together.
fn together(mut whole: CheckReport, one: CheckReport) -> CheckReport {
    for (item, other) in whole.items.iter_mut().zip(one.items) {
        if rank(other.result) > rank(item.result) {
            *item = other;
        }
    }
    let sum =
        |one: Option<u64>, other: Option<u64>| Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0)));
    whole.relations = sum(whole.relations, one.relations);
    whole.size_bytes = sum(whole.size_bytes, one.size_bytes);
    let grants: BTreeSet<String> = whole.missing_grants.into_iter().chain(one.missing_grants).collect();
    whole.missing_grants = grants.into_iter().collect();
    whole
}

fn rank(result: CheckResult) -> u8 {
    match result {
        CheckResult::Passed => 0,
        CheckResult::Skipped => 1,
        CheckResult::Warning => 2,
        CheckResult::Failed => 3,
    }
}
