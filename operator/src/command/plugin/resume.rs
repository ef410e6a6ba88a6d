//! `kubectl coffer resume`: lets an instance that was brought back go on.

use crds::instance::Protection;
use crds::{BackupInstance, annotations};
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::json;

use super::cluster::Cluster;
use super::output::{OutputOption, Screen, Shown, name_of};
use super::problem::Problem;
use crate::command::people::Exit;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer status orders -n shop    # what it would go on with
  kubectl coffer resume orders -n shop";

/// Let an instance go on that was brought back: from then on `protection` of its spec holds, and a day later points expire again.
///
/// It names the record that the instance was brought back from in annotation `coffer.dev/resume`. The exit code is 0 once that
/// is written, and where nothing waits to be resumed.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The BackupInstance.
    #[arg(value_name = "INSTANCE")]
    pub instance: String,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let mut instance: BackupInstance = cluster.get(&cluster.namespace, &arguments.instance).await?;
    let record = instance.status.as_ref().and_then(|status| status.brought_back_from.clone());
    match record {
        None => screen.note("it does not wait to be resumed: nothing was written")?,
        Some(record) => {
            let patch = json!({"metadata": {"annotations": {annotations::RESUME: record}}});
            instance = cluster.merge(&cluster.namespace, &arguments.instance, patch).await?;
        }
    }
    arguments.output.print(screen, &Resumed(&instance))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Resumed<'a>(&'a BackupInstance);

impl Shown for Resumed<'_> {
    fn text(&self) -> String {
        let (instance, name) = (self.0, self.0.name_any());
        let namespace = instance.namespace().unwrap_or_default();
        let holds = match instance.spec.protection {
            Protection::Enabled => "backups run".to_owned(),
            Protection::Suspended => "points expire, and no backups are made".to_owned(),
            Protection::Stopped => format!(
                "nothing runs until `kubectl patch binst {name} -n {namespace} --type=merge -p \
                 '{{\"spec\":{{\"protection\":\"Enabled\"}}}}'`"
            ),
        };
        format!("{} goes on as its spec says: {holds}.\n", name_of(instance))
    }

    fn names(&self) -> Vec<String> {
        vec![name_of(self.0)]
    }
}
