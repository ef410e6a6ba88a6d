//! Whose turn it is: a vault's limits, and one run for each instance. Pure.

use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;

use super::attempt::holds_a_place;
use crds::labels;

/// Whether a run may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Free,
    /// Another job of the same instance runs.
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

/// The place of a run among the Jobs of a vault. `waiting` is how many older jobs are queued.
pub fn place(run: &str, instance: Option<(&str, &str)>, jobs: &[Job], waiting: usize, limit: usize) -> Place {
    let others: Vec<&Job> = jobs
        .iter()
        .filter(|job| holds_a_place(job) && job.labels().get(labels::RUN).is_none_or(|held| held != run))
        .collect();
    let same = |job: &&&Job| {
        instance.is_some_and(|(namespace, name)| {
            job.labels().get(labels::TENANT_NAMESPACE).is_some_and(|held| held == namespace)
                && job.labels().get(labels::INSTANCE).is_some_and(|held| held == name)
        })
    };
    if let Some(job) = others.iter().find(same) {
        return Place::InstanceBusy {
            job: job.labels().get(labels::JOB).cloned().unwrap_or_else(|| job.name_any()),
        };
    }
    if others.len() + waiting >= limit {
        return Place::Behind { running: others.len(), waiting, limit };
    }
    Place::Free
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

    #[test]
    fn runs_of_one_instance_follow_each_other() {
        let jobs = [job("a", "orders")];
        assert_eq!(
            place("b", Some(("shop", "orders")), &jobs, 0, 4),
            Place::InstanceBusy { job: "orders-job".into() }
        );
        assert_eq!(
            place("b", Some(("blog", "orders")), &jobs, 0, 4),
            Place::Free,
            "the namespace counts, too"
        );
        assert_eq!(
            place("a", Some(("shop", "orders")), &jobs, 0, 4),
            Place::Free,
            "its own Job is not another"
        );
    }

    #[test]
    fn the_vaults_limit_holds_and_older_jobs_go_first() {
        let jobs = [job("a", "orders"), job("b", "users")];
        assert_eq!(place("c", None, &jobs, 0, 3), Place::Free);
        assert_eq!(place("c", None, &jobs, 1, 3), Place::Behind { running: 2, waiting: 1, limit: 3 });
        assert_eq!(place("c", None, &jobs, 0, 2), Place::Behind { running: 2, waiting: 0, limit: 2 });
    }
}
