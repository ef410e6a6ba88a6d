//! Chart and kinds are uninstalled: nothing hangs, the data stay, and one person with the recovery identity brings the
//! database back. Whatever happens, the operator is put back for the stories that follow.

use std::fs;
use std::thread;
use std::time::Duration;

use e2e::world::VaultStorage;
use serde_json::{Value, json};

use crate::scene::{Kind, Scene, Storage, scene, setting, until};
use crate::soft_deleted::{record, resume, undelete};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn without_operator_and_kinds_the_data_stay_and_the_command_line_brings_them_back() {
    // At 1 MiB/s for longer than the operator needs to go, however busy the machine is.
    let scene = scene(Kind::Claim, 200_000);
    let shop = &scene.shop;
    scene.protect();
    shop.apply_backup("now").expect("an on-demand backup is accepted");
    shop.wait_for("bjob/now", "Complete", 3 * MINUTE).expect("the backup completes");
    let point = shop.wait_for_point("now", MINUTE).expect("the point is shown");
    let before = shop.digest("shop").expect("a digest of the source");
    let fingerprint = fingerprint(&scene);
    leave_a_backup_running(&scene);

    let back = OperatorBack;
    setting().chart().uninstall().expect("the chart goes, and nothing hangs");
    let running = shop.kubectl.find("bjob", &shop.names.tenant, "running").expect("the job is read");
    let ended = running.expect("the job is there")["status"]["completionTime"].clone();
    assert!(ended.is_null(), "the backup was over before the operator went, and nothing could hang: {ended}");
    let kinds = kinds();
    assert!(kinds.len() >= 6, "the chart keeps the kinds: {kinds:?}");
    let delete = ["delete", "--timeout=60s"].into_iter().chain(kinds.iter().map(String::as_str));
    shop.kubectl.run(&delete.collect::<Vec<_>>()).expect("the kinds and all their objects go");
    assert_eq!(self::kinds(), Vec::<String>::new());
    until("keeper and movers end", MINUTE, || workloads(&scene).is_empty().then_some(()));

    let keys = shop.kubectl.find("secret", &shop.names.vault_namespace, "main-coffer-keys");
    assert!(keys.expect("Secrets are read").is_some(), "the vault's key is left");
    assert!(scene.objects().iter().any(|(name, _)| name.starts_with("points/")), "the point is left");
    shop.postgres.sql("postgres", "DROP DATABASE shop WITH (FORCE)").expect("the database is lost");
    restore_by_hand(&scene, &fingerprint);
    assert_eq!(shop.digest("shop").expect("a digest of the restored database"), before);

    drop(back);
    opens_again(&scene, &fingerprint);
    goes_on(&scene, &point);
}

/// The same YAML, applied to a cluster that has Coffer again, opens the same vault with the key that was left.
fn opens_again(scene: &Scene, fingerprint: &str) {
    let Storage::Claim(claim) = &scene.storage else { panic!("the vault lies in a claim") };
    scene
        .shop
        .apply_vault(&VaultStorage::Claim(&claim.claim), &scene.recipient)
        .expect("the vault is accepted");
    scene.protect();
    assert_eq!(self::fingerprint(scene), fingerprint);
}

/// The vault knows of the instance that went while nobody looked. Brought back and resumed, the new one has the point of
/// before, restores it and goes on.
fn goes_on(scene: &Scene, point: &str) {
    let record = record(scene, |status| status["recoveryPoints"] == 1);
    undelete(scene, &record);
    resume(scene, &record);
    let shop = &scene.shop;
    let instance = format!("binst/{}", shop.names.instance);
    until("the instance goes on", 2 * MINUTE, || {
        let instance = shop.kubectl.find("binst", &shop.names.tenant, &shop.names.instance).ok()??;
        (instance["status"]["state"] == "ProtectionConfigured").then_some(())
    });
    shop.wait_for(&instance, "Ready", MINUTE).expect("nothing stands in its way");
    let shown = format!("rpoint/{point}");
    shop.kubectl.wait("create", &shown, &shop.names.tenant, MINUTE).expect("the point of before is its own");
    shop.apply_restore("again", point, "again").expect("a restore is accepted");
    shop.wait_for("rjob/again", "Complete", 5 * MINUTE).expect("the restore completes");
    shop.apply_backup("next").expect("a backup on demand is accepted");
    shop.wait_for("bjob/next", "Complete", 3 * MINUTE).expect("the backup completes");
}

/// Helm's release, and with it the kinds, as every story but this one expects them.
struct OperatorBack;

impl Drop for OperatorBack {
    fn drop(&mut self) {
        let setting = setting();
        match setting.chart().install(&setting.image, &[], &[]) {
            Ok(_) => {}
            Err(error) if thread::panicking() => eprintln!("the operator is not back: {error}"),
            Err(error) => panic!("the operator is not back: {error}"),
        }
    }
}

/// A run in the middle of its work when the chart goes: its finalizer would hang.
fn leave_a_backup_running(scene: &Scene) {
    scene.leave_a_backup_running();
    let job = scene.shop.kubectl.find("bjob", &scene.shop.names.tenant, "running").expect("the job is read");
    let finalizers = &job.expect("the job is there")["metadata"]["finalizers"];
    assert!(finalizers.as_array().is_some_and(|held| !held.is_empty()), "nothing could hang: {finalizers}");
}

/// Pods of ours in the vault's namespace.
fn workloads(scene: &Scene) -> Vec<Value> {
    let pods = scene.shop.kubectl.list("pods", &scene.shop.names.vault_namespace).expect("pods are listed");
    let ours = |pod: &Value| pod["metadata"]["labels"].get("coffer.dev/role").is_some();
    pods.into_iter().filter(ours).collect()
}

fn kinds() -> Vec<String> {
    let names = setting().kubectl.run(&["get", "customresourcedefinitions", "-o", "name"]);
    let names = names.expect("the kinds are listed");
    names.lines().filter(|name| name.ends_with(".coffer.dev")).map(str::to_owned).collect()
}

/// What people note on the recovery kit.
fn fingerprint(scene: &Scene) -> String {
    let names = &scene.shop.names;
    let vault = scene.shop.kubectl.find("bvault", &names.vault_namespace, &names.vault);
    let vault = vault.expect("the vault is read").expect("the vault is there");
    vault["status"]["fingerprint"].as_str().expect("a ready vault has a fingerprint").to_owned()
}

/// With nothing but the claim, the recovery identity and the server's password.
fn restore_by_hand(scene: &Scene, fingerprint: &str) {
    let shop = &scene.shop;
    let namespace = shop.names.vault_namespace.as_str();
    let identity = fs::read_to_string(scene.recovery.path().join("recovery.key")).expect("the identity");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "by-hand", "namespace": namespace},
        "stringData": {
            "recovery.key": identity, "ca.crt": scene.authority.certificate(), "password": scene.password,
        },
    });
    shop.kubectl.create(&secret.to_string()).expect("a Secret for the restore");
    shop.kubectl.create(&pod_by_hand(scene, fingerprint).to_string()).expect("a pod for the restore");
    let phase = until("the restore ends", 3 * MINUTE, || {
        let pod = shop.kubectl.find("pod", namespace, "by-hand").expect("the pod is read")?;
        let phase = pod["status"]["phase"].as_str().unwrap_or_default().to_owned();
        ["Succeeded", "Failed"].contains(&phase.as_str()).then_some(phase)
    });
    let said = shop.kubectl.run(&["logs", "by-hand", "-n", namespace]).unwrap_or_default();
    assert_eq!(phase, "Succeeded", "{said}");
    assert!(!said.contains("UNAUTHENTICATED"), "the fingerprint proves whose vault it is: {said}");
}

fn pod_by_hand(scene: &Scene, fingerprint: &str) -> Value {
    let Storage::Claim(claim) = &scene.storage else { panic!("the vault lies in a claim") };
    let host = scene.shop.postgres.host();
    let target = format!("postgresql://postgres@{host}:5432?sslmode=verify-full&sslrootcert=/secrets/ca.crt");
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "by-hand", "namespace": scene.shop.names.vault_namespace},
        "spec": {
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "coffer", "image": setting().image, "imagePullPolicy": "IfNotPresent",
                "args": [
                    "restore", "latest", "--vault=file:///vault", "--identity=/secrets/recovery.key",
                    format!("--fingerprint={fingerprint}"), format!("--target={target}"),
                ],
                "env": [{
                    "name": "PGPASSWORD",
                    "valueFrom": {"secretKeyRef": {"name": "by-hand", "key": "password"}},
                }],
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "vault", "mountPath": "/vault"}, {"name": "secrets", "mountPath": "/secrets"},
                ],
            }],
            "volumes": [
                {"name": "vault", "persistentVolumeClaim": {"claimName": claim.claim}},
                {"name": "secrets", "secret": {"secretName": "by-hand", "defaultMode": 0o440}},
            ],
        },
    })
}
