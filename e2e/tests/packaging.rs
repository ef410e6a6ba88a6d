//! The chart and the kustomize folders, judged with the real Helm and kubectl but without a cluster.
//!
//! `COFFER_HELM` and `COFFER_KUBECTL` name the programs; `cargo gate --only chart` sets them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what failed by panicking"
)]

use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

use serde::Deserialize;
use serde_json::Value;

#[test]
fn helm_finds_nothing_to_object_to() {
    let output = helm(&["lint", "--strict", &chart()]);
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_value_of_the_wrong_type_or_name_is_refused_and_named() {
    for (setting, named) in
        [("replicas=two", "replicas"), ("image.digest=latest", "digest"), ("replica=2", "replica")]
    {
        let output = helm(&["template", "coffer", &chart(), "--set", setting]);
        assert!(!output.status.success(), "{setting} was accepted");
        assert!(text(&output).contains(named), "{setting}: {}", text(&output));
    }
}

#[test]
fn kinds_are_kept_on_uninstall_and_can_be_left_out() {
    let kinds = |settings: &[&str]| {
        rendered(settings)
            .into_iter()
            .filter(|object| object["kind"] == "CustomResourceDefinition")
            .collect::<Vec<_>>()
    };
    let kept = kinds(&[]);
    assert_eq!(kept.len(), 7);
    assert!(kept.iter().all(|kind| kind["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"));
    let dropped = kinds(&["crds.keep=false"]);
    assert!(
        dropped.iter().all(|kind| kind["metadata"]["annotations"].get("helm.sh/resource-policy").is_none())
    );
    assert!(kinds(&["crds.enabled=false"]).is_empty());
}

#[test]
fn the_operator_never_reads_secrets_where_it_was_not_told_to() {
    for object in rendered(&["vaultNamespaces={backups}"]) {
        if object["kind"] != "ClusterRole" || object["metadata"]["name"] == "coffer-secret-reader" {
            continue;
        }
        for rule in object["rules"].as_array().expect("a role has rules") {
            let secrets =
                rule["resources"].as_array().is_some_and(|all| all.iter().any(|one| one == "secrets"));
            let read = rule["verbs"].as_array().is_some_and(|all| {
                all.iter().any(|one| one == "get" || one == "list" || one == "watch" || one == "*")
            });
            assert!(!(secrets && read), "{} reads Secrets: {rule}", object["metadata"]["name"]);
        }
    }
    let bound = |settings: &[&str]| {
        rendered(settings).iter().any(|object| {
            object["kind"] == "ClusterRoleBinding" && object["roleRef"]["name"] == "coffer-secret-reader"
        })
    };
    assert!(!bound(&[]), "Secrets of the whole cluster are read only on request");
    assert!(bound(&["secretReader.clusterWide=true"]));
}

#[test]
fn every_rule_of_every_role_says_why_it_is_there() {
    let mut rules = 0;
    for entry in fs::read_dir(root().join("charts/coffer/templates")).expect("the chart's templates") {
        let path = entry.expect("a readable folder entry").path();
        if !path.is_file() {
            continue;
        }
        let template = fs::read_to_string(&path).expect("a readable template");
        let lines: Vec<&str> = template.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("- apiGroups:")) {
            let above = number.checked_sub(1).map_or("", |above| lines[above]);
            assert!(
                above.starts_with('#'),
                "{}:{}: {line} has no reason above it",
                path.display(),
                number + 1
            );
            rules += 1;
        }
    }
    assert!(rules > 10, "only {rules} rules were found");
}

#[test]
fn every_pod_passes_the_restricted_standard() {
    let mut pods = 0;
    for object in rendered(&["vaultNamespaces={backups}"]) {
        let pod = &object["spec"]["template"]["spec"];
        if !pod.is_object() {
            continue;
        }
        pods += 1;
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{}", object["metadata"]["name"]);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for container in pod["containers"].as_array().expect("a pod has containers") {
            let security = &container["securityContext"];
            assert_eq!(security["allowPrivilegeEscalation"], false, "{}", container["name"]);
            assert_eq!(security["readOnlyRootFilesystem"], true, "{}", container["name"]);
            assert_eq!(security["capabilities"]["drop"][0], "ALL", "{}", container["name"]);
        }
    }
    assert!(pods >= 1);
}

/// `COFFER_UPDATE=1 cargo gate --only chart` writes the files.
#[test]
fn what_is_installed_and_removed_without_helm_is_what_the_chart_renders() {
    // Hooks are for the end of a release: among what is installed they would take it down at once.
    let installed = ["--set", "crds.enabled=false", "--no-hooks"];
    let removed = ["--show-only", "templates/hook-release.yaml"];
    for (file, arguments) in
        [("config/default/install.yaml", &installed[..]), ("config/uninstall/release.yaml", &removed[..])]
    {
        let chart = chart();
        let template = ["template", "coffer", &chart, "--namespace", "coffer-system"];
        let output = helm(&[&template, arguments].concat());
        assert!(output.status.success(), "{}", text(&output));
        let rendered = String::from_utf8(output.stdout).expect("YAML is UTF-8");
        let path = root().join(file);
        if env::var_os("COFFER_UPDATE").is_some() {
            fs::write(&path, &rendered).expect("config is writable");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == rendered, "{file} is out of date: COFFER_UPDATE=1 cargo gate --only chart");
    }
}

#[test]
fn nothing_that_ends_an_installation_is_installed() {
    let installed = fs::read_to_string(root().join("config/default/install.yaml")).expect("it is there");
    assert!(installed.contains("kind: Deployment"));
    for word in ["helm.sh/hook", "coffer-release"] {
        assert!(!installed.contains(word), "config/default/install.yaml has {word}");
    }
}

#[test]
fn every_kustomize_folder_builds() {
    for folder in ["alerts", "crd", "default", "uninstall", "samples", "argocd"] {
        let path = root().join("config").join(folder);
        let output = Command::new(program("COFFER_KUBECTL"))
            .arg("kustomize")
            .arg(path)
            .output()
            .expect("kubectl starts");
        assert!(output.status.success(), "config/{folder}: {}", text(&output));
        assert!(!output.stdout.is_empty(), "config/{folder} builds to nothing");
    }
}

/// The chart's objects under settings; `--set` for each.
fn rendered(settings: &[&str]) -> Vec<Value> {
    let chart = chart();
    let mut arguments = vec!["template", "coffer", chart.as_str(), "--namespace", "coffer-system"];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let output = helm(&arguments);
    assert!(output.status.success(), "{}", text(&output));
    let rendered = String::from_utf8(output.stdout).expect("YAML is UTF-8");
    serde_yaml::Deserializer::from_str(&rendered)
        .map(|document| Value::deserialize(document).expect("each document is an object"))
        .filter(Value::is_object)
        .collect()
}

fn helm(arguments: &[&str]) -> Output {
    Command::new(program("COFFER_HELM")).args(arguments).output().expect("helm starts")
}

fn program(variable: &str) -> PathBuf {
    env::var_os(variable)
        .map(PathBuf::from)
        .unwrap_or_else(|| panic!("{variable} is not set: run `cargo gate --only chart`"))
}

fn root() -> PathBuf {
    e2e::source::root()
}

fn chart() -> String {
    root().join("charts/coffer").to_string_lossy().into_owned()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
