//! What the cluster says of one attempt. Pure: a Job and its pods in, a state out.

use contract::{Decision, Report, VERSION};
use crds::{annotations, labels};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use kube::ResourceExt as _;

/// A pod that should have been gone for this long is on a node that does not answer: nobody will ever say that it ended.
const LOST: SignedDuration = SignedDuration::from_mins(5);
/// A Job that has made no pod for this long is kept from it.
const NO_POD: SignedDuration = SignedDuration::from_secs(60);

/// One attempt as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenAttempt {
    pub number: u32,
    /// Where its Job is.
    pub namespace: String,
    pub job_name: String,
    pub job_uid: Option<String>,
    /// Whether the Job is being deleted.
    pub going: bool,
    pub created: Option<Timestamp>,
    /// The decision that the Job carries.
    pub decision: Option<Decision>,
    pub state: AttemptState,
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptState {
    /// The Job is there and may not run yet: its Secret may be missing.
    Suspended,
    /// The pod is not there or does not run, in the cluster's words if something is wrong.
    Waiting { blocked: Option<String> },
    /// The pod runs.
    Running,
    /// No pod runs any more.
    Ended(Box<Ending>),
}

/// How an attempt ended, with or without a word.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ending {
    pub report: Option<Report>,
    pub exit_code: Option<i32>,
    pub out_of_memory: bool,
}

/// Reads an attempt off its Job and all pods with the Job's label.
pub fn seen(job: &Job, pods: &[Pod], wall: Timestamp) -> SeenAttempt {
    let decision = job.annotations().get(annotations::DECISION);
    SeenAttempt {
        number: job.labels().get(labels::ATTEMPT).and_then(|number| number.parse().ok()).unwrap_or(1),
        namespace: job.namespace().unwrap_or_default(),
        job_name: job.name_any(),
        job_uid: job.uid(),
        going: job.metadata.deletion_timestamp.is_some(),
        created: job.metadata.creation_timestamp.as_ref().map(|time| time.0),
        decision: decision.and_then(|text| serde_json::from_str(text).ok()),
        state: state(job, pods, wall),
    }
}

/// Whether a Job has neither ended nor been forbidden to run: it holds a place in the vault's limits.
pub fn holds_a_place(job: &Job) -> bool {
    !is_finished(job) && job.metadata.deletion_timestamp.is_none()
}

fn state(job: &Job, pods: &[Pod], wall: Timestamp) -> AttemptState {
    let pods: Vec<&Pod> = pods.iter().filter(|pod| belongs(pod, job)).collect();
    let is_live = |pod: &&&Pod| !has_ended(pod) && !is_lost(pod, wall);
    let live = pods.iter().filter(is_live).count() > 0;
    if is_finished(job) || (!pods.is_empty() && !live) {
        return AttemptState::Ended(Box::new(ending(&pods)));
    }
    if job.spec.as_ref().and_then(|spec| spec.suspend) == Some(true) && pods.is_empty() {
        return AttemptState::Suspended;
    }
    if pods.iter().filter(is_live).any(|pod| phase(pod) == "Running") {
        return AttemptState::Running;
    }
    AttemptState::Waiting {
        blocked: pods.iter().find_map(|pod| blocked(pod)).or_else(|| no_pod(job, &pods, wall)),
    }
}

fn belongs(pod: &Pod, job: &Job) -> bool {
    let owners = pod.owner_references();
    owners.is_empty() || owners.iter().any(|owner| Some(&owner.uid) == job.metadata.uid.as_ref())
}

fn is_finished(job: &Job) -> bool {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|list| {
        list.iter().any(|held| matches!(held.type_.as_str(), "Complete" | "Failed") && held.status == "True")
    })
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

fn has_ended(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether a pod is long past the time that it was given to go.
fn is_lost(pod: &Pod, wall: Timestamp) -> bool {
    pod.metadata.deletion_timestamp.as_ref().is_some_and(|time| wall.duration_since(time.0) > LOST)
}

/// Of several pods (Kubernetes may start two) the one that did its work speaks, else the one that left a report.
fn ending(pods: &[&Pod]) -> Ending {
    let mut endings: Vec<Ending> = pods.iter().filter_map(|pod| terminated(pod)).map(ended).collect();
    endings.sort_by_key(|ending| (ending.exit_code != Some(0), ending.report.is_none()));
    endings.into_iter().next().unwrap_or_default()
}

fn terminated(pod: &Pod) -> Option<&ContainerStateTerminated> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find_map(|status| status.state.as_ref()?.terminated.as_ref())
}

fn ended(terminated: &ContainerStateTerminated) -> Ending {
    let report = terminated.message.as_deref().and_then(|text| serde_json::from_str::<Report>(text).ok());
    Ending {
        report: report.filter(|report| report.version <= VERSION),
        exit_code: Some(terminated.exit_code),
        out_of_memory: terminated.reason.as_deref() == Some("OOMKilled"),
    }
}

/// What keeps a pod from being placed or started, in the cluster's words.
fn blocked(pod: &Pod) -> Option<String> {
    const STUCK: [&str; 7] = [
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ];
    let status = pod.status.as_ref()?;
    let unplaced = status.conditions.iter().flatten().find(|held| {
        held.type_ == "PodScheduled"
            && held.status == "False"
            && held.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(held) = unplaced {
        return Some(held.message.clone().unwrap_or_else(|| "The pod cannot be placed.".into()));
    }
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .filter_map(|container| container.state.as_ref()?.waiting.as_ref())
        .find(|waiting| waiting.reason.as_deref().is_some_and(|reason| STUCK.contains(&reason)))?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    Some(format!("{reason}: {}", waiting.message.as_deref().unwrap_or("the container cannot be started")))
}

fn no_pod(job: &Job, pods: &[&Pod], wall: Timestamp) -> Option<String> {
    let since = job.status.as_ref().and_then(|status| status.start_time.as_ref())?;
    (pods.is_empty() && wall.duration_since(since.0) > NO_POD).then(|| {
        format!(
            "Kubernetes has made no pod for Job {}: look for a quota or an admission rule with `kubectl describe job \
             -n {} {}`.",
            job.name_any(),
            job.namespace().unwrap_or_default(),
            job.name_any()
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(spec: Value, status: Value) -> Job {
        serde_json::from_value(json!({
            "metadata": {"name": "cj-1", "namespace": "vaults", "uid": "u1", "labels": {"coffer.dev/attempt": "2"}},
            "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn released() -> Value {
        json!({"suspend": false, "template": {}})
    }

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "cj-1-abcde"}, "status": status})).unwrap()
    }

    fn ended_pod(code: i32, reason: &str, message: &str) -> Pod {
        pod(json!({"phase": if code == 0 { "Succeeded" } else { "Failed" }, "containerStatuses": [{
            "name": "mover", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": code, "reason": reason, "message": message}},
        }]}))
    }

    fn wall() -> Timestamp {
        "2026-11-20T20:00:00Z".parse().unwrap()
    }

    fn state_of(job: &Job, pods: &[Pod]) -> AttemptState {
        seen(job, pods, wall()).state
    }

    #[test]
    fn a_suspended_job_waits_for_its_secret() {
        let job = job(json!({"suspend": true, "template": {}}), json!({}));
        assert_eq!(state_of(&job, &[]), AttemptState::Suspended);
        assert_eq!(seen(&job, &[], wall()).number, 2);
    }

    #[test]
    fn a_released_job_waits_runs_and_ends_with_its_pod() {
        let job = job(released(), json!({}));
        assert_eq!(state_of(&job, &[]), AttemptState::Waiting { blocked: None });
        assert_eq!(state_of(&job, &[pod(json!({"phase": "Running"}))]), AttemptState::Running);
        let AttemptState::Ended(ending) = state_of(&job, &[ended_pod(137, "OOMKilled", "")]) else {
            panic!("the pod has ended")
        };
        assert_eq!(*ending, Ending { report: None, exit_code: Some(137), out_of_memory: true });
    }

    #[test]
    fn a_job_whose_pod_vanished_has_ended_without_a_word() {
        let job = job(released(), json!({"conditions": [{"type": "Failed", "status": "True"}]}));
        assert_eq!(state_of(&job, &[]), AttemptState::Ended(Box::default()));
        assert!(!holds_a_place(&job));
    }

    #[test]
    fn a_pod_that_is_long_past_its_time_has_ended_without_a_word() {
        let job = job(released(), json!({}));
        let going = |since: &str| -> Pod {
            serde_json::from_value(json!({
                "metadata": {"name": "cj-1-abcde", "deletionTimestamp": since}, "status": {"phase": "Running"},
            }))
            .unwrap()
        };
        assert_eq!(state_of(&job, &[going("2026-11-20T19:55:00Z")]), AttemptState::Running);
        let lost = going("2026-11-20T19:54:59Z");
        assert_eq!(state_of(&job, std::slice::from_ref(&lost)), AttemptState::Ended(Box::default()));
        assert_eq!(state_of(&job, &[lost, pod(json!({"phase": "Running"}))]), AttemptState::Running);
    }

    #[test]
    fn a_pod_that_cannot_be_placed_or_pulled_says_why() {
        let job = job(released(), json!({}));
        let unplaced = pod(json!({"phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]}));
        assert_eq!(
            state_of(&job, &[unplaced]),
            AttemptState::Waiting { blocked: Some("0/3 nodes are available".into()) }
        );
        let unpulled = pod(json!({"phase": "Pending", "containerStatuses": [{
            "name": "mover", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}));
        let AttemptState::Waiting { blocked: Some(why) } = state_of(&job, &[unpulled]) else {
            panic!("it waits")
        };
        assert!(why.starts_with("ImagePullBackOff"), "{why}");
    }

    #[test]
    fn a_job_without_a_pod_for_a_minute_is_blocked() {
        for (start, blocked) in [("2026-11-20T19:59:30Z", false), ("2026-11-20T19:58:30Z", true)] {
            let job = job(released(), json!({"startTime": start}));
            let AttemptState::Waiting { blocked: why } = state_of(&job, &[]) else { panic!("it waits") };
            assert_eq!(why.is_some(), blocked, "{start}");
        }
    }

    #[test]
    fn of_two_pods_the_one_that_did_its_work_speaks() {
        let job = job(released(), json!({}));
        let pods = [ended_pod(30, "Error", "not json"), ended_pod(0, "Completed", "")];
        let AttemptState::Ended(ending) = state_of(&job, &pods) else { panic!("both have ended") };
        assert_eq!(ending.exit_code, Some(0));
    }
}
