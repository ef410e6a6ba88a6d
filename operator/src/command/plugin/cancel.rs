//! `kubectl coffer cancel`: stops a job.

use crds::common::JobState;
use crds::{BackupJob, RestoreJob};
use serde_json::json;

use super::cluster::Cluster;
use super::follow::{self, WaitOptions};
use super::job::Job;
use super::output::{OutputOption, Screen};
use super::problem::Problem;
use crate::command::people::Exit;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer cancel orders-20261122t0200z -n shop --wait
  kubectl coffer cancel rjob/orders-restore-x7k2f";

/// Stop a backup or a restore, by `spec.cancel`. What was not finished is removed; a point that was committed first stays.
///
/// It cannot be taken back. The exit code is 0 once it is asked for; with --wait 0 when the job is Cancelled, 3 when it had
/// ended well first, 1 when it had failed first.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The job: NAME, bjob/NAME or rjob/NAME.
    #[arg(value_name = "JOB")]
    pub job: String,
    #[command(flatten)]
    pub wait: WaitOptions,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let mut job = Job::find(cluster, &arguments.job).await?;
    if job.view().state.is_terminal() {
        screen.note(&format!("{} has ended already", job.reference()))?;
        arguments.output.print(screen, &job)?;
        return Ok(ended(&job));
    }
    let (namespace, name) = (job.namespace(), job.name());
    let patch = json!({"spec": {"cancel": true}});
    job = match job {
        Job::Backup(_) => Job::Backup(Box::new(cluster.merge::<BackupJob>(&namespace, &name, patch).await?)),
        Job::Restore(_) => {
            Job::Restore(Box::new(cluster.merge::<RestoreJob>(&namespace, &name, patch).await?))
        }
    };
    if !arguments.wait.wait {
        screen.note(&format!("{} is being cancelled", job.reference()))?;
        arguments.output.print(screen, &job)?;
        return Ok(Exit::Done);
    }
    let job = follow::until_ended(cluster, job, arguments.wait.timeout, screen).await?;
    arguments.output.print(screen, &job)?;
    Ok(ended(&job))
}

/// Whether it was stopped, rather than how good that is.
fn ended(job: &Job) -> Exit {
    match job.view().state {
        JobState::Cancelled => Exit::Done,
        state if state.is_success() => Exit::Warnings,
        _ => Exit::Failed,
    }
}
