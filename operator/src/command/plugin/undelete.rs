//! `kubectl coffer undelete`: brings a deleted instance back.

use crds::DeletedBackupInstance;
use kube::ResourceExt as _;
use serde::Serialize;
use serde_json::json;

use super::cluster::Cluster;
use super::output::{OutputOption, Screen, Shown, name_of};
use super::problem::Problem;
use crate::command::people::Exit;

const AFTER_HELP: &str = "\
Examples:
  kubectl get dbinst -n backups                          # which there are
  kubectl coffer undelete shop-orders-0f8fad5b -n backups
  kubectl coffer resume orders -n shop                   # by its owner, who has looked at it first";

/// Bring a deleted instance back, by `spec.undelete` of its DeletedBackupInstance, in the vault's namespace.
///
/// It cannot be taken back. The instance comes back stopped, with all its points: `resume` lets it go on. The exit code is 0 once
/// it is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The DeletedBackupInstance.
    #[arg(value_name = "RECORD")]
    pub record: String,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let mut record: DeletedBackupInstance = cluster.get(&cluster.namespace, &arguments.record).await?;
    if record.spec.undelete {
        screen.note("it is being brought back already")?;
    } else {
        let patch = json!({"spec": {"undelete": true}});
        record = cluster.merge(&cluster.namespace, &arguments.record, patch).await?;
    }
    arguments.output.print(screen, &Undeleted(&record))?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Undeleted<'a>(&'a DeletedBackupInstance);

impl Shown for Undeleted<'_> {
    fn text(&self) -> String {
        let owner = self.0.status.as_ref().and_then(|status| status.owner.as_ref());
        let (what, then) = match owner {
            Some(owner) => (
                format!("{}/{}", owner.namespace, owner.name),
                format!("`kubectl coffer resume {} -n {}`", owner.name, owner.namespace),
            ),
            None => ("the instance".to_owned(), "`kubectl coffer resume`".to_owned()),
        };
        format!(
            "{} is being brought back as {what}, stopped, and goes when that is done; then {then} lets it go on. What keeps it \
             from it: `kubectl describe dbinst {}`.\n",
            name_of(self.0),
            self.0.name_any()
        )
    }

    fn names(&self) -> Vec<String> {
        vec![name_of(self.0)]
    }
}
