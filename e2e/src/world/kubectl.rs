//! kubectl, as a user would call it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum KubectlError {
    #[error("failed to start kubectl: {0}")]
    Start(std::io::Error),
    #[error("failed to hand kubectl its input: {0}")]
    Input(std::io::Error),
    #[error("`kubectl {line}` failed: {message}")]
    Failed { line: String, message: String },
    #[error("the cluster does not have {0}")]
    Missing(String),
    #[error("`kubectl {line}` did not print JSON: {source}")]
    NotJson { line: String, source: serde_json::Error },
}

/// kubectl with a kubeconfig of its own, so that the caller's never matters.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

impl Kubectl {
    pub fn new(program: impl Into<PathBuf>, kubeconfig: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), kubeconfig: kubeconfig.into() }
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs kubectl and gives its standard output.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String, KubectlError> {
        self.run_with_input(arguments, None)
    }

    /// The same with a text on standard input.
    pub fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        input: Option<&str>,
    ) -> Result<String, KubectlError> {
        let output = self.output(arguments, input)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(KubectlError::Failed { line: line_of(arguments), message })
    }

    /// Applies YAML on the server's side, as GitOps tools do.
    pub fn apply(&self, manifest: &str) -> Result<String, KubectlError> {
        self.run_with_input(&["apply", "--server-side", "--field-manager=kubectl", "-f", "-"], Some(manifest))
    }

    /// Creates YAML that may carry `generateName`.
    pub fn create(&self, manifest: &str) -> Result<String, KubectlError> {
        self.run_with_input(&["create", "-f", "-"], Some(manifest))
    }

    /// One object, or `None` when there is none of that name.
    pub fn find(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, KubectlError> {
        let arguments = ["get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found"];
        let text = self.run(&arguments)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        parsed(&arguments, &text).map(Some)
    }

    /// All objects of a kind in a namespace.
    pub fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>, KubectlError> {
        let arguments = ["get", kind, "-n", namespace, "-o", "json"];
        let list = parsed(&arguments, &self.run(&arguments)?)?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Waits until an object says so; the text is what `--for` takes, such as `condition=Complete`.
    pub fn wait(
        &self,
        what: &str,
        object: &str,
        namespace: &str,
        limit: Duration,
    ) -> Result<(), KubectlError> {
        let (what, limit) = (format!("--for={what}"), format!("--timeout={}s", limit.as_secs()));
        self.run(&["wait", &what, object, "-n", namespace, &limit]).map(|_| ())
    }

    /// kubectl ready to be started by the caller, for what runs beside the story.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    fn output<A: AsRef<OsStr>>(&self, arguments: &[A], input: Option<&str>) -> Result<Output, KubectlError> {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().map_err(KubectlError::Start)?;
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            stdin.write_all(text.as_bytes()).map_err(KubectlError::Input)?;
        }
        child.wait_with_output().map_err(KubectlError::Start)
    }
}

fn parsed<A: AsRef<OsStr>>(arguments: &[A], text: &str) -> Result<Value, KubectlError> {
    serde_json::from_str(text).map_err(|source| KubectlError::NotJson { line: line_of(arguments), source })
}

fn line_of<A: AsRef<OsStr>>(arguments: &[A]) -> String {
    arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}
