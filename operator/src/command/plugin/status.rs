//! `kubectl coffer status`: is it protected, when next, what was last, what is wrong, what must I do.

use crds::common::NextExpiry;
use crds::instance::JobCounts;
use crds::{BackupInstance, BackupJob};
use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ListParams;
use serde::Serialize;

use super::cluster::Cluster;
use super::job::Job;
use super::output::{OutputOption, Screen, Shown, name_of};
use super::problem::Problem;
use super::times::{both, distance};
use super::verdict::{self, Finding, Protected, Verdict};
use crate::command::people::Exit;
use crate::command::people::output::{Table, printable};

const AFTER_HELP: &str = "\
Examples:
  kubectl coffer status                          # every instance of the namespace
  kubectl coffer status -A || echo 'look at it'  # of all namespaces; 3 when one needs attention
  kubectl coffer status orders -n shop           # one of them, with what to do";

/// Say whether databases are protected, when the last backup was and the next is, what is wrong, and what to do about it.
///
/// The exit code is 0 when every instance that is shown is protected and nothing needs attention, else 3.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The BackupInstance. Left out: all of the namespace.
    #[arg(value_name = "INSTANCE")]
    pub instance: Option<String>,
    /// The instances of all namespaces.
    #[arg(short = 'A', long, conflicts_with = "instance")]
    pub all_namespaces: bool,
    #[command(flatten)]
    pub output: OutputOption,
}

pub async fn run(cluster: &Cluster, arguments: &Arguments, screen: &mut Screen<'_>) -> Result<Exit, Problem> {
    let now = (cluster.now)();
    let attention = match &arguments.instance {
        Some(name) => {
            let details = details(cluster, name, now).await?;
            arguments.output.print(screen, &details)?;
            details.verdict.needs_attention
        }
        None => {
            let namespace = (!arguments.all_namespaces).then_some(cluster.namespace.as_str());
            let instances = cluster.list::<BackupInstance>(namespace, &ListParams::default()).await?;
            let overview = Overview {
                items: instances.iter().map(verdict::judge).collect(),
                now,
                all_namespaces: arguments.all_namespaces,
                namespace: cluster.namespace.clone(),
            };
            arguments.output.print(screen, &overview)?;
            overview.items.iter().any(|verdict| verdict.needs_attention)
        }
    };
    Ok(if attention { Exit::Warnings } else { Exit::Done })
}

async fn details(cluster: &Cluster, name: &str, now: Timestamp) -> Result<Details, Problem> {
    let instance: BackupInstance = cluster.get(&cluster.namespace, name).await?;
    let which = ListParams::default().fields(&format!("spec.instanceRef.name={name}"));
    let jobs = cluster.list::<BackupJob>(Some(&cluster.namespace), &which).await?;
    let running = jobs.into_iter().filter(|job| !job.is_terminal());
    let running = running.map(|job| Job::Backup(Box::new(job))).map(Running::of).collect();
    Ok(Details { verdict: verdict::judge(&instance), about: About::of(&instance), running, now })
}

/// Several instances, one a line.
#[derive(Serialize)]
struct Overview {
    items: Vec<Verdict>,
    #[serde(skip)]
    now: Timestamp,
    #[serde(skip)]
    all_namespaces: bool,
    #[serde(skip)]
    namespace: String,
}

impl Shown for Overview {
    fn text(&self) -> String {
        if self.items.is_empty() {
            return match self.all_namespaces {
                true => "No database is protected: there is no BackupInstance in any namespace.\n".to_owned(),
                false => format!(
                    "No database is protected in namespace {}: there is no BackupInstance. -A looks in all namespaces.\n",
                    self.namespace
                ),
            };
        }
        let mut table = Table::new([
            "NAMESPACE",
            "INSTANCE",
            "PROTECTED",
            "NEWEST POINT",
            "LAST",
            "NEXT",
            "POINTS",
            "ATTENTION",
        ]);
        let time =
            |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| distance(time, self.now));
        for item in &self.items {
            table.row([
                item.namespace.clone(),
                item.name.clone(),
                item.protected.word().to_owned(),
                time(item.latest_point),
                item.last_backup
                    .as_ref()
                    .map_or_else(|| "-".to_owned(), |last| last.state.as_str().to_owned()),
                time(item.next_backup),
                item.recovery_points.to_string(),
                attention(&item.findings),
            ]);
        }
        table.text()
    }

    fn names(&self) -> Vec<String> {
        self.items.iter().map(|item| format!("backupinstance.coffer.dev/{}", item.name)).collect()
    }
}

/// The first finding, and how many more there are.
fn attention(findings: &[Finding]) -> String {
    match findings {
        [] => "-".to_owned(),
        [one] => one.reason.clone(),
        [one, more @ ..] => format!("{} and {} more", one.reason, more.len()),
    }
}

/// One instance, with all there is to say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(flatten)]
    verdict: Verdict,
    #[serde(flatten)]
    about: About,
    running: Vec<Running>,
    #[serde(skip)]
    now: Timestamp,
}

/// What is protected, and by what.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(skip)]
    reference: String,
    source: String,
    vault: String,
    policy: String,
    #[serde(rename = "jobs7d", skip_serializing_if = "Option::is_none")]
    jobs_7d: Option<JobCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_expiry: Option<NextExpiry>,
}

impl About {
    fn of(instance: &BackupInstance) -> Self {
        let own = instance.namespace().unwrap_or_default();
        let status = instance.status.as_ref();
        let server = &instance.spec.postgresql;
        let what = match &server.database {
            Some(database) => format!("database {database}"),
            None => "databases".to_owned(),
        };
        let version = status.and_then(|status| status.server_version.as_ref());
        let version = version.map(|version| format!(", PostgreSQL {version}")).unwrap_or_default();
        let (vault, policy) = (&instance.spec.vault_ref, &instance.spec.policy_ref);
        let at = status.and_then(|status| status.policy_version);
        let at = at.map(|version| format!(", version {version}")).unwrap_or_default();
        Self {
            reference: name_of(instance),
            source: format!("{what} on {}:{}{version}", server.host, server.port),
            vault: format!("{}/{}", vault.namespace_or(&own), vault.name),
            policy: format!("{}/{}{at}", policy.namespace_or(&own), policy.name),
            jobs_7d: status.and_then(|status| status.jobs_7d.clone()),
            next_expiry: status.and_then(|status| status.next_expiry.clone()),
        }
    }
}

#[derive(Serialize)]
struct Running {
    job: String,
    standing: String,
}

impl Running {
    #[expect(clippy::needless_pass_by_value, reason = "it stands where jobs are mapped")]
    fn of(job: Job) -> Self {
        Self { job: job.name(), standing: job.standing() }
    }
}

impl Shown for Details {
    fn text(&self) -> String {
        let verdict = &self.verdict;
        let mut text = format!("{}/{}: {}\n\n", verdict.namespace, verdict.name, sentence(verdict));
        let mut line = |word: &str, value: &str| {
            text.push_str(&format!("  {word:<10}{}\n", printable(value)));
        };
        line("Source", &self.about.source);
        line("Vault", &self.about.vault);
        line("Policy", &self.about.policy);
        line("Points", &points(verdict, self.now));
        line("Last", &last(verdict, self.now));
        for running in &self.running {
            line("Running", &format!("{} {}", running.job, running.standing));
        }
        line(
            "Next",
            &verdict.next_backup.map_or_else(|| "none is due".to_owned(), |time| both(time, self.now)),
        );
        if let Some(next) = &self.about.next_expiry {
            line("Expires", &expires(next, self.now));
        }
        if let Some(counts) = &self.about.jobs_7d {
            line("Week", &week(counts));
        }
        text.push('\n');
        text.push_str(&findings(verdict));
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.about.reference.clone()]
    }
}

fn sentence(verdict: &Verdict) -> &'static str {
    match (verdict.protected, verdict.findings.is_empty()) {
        (Protected::Yes, true) => "protected",
        (Protected::Yes, false) => "protected, and something needs attention",
        (Protected::NotYet, _) => "not protected yet: there is no point",
        (Protected::Failing, _) => "there are points, and NO NEW ONES can be made",
        (Protected::No, _) => "NOT PROTECTED: there is no point, and none is made",
        (Protected::Paused, _) => "paused: there are points, and no new ones are made",
    }
}

fn points(verdict: &Verdict, now: Timestamp) -> String {
    match verdict.latest_point {
        Some(time) => format!("{}, the newest of {}", verdict.recovery_points, both(time, now)),
        None => verdict.recovery_points.to_string(),
    }
}

fn last(verdict: &Verdict, now: Timestamp) -> String {
    let Some(last) = &verdict.last_backup else { return "no backup has ended yet".to_owned() };
    let code = last.error_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{} {}{code}, {}", last.job, last.state.as_str(), both(last.time, now))
}

fn expires(next: &NextExpiry, now: Timestamp) -> String {
    let points = if next.points == 1 { "point" } else { "points" };
    format!("{} {points}, {}", next.points, both(next.time.0, now))
}

fn week(counts: &JobCounts) -> String {
    let JobCounts { completed, failed, expired, cancelled } = counts;
    let all = [(completed, "completed"), (failed, "failed"), (expired, "expired"), (cancelled, "cancelled")];
    let told: Vec<String> = all
        .iter()
        .filter(|(count, word)| **count > 0 || *word == "completed" || *word == "failed")
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    told.join(", ")
}

fn findings(verdict: &Verdict) -> String {
    if verdict.findings.is_empty() {
        return "Nothing needs attention.\n".to_owned();
    }
    let mut text = "Needs attention:\n".to_owned();
    for finding in &verdict.findings {
        text.push_str(&format!("  {}: {}\n", finding.reason, printable(&finding.message)));
        if !finding.what_to_do.is_empty() {
            text.push_str(&format!("    {}\n", printable(&finding.what_to_do)));
        }
    }
    text
}
