//! `coffer` as somebody runs it who has keys and no operator: in a pod, where stores and servers are reached by their names.

use std::time::Duration;

use serde_json::Value;

use super::{Authority, Kubectl, KubectlError, filled, indented};

/// How long a command may take.
const ENDS: Duration = Duration::from_secs(180);

/// One run of one command. `/recovery` has `recovery.key` and `ca.crt`, and `/credentials` the files of a Secret.
pub struct CommandPod<'a> {
    /// Of the pod and its Secret.
    pub name: &'a str,
    pub namespace: &'a str,
    pub image: &'a str,
    pub arguments: &'a [&'a str],
    /// Entries of a container's `env`.
    pub environment: &'a Value,
    /// A Secret of the namespace.
    pub credentials: &'a str,
    /// An age identity file.
    pub identity: &'a str,
    pub authority: &'a Authority,
}

impl CommandPod<'_> {
    /// Runs it to its end and gives what it printed.
    ///
    /// # Errors
    /// With the log when it ends badly or not in time.
    pub fn run(&self, kubectl: &Kubectl) -> Result<String, KubectlError> {
        let arguments = serde_json::json!(self.arguments).to_string();
        let values = [
            ("name", self.name),
            ("namespace", self.namespace),
            ("image", self.image),
            ("arguments", &arguments),
            ("environment", &self.environment.to_string()),
            ("credentials", self.credentials),
            ("identity", &indented(self.identity, 4)),
            ("authority", &indented(self.authority.certificate(), 4)),
        ];
        kubectl.apply(&filled(include_str!("manifests/command.yaml"), &values))?;
        let pod = format!("pod/{}", self.name);
        let ended = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}";
        kubectl.wait(ended, &pod, self.namespace, ENDS)?;
        let log = kubectl.run(&["logs", "-n", self.namespace, &pod])?;
        let code = kubectl.run(&["get", &pod, "-n", self.namespace, "-o", ended])?;
        if code == "0" {
            return Ok(log);
        }
        Err(KubectlError::Failed { line: self.arguments.join(" "), message: format!("code {code}: {log}") })
    }
}
