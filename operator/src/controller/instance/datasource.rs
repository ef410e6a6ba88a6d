//! Whether the server is the one that the points came from. Pure.

use contract::Owner;
use contract::datasource::{is_identified, server_of};
use crds::instance::{Check, CheckResult};
use crds::{BackupInstance, Reason};

use super::checks::Findings;
use super::observe::Seen;

/// A warning when the server that was just checked is another than the one that the newest point came from, or that the
/// last check met where there is no point. Backups go on: one too many of a server that was replaced on purpose harms
/// nobody, none at all might.
pub fn changed(instance: &BackupInstance, seen: &Seen, result: &Findings) -> Option<Check> {
    let now = result.datasource_id.as_deref().filter(|now| is_identified(now)).map(server_of)?;
    let known = [newest_point(seen), checked(instance)].into_iter().flatten();
    let before = known.filter(|before| is_identified(before)).map(server_of).find(|before| *before != now)?;
    Some(Check {
        name: "Datasource".into(),
        result: CheckResult::Warning,
        reason: Some(Reason::DatasourceChanged.as_str().to_owned()),
        message: Some(format!(
            "The server has the system identifier {now}; the points so far came from {before}. If it was replaced on \
             purpose, make a new instance; else correct `host` or DNS."
        )),
    })
}

/// The server that the newest point came from, where the last check had met another one: somebody has to look again.
pub fn met_meanwhile<'a>(instance: &'a BackupInstance, seen: &'a Seen) -> Option<&'a str> {
    let (point, checked) = (newest_point(seen)?, checked(instance)?);
    let differ = is_identified(point) && is_identified(checked) && server_of(point) != server_of(checked);
    differ.then(|| server_of(point))
}

fn newest_point(seen: &Seen) -> Option<&str> {
    let (Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id }) =
        &seen.points.iter().flatten().last()?.owner;
    Some(datasource_id)
}

fn checked(instance: &BackupInstance) -> Option<&str> {
    instance.status.as_ref()?.datasource_id.as_deref()
}
