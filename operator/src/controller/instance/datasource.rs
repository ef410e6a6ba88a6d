//! Whether the server is the one that the points came from. Pure.

use contract::{Owner, PointView};
use crds::instance::{Check, CheckResult};
use crds::{BackupInstance, Reason};

use super::checks::Findings;
use super::observe::Seen;

/// A warning when the server that was just checked is another than the one that the newest point came from, or that the
/// last check met where there is no point. Backups go on: one too many of a server that was replaced on purpose harms
/// nobody, none at all might.
pub fn changed(instance: &BackupInstance, seen: &Seen, result: &Findings) -> Option<Check> {
    let now = system(result.datasource_id.as_deref()?);
    let point = seen.points.iter().flatten().last().and_then(datasource);
    let checked = instance.status.as_ref().and_then(|status| status.datasource_id.as_deref());
    let before = system(point.or(checked)?);
    (now != before).then(|| Check {
        name: "Datasource".into(),
        result: CheckResult::Warning,
        reason: Some(Reason::DatasourceChanged.as_str().to_owned()),
        message: Some(format!(
            "The server has the system identifier {now}; the points so far came from {before}. If it was replaced on \
             purpose, make a new instance; else correct `host` or DNS."
        )),
    })
}

fn datasource(point: &PointView) -> Option<&str> {
    match &point.owner {
        Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id } => Some(datasource_id),
    }
}

/// A datasource is `<system identifier>/<database>`.
fn system(datasource: &str) -> &str {
    datasource.split_once('/').map_or(datasource, |(system, _)| system)
}
