//! Which calls the driver makes, in which order, and that it makes none when nothing has changed.

use std::sync::Arc;

use contract::{
    Appended, Assignment, Credentials, Head, Outcome, Owner, PointId, Points, Report, RunId, Settled,
    Summary, Task, Trigger, VERSION, WriterId, files,
};
use crds::backup_job::Slot;
use crds::common::{JobState, Time};
use crds::{BackupJob, BackupPolicy};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::reconcile;
use super::tests::{UID, instance, on_demand, point, policy, vault};
use crate::cluster::Class;
use crate::controller::scenario::World;
use crate::controller::{Error, Wake};

const JOB: &str = "backupjobs shop/orders-20261120t2000z";
const ATTEMPT: &str = "vaults/cj-0f8fad5b-1";

/// A job on demand whose instance, policy, vault, keeper and log-in are all there.
async fn world() -> World {
    let mut world = World::new();
    let job = on_demand("Default");
    world.hold("backupjobs", &job);
    world.hold(
        "secrets",
        &json!({"metadata": {"name": "login", "namespace": "shop"},
                                  "data": {"username": "YXBw", "password": "cHc="}}),
    );
    world.start_keeper("v1", "vaults", "main").await;
    let context = &world.context;
    context.known.instances.hold(instance());
    context.known.vaults.hold(vault());
    context.known.backup_jobs.hold(job);
    let policy = json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy",
                        "metadata": {"name": "nightly", "namespace": "shop", "generation": 3},
                        "spec": policy().spec});
    context.known.policies.hold(serde_json::from_value(policy).unwrap());
    let namespace = json!({"metadata": {"name": "shop", "uid": "n1"}});
    world.hold("namespaces", &namespace);
    context.known.namespaces.hold(serde_json::from_value(namespace).unwrap());
    world
}

async fn look(world: &World) -> Result<Wake, Error> {
    reconcile(Arc::new(world.object(JOB)), Arc::clone(&world.context)).await
}

fn state(world: &World) -> JobState {
    world.object::<BackupJob>(JOB).state()
}

/// Lets the pod of the first attempt end with a report of success.
fn end_pod(world: &World) {
    let outcome = Outcome::Stored {
        point: PointId("ab".repeat(16)),
        writer: WriterId("cd".repeat(16)),
        summary: Summary::default(),
    };
    let report = Report {
        version: VERSION,
        run: RunId(UID.into()),
        attempt: 1,
        started: Some(point().point_time),
        outcome,
        warnings: Vec::new(),
    };
    let terminated = json!({"exitCode": 0, "message": report.to_termination_message()});
    let container = json!({"name": "mover", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                           "state": {"terminated": terminated}});
    let labels = json!({"coffer.dev/run": UID, "batch.kubernetes.io/job-name": "cj-0f8fad5b-1"});
    world.hold(
        "pods",
        &json!({"metadata": {"name": "cj-0f8fad5b-1-x", "namespace": "vaults", "labels": labels},
                               "status": {"phase": "Succeeded", "containerStatuses": [container]}}),
    );
}

#[tokio::test]
async fn a_run_is_held_then_started_by_its_job_then_its_secret_then_the_release_and_told_last() {
    let mut job = on_demand("Default");
    job.metadata.finalizers = None;
    let world = world().await;
    world.hold("backupjobs", &job);
    look(&world).await.unwrap();
    assert_eq!(world.writes()[0], format!("PATCH {JOB}"));
    look(&world).await.unwrap();
    assert_eq!(
        world.writes(),
        [
            format!("POST jobs {ATTEMPT}"),
            format!("POST secrets {ATTEMPT}"),
            format!("PATCH jobs {ATTEMPT}"),
            "PATCH backupjobs/status shop/orders-20261120t2000z".to_owned(),
        ]
    );
    assert_eq!(state(&world), JobState::Pending);
}

/// The log-in that the first attempt was given.
fn given(world: &World) -> Credentials {
    let secret: Secret = world.object(&format!("secrets {ATTEMPT}"));
    let text = &secret.string_data.unwrap()[files::ASSIGNMENT_KEY];
    let assignment: Assignment = serde_json::from_str(text).unwrap();
    let Task::Backup(task) = assignment.task else { panic!("not a backup") };
    task.source.credentials
}

#[tokio::test]
async fn row_b06_a_run_gets_the_password_that_the_secret_has_when_it_begins() {
    let world = world().await;
    let log_in = |password: &str| Credentials::Password {
        username: "app".into(),
        password: contract::Secret::new(password),
    };
    look(&world).await.unwrap();
    assert_eq!(given(&world), log_in("pw"));
    // Another run, by the same operator.
    for left in ["jobs", "secrets"] {
        world.remove(&format!("{left} {ATTEMPT}"));
    }
    let changed = json!({"metadata": {"name": "login", "namespace": "shop"},
                         "data": {"username": "YXBw", "password": "bmV3"}});
    world.hold("secrets", &changed);
    world.hold("backupjobs", &on_demand("Default"));
    look(&world).await.unwrap();
    assert_eq!(given(&world), log_in("new"));
}

#[tokio::test]
async fn a_look_at_a_job_of_which_nothing_has_changed_writes_nothing() {
    let world = world().await;
    look(&world).await.unwrap();
    look(&world).await.unwrap();
    world.writes();
    for _ in 0..3 {
        look(&world).await.unwrap();
        assert_eq!(world.writes(), [""; 0]);
    }
}

#[tokio::test]
async fn a_job_that_was_made_before_the_operator_died_is_taken_up_and_not_made_twice() {
    let world = world().await;
    world.refuse(&format!("POST secrets {ATTEMPT}"), 500, "InternalError");
    let error = look(&world).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(!world.writes().iter().any(|call| call.contains("status")), "nothing is told before it is so");
    look(&world).await.unwrap();
    assert_eq!(
        world.writes(),
        [
            format!("POST jobs {ATTEMPT}"),
            format!("POST secrets {ATTEMPT}"),
            format!("PATCH jobs {ATTEMPT}"),
            "PATCH backupjobs/status shop/orders-20261120t2000z".to_owned(),
        ],
        "the first call finds the Job there"
    );
}

#[tokio::test]
async fn a_look_at_an_older_version_does_not_undo_what_was_told_since() {
    let world = world().await;
    let older: BackupJob = world.object(JOB);
    look(&world).await.unwrap();
    let told = world.object::<BackupJob>(JOB).status;
    end_pod(&world);
    let error = reconcile(Arc::new(older), Arc::clone(&world.context)).await.unwrap_err();
    assert_eq!(error.class(), Class::Stale);
    assert_eq!(world.object::<BackupJob>(JOB).status, told);
}

#[tokio::test]
async fn a_missing_right_is_not_tried_again_at_once() {
    let world = world().await;
    world.refuse("POST jobs", 403, "Forbidden");
    assert_eq!(look(&world).await.unwrap_err().class(), Class::Blocked);
}

#[tokio::test]
async fn a_vaults_namespace_that_may_not_be_read_is_told_by_the_job() {
    let world = world().await;
    world.refuse("LIST jobs", 403, "Forbidden");
    look(&world).await.unwrap();
    let status = world.object::<BackupJob>(JOB).status.unwrap();
    let ready = status.conditions.iter().find(|held| held.type_ == "Ready").unwrap();
    assert_eq!(ready.reason, "NotBound");
    assert!(ready.message.contains("namespace vaults. Run: kubectl"), "{}", ready.message);
}

#[tokio::test]
async fn an_ended_pod_is_settled_then_told_then_tidied_and_then_left_alone() {
    let world = world().await;
    look(&world).await.unwrap();
    world.writes();
    end_pod(&world);
    let settle = format!("POST /v1/runs/{UID}/settle");
    world.answer(&settle, &Settled::Accepted(Box::new(point())));
    let head = Head { sequence: 5, hash: "h5".into() };
    world.answer("POST /v1/ledger", &Appended { head });
    look(&world).await.unwrap();
    assert_eq!(
        world.writes(),
        [
            format!("keeper {settle}"),
            "keeper POST /v1/ledger".to_owned(),
            "PATCH backupjobs/status shop/orders-20261120t2000z".to_owned(),
        ]
    );
    assert_eq!(state(&world), JobState::Completed);
    assert!(world.context.metrics.text().contains("coffer_backup_jobs_total{"), "its end is counted");
    look(&world).await.unwrap();
    assert_eq!(world.writes(), [format!("DELETE jobs {ATTEMPT}")]);
    look(&world).await.unwrap();
    assert_eq!(world.writes(), [format!("PATCH {JOB}")], "the finalizer goes when nothing is left");
    look(&world).await.unwrap();
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn without_the_keepers_word_no_backup_is_completed() {
    let world = world().await;
    look(&world).await.unwrap();
    end_pod(&world);
    look(&world).await.unwrap();
    assert_eq!(state(&world), JobState::Running);
    world.writes();
    look(&world).await.unwrap();
    assert_eq!(
        world.writes(),
        [format!("keeper POST /v1/runs/{UID}/settle")],
        "it is asked again, and no more"
    );
}

#[tokio::test]
async fn row_a35_no_two_points_can_both_be_the_first_of_a_month() {
    let world = world().await;
    let mut policy: BackupPolicy = (*world.context.known.policies.get("shop", "nightly").unwrap()).clone();
    let monthly = json!({"name": "Monthly", "priority": 15, "criteria": [{"first": "Month"}], "keep": "P1Y"});
    policy.spec.retention.push(serde_json::from_value(monthly).unwrap());
    world.context.known.policies.hold(policy);
    world.context.keepers.fold("v1", Points { head: None, points: Vec::new(), owners: Vec::new() });
    let slot = |time: Timestamp| Some(Slot { rule: "Nightly".into(), time: Time(time) });
    let now = world.context.clock.now().time;
    let mut first: BackupJob = world.object(JOB);
    (first.spec.slot, first.spec.retention_tag) = (slot(now), None);
    let mut second = first.clone();
    second.metadata.name = Some("orders-second".into());
    second.metadata.uid = Some("11111111-d9cb".into());
    for job in [&first, &second] {
        world.hold("backupjobs", job);
        world.context.known.backup_jobs.hold(job.clone());
    }
    let tell = |name: &str| {
        let job: BackupJob = world.object(&format!("backupjobs shop/{name}"));
        world.context.known.backup_jobs.hold(job.clone());
        job
    };
    let take = async |name: &str| {
        reconcile(Arc::new(tell(name)), Arc::clone(&world.context)).await.unwrap();
        tell(name).status.unwrap()
    };
    let decided = take("orders-20261120t2000z").await;
    assert_eq!(decided.retention.as_ref().map(|held| held.tag.as_str()), Some("Monthly"), "{decided:?}");
    end_pod(&world);
    let accepting = take("orders-20261120t2000z").await;
    assert_eq!(
        accepting.state,
        Some(JobState::Running),
        "its pod is gone, and the vault has not taken its point yet"
    );
    // The cluster has no Job of it any more: only what its status says keeps its place.
    world.remove(&format!("jobs {ATTEMPT}"));
    let waiting = take("orders-second").await;
    assert_eq!((waiting.retention, waiting.attempts.len()), (None, 0));
    assert!(waiting.conditions[0].message.contains("Waits for job orders-20261120t2000z"));

    let mut point = point();
    point.owner = Owner::Instance {
        cluster_id: "c".into(),
        namespace: "shop".into(),
        namespace_uid: "n1".into(),
        instance: "orders".into(),
        instance_uid: "i1".into(),
        datasource_id: "7/orders".into(),
    };
    point.decision.trigger = Trigger::Slot { rule: "Nightly".into(), slot: now };
    world.answer(&format!("POST /v1/runs/{UID}/settle"), &Settled::Accepted(Box::new(point)));
    world.answer("POST /v1/ledger", &Appended { head: Head { sequence: 5, hash: "h5".into() } });
    assert_eq!(take("orders-20261120t2000z").await.state, Some(JobState::Completed));
    take("orders-20261120t2000z").await;
    let after = take("orders-second").await;
    assert_eq!(after.retention.as_ref().map(|held| held.tag.as_str()), Some("Default"), "{after:?}");
}
