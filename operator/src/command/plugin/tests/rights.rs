//! The ClusterRoles that are shipped for people allow what the commands do, and the documentation says which.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize as _;

use super::*;

/// What a role allows, as `verb group/resource`.
fn allowed(role: &str) -> BTreeSet<String> {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder");
    let path = Path::new(&own).join("../config/default/install.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let documents =
        serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap());
    let role = documents
        .filter(|object| object["kind"] == "ClusterRole" && object["metadata"]["name"] == role)
        .last()
        .unwrap_or_else(|| panic!("there is no ClusterRole {role}"));
    let words = |rule: &Value, key: &str| -> Vec<String> {
        rule[key].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut allowed = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                let rights =
                    words(rule, "verbs").into_iter().map(|verb| format!("{verb} {group}/{resource}"));
                allowed.extend(rights);
            }
        }
    }
    allowed
}

/// The rights that a call needs.
fn needed(call: &str) -> String {
    let (method, rest) = call.split_once(' ').unwrap();
    let resource = rest.split(' ').next().unwrap();
    let verb = match method {
        "GET" => "get",
        "LIST" => "list",
        "POST" => "create",
        "PATCH" => "patch",
        other => panic!("no command does {other}"),
    };
    let group = if resource.starts_with("pods") { "" } else { "coffer.dev" };
    format!("{verb} {group}/{resource}")
}

fn is_allowed(roles: &[&str], right: &str) -> bool {
    let everything = right.split_once('/').map(|(before, _)| format!("{before}/*"));
    roles.iter().any(|role| {
        let allowed = allowed(role);
        allowed.contains(right) || everything.as_ref().is_some_and(|all| allowed.contains(all))
    })
}

#[tokio::test(start_paused = true)]
async fn the_shipped_roles_allow_what_each_command_does() {
    let job = json!({"apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
        "metadata": {"name": "now", "namespace": "shop", "uid": "r1"},
        "spec": {"instanceRef": {"name": "orders"}, "retentionTag": "Default"}, "status": {"state": "Running"}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "p", "namespace": "backups", "labels": {"coffer.dev/run": "r1"}},
        "status": {"phase": "Running"}});
    let (view, edit) = (&["coffer-view"][..], &["coffer-view", "coffer-edit"][..]);
    for (line, roles) in [
        ("status orders", view),
        ("status -A", view),
        ("list orders", view),
        ("doctor orders", view),
        ("grants orders", view),
        ("backup orders", edit),
        ("restore latest --instance orders --as copy", edit),
        ("cancel now", edit),
        ("doctor orders --revalidate --timeout 5s", edit),
        ("show-points orders 2026-03-01/2026-03-31", edit),
        ("resume orders", edit),
        ("undelete shop-orders-1 -n backups", &["coffer-view", "coffer-admin"][..]),
        ("logs now", &["coffer-view", "coffer-logs"][..]),
    ] {
        let desk = Desk::with(&returning::waiting());
        desk.server.hold("backupjobs", &job);
        desk.server.hold("deletedbackupinstances", &returning::record());
        desk.server.hold("pods", &pod);
        desk.server.log("backups/p", "a line\n");
        desk.run(line).await;
        let calls = desk.calls.take();
        assert!(!calls.is_empty(), "{line}");
        for call in calls {
            assert!(is_allowed(roles, &needed(&call)), "{line}: {roles:?} do not allow {call}");
            assert!(!call.contains("secrets"), "{line} reads Secrets: {call}");
        }
    }
    assert!(!is_allowed(view, "create coffer.dev/backupjobs"), "looking is not making");
}
