//! `kubectl coffer logs`: what the pods of a job say, while they are there.

use std::collections::BTreeSet;
use std::time::Duration;

use crds::{BackupInstance, labels};
use futures::AsyncReadExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt as _};
use tokio::time::sleep;

use super::cluster::Cluster;
use super::job::Job;
use super::output::{Screen, Shown as _};
use super::problem::{Call, Problem};
use crate::command::people::Exit;

/// Between two looks for a pod that has something to say.
const PERIOD: Duration = Duration::from_secs(2);

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer logs orders-20261122t0200z -n shop
  kubectl coffer logs -f rjob/orders-restore-x7k2f -n shop   # of one attempt after the other, until the job has ended";

/// Print the logs of a job's pods, which run in the vault's namespace. The right to read them there is needed.
///
/// A pod is removed once its result is recorded: of an ended job there are no logs, and its status has what happened, which
/// is printed instead. With -f the exit code is that of the job's outcome.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The job: NAME, bjob/NAME or rjob/NAME.
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Go on until the job has ended, with the pods of later attempts.
    #[arg(short = 'f', long)]
    pub follow: bool,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let mut job = Job::find(cluster, &arguments.job).await?;
    let mut read = BTreeSet::new();
    let mut standing = String::new();
    loop {
        if let Some(namespace) = vault_namespace(cluster, &job).await? {
            for pod in pods(cluster, &namespace, &job).await? {
                if has_begun(&pod) && read.insert(pod.name_any()) {
                    print(cluster, &namespace, &pod, arguments.follow, screen).await?;
                }
            }
        }
        if !arguments.follow || job.view().state.is_terminal() {
            break;
        }
        if job.standing() != standing && read.is_empty() {
            standing = job.standing();
            screen.note(&format!("{}: {standing}", job.name()))?;
        }
        sleep(PERIOD).await;
        job = again(cluster, job).await?;
    }
    tell_end(&job, read.is_empty(), screen)?;
    Ok(if arguments.follow { job.exit() } else { Exit::Done })
}

/// The job as it is now; as it was where the API server does not answer for a moment.
async fn again(cluster: &Cluster, job: Job) -> Result<Job, Problem> {
    match job.again(cluster).await {
        Err(problem) if problem.may_pass() => Ok(job),
        other => other,
    }
}

/// What the status says, where there is no log, or no more of it.
fn tell_end(job: &Job, nothing_read: bool, screen: &mut Screen<'_>) -> Result<(), Problem> {
    let view = job.view();
    if nothing_read {
        let what = match view.state.is_terminal() {
            true => "its pods are gone; its status says",
            false => "no pod of it has begun; its status says",
        };
        screen.note(&format!("{}: {what}:", job.name()))?;
        for attempt in view.attempts {
            let end = attempt.outcome.map(|outcome| format!(" {outcome:?}")).unwrap_or_default();
            let message =
                attempt.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
            screen.note(&format!("  attempt {}{end}{message}", attempt.number))?;
        }
    }
    if view.state.is_terminal() || nothing_read {
        write!(screen.err, "{}", job.text())?;
    }
    Ok(())
}

/// Where the job's pods are: with its vault. `None` before the job was taken up, if its instance is gone.
async fn vault_namespace(cluster: &Cluster, job: &Job) -> Result<Option<String>, Problem> {
    let own = job.namespace();
    let of = |reference: &crds::common::VaultReference| reference.namespace_or(&own).to_owned();
    match job {
        Job::Restore(job) => Ok(Some(of(&job.spec.vault_ref))),
        Job::Backup(job) => {
            if let Some(vault) = job.status.as_ref().and_then(|status| status.vault_ref.as_ref()) {
                return Ok(Some(of(vault)));
            }
            let instance = cluster.find::<BackupInstance>(&own, &job.spec.instance_ref.name).await?;
            Ok(instance.map(|instance| of(&instance.spec.vault_ref)))
        }
    }
}

/// The pods of the job's attempts that are still there, oldest first.
async fn pods(cluster: &Cluster, namespace: &str, job: &Job) -> Result<Vec<Pod>, Problem> {
    let which = ListParams::default().labels(&format!("{}={}", labels::RUN, job.uid()));
    let mut pods = cluster.list::<Pod>(Some(namespace), &which).await?;
    let number = |pod: &Pod| pod.labels().get(labels::ATTEMPT).and_then(|number| number.parse::<u32>().ok());
    pods.sort_by_key(|pod| (number(pod), pod.name_any()));
    Ok(pods)
}

/// A pod whose container has not run has no log.
fn has_begun(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase.is_some_and(|phase| ["Running", "Succeeded", "Failed"].contains(&phase))
}

async fn print(
    cluster: &Cluster,
    namespace: &str,
    pod: &Pod,
    follow: bool,
    screen: &mut Screen<'_>,
) -> Result<(), Problem> {
    let name = pod.name_any();
    let attempt = pod.labels().get(labels::ATTEMPT).cloned().unwrap_or_default();
    screen.note(&format!("== attempt {attempt}, pod {namespace}/{name}"))?;
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let parameters = LogParams { follow, ..LogParams::default() };
    let mut log = match api.log_stream(&name, &parameters).await {
        Ok(log) => Box::pin(log),
        // It was removed a moment ago: its result is recorded.
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(()),
        Err(error) => return Err(refused(cluster, error, namespace, &name)),
    };
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match log.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(read) => {
                screen.out.write_all(&buffer[..read])?;
                screen.out.flush()?;
            }
            Err(error) => return screen.note(&format!("the log of {name} broke off: {error}")),
        }
    }
}

fn refused(cluster: &Cluster, error: kube::Error, namespace: &str, pod: &str) -> Problem {
    match cluster.told::<Pod>(error, "get", namespace, pod) {
        Problem::Forbidden(call) => {
            Problem::Forbidden(Box::new(Call { resource: "pods/log".to_owned(), ..*call }))
        }
        problem => problem,
    }
}
