//! Namespaces that a story makes for itself and that go when it ends.

use std::sync::atomic::{AtomicU32, Ordering};
use std::{process, thread};

use serde_json::Value;

use super::{Kubectl, KubectlError};

/// A name that no other story of this or another process uses.
pub fn unique_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{:x}-{:x}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
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
            return;
        }
        self.release_keys();
        if let Err(error) = self.kubectl.run(&["delete", "namespace", &self.name, "--wait=false"]) {
            eprintln!("{error}");
        }
    }
}
