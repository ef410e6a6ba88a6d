//! Whose turn it is: a vault's limits, and one run for each instance. Pure.

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

/// The place of a run among the Jobs of a vault. `older` are the jobs that are queued before it: the oldest goes first.
///
/// A job that waits for another of its own instance keeps nobody else from a place.
pub fn place(
    run: &str,
    instance: Option<(&str, &str)>,
    jobs: &[Job],
    older: &[Older],
    limit: usize,
) -> Place {
    let others: Vec<&Job> = jobs
        .iter()
        .filter(|job| holds_a_place(job) && job.labels().get(labels::RUN).is_none_or(|held| held != run))
        .collect();
    let running_for = |instance| others.iter().find(|job| Some(instance) == instance_of(job));
    if let Some(job) = instance.and_then(running_for) {
        return Place::InstanceBusy {
            job: job.labels().get(labels::JOB).cloned().unwrap_or_else(|| job.name_any()),
        };
    }
    if let Some(first) = older.iter().find(|older| instance.is_some() && older.instance() == instance) {
        return Place::InstanceBusy { job: first.name.clone() };
    }
    let waiting = older
        .iter()
        .filter(|older| older.instance().and_then(running_for).is_none())
        .map(|older| older.instance().unwrap_or((&older.namespace, &older.name)))
        .collect::<BTreeSet<_>>()
        .len();
    if others.len() + waiting >= limit {
        return Place::Behind { running: others.len(), waiting, limit };
    }
    Place::Free
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

    #[test]
    fn runs_of_one_instance_follow_each_other() {
        let jobs = [job("a", "orders")];
        assert_eq!(place("b", ORDERS, &jobs, &[], 4), busy("orders-job"));
        let elsewhere = Some(("blog", "orders"));
        assert_eq!(place("b", elsewhere, &jobs, &[], 4), Place::Free, "the namespace counts, too");
        assert_eq!(place("a", ORDERS, &jobs, &[], 4), Place::Free, "its own Job is not another");
    }

    #[test]
    fn of_two_jobs_that_wait_for_one_instance_the_older_goes_first() {
        let waiting = [older("orders-first", Some("orders"))];
        assert_eq!(place("b", ORDERS, &[], &waiting, 4), busy("orders-first"));
        assert_eq!(place("b", Some(("blog", "orders")), &[], &waiting, 4), Place::Free);
    }

    #[test]
    fn the_vaults_limit_holds_and_older_jobs_go_first() {
        let jobs = [job("a", "orders"), job("b", "users")];
        let behind = |waiting, limit| Place::Behind { running: 2, waiting, limit };
        assert_eq!(place("c", None, &jobs, &[], 3), Place::Free);
        assert_eq!(place("c", None, &jobs, &[older("first", None)], 3), behind(1, 3));
        assert_eq!(place("c", None, &jobs, &[], 2), behind(0, 2));
        let two = [older("first", None), older("second", None)];
        assert_eq!(place("c", None, &jobs, &two, 4), behind(2, 4));
        assert_eq!(
            place("c", None, &jobs, &two, 2).message().unwrap(),
            "Position 3 in the queue of the vault: 2 of 2 places are taken."
        );
    }

    #[test]
    fn who_waits_for_its_own_instance_keeps_nobody_from_a_place() {
        let jobs = [job("a", "orders")];
        let waiting = [older("orders-2", Some("orders")), older("orders-3", Some("orders"))];
        assert_eq!(place("b", Some(("shop", "users")), &jobs, &waiting, 2), Place::Free);
        let idle = [older("stock-1", Some("stock")), older("stock-2", Some("stock"))];
        let place = place("b", Some(("shop", "users")), &jobs, &idle, 3);
        assert_eq!(
            place,
            Place::Free,
            "two jobs of one instance need one place, since they follow each other"
        );
    }
}
