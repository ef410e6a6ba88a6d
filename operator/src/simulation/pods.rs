//! The pods of a simulated cluster: each Job that may run gets one, which has done its work by the next look.

use std::sync::Arc;

use contract::{
    Assignment, BackupTask, CheckItem, CheckReport, CheckResult, Failure, FailureCode, Outcome, Report,
    SourceServer, Stage, Summary, Task, VERSION, Verification, VerifyTask, files,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use mover::clock::Clock;
use mover::point::{PackKind, PointWriter, RecordDraft, WriterOptions};
use mover::seal::random_id;
use mover::store::FilesystemStore;
use mover::vault::Vault;
use serde_json::{Value, json};

use super::keeper_site::KeeperSite;

/// What the mover of a backup does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Play {
    /// It stores its point and says so.
    Succeeds,
    /// It stores its point, and its node is gone before it can say so.
    StoresAndVanishes,
    /// It has begun, finds what no further attempt could mend, and says so.
    Fails,
}

/// The pod of a Job at its end.
pub async fn play(job: &Job, assignment: &Assignment, play: Play, site: &KeeperSite) -> Value {
    let now = site.keeper.vault().clock().now();
    let report = match &assignment.task {
        Task::Check(task) => {
            Some(report(assignment, None, Outcome::Checked(good_check(&task.source.database))))
        }
        Task::Backup(task) => backup(assignment, task, play, site, now).await,
        Task::Verify(task) => Some(report(assignment, Some(now), Outcome::Verified(sound(task)))),
        Task::Restore(_) | Task::RestoreDatabases(_) => panic!("nobody asked for {job:?}"),
    };
    let exit_code = match report.as_ref().map(|report| &report.outcome) {
        None => 137,
        Some(Outcome::Failed(_)) => 21,
        Some(_) => 0,
    };
    let message = report.map(|report| report.to_termination_message());
    let terminated = json!({"exitCode": exit_code, "message": message});
    let container = json!({"name": "mover", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                           "state": {"terminated": terminated}});
    let mut labels = job.labels().clone();
    labels.insert("batch.kubernetes.io/job-name".to_owned(), job.name_any());
    let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
    json!({"metadata": {"name": format!("{}-x", job.name_any()), "namespace": job.namespace(), "labels": labels},
           "status": {"phase": phase, "containerStatuses": [container]}})
}

/// The assignment in a run's Secret.
pub fn assignment(secret: &Value) -> Assignment {
    serde_json::from_str(secret["stringData"][files::ASSIGNMENT_KEY].as_str().unwrap()).unwrap()
}

fn report(assignment: &Assignment, started: Option<Timestamp>, outcome: Outcome) -> Report {
    Report {
        version: VERSION,
        run: assignment.run.clone(),
        attempt: assignment.attempt,
        started,
        outcome,
        warnings: Vec::new(),
    }
}

fn good_check(database: &str) -> CheckReport {
    let names = ["Resolve", "Connect", "Tls", "LogIn", "Database", "Version", "Privileges", "Relations"];
    let item = |name: &str| CheckItem { name: name.to_owned(), result: CheckResult::Passed, failure: None };
    CheckReport {
        items: names.into_iter().map(item).collect(),
        server_version: Some("15.18".into()),
        datasource_id: Some(format!("7/{database}")),
        relations: Some(10),
        size_bytes: Some(1_000_000),
        missing_grants: Vec::new(),
    }
}

fn sound(task: &VerifyTask) -> Verification {
    Verification {
        level: task.level,
        objects: 3,
        stored_bytes: 1,
        rows: 1,
        damaged: 0,
        damage: Vec::new(),
        restored: Vec::new(),
        not_restored: None,
    }
}

/// `None`: nobody hears of it.
async fn backup(
    assignment: &Assignment,
    task: &BackupTask,
    play: Play,
    site: &KeeperSite,
    now: Timestamp,
) -> Option<Report> {
    if play == Play::Fails {
        let message = "the role may not read table app.secret".to_owned();
        let failure =
            Failure { code: FailureCode::PrivilegesMissing, stage: Stage::Data, message, cause: None };
        return Some(report(assignment, Some(now), Outcome::Failed(failure)));
    }
    let outcome = store(&site.keeper.vault(), assignment, task, site).await;
    (play == Play::Succeeds).then(|| report(assignment, Some(now), outcome))
}

/// Stores a point of one row.
async fn store(vault: &Vault, assignment: &Assignment, task: &BackupTask, site: &KeeperSite) -> Outcome {
    let (run, writer, clock) = (&assignment.run, random_id().unwrap(), vault.clock().clone());
    let grant = vault.write_grant(run, &writer.into(), assignment.deadline).await.unwrap();
    let machine = Clock::system(SignedDuration::ZERO);
    let store = Arc::new(FilesystemStore::open(site.storage.path(), &machine).unwrap());
    let options = WriterOptions { lanes: 1, uploads: 1 };
    let point_time = clock.now();
    let point = PointWriter::begin(store, &grant, run, writer, assignment.deadline, clock, options);
    let point = point.await.unwrap();
    let mut pack = point.open_pack(PackKind::Rows).await.unwrap();
    pack.push(b"1\n").unwrap();
    point.put(pack).await.unwrap();
    let source = SourceServer {
        server_version: "15.18".into(),
        system_identifier: Some("7".into()),
        size_bytes: 1,
        standby: false,
        role: None,
        program: None,
    };
    let draft = RecordDraft {
        owner: task.owner.clone(),
        decision: task.decision.clone(),
        source,
        point_time,
        data_stores: Vec::new(),
        coverage: Vec::new(),
        warnings: Vec::new(),
    };
    let id = point.point();
    point.commit(draft).await.unwrap();
    Outcome::Stored { point: id.into(), writer: writer.into(), summary: Summary::default() }
}
