//! `kubectl coffer backup`: a backup now.

use crds::common::InstanceReference;
use crds::policy::BackupPolicySpec;
use crds::{BackupInstance, BackupJob, BackupJobSpec, BackupPolicy};
use kube::ResourceExt as _;

use super::cluster::Cluster;
use super::follow::WaitOptions;
use super::job::Job;
use super::making::{self, Making};
use super::output::{OutputOption, Screen};
use super::problem::Problem;
use crate::command::people::Exit;

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer backup orders --wait                               # now, kept as the policy's default rule says
  kubectl coffer backup orders --tag Yearly --name before-upgrade   # once, however often it is called
  kubectl coffer backup orders --wait --timeout 1h -o name";

/// Back an instance up now, by a BackupJob. Its point is kept as the rule says whose tag it gets.
///
/// The name is the token: a job of that name that asks for the same is not made again. The exit code is 0 once the job is
/// made; with --wait 0 when it is Completed, 3 with warnings, else that of its error.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The BackupInstance.
    #[arg(value_name = "INSTANCE")]
    pub instance: String,
    /// Name of the policy's retention rule that says how long to keep the point. Left out: the default rule.
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// Name of the BackupJob. Left out: one that is made up.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub wait: WaitOptions,
    /// Print the BackupJob as YAML, and make nothing.
    #[arg(long, conflicts_with = "wait")]
    pub dry_run: bool,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let instance: BackupInstance = cluster.get(&cluster.namespace, &arguments.instance).await?;
    let tag = tag(cluster, &instance, arguments.tag.as_deref()).await?;
    let name = arguments.name.clone().unwrap_or_else(|| making::name(&arguments.instance, "ondemand"));
    let spec = BackupJobSpec {
        instance_ref: InstanceReference { name: arguments.instance.clone() },
        slot: None,
        retention_tag: Some(tag),
        cancel: false,
    };
    let same = |one: &BackupJob, other: &BackupJob| {
        one.spec.instance_ref == other.spec.instance_ref && one.spec.retention_tag == other.spec.retention_tag
    };
    let making = Making {
        cluster,
        output: arguments.output,
        wait: arguments.wait,
        dry_run: arguments.dry_run,
        vault: &instance.spec.vault_ref.name,
        instance: Some(&arguments.instance),
    };
    let job = |job| Job::Backup(Box::new(job));
    making.make(BackupJob::new(&name, spec), same, job, screen).await
}

/// The tag that was asked for, if the policy has it; else that of its default rule.
async fn tag(cluster: &Cluster, instance: &BackupInstance, asked: Option<&str>) -> Result<String, Problem> {
    let Some(policy) = policy(cluster, instance).await? else {
        return asked.map(str::to_owned).ok_or_else(|| {
            Problem::usage(
                format!("the policy of instance {} is not known yet", instance.name_any()),
                "name the retention rule with --tag",
            )
        });
    };
    let rules: Vec<&str> = policy.retention.iter().map(|rule| rule.name.as_str()).collect();
    match asked {
        Some(tag) if rules.contains(&tag) => Ok(tag.to_owned()),
        Some(tag) => Err(Problem::usage(
            format!(
                "policy {} has no retention rule called {tag}; it has {}",
                instance.spec.policy_ref.name,
                rules.join(", ")
            ),
            "leave --tag out for the default rule",
        )),
        None => policy.default_retention().map(|rule| rule.name.clone()).ok_or_else(|| {
            Problem::usage(
                format!("policy {} has no default retention rule", instance.spec.policy_ref.name),
                "name a rule with --tag",
            )
        }),
    }
}

/// The policy itself where it may be read, else as the operator last saw it.
async fn policy(cluster: &Cluster, instance: &BackupInstance) -> Result<Option<BackupPolicySpec>, Problem> {
    let reference = &instance.spec.policy_ref;
    match cluster.get::<BackupPolicy>(reference.namespace_or(&cluster.namespace), &reference.name).await {
        Ok(policy) => Ok(Some(policy.spec)),
        Err(Problem::NotFound(_) | Problem::Forbidden(_)) => {
            let snapshot = instance.status.as_ref().and_then(|status| status.policy_snapshot.as_ref());
            Ok(snapshot.map(|snapshot| snapshot.spec.clone()))
        }
        Err(problem) => Err(problem),
    }
}
