//! Which databases of a point a restore is of, and what they will be called. Pure.

use std::collections::BTreeSet;

use contract::PointView;
use crds::restore_job::{TargetDatabase, TargetDatabases};
use crds::{ErrorCode, Reason, RestoreJob};

use super::source::NoPoint;

/// So many names are shown; of more, how many there are.
const NAMED: usize = 3;

/// Whether the point has what the job asks for: better said before a pod is started than by it.
///
/// # Errors
/// [`NoPoint`], with what the point has.
pub fn check(job: &RestoreJob, point: &PointView) -> Result<(), NoPoint> {
    let target = &job.spec.target;
    match (&target.database, &target.databases) {
        (Some(database), _) => one(job, database, point),
        (None, Some(databases)) => several(databases, point),
        (None, None) => {
            Err(refused("The job has neither `target.database` nor `target.databases`.".to_owned()))
        }
    }
}

/// What will be made, for people. Without a point, as far as the job itself says it.
pub fn described(job: &RestoreJob, point: Option<&PointView>) -> Option<String> {
    let target = &job.spec.target;
    if let Some(database) = &target.database {
        return Some(database.name.clone());
    }
    let databases = target.databases.as_ref()?;
    let stored = point.map(stored).unwrap_or_default();
    let chosen: Vec<&str> = match &databases.names {
        Some(names) => names.iter().map(String::as_str).collect(),
        None => stored,
    };
    Some(match chosen.as_slice() {
        [] => "all databases".to_owned(),
        few if few.len() <= NAMED => {
            few.iter().map(|name| renamed(databases, name)).collect::<Vec<_>>().join(", ")
        }
        many => format!("{} databases", many.len()),
    })
}

fn one(job: &RestoreJob, target: &TargetDatabase, point: &PointView) -> Result<(), NoPoint> {
    let stored = stored(point);
    match &job.spec.source.database {
        Some(name) => is_there("source.database", name, &stored, point),
        None if stored.len() > 1 && !stored.contains(&target.name.as_str()) => Err(refused(format!(
            "Point {} holds {}: say which of them in `source.database`, or take several with `target.databases`.",
            point.id,
            listed(&stored),
        ))),
        None => Ok(()),
    }
}

fn several(target: &TargetDatabases, point: &PointView) -> Result<(), NoPoint> {
    let stored = stored(point);
    let names = target.names.iter().flatten();
    names.clone().try_for_each(|name| is_there("target.databases.names", name, &stored, point))?;
    let chosen: Vec<&str> = match &target.names {
        Some(_) => names.map(String::as_str).collect(),
        None => stored,
    };
    let renames = target.rename.iter().flatten().map(|(old, _)| old);
    for old in renames {
        is_there("target.databases.rename", old, &chosen, point)?;
    }
    let mut made = BTreeSet::new();
    match chosen.iter().map(|name| renamed(target, name)).find(|name| !made.insert(*name)) {
        None => Ok(()),
        Some(twice) => Err(refused(format!(
            "Two databases would be called {twice}: give one another name in `target.databases.rename`."
        ))),
    }
}

fn is_there(field: &str, name: &str, among: &[&str], point: &PointView) -> Result<(), NoPoint> {
    if among.contains(&name) {
        return Ok(());
    }
    Err(refused(format!(
        "`{field}` names {name}, but what is restored of point {} is {}.",
        point.id,
        listed(among)
    )))
}

fn stored(point: &PointView) -> Vec<&str> {
    point.data_stores.iter().map(|store| store.database.as_str()).collect()
}

fn renamed<'a>(target: &'a TargetDatabases, name: &'a str) -> &'a str {
    target.rename.as_ref().and_then(|renames| renames.get(name)).map_or(name, String::as_str)
}

fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn refused(message: String) -> NoPoint {
    NoPoint::fatal(Reason::InvalidSpec, ErrorCode::UserErrorTargetNotSuitable, message)
}
