//! `kubectl coffer show-points`: has the points of a time shown.

use crds::{BackupInstance, annotations};
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::json;

use super::cluster::Cluster;
use super::output::{OutputOption, Screen, Shown, name_of};
use super::problem::Problem;
use crate::command::people::Exit;
use crate::controller::recovery_point::Range;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer show-points orders 2026-03-01/2026-03-31 -n shop
  kubectl coffer list orders -n shop                             # a moment later";

/// Have the points of a time shown as objects for a day, beyond the newest ones, so that one of them can be restored.
///
/// It writes annotation `coffer.dev/show-points` of the instance. The newest 200 points of that time are shown. The exit code is 0
/// once that is written.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The BackupInstance.
    #[arg(value_name = "INSTANCE")]
    pub instance: String,
    /// Two dates in UTC, of which the last is shown whole, or two RFC 3339 times.
    #[arg(value_name = "FROM/TO", value_parser = time)]
    pub time: String,
    #[command(flatten)]
    pub output: OutputOption,
}

/// The value as it is written, if it says a time.
fn time(text: &str) -> Result<String, String> {
    Range::parse(text).map(|_| text.to_owned())
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let before: BackupInstance = cluster.get(&cluster.namespace, &arguments.instance).await?;
    if before.annotations().get(annotations::SHOW_POINTS) == Some(&arguments.time) {
        screen.note(
            "this time was asked for before: its day is not begun anew; write the time another way to have another day",
        )?;
    }
    let patch = json!({"metadata": {"annotations": {annotations::SHOW_POINTS: arguments.time}}});
    let instance: BackupInstance = cluster.merge(&cluster.namespace, &arguments.instance, patch).await?;
    arguments.output.print(screen, &Asked(&instance))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Asked<'a>(&'a BackupInstance);

impl Shown for Asked<'_> {
    fn text(&self) -> String {
        let name = self.0.name_any();
        format!(
            "Points of that time are shown for a day: `kubectl coffer list {name} -n {}` has them in a moment.\n",
            self.0.namespace().unwrap_or_default()
        )
    }

    fn names(&self) -> Vec<String> {
        vec![name_of(self.0)]
    }
}
