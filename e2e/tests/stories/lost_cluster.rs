//! A cluster is lost with everything in it but the vault's storage and a copy of its key. Another one brings the database back,
//! protects it, and takes over what the lost one had, by the steps of docs/recovery.md.

use std::mem::ManuallyDrop;
use std::time::Duration;

use e2e::cluster::{Cluster, Tools};
use e2e::world::{ClaimStorage, HARDLY_EVER, Names, Setting, Shop, prepare};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::scene::{Kind, Scene, Storage, condition, scene_on, setting, stage, until};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn what_a_lost_cluster_had_comes_back_and_is_taken_over() {
    let lost = Other::boot();
    let first = scene_on(&lost.setting, Kind::Claim, 2_000);
    first.protect();
    first.back_up("before");
    let legacy = Legacy::of(&first);
    lost.stop();
    // Its namespaces went with the cluster.
    let first = ManuallyDrop::new(first);

    let second = begin_again(&first, &legacy);
    comes_back(&second, &legacy);
    is_protected(&second);
    is_taken_over(&second, &legacy);
}

/// A cluster beside the one that stories are played on, with Coffer installed. It is stopped when it is dropped, too.
struct Other {
    runtime: Runtime,
    cluster: Option<Cluster>,
    setting: Setting,
}

impl Other {
    fn boot() -> Self {
        let tools = Tools::ensure().expect("the tools are there");
        let runtime = Runtime::new().expect("a runtime");
        let own = setting();
        let cluster = runtime.block_on(Cluster::boot("gate-lost", &tools)).expect("another cluster");
        let images = prepare::images(&cluster, &tools, &own.coffer, &own.volumes);
        let setting = runtime.block_on(images);
        let other = |setting| Self { runtime, cluster: Some(cluster), setting };
        let other = other(setting.expect("its images"));
        other.setting.chart().install(&other.setting.image, &[], &[]).expect("the chart installs");
        other
    }

    fn stop(mut self) {
        self.end().expect("the cluster ends");
    }

    fn end(&mut self) -> Result<(), e2e::cluster::Error> {
        self.cluster.take().map_or(Ok(()), |cluster| self.runtime.block_on(cluster.stop()))
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("{error}");
        }
    }
}

/// What somebody knows of the lost cluster, or has kept of it.
struct Legacy {
    /// UID of its namespace kube-system.
    cluster: String,
    namespace: String,
    point_id: String,
    digest: String,
    /// Data of the Secret with the vault's key.
    key: Value,
}

impl Legacy {
    fn of(scene: &Scene) -> Self {
        let (shop, names) = (&scene.shop, &scene.shop.names);
        let point = shop.wait_for_point("before", MINUTE).expect("the point is shown");
        let read = |kind: &str, namespace: &str, name: &str| {
            let found = shop.kubectl.find(kind, namespace, name).expect("it is read");
            found.unwrap_or_else(|| panic!("{kind} {name}"))
        };
        let point = read("rpoint", &names.tenant, &point);
        let uid = ["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"];
        Self {
            cluster: shop.kubectl.run(&uid).expect("the cluster's identity"),
            namespace: names.tenant.clone(),
            point_id: point["spec"]["pointId"].as_str().expect("an id").to_owned(),
            digest: shop.digest("shop").expect("a digest"),
            key: read("secret", &names.vault_namespace, "main-coffer-keys")["data"].clone(),
        }
    }
}

/// The same storage, the same key, the same vault; a new server without any database.
fn begin_again(first: &Scene, legacy: &Legacy) -> Scene {
    let Storage::Claim(claim) = &first.storage else { panic!("the vault lies in a volume") };
    let kubectl = &setting().kubectl;
    let second = stage(setting(), |_, namespace| {
        let claim = ClaimStorage::over(kubectl, namespace, "backups", claim.directory.clone());
        Storage::Claim(claim.expect("a claim over what is there"))
    });
    let key = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "main-coffer-keys", "namespace": second.shop.names.vault_namespace},
        "data": legacy.key,
    });
    kubectl.create(&key.to_string()).expect("the key is brought back");
    second.apply_vault(&first.recipient);
    let namespace = &second.shop.names.vault_namespace;
    kubectl.wait("condition=Ready", "bvault/main", namespace, 3 * MINUTE).expect("the vault is ready");
    second
}

/// From the vault's own namespace, where points of nobody's are shown.
fn comes_back(scene: &Scene, legacy: &Legacy) {
    let names = &scene.shop.names;
    let kubectl = &scene.shop.kubectl;
    let point = until("the lost cluster's point is shown beside the vault", 2 * MINUTE, || {
        let points = kubectl.list("rpoint", &names.vault_namespace).ok()?;
        let found = points.iter().find(|point| point["spec"]["pointId"] == legacy.point_id.as_str())?;
        found["metadata"]["name"].as_str().map(str::to_owned)
    });
    for secret in ["postgres-superuser", "postgres-ca"] {
        let held = kubectl.find("secret", &names.tenant, secret).expect("a Secret is read");
        let copy = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": secret, "namespace": names.vault_namespace},
            "data": held.expect("the Secret is there")["data"],
        });
        kubectl.create(&copy.to_string()).expect("the administrator's copy");
    }
    // A point of one database has no roles.
    scene.shop.postgres.sql("postgres", "CREATE ROLE shop_owner NOLOGIN").expect("the owner of its tables");
    let names = Names { tenant: names.vault_namespace.clone(), ..names.clone() };
    let beside = Shop { kubectl: kubectl.clone(), names, postgres: scene.shop.postgres.clone() };
    beside.apply_restore("back", &point, "shop").expect("a restore is accepted");
    beside.wait_for("rjob/back", "Complete", 5 * MINUTE).expect("the restore completes");
    assert_eq!(scene.shop.digest("shop").expect("a digest"), legacy.digest);
}

/// On another server it is another database for Coffer, and nobody stands in its way.
fn is_protected(scene: &Scene) {
    scene.shop.apply_protection(HARDLY_EVER).expect("policy and instance are accepted");
    scene.shop.wait_until_protected().expect("vault and instance become ready");
}

fn is_taken_over(scene: &Scene, legacy: &Legacy) {
    let names = &scene.shop.names;
    let kubectl = &scene.shop.kubectl;
    let adopt = |entries: Value| {
        let patch = json!({"spec": {"access": {"adopt": entries}}}).to_string();
        let line = ["patch", "bvault", "main", "-n", &names.vault_namespace, "--type=merge", "-p", &patch];
        kubectl.run(&line).expect("the vault takes it");
    };
    adopt(json!([{
        "from": {"cluster": legacy.cluster, "namespace": legacy.namespace, "instance": "shop"},
        "to": {"namespace": names.tenant, "instance": "shop"},
    }]));
    let point = until("the point is the instance's", 2 * MINUTE, || {
        let points = scene.shop.points().ok()?;
        let found = points.iter().find(|point| point["spec"]["pointId"] == legacy.point_id.as_str())?;
        condition(found, "Ready").filter(|ready| ready["status"] == "True")?;
        found["metadata"]["name"].as_str().map(str::to_owned)
    });
    until("an event tells of it", MINUTE, || {
        let events = kubectl.list("events", &names.tenant).ok()?;
        events.iter().any(|event| event["reason"] == "InstanceAdopted").then_some(())
    });
    adopt(json!([]));
    scene.back_up("after");
    until("both points count", MINUTE, || (scene.instance()?["status"]["recoveryPoints"] == 2).then_some(()));
    scene.shop.apply_restore("again", &point, "again").expect("a restore is accepted");
    scene.shop.wait_for("rjob/again", "Complete", 5 * MINUTE).expect("the restore completes");
    assert_eq!(scene.shop.digest("again").expect("a digest"), legacy.digest);
}
