//! The keeper's Deployment, Service, identities and NetworkPolicies as functions of the vault. Pure.

use std::collections::BTreeMap;

use contract::files;
use crds::{BackupVault, labels as words};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Service, ServiceAccount, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use super::config::{authority_secret, credential_files, credentials_secret};
use crate::controller::run::memory::{self, MEBIBYTE};
use crate::names;
use crate::settings::Settings;

/// Annotation of the keeper's pods; another value starts them anew.
pub const CONFIG_HASH: &str = "coffer.dev/config-hash";

/// Everything of a keeper that is applied and may be changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    pub accounts: [ServiceAccount; 2],
    pub policies: [NetworkPolicy; 2],
    pub service: Service,
    pub deployment: Deployment,
}

/// What the Deployment depends on besides the vault's spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounts {
    /// Number of the certificate's Secret.
    pub certificate: u32,
    /// Name of the token's Secret.
    pub token: String,
    /// Changes when the configuration does, but for the head of the ledger.
    pub config_hash: String,
    /// Whether the key's Secret has been made: the pod is started anew then, so that it need not wait for its mount.
    pub keys_made: bool,
}

/// All of them.
pub fn workload(vault: &BackupVault, settings: &Settings, mounts: &Mounts) -> Workload {
    Workload {
        accounts: [names::keeper(&vault.name_any()), names::mover(&vault.name_any())]
            .map(|name| account(vault, name)),
        policies: [keeper_policy(vault, settings), mover_policy(vault)],
        service: service(vault),
        deployment: deployment(vault, settings, mounts),
    }
}

/// Labels of an object of a vault.
pub fn labels(vault: &BackupVault, role: &str) -> BTreeMap<String, String> {
    let mut labels = selector(vault, role);
    labels.insert("app.kubernetes.io/name".into(), "coffer".into());
    labels.insert("app.kubernetes.io/component".into(), role.into());
    labels.insert(words::MANAGED_BY.into(), words::MANAGED_BY_COFFER.into());
    labels
}

/// What selects the keeper's pod. Movers of a filesystem vault are placed beside it.
pub fn keeper_selector(vault: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(words::VAULT.into(), vault.into()), (words::ROLE.into(), "keeper".into())])
}

/// Name, namespace and labels; owned by the vault, in whose namespace it is.
pub fn metadata(vault: &BackupVault, name: String, labels: BTreeMap<String, String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: vault.namespace(),
        labels: Some(labels),
        owner_references: owner(vault).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

fn owner(vault: &BackupVault) -> Option<OwnerReference> {
    vault.controller_owner_ref(&())
}

fn selector(vault: &BackupVault, role: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(words::VAULT.into(), vault.name_any()), (words::ROLE.into(), role.into())])
}

fn account(vault: &BackupVault, name: String) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(vault, name, labels(vault, "identity")),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

fn service(vault: &BackupVault) -> Service {
    let port = ServicePort {
        name: Some("https".into()),
        port: i32::from(files::KEEPER_PORT),
        protocol: Some("TCP".into()),
        target_port: Some(IntOrString::String("https".into())),
        ..ServicePort::default()
    };
    Service {
        metadata: metadata(vault, names::keeper(&vault.name_any()), labels(vault, "keeper")),
        spec: Some(ServiceSpec {
            selector: Some(selector(vault, "keeper")),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// In: the operator and movers. Out: names, and storage wherever it is, but not the node's metadata service.
fn keeper_policy(vault: &BackupVault, settings: &Settings) -> NetworkPolicy {
    let spec = json!({
        "podSelector": {"matchLabels": selector(vault, "keeper")},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": settings.namespace}}},
                    {"podSelector": {"matchLabels": selector(vault, "mover")}},
                ],
                "ports": [{"port": files::KEEPER_PORT, "protocol": "TCP"}],
            },
            {"ports": [{"port": 8080, "protocol": "TCP"}, {"port": 8081, "protocol": "TCP"}]},
        ],
        "egress": egress(),
    });
    network_policy(vault, names::keeper(&vault.name_any()), spec)
}

/// In: nobody. Out: names, databases, the keeper and storage, but not the node's metadata service.
fn mover_policy(vault: &BackupVault) -> NetworkPolicy {
    let spec = json!({
        "podSelector": {
            "matchLabels": {words::VAULT: vault.name_any()},
            "matchExpressions": [{"key": words::ROLE, "operator": "In", "values": ["mover", "check"]}],
        },
        "policyTypes": ["Ingress", "Egress"],
        "egress": egress(),
    });
    network_policy(vault, names::mover(&vault.name_any()), spec)
}

fn egress() -> Value {
    json!([
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        {
            "to": [
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}},
                {"ipBlock": {"cidr": "::/0", "except": ["fe80::/10", "fd00:ec2::254/128"]}},
            ],
        },
    ])
}

fn network_policy(vault: &BackupVault, name: String, spec: Value) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(vault, name, labels(vault, "network")),
        spec: Some(serde_json::from_value(spec).expect("the literal is a NetworkPolicy's spec")),
    }
}

fn deployment(vault: &BackupVault, settings: &Settings, mounts: &Mounts) -> Deployment {
    let template = json!({"metadata": pod_metadata(vault, mounts), "spec": pod(vault, settings, mounts)});
    Deployment {
        metadata: metadata(vault, names::keeper(&vault.name_any()), labels(vault, "keeper")),
        spec: DeploymentSpec {
            replicas: Some(1),
            // Two keepers would only quarrel over the ledger's next number.
            strategy: Some(DeploymentStrategy {
                type_: Some("Recreate".into()),
                ..DeploymentStrategy::default()
            }),
            selector: LabelSelector {
                match_labels: Some(selector(vault, "keeper")),
                ..LabelSelector::default()
            },
            template: serde_json::from_value(template).expect("the literal is a pod template"),
            ..DeploymentSpec::default()
        },
        ..Deployment::default()
    }
}

fn pod_metadata(vault: &BackupVault, mounts: &Mounts) -> Value {
    let given = vault.spec.pod_template.clone().unwrap_or_default();
    let mut pod_labels = given.labels.unwrap_or_default();
    pod_labels.extend(labels(vault, "keeper"));
    let mut annotations = given.annotations.unwrap_or_default();
    annotations.insert(CONFIG_HASH.into(), mounts.config_hash.clone());
    if mounts.keys_made {
        annotations.insert("coffer.dev/keys".into(), names::vault_keys(&vault.name_any()));
    }
    json!({"labels": pod_labels, "annotations": annotations})
}

fn pod(vault: &BackupVault, settings: &Settings, mounts: &Mounts) -> Value {
    let given = vault.spec.pod_template.clone().unwrap_or_default();
    let mut pod = json!({
        "serviceAccountName": names::keeper(&vault.name_any()),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container(vault, settings)],
        "volumes": volumes(vault, mounts),
    });
    let parts = [
        ("nodeSelector", json!(given.node_selector)),
        ("tolerations", json!(given.tolerations)),
        ("affinity", json!(given.affinity)),
        ("topologySpreadConstraints", json!(given.topology_spread_constraints)),
        ("priorityClassName", json!(given.priority_class_name)),
        ("imagePullSecrets", json!(given.image_pull_secrets)),
    ];
    for (name, value) in parts {
        if !value.is_null() {
            pod[name] = value;
        }
    }
    pod
}

/// What a keeper needs, bytes: its catalogue grows with the points, and a vault of many may ask for more.
const MEMORY: u64 = 256 * MEBIBYTE;
const REQUESTED: u64 = 64 * MEBIBYTE;

fn container(vault: &BackupVault, settings: &Settings) -> Value {
    let wished = vault.spec.pod_template.as_ref().and_then(|given| given.resources.as_ref());
    let mut mounted = vec![
        json!({"name": "config", "mountPath": parent(files::KEEPER_CONFIG), "readOnly": true}),
        json!({"name": "token", "mountPath": parent(files::KEEPER_TOKEN), "readOnly": true}),
        json!({"name": "tls", "mountPath": parent(files::KEEPER_CERTIFICATE), "readOnly": true}),
        json!({"name": "keys", "mountPath": files::VAULT_KEYS, "readOnly": true}),
    ];
    if credentials_secret(vault).is_some() {
        mounted.push(json!({"name": "storage", "mountPath": files::STORAGE_CREDENTIALS, "readOnly": true}));
    }
    if authority_secret(vault).is_some() {
        mounted.push(json!({"name": "storage-ca", "mountPath": parent(files::STORAGE_CA), "readOnly": true}));
    }
    if vault.spec.storage.filesystem.is_some() {
        mounted.push(json!({"name": "vault", "mountPath": files::VAULT_VOLUME}));
    }
    json!({
        "name": names::KEEPER_CONTAINER,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["keeper"],
        "ports": [
            {"name": "https", "containerPort": files::KEEPER_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 8080, "protocol": "TCP"},
            {"name": "health", "containerPort": 8081, "protocol": "TCP"},
        ],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "health"}, "periodSeconds": 20},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 2},
        "resources": memory::at_least(wished, MEMORY, REQUESTED, "20m"),
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounted,
    })
}

fn volumes(vault: &BackupVault, mounts: &Mounts) -> Vec<Value> {
    let name = vault.name_any();
    let secret = |volume: &str, secret: &str| json!({"name": volume, "secret": {"secretName": secret, "defaultMode": 0o440}});
    let mut volumes = vec![
        json!({"name": "config", "configMap": {
            "name": names::keeper(&name),
            "items": [{"key": files::KEEPER_CONFIG_KEY, "path": "keeper.json"}],
        }}),
        secret("token", &mounts.token),
        secret("tls", &names::keeper_certificate(&name, mounts.certificate)),
        // Absent at first: the keeper says when a key is to be made, and a deletion must not stop it.
        json!({"name": "keys", "secret": {"secretName": names::vault_keys(&name), "defaultMode": 0o440, "optional": true}}),
    ];
    if let Some(held) = credentials_secret(vault) {
        let items: Vec<Value> =
            credential_files(vault).iter().map(|key| json!({"key": key, "path": key})).collect();
        volumes.push(json!({"name": "storage", "secret": {
            "secretName": held, "items": items, "defaultMode": 0o440, "optional": true,
        }}));
    }
    if let Some((held, key)) = authority_secret(vault) {
        volumes.push(json!({"name": "storage-ca", "secret": {
            "secretName": held, "items": [{"key": key, "path": "ca.crt"}], "defaultMode": 0o440, "optional": true,
        }}));
    }
    if let Some(filesystem) = &vault.spec.storage.filesystem {
        volumes.push(json!({"name": "vault", "persistentVolumeClaim": {"claimName": filesystem.claim_name}}));
    }
    volumes
}

fn parent(file: &str) -> &str {
    file.rsplit_once('/').map_or(file, |(directory, _)| directory)
}
