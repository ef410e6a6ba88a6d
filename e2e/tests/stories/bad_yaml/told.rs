//! Objects that the API server takes and only the operator can judge: each gets the condition that names what is wrong.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use e2e::world::Authority;
use serde_json::Value;

use super::case::{Case, Expected};
use super::operator::{Calm, keepers_are_calm};
use super::{crd_cases, own_cases, send, told_of};
use crate::scene::{Kind, Scene, scene, setting};

/// Until then everything has to be told: keepers' starts and the pods of some forty checks are within it, beside other
/// stories on the same machine.
const DEADLINE: Duration = Duration::from_secs(480);
/// Between two looks: other stories play beside this one.
const PAUSE: Duration = Duration::from_secs(1);

/// One object and what its condition has to say.
struct Watched {
    case: Case,
    namespace: String,
}

#[test]
fn what_only_the_operator_can_know_is_told_in_a_condition() {
    let calm = Calm::begin();
    let scene = scene(Kind::S3, 50);
    given(&scene);
    let watched: Vec<Watched> = crd_cases("invalid")
        .into_iter()
        .chain(own_cases())
        .filter(|case| matches!(case.expected, Expected::Condition { .. }))
        .map(|case| apply(&scene, case))
        .collect();
    let begin = Instant::now();
    let mut silent: Vec<&Watched> = watched.iter().collect();
    let mut last = BTreeMap::new();
    while !silent.is_empty() && begin.elapsed() < DEADLINE {
        let objects = objects(&scene);
        silent.retain(|watched| {
            let found = judge(watched, &objects);
            let told = found.is_ok();
            last.insert(key(watched), found);
            !told
        });
        thread::sleep(PAUSE);
    }
    let wrong: Vec<String> = silent
        .iter()
        .map(|watched| {
            let found = last.get(&key(watched)).cloned().unwrap_or(Ok(())).err().unwrap_or_default();
            told_of(&watched.case, &found)
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), watched.len(), wrong.join("\n\n"));
    println!("{} objects that only the operator can judge were told in their conditions", watched.len());
    assert!(watched.len() >= 50, "only {} objects were tried", watched.len());
    calm.check();
    keepers_are_calm(&scene.shop.names.vault_namespace);
}

/// Vaults, policies, Secrets, roles and databases that the cases refer to.
fn given(scene: &Scene) {
    let shop = &scene.shop;
    shop.postgres.sql("postgres", include_str!("given.sql")).expect("roles and databases");
    shop.postgres.sql("guarded", include_str!("guarded.sql")).expect("tables that not everybody may read");
    let stranger = Authority::new("a stranger").expect("an authority");
    let stranger = stranger.certificate().trim_end().replace('\n', "\n    ");
    let manifest = filled(scene, include_str!("given.yaml")).replace("$(stranger)", &stranger);
    setting().kubectl.apply(&manifest).expect("what the cases refer to is accepted");
    shop.wait_until_protected().expect("vault and instance become ready");
}

fn apply(scene: &Scene, case: Case) -> Watched {
    let names = &scene.shop.names;
    let manifest = filled(scene, &case.manifest);
    let object: Value = serde_yaml::from_str(&manifest).expect("a case is YAML");
    let namespace = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => namespace.to_owned(),
        None if case.identity.starts_with("BackupVault/") => names.vault_namespace.clone(),
        None => names.tenant.clone(),
    };
    send(&["create"], &manifest, &namespace)
        .unwrap_or_else(|error| panic!("{}", told_of(&case, &error.to_string())));
    Watched { case, namespace }
}

fn filled(scene: &Scene, manifest: &str) -> String {
    let names = &scene.shop.names;
    [
        ("tenant", names.tenant.as_str()),
        ("vaultNamespace", &names.vault_namespace),
        ("vault", &names.vault),
        ("policy", &names.policy),
        ("instance", &names.instance),
        ("host", &scene.shop.postgres.host()),
        ("password", &scene.password),
    ]
    .iter()
    .fold(manifest.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
}

/// Every object of Coffer's in the two namespaces, by namespace, kind and name.
fn objects(scene: &Scene) -> BTreeMap<(String, String), Value> {
    let names = &scene.shop.names;
    let mut objects = BTreeMap::new();
    for namespace in [&names.tenant, &names.vault_namespace] {
        for object in setting().kubectl.list("coffer", namespace).expect("the objects are listed") {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let identity = format!("{}/{}", word(&object["kind"]), word(&object["metadata"]["name"]));
            objects.insert((namespace.clone(), identity), object);
        }
    }
    objects
}

fn key(watched: &Watched) -> (String, String) {
    (watched.namespace.clone(), watched.case.identity.clone())
}

/// Whether the condition is there with reason and words.
fn judge(watched: &Watched, objects: &BTreeMap<(String, String), Value>) -> Result<(), String> {
    let Expected::Condition { type_, status, reason, says } = &watched.case.expected else {
        return Err("it has no condition to wait for".to_owned());
    };
    let object = objects.get(&key(watched)).ok_or("it is gone")?;
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.iter().find(|condition| condition["type"] == type_.as_str());
    let shown = || serde_json::to_string(&conditions).unwrap_or_default();
    let found = found.ok_or_else(|| format!("wanted {type_}={status} {reason}, and it has {}", shown()))?;
    if found["status"] != status.as_str() || found["reason"] != reason.as_str() {
        return Err(format!("wanted {type_}={status} {reason}, and it has {}", shown()));
    }
    let message = found["message"].as_str().unwrap_or_default();
    match says.iter().find(|part| !message.contains(part.as_str())) {
        Some(part) => Err(format!("{reason} should say {part:?}, and says: {message}")),
        None => Ok(()),
    }
}
