//! `kubectl coffer list`: the recovery points.

use crds::{BackupInstance, RecoveryPoint, labels};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ListParams;
use serde::Serialize;

use super::cluster::Cluster;
use super::output::{Format, OutputOption, Screen, Shown, name_of};
use super::problem::Problem;
use super::times::{distance, moment};
use crate::command::people::Exit;
use crate::command::people::output::Table;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer list                     # every point that the namespace shows
  kubectl coffer list orders -n shop      # of one instance, the newest last
  kubectl coffer list orders -o name | tail -1
  kubectl coffer list -A --vault main     # of one vault, in all namespaces";

/// Show recovery points, the newest last: when, tag, size, until when they are kept, state, and how they were verified.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The BackupInstance, which may be deleted. Left out: of all instances.
    #[arg(value_name = "INSTANCE")]
    pub instance: Option<String>,
    /// Name of the BackupVault that holds the points. Left out: any.
    #[arg(long, value_name = "NAME")]
    pub vault: Option<String>,
    /// The points of all namespaces.
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let wanted = [(labels::INSTANCE, &arguments.instance), (labels::VAULT, &arguments.vault)];
    let wanted: Vec<String> = wanted
        .iter()
        .filter_map(|(key, value)| value.as_ref().map(|value| format!("{key}={value}")))
        .collect();
    let mut which = ListParams::default();
    if !wanted.is_empty() {
        which = which.labels(&wanted.join(","));
    }
    let namespace = (!arguments.all_namespaces).then_some(cluster.namespace.as_str());
    let mut items = cluster.list::<RecoveryPoint>(namespace, &which).await?;
    items.sort_by_cached_key(|point| (point.namespace(), taken(point), point.name_any()));
    let listing = Listing {
        api_version: "v1",
        kind: "List",
        items,
        all_namespaces: arguments.all_namespaces,
        now: (cluster.now)(),
    };
    arguments.output.print(screen, &listing)?;
    if let (Some(instance), false, Format::Table) =
        (&arguments.instance, arguments.all_namespaces, arguments.output.format)
    {
        tell_hidden(cluster, instance, listing.items.len(), screen).await?;
    }
    Ok(Exit::Done)
}

/// Only the newest points are objects; whoever misses one should know that there are more.
async fn tell_hidden(
    cluster: &Cluster,
    instance: &str,
    shown: usize,
    screen: &mut Screen<'_>,
) -> Result<(), Problem> {
    let found = cluster.find::<BackupInstance>(&cluster.namespace, instance).await?;
    let Some(found) = found else {
        return match shown {
            0 => screen.note(&format!("there is no instance {instance} in namespace {}", cluster.namespace)),
            _ => Ok(()),
        };
    };
    let all = found.status.and_then(|status| status.recovery_points);
    let all = all.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    if all > shown {
        screen.note(&format!(
            "{shown} of {all} points are shown as objects: the vault's `recoveryPointWindow`"
        ))?;
    }
    Ok(())
}

/// As `kubectl get -o json` has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<RecoveryPoint>,
    #[serde(skip)]
    all_namespaces: bool,
    #[serde(skip)]
    now: Timestamp,
}

impl Shown for Listing {
    fn text(&self) -> String {
        if self.items.is_empty() {
            return "There are no points.\n".to_owned();
        }
        let mut table =
            Table::new(["POINT", "INSTANCE", "TAKEN", "TAG", "SIZE", "EXPIRES", "STATE", "VERIFIED"]);
        for point in &self.items {
            let status = point.status.clone().unwrap_or_default();
            let name = match (self.all_namespaces, point.namespace()) {
                (true, Some(namespace)) => format!("{namespace}/{}", point.name_any()),
                _ => point.name_any(),
            };
            let dash = || "-".to_owned();
            table.row([
                name,
                point.labels().get(labels::INSTANCE).cloned().unwrap_or_else(dash),
                taken(point).map_or_else(dash, |time| distance(time, self.now)),
                status.tag.clone().unwrap_or_else(dash),
                status.size.clone().unwrap_or_else(dash),
                status.expiration_time.as_ref().map_or_else(|| "never".to_owned(), |time| moment(time.0)),
                status.state.map_or_else(dash, |state| format!("{state:?}")),
                verified(point, self.now),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(name_of).collect()
    }
}

fn taken(point: &RecoveryPoint) -> Option<Timestamp> {
    point.status.as_ref().and_then(|status| status.point_time.as_ref()).map(|time| time.0)
}

/// The deepest look that there was, and when.
fn verified(point: &RecoveryPoint, now: Timestamp) -> String {
    let times = point.status.as_ref().and_then(|status| status.verified.clone()).unwrap_or_default();
    let looks =
        [(times.restored_time, "restored"), (times.full_time, "read"), (times.objects_time, "counted")];
    let deepest = looks.into_iter().find_map(|(time, word)| Some((time?, word)));
    deepest.map_or_else(|| "no".to_owned(), |(time, word)| format!("{word} {}", distance(time.0, now)))
}
