//! The Job of one attempt: created suspended, so that its Secret can name it as owner before the pod is made.

use std::collections::BTreeMap;

use contract::Task;
use crds::annotations;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::plan::{Plan, Role};
use super::pod;

/// How long the Job of a check or of a verification stays after its end, in seconds, when nobody is left to read it: its
/// instance may be deleted meanwhile, and nothing else would remove it.
const UNREAD: i32 = 900;

/// The Job. It is tried once: retries are the operator's decision, each in a Job of its own. It has no deadline, since
/// the mover keeps its own, and no time to live, since its result must be read first; but for what can be repeated at will.
pub fn job(plan: &Plan<'_>) -> Job {
    let mut notes = BTreeMap::from([(annotations::ARGO_IGNORE_UPDATES.to_owned(), "true".to_owned())]);
    if let Some(decision) = &plan.decision {
        let text = serde_json::to_string(decision).expect("a decision is strings and numbers");
        notes.insert(annotations::DECISION.to_owned(), text);
    }
    Job {
        metadata: ObjectMeta {
            name: Some(plan.name.clone()),
            namespace: Some(plan.namespace()),
            labels: Some(plan.labels()),
            annotations: Some(notes),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            suspend: Some(true),
            backoff_limit: Some(0),
            completions: Some(1),
            parallelism: Some(1),
            // A pod that is going may still write; no second one is made beside it.
            pod_replacement_policy: Some("Failed".into()),
            ttl_seconds_after_finished: is_repeatable(plan).then_some(UNREAD),
            template: pod::template(plan),
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn is_repeatable(plan: &Plan<'_>) -> bool {
    plan.role == Role::Check || matches!(plan.assignment.task, Task::Verify(_))
}
