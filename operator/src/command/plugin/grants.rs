//! `kubectl coffer grants`: the SQL for the rights that the role lacks.

use crds::BackupInstance;
use kube::ResourceExt as _;

use super::cluster::Cluster;
use super::output::Screen;
use super::problem::Problem;
use super::times::moment;
use crate::command::people::Exit;
use crate::command::people::output::printable;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer grants orders -n shop                                  # read it first
  kubectl coffer grants orders -n shop | psql -v ON_ERROR_STOP=1 postgresql://admin@db.example/orders
  kubectl coffer doctor orders -n shop --revalidate                     # then look again";

/// Print the SQL that gives an instance's role the rights that the last check missed. Nothing is changed.
///
/// It is run by the database's owner or an administrator. When nothing is missing nothing is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The BackupInstance.
    #[arg(value_name = "INSTANCE")]
    pub instance: String,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let instance: BackupInstance = cluster.get(&cluster.namespace, &arguments.instance).await?;
    let status = instance.status.clone().unwrap_or_default();
    let Some(last) = &status.last_check else {
        return Err(Problem::usage(
            format!("instance {} has not been checked yet", arguments.instance),
            format!("`kubectl coffer doctor {} --revalidate` waits for it", arguments.instance),
        ));
    };
    let server = &instance.spec.postgresql;
    let at = format!("{}:{}/{}", server.host, server.port, server.first_database());
    if status.missing_grants.is_empty() {
        screen.note(&format!("nothing was missing at {}", moment(last.time.0)))?;
        screen.note(&format!(
            "the script for another role: coffer grants --source postgresql://ADMIN@{at} --role NAME"
        ))?;
        return Ok(Exit::Done);
    }
    let mut script = format!(
        "-- What the role of {}/{} lacked at {}.\n-- Run it as an administrator of {}.\n",
        cluster.namespace,
        instance.name_any(),
        moment(last.time.0),
        printable(&at),
    );
    if server.databases.is_some() {
        script.push_str(
            "-- Rights on single tables are those of the database that the check's message names.\n",
        );
    }
    for statement in &status.missing_grants {
        script.push_str(statement);
        script.push('\n');
    }
    screen.out.write_all(script.as_bytes())?;
    screen.out.flush()?;
    Ok(Exit::Done)
}
