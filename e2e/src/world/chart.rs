//! Coffer itself, installed with Helm from the chart in the tree.

use std::io;
use std::path::PathBuf;
use std::process::Command;

/// A release of the chart.
pub struct Chart {
    pub helm: PathBuf,
    pub kubeconfig: PathBuf,
    /// The chart's folder.
    pub path: PathBuf,
    pub release: String,
    pub namespace: String,
}

/// Why Helm did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    #[error("failed to start helm: {0}")]
    Start(io::Error),
    #[error("`helm {line}` failed: {message}")]
    Failed { line: String, message: String },
    #[error("the image reference `{0}` has no tag")]
    NoTag(String),
}

impl Chart {
    /// Installs or upgrades and waits until the operator is ready. `vault_namespaces` have to exist.
    pub fn install(
        &self,
        image: &str,
        vault_namespaces: &[&str],
        more: &[&str],
    ) -> Result<String, ChartError> {
        let (repository, tag) = image.rsplit_once(':').ok_or_else(|| ChartError::NoTag(image.to_owned()))?;
        let path = self.path.to_string_lossy();
        let mut settings = vec![
            format!("image.repository={repository}"),
            format!("image.tag={tag}"),
            "secretReader.clusterWide=true".to_owned(),
        ];
        if !vault_namespaces.is_empty() {
            // Helm reads `{}` as a list of one empty name.
            settings.push(format!("vaultNamespaces={{{}}}", vault_namespaces.join(",")));
        }
        let mut line = vec!["upgrade", "--install", &self.release, &path, "--namespace", &self.namespace];
        line.extend(["--create-namespace", "--wait", "--timeout", "3m"]);
        line.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
        line.extend(more);
        self.helm(&line)
    }

    /// Removes the release; the hook of the chart releases what would hang without an operator.
    pub fn uninstall(&self) -> Result<String, ChartError> {
        self.helm(&["uninstall", &self.release, "--namespace", &self.namespace, "--wait", "--timeout", "3m"])
    }

    fn helm(&self, arguments: &[&str]) -> Result<String, ChartError> {
        let output = Command::new(&self.helm)
            .env("KUBECONFIG", &self.kubeconfig)
            .args(arguments)
            .output()
            .map_err(ChartError::Start)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ChartError::Failed { line: arguments.join(" "), message })
    }
}
