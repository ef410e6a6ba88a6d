//! `cargo generate`: writes everything that is made from the API types and the command line, or with `--check` says what is out of date.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use clap::Parser;
use crds::{admission, docs, schema};
use e2e::features::{Features, FeaturesError};
use serde_json::{Value, json};

/// Write the definitions, the admission policies and the API's documentation from the types in crate `crds`, the command line's
/// from its commands, the alerts' object from their rules, and the table of rows from the tests.
#[derive(Parser)]
#[command(name = "cargo generate")]
struct Arguments {
    /// Write nothing; exit with 1 when a file is not as it would be written.
    #[arg(long)]
    check: bool,
}

/// Folders in which every YAML file is generated: others are stale.
const FOLDERS: [&str; 4] =
    ["config/crd", "config/admission", "charts/coffer/templates/crds", "charts/coffer/templates/admission"];

/// What alerts are written in.
const ALERT_RULES: &str = "config/alerts/coffer.rules.yaml";

/// Who the operator is where no chart says it.
const DEFAULT_OPERATOR: &str = "system:serviceaccount:coffer-system:coffer";

/// Who the operator is in the chart.
const CHART_OPERATOR: &str =
    "system:serviceaccount:{{ .Release.Namespace }}:{{ include \"coffer.serviceAccount\" . }}";

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to render {path}")]
    Render { path: String, source: serde_yaml::Error },
    #[error("failed to read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("failed to write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("failed to remove {path}")]
    Remove { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Features(#[from] FeaturesError),
    #[error("failed to have the command line describe itself")]
    Describe { source: io::Error },
}

fn main() -> ExitCode {
    let root = e2e::source::root();
    let outcome = if Arguments::parse().check { check(&root) } else { write(&root) };
    match outcome {
        Ok(stale) if stale.is_empty() => ExitCode::SUCCESS,
        Ok(stale) => {
            eprintln!("out of date: {}\nrun `cargo generate` and commit what it writes", stale.join(", "));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!(
                "{error}: {}",
                std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default()
            );
            ExitCode::FAILURE
        }
    }
}

/// The files that are not as they would be written, and those that nothing would write.
fn check(root: &Path) -> Result<Vec<String>, Error> {
    let files = files(root)?;
    let mut stale = strangers(root, &files)?;
    for (path, content) in &files {
        match fs::read_to_string(root.join(path)) {
            Ok(committed) if committed == *content => {}
            Ok(_) => stale.push(path.clone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => stale.push(path.clone()),
            Err(source) => return Err(Error::Read { path: root.join(path), source }),
        }
    }
    Ok(stale)
}

/// Writes every file and removes what nothing writes any more.
fn write(root: &Path) -> Result<Vec<String>, Error> {
    let files = files(root)?;
    for stranger in strangers(root, &files)? {
        let path = root.join(stranger);
        fs::remove_file(&path).map_err(|source| Error::Remove { path, source })?;
    }
    for (path, content) in &files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })?;
        }
        fs::write(&path, content).map_err(|source| Error::Write { path, source })?;
    }
    println!("{} files are current", files.len());
    Ok(Vec::new())
}

/// Files in generated folders that nothing generates.
fn strangers(root: &Path, files: &BTreeMap<String, String>) -> Result<Vec<String>, Error> {
    let mut strangers = Vec::new();
    for folder in FOLDERS {
        let path = root.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => return Err(Error::Read { path, source }),
        };
        for entry in entries {
            let entry = entry.map_err(|source| Error::Read { path: path.clone(), source })?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if !files.contains_key(&name) {
                strangers.push(name);
            }
        }
    }
    strangers.sort();
    Ok(strangers)
}

/// Every generated file by its path below the root.
fn files(root: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut files = BTreeMap::from([
        ("docs/api.md".to_owned(), docs::api()),
        ("docs/cli.md".to_owned(), command_line_document(root, "coffer")?),
        ("docs/kubectl.md".to_owned(), command_line_document(root, "kubectl")?),
    ]);
    let mut names = Vec::new();
    for definition in schema::definitions() {
        let name = format!("{}.yaml", definition["spec"]["names"]["plural"].as_str().unwrap_or_default());
        files.insert(format!("config/crd/{name}"), plain(&name, &[&definition])?);
        files.insert(format!("charts/coffer/templates/crds/{name}"), chart_definition(&name, definition)?);
        names.push(name);
    }
    files.insert("config/crd/kustomization.yaml".to_owned(), kustomization(&names)?);
    files.insert("e2e/FEATURES.md".to_owned(), Features::read(root)?.table());
    files.insert("config/alerts/prometheusrule.yaml".to_owned(), prometheus_rule(root)?);

    let mut names = Vec::new();
    for admission::Policy { name, policy, binding } in admission::policies(DEFAULT_OPERATOR) {
        let name = format!("{name}.yaml");
        files.insert(format!("config/admission/{name}"), plain(&name, &[&policy, &binding])?);
        names.push(name);
    }
    files.insert("config/admission/kustomization.yaml".to_owned(), kustomization(&names)?);
    for policy in admission::policies(OPERATOR_MARK) {
        let path = format!("charts/coffer/templates/admission/{}.yaml", policy.name);
        files.insert(path, chart_policy(policy)?);
    }
    Ok(files)
}

/// The alert rules as the object that the Prometheus operator reads.
fn prometheus_rule(root: &Path) -> Result<String, Error> {
    let path = root.join(ALERT_RULES);
    let text = fs::read_to_string(&path).map_err(|source| Error::Read { path, source })?;
    let rules: Value = serde_yaml::from_str(&text)
        .map_err(|source| Error::Render { path: ALERT_RULES.to_owned(), source })?;
    let document = json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "coffer", "labels": {"app.kubernetes.io/name": "coffer"}},
        "spec": rules,
    });
    plain("prometheusrule.yaml", &[&document])
}

/// The command line is described by a program of its own crate, which this one does not depend on: it has to be there while
/// that does not compile.
fn command_line_document(root: &Path, of: &str) -> Result<String, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments =
        ["run", "--quiet", "--locked", "--package", "coffer", "--example", "command_line_document", "--", of];
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::Describe { source })?;
    if !output.status.success() {
        return Err(Error::Describe { source: io::Error::other(output.status.to_string()) });
    }
    String::from_utf8(output.stdout).map_err(|error| Error::Describe { source: io::Error::other(error) })
}

/// Documents as YAML, under a line that says where they come from.
fn plain(name: &str, documents: &[&Value]) -> Result<String, Error> {
    let documents: Result<Vec<String>, Error> =
        documents.iter().map(|document| yaml(name, document)).collect();
    Ok(format!("{GENERATED}{}", documents?.join("---\n")))
}

fn kustomization(resources: &[String]) -> Result<String, Error> {
    let document = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources});
    plain("kustomization.yaml", &[&document])
}

/// A definition as a template: behind a switch, kept on uninstall unless told otherwise, with annotations of the user's.
fn chart_definition(name: &str, mut definition: Value) -> Result<String, Error> {
    definition["metadata"]["annotations"][ANNOTATIONS_MARK] = json!("here");
    let text = yaml(name, &definition)?.replace("{{", "{{ \"{{\" }}");
    let mark = format!("    {ANNOTATIONS_MARK}: here\n");
    let annotations = "    {{- if .Values.crds.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}\n    \
                       {{- with .Values.crds.annotations }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n";
    Ok(format!(
        "{GENERATED}{{{{- if .Values.crds.enabled }}}}\n{}{{{{- end }}}}\n",
        text.replacen(&mark, annotations, 1)
    ))
}

/// A policy and its binding as a template: behind a switch, with the release's labels and the operator's identity.
fn chart_policy(policy: admission::Policy) -> Result<String, Error> {
    let name = policy.name;
    let mut documents = Vec::new();
    for mut document in [policy.policy, policy.binding] {
        document["metadata"][LABELS_MARK] = json!("here");
        let labels = "  labels:\n    {{- include \"coffer.labels\" . | nindent 4 }}\n";
        let text = yaml(name, &document)?.replace("{{", "{{ \"{{\" }}");
        let text = text.replacen(&format!("  {LABELS_MARK}: here\n"), labels, 1);
        documents.push(text.replace(OPERATOR_MARK, CHART_OPERATOR));
    }
    Ok(format!(
        "{GENERATED}{{{{- if .Values.admission.enabled }}}}\n{}{{{{- end }}}}\n",
        documents.join("---\n")
    ))
}

fn yaml(name: &str, document: &Value) -> Result<String, Error> {
    serde_yaml::to_string(document).map_err(|source| Error::Render { path: name.to_owned(), source })
}

const GENERATED: &str = "# Generated from the types in crds/ by `cargo generate`: do not edit.\n";

/// Stands for the operator's identity until the template is put in its place.
const OPERATOR_MARK: &str = "OPERATOR-IDENTITY";

/// Stands for the annotations that the chart's values add. Sorts where a line of its own is wanted.
const ANNOTATIONS_MARK: &str = "coffer-generator-annotations";

/// Stands for the release's labels.
const LABELS_MARK: &str = "coffer-generator-labels";
