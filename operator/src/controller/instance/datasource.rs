//! Whether the server is the one that the points came from. Pure.

use contract::Owner;
use contract::datasource::{is_identified, server_of};
use crds::instance::{Check, CheckResult};
use crds::{BackupInstance, Reason};
use jiff::Timestamp;

use super::checks::Findings;
use super::observe::Seen;

/// A warning when the server that was just checked is another than the one that the newest point came from, or that the
/// last check met where there is no point. Backups go on: one too many of a server that was replaced on purpose harms
/// nobody, none at all might.
pub fn changed(instance: &BackupInstance, seen: &Seen, result: &Findings) -> Option<Check> {
    let now = result.datasource_id.as_deref()?;
    let known = [newest_point(seen), checked(instance)].into_iter().flatten();
    let mut known = known.filter(|before| is_identified(before)).map(server_of);
    let before = known.find(|before| *before != server_of(now))?;
    let message = if is_identified(now) {
        format!(
            "The server has the system identifier {}; the points so far came from {before}. If it was replaced on purpose, \
             make a new instance; else correct `host` or DNS.",
            server_of(now)
        )
    } else {
        format!(
            "The role may no longer read who the server is: to Coffer the database is {now} from now on, and another one than \
             the points so far came from ({before}). If it is the same, let the role call pg_control_system() again."
        )
    };
    Some(Check {
        name: "Datasource".into(),
        result: CheckResult::Warning,
        reason: Some(Reason::DatasourceChanged.as_str().to_owned()),
        message: Some(message),
    })
}

/// Whether the newest point came from another server than the check before it had met: somebody has to look again.
pub fn has_met_another(instance: &BackupInstance, seen: &Seen, checked_at: Timestamp) -> bool {
    let newest = seen.points.iter().flatten().last().filter(|point| checked_at < point.commit_time);
    let (Some(point), Some(checked)) = (newest.and_then(|_| newest_point(seen)), checked(instance)) else {
        return false;
    };
    is_identified(point) && is_identified(checked) && server_of(point) != server_of(checked)
}

fn newest_point(seen: &Seen) -> Option<&str> {
    let (Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id }) =
        &seen.points.iter().flatten().last()?.owner;
    Some(datasource_id)
}

fn checked(instance: &BackupInstance) -> Option<&str> {
    instance.status.as_ref()?.datasource_id.as_deref()
}
