//! Namespaces that a story makes for itself and that go when it ends.

use std::thread;

use serde_json::Value;
use uuid::Uuid;

use super::{Kubectl, KubectlError};

/// So much of a namespace is printed after a failure.
const TOLD_LINES: usize = 40;

/// A name that no other story uses, of this or another process, now or before: process ids come again, and a volume outlives
/// the story that made it.
pub fn unique_name(prefix: &str) -> String {
    let (random, ..) = Uuid::new_v4().as_fields();
    format!("{prefix}-{random:08x}")
}

/// A namespace under the restricted Pod Security Standard. Dropped, it is deleted without waiting for the end; after a
/// panic it stays, with what went wrong in it, and its name is printed.
pub struct TemporaryNamespace {
    kubectl: Kubectl,
    name: String,
}

impl TemporaryNamespace {
    pub fn create(kubectl: &Kubectl, prefix: &str) -> Result<Self, KubectlError> {
        let name = unique_name(prefix);
        kubectl.apply(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n"
        ))?;
        Ok(Self { kubectl: kubectl.clone(), name })
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl TemporaryNamespace {
    /// Prints what is in the namespace and what last happened there, for a machine whose cluster is gone when its output is
    /// read.
    fn tell(&self) {
        let kinds = "pods,jobs,persistentvolumeclaims,backupvaults,backupinstances,backupjobs,recoverypoints,restorejobs";
        let columns = "-o=custom-columns=AT:.lastTimestamp,SINCE:.eventTime,REASON:.reason,OF:.involvedObject.name,TEXT:.message";
        let objects = self.kubectl.run(&["get", kinds, "-n", &self.name]);
        let events = self.kubectl.run(&[
            "get",
            "events",
            "-n",
            &self.name,
            "--sort-by=.metadata.creationTimestamp",
            columns,
        ]);
        for (what, told) in [("objects", objects), ("events", events)] {
            let told = told.unwrap_or_else(|error| error.to_string());
            let lines: Vec<&str> = told.lines().collect();
            let last = lines.len().saturating_sub(TOLD_LINES);
            eprintln!("{what} of {}:\n{}", self.name, lines[last..].join("\n"));
        }
    }

    /// A namespace would rather hang than lose the key of a vault, until somebody says that it may.
    fn release_keys(&self) {
        let released = self.kubectl.list("secrets", &self.name).and_then(|secrets| {
            let holds = |secret: &&Value| secret["metadata"]["finalizers"].is_array();
            for secret in secrets.iter().filter(holds) {
                let name = secret["metadata"]["name"].as_str().unwrap_or_default();
                let patch = r#"{"metadata":{"finalizers":null}}"#;
                self.kubectl.run(&[
                    "patch",
                    "secret",
                    name,
                    "-n",
                    &self.name,
                    "--type=merge",
                    "-p",
                    patch,
                ])?;
            }
            Ok(())
        });
        if let Err(error) = released {
            eprintln!("{error}");
        }
    }
}

impl Drop for TemporaryNamespace {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("namespace {} is left for you to look at", self.name);
            self.tell();
            return;
        }
        self.release_keys();
        if let Err(error) = self.kubectl.run(&["delete", "namespace", &self.name, "--wait=false"]) {
            eprintln!("{error}");
        }
    }
}
