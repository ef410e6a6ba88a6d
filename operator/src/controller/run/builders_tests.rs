//! Whole objects, compared as JSON: what is not in the picture is not in the cluster.

use contract::{
    Assignment, CheckTask, Connection, Credentials, Databases, Decision, RunId, Secret, Task, Tls, TlsMode,
    Trigger, VERSION,
};
use crds::{BackupVault, labels};
use serde_json::{Value, json};

use super::job::job;
use super::plan::{Plan, Role};
use super::secret::secret;
use crate::cluster::JobOwner;
use crate::settings::Settings;

fn settings() -> Settings {
    Settings {
        namespace: "coffer".into(),
        pod: "coffer-0".into(),
        service_account: "coffer".into(),
        image: "coffer:1".into(),
        image_pull_policy: "IfNotPresent".into(),
        cluster_id: "c".into(),
    }
}

fn vault(storage: &Value) -> BackupVault {
    serde_json::from_value(json!({
        "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupVault",
        "metadata": {"name": "main", "namespace": "vaults", "uid": "v1"},
        "spec": {
            "storage": storage,
            "encryption": {"mode": "SystemManaged"},
            "podTemplate": {"labels": {"team": "a", "coffer.dev/role": "keeper"}, "nodeSelector": {"disk": "fast"}},
        },
    }))
    .unwrap()
}

fn claim() -> Value {
    json!({"filesystem": {"claimName": "backups"}})
}

fn bucket() -> Value {
    json!({"s3": {"bucket": "b", "credentialsSecretRef": {"name": "s"}}})
}

fn assignment() -> Assignment {
    let source = Connection {
        host: "db".into(),
        port: 5432,
        database: "orders".into(),
        credentials: Credentials::Password { username: "app".into(), password: Secret::new("hunter2") },
        tls: Tls { mode: TlsMode::VerifyFull, ca: None, client: None },
    };
    Assignment {
        version: VERSION,
        run: RunId("0f8fad5b-d9cb-469f-a165-70867728950e".into()),
        attempt: 1,
        clock_offset_seconds: 0,
        deadline: "2026-11-21T00:00:00Z".parse().unwrap(),
        task: Task::Check(Box::new(CheckTask { source, databases: Databases::Connected })),
    }
}

fn decision() -> Decision {
    Decision {
        tag: "Default".into(),
        keep: Some("P30D".into()),
        time_zone: "UTC".into(),
        reason: "No other retention rule applies.".into(),
        keep_at_least: 1,
        policy: None,
        trigger: Trigger::OnDemand { requested: "2026-11-20T00:00:00Z".parse().unwrap() },
    }
}

fn plan<'a>(vault: &'a BackupVault, settings: &'a Settings) -> Plan<'a> {
    Plan {
        vault,
        settings,
        name: "cj-0f8fad5b-1".into(),
        role: Role::Mover,
        owner: JobOwner { kind: "BackupJob".into(), namespace: "shop".into(), name: "orders-now".into() },
        instance: Some("orders".into()),
        assignment: assignment(),
        decision: Some(decision()),
        relations: 1000,
        beside_keeper: true,
    }
}

#[test]
fn the_job_of_a_filesystem_vault_is_as_drawn() {
    let (vault, settings) = (vault(&claim()), settings());
    insta::assert_json_snapshot!(job(&plan(&vault, &settings)));
}

#[test]
fn row_b19_a_bucket_needs_neither_claim_nor_neighbour_and_its_pod_no_disk() {
    let (vault, settings) = (vault(&bucket()), settings());
    let pod = job(&plan(&vault, &settings)).spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.affinity, None);
    let volumes = pod.volumes.unwrap();
    assert_eq!(volumes.len(), 2);
    assert!(volumes.iter().all(|volume| volume.persistent_volume_claim.is_none()));
    let on_disk = |volume: &&k8s_openapi::api::core::v1::Volume| {
        volume.empty_dir.as_ref().is_some_and(|scratch| scratch.medium.as_deref() != Some("Memory"))
    };
    assert_eq!(volumes.iter().find(on_disk), None, "what is not sealed never lies on a node's disk");
    assert_eq!(pod.node_selector.unwrap()["disk"], "fast", "the vault's wishes are kept");
}

#[test]
fn a_check_does_not_come_near_the_vault() {
    let (vault, settings) = (vault(&claim()), settings());
    let mut plan = plan(&vault, &settings);
    plan.role = Role::Check;
    let pod = job(&plan).spec.unwrap().template.spec.unwrap();
    assert_eq!(pod.affinity, None);
    assert_eq!(pod.volumes.unwrap().len(), 2);
}

#[test]
fn a_vaults_labels_cannot_displace_our_own() {
    let (vault, settings) = (vault(&bucket()), settings());
    let labels = job(&plan(&vault, &settings)).spec.unwrap().template.metadata.unwrap().labels.unwrap();
    assert_eq!(labels[labels::ROLE], "mover");
    assert_eq!(labels["team"], "a");
}

#[test]
fn row_b04_credentials_are_in_the_secret_alone() {
    let (vault, settings) = (vault(&claim()), settings());
    let plan = plan(&vault, &settings);
    assert!(!serde_json::to_string(&job(&plan)).unwrap().contains("hunter2"));
    let secret = secret(&plan, "job-uid");
    assert_eq!(secret.immutable, Some(true));
    assert_eq!(secret.metadata.owner_references.as_ref().unwrap()[0].uid, "job-uid");
    let text = &secret.string_data.unwrap()["assignment.json"];
    assert_eq!(serde_json::from_str::<Assignment>(text).unwrap(), assignment());
}
