//! Whose turn it is: a vault's limits, those for one server, and one run for each instance. Pure.

use std::collections::BTreeSet;

use crds::Reason;
use crds::common::{Condition, ConditionType, JobState};
use crds::labels;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;

use super::attempt::holds_a_place;

/// Whether a run may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Free,
    /// Another job of the same instance runs, or came first.
    InstanceBusy {
        job: String,
    },
    /// As many run against the instance's server as the vault allows, or older jobs wait for it.
    ServerBusy {
        running: usize,
        waiting: usize,
        limit: usize,
    },
    /// As many run as the vault allows, or older jobs wait for the place.
    Behind {
        running: usize,
        waiting: usize,
        limit: usize,
    },
}

/// A job of the same vault that was made earlier and waits for a place, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    pub namespace: String,
    pub name: String,
    /// What it backs up; `None` for a restore, which shares no instance with another.
    pub instance: Option<String>,
}

/// The run that asks.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Its job's UID.
    pub run: &'a str,
    /// Namespace and name of what it backs up; `None` for a restore.
    pub instance: Option<(&'a str, &'a str)>,
}

/// How many may run at once.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    pub of_vault: usize,
    /// Backups of one server, however many instances are of it.
    pub of_server: usize,
}

/// Host and port that the instance of this namespace and name is at; `None` where it is not known any more.
pub type ServerOf<'a> = dyn Fn((&str, &str)) -> Option<String> + 'a;

/// The place of a run among the Jobs of a vault. `older` are the jobs that are queued before it: the oldest goes first.
///
/// A job that waits for another of its own instance, or for its server, keeps nobody else from a place.
pub fn place(
    asking: Asking<'_>,
    jobs: &[Job],
    older: &[Older],
    server_of: &ServerOf<'_>,
    most: Most,
) -> Place {
    let of_another = |job: &&Job| job.labels().get(labels::RUN).is_none_or(|held| held != asking.run);
    let others: Vec<&Job> = jobs.iter().filter(|job| holds_a_place(job)).filter(of_another).collect();
    if let Some(job) = asking.instance.and_then(|instance| busy_with(instance, &others, older)) {
        return Place::InstanceBusy { job };
    }
    let running_on = |server: &String| {
        others.iter().filter(|job| instance_of(job).and_then(server_of).as_ref() == Some(server)).count()
    };
    let idle: BTreeSet<(&str, &str)> = older
        .iter()
        .filter(|older| older.instance().is_none_or(|instance| running(instance, &others).is_none()))
        .map(|older| older.instance().unwrap_or((&older.namespace, &older.name)))
        .collect();
    if let Some(server) = asking.instance.and_then(server_of) {
        let running = running_on(&server);
        let waiting = idle.iter().filter(|older| server_of(**older).as_ref() == Some(&server)).count();
        if running + waiting >= most.of_server {
            return Place::ServerBusy { running, waiting, limit: most.of_server };
        }
    }
    let is_held_up = |older: &&(&str, &str)| {
        server_of(**older).is_some_and(|server| running_on(&server) >= most.of_server)
    };
    let waiting = idle.iter().filter(|older| !is_held_up(older)).count();
    if others.len() + waiting >= most.of_vault {
        return Place::Behind { running: others.len(), waiting, limit: most.of_vault };
    }
    Place::Free
}

/// The job that an instance is busy with: the one that runs, else the oldest that waits.
fn busy_with(instance: (&str, &str), others: &[&Job], older: &[Older]) -> Option<String> {
    let named = |job: &&Job| job.labels().get(labels::JOB).cloned().unwrap_or_else(|| job.name_any());
    let first = || older.iter().find(|older| older.instance() == Some(instance));
    running(instance, others).map(named).or_else(|| first().map(|older| older.name.clone()))
}

fn running<'a>(instance: (&str, &str), others: &'a [&'a Job]) -> Option<&'a &'a Job> {
    others.iter().find(|job| instance_of(job) == Some(instance))
}

/// Whether a job has said that it waits for a place.
pub fn is_queued(state: JobState, conditions: &[Condition]) -> bool {
    let says = |held: &Condition| {
        held.type_ == ConditionType::Ready.as_str() && held.reason == Reason::Queued.as_str()
    };
    state == JobState::Pending && conditions.iter().any(says)
}

impl Older {
    fn instance(&self) -> Option<(&str, &str)> {
        self.instance.as_deref().map(|name| (self.namespace.as_str(), name))
    }
}

impl Place {
    /// A sentence for people; `None` for a free place.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Free => None,
            Self::InstanceBusy { job } => Some(format!("Waits for job {job} of the same instance.")),
            Self::ServerBusy { running, waiting, limit } => Some(format!(
                "Position {} in the queue for its server: {running} of {limit} backups of one server run \
                 (`limits.concurrentBackupsPerServer` of the vault).",
                waiting + 1
            )),
            Self::Behind { running, waiting, limit } => Some(format!(
                "Position {} in the queue of the vault: {running} of {limit} places are taken.",
                waiting + 1
            )),
        }
    }
}

fn instance_of(job: &Job) -> Option<(&str, &str)> {
    let label = |key: &str| job.labels().get(key).map(String::as_str);
    label(labels::TENANT_NAMESPACE).zip(label(labels::INSTANCE))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(run: &str, instance: &str) -> Job {
        serde_json::from_value(json!({"metadata": {"name": format!("cj-{run}"), "labels": {
            "coffer.dev/run": run, "coffer.dev/tenant-namespace": "shop", "coffer.dev/instance": instance,
            "coffer.dev/job": format!("{instance}-job"),
        }}}))
        .unwrap()
    }

    fn older(name: &str, instance: Option<&str>) -> Older {
        Older { namespace: "shop".into(), name: name.into(), instance: instance.map(str::to_owned) }
    }

    fn busy(job: &str) -> Place {
        Place::InstanceBusy { job: job.into() }
    }

    const ORDERS: Option<(&str, &str)> = Some(("shop", "orders"));
    const USERS: Option<(&str, &str)> = Some(("shop", "users"));

    /// Every instance has a server of its own.
    fn apart((namespace, name): (&str, &str)) -> Option<String> {
        Some(format!("{name}.{namespace}:5432"))
    }

    /// All instances but `stock` are databases of one server.
    fn together((_, name): (&str, &str)) -> Option<String> {
        Some(if name == "stock" { "stock:5432" } else { "pg:5432" }.into())
    }

    fn placed(
        run: &str,
        instance: Option<(&str, &str)>,
        jobs: &[Job],
        older: &[Older],
        of_vault: usize,
    ) -> Place {
        place(Asking { run, instance }, jobs, older, &apart, Most { of_vault, of_server: 2 })
    }

    #[test]
    fn row_a48_runs_of_one_instance_follow_each_other() {
        let jobs = [job("a", "orders")];
        assert_eq!(placed("b", ORDERS, &jobs, &[], 4), busy("orders-job"));
        let elsewhere = Some(("blog", "orders"));
        assert_eq!(placed("b", elsewhere, &jobs, &[], 4), Place::Free, "the namespace counts, too");
        assert_eq!(placed("a", ORDERS, &jobs, &[], 4), Place::Free, "its own Job is not another");
    }

    #[test]
    fn of_two_jobs_that_wait_for_one_instance_the_older_goes_first() {
        let waiting = [older("orders-first", Some("orders"))];
        assert_eq!(placed("b", ORDERS, &[], &waiting, 4), busy("orders-first"));
        assert_eq!(placed("b", Some(("blog", "orders")), &[], &waiting, 4), Place::Free);
    }

    #[test]
    fn the_vaults_limit_holds_and_older_jobs_go_first() {
        let jobs = [job("a", "orders"), job("b", "users")];
        let behind = |waiting, limit| Place::Behind { running: 2, waiting, limit };
        assert_eq!(placed("c", None, &jobs, &[], 3), Place::Free);
        assert_eq!(placed("c", None, &jobs, &[older("first", None)], 3), behind(1, 3));
        assert_eq!(placed("c", None, &jobs, &[], 2), behind(0, 2));
        let two = [older("first", None), older("second", None)];
        assert_eq!(placed("c", None, &jobs, &two, 4), behind(2, 4));
        assert_eq!(
            placed("c", None, &jobs, &two, 2).message().unwrap(),
            "Position 3 in the queue of the vault: 2 of 2 places are taken."
        );
    }

    #[test]
    fn who_waits_for_its_own_instance_keeps_nobody_from_a_place() {
        let jobs = [job("a", "orders")];
        let waiting = [older("orders-2", Some("orders")), older("orders-3", Some("orders"))];
        assert_eq!(placed("b", USERS, &jobs, &waiting, 2), Place::Free);
        let idle = [older("stock-1", Some("stock")), older("stock-2", Some("stock"))];
        assert_eq!(
            placed("b", USERS, &jobs, &idle, 3),
            Place::Free,
            "two jobs of one instance need one place, since they follow each other"
        );
    }

    #[test]
    fn a_server_is_not_read_by_more_than_its_limit_and_the_others_go_on() {
        let placed = |instance, jobs: &[Job], older: &[Older]| {
            place(Asking { run: "z", instance }, jobs, older, &together, Most { of_vault: 4, of_server: 2 })
        };
        let two = [job("a", "orders"), job("b", "users")];
        let full = Place::ServerBusy { running: 2, waiting: 0, limit: 2 };
        let blog = Some(("shop", "blog"));
        assert_eq!(placed(blog, &two, &[]), full);
        assert!(full.message().unwrap().starts_with("Position 1 in the queue for its server: 2 of 2"));
        assert_eq!(placed(blog, &two[..1], &[]), Place::Free);
        let first = [older("wiki-1", Some("wiki"))];
        let behind = Place::ServerBusy { running: 1, waiting: 1, limit: 2 };
        assert_eq!(placed(blog, &two[..1], &first), behind, "the older one of that server goes first");
        let many = [older("wiki-1", Some("wiki")), older("blog-1", Some("blog"))];
        assert_eq!(
            placed(Some(("shop", "stock")), &two, &many),
            Place::Free,
            "who waits for a server keeps nobody from a place of the vault"
        );
    }
}
