//! Where stories are played: the gate says so in the environment.

use std::env::{self, VarError};
use std::path::PathBuf;

use super::{Chart, Kubectl};
use crate::source;

/// Programs, images and the cluster.
#[derive(Debug, Clone)]
pub struct Setting {
    pub kubectl: Kubectl,
    pub helm: PathBuf,
    /// The `coffer` program that was built into [`Setting::image`].
    pub coffer: PathBuf,
    pub image: String,
    pub postgres_image: String,
    pub s3_image: String,
    /// A shell and the usual small programs.
    pub helper_image: String,
    /// Where `local` volumes may keep their directories, on the cluster's node.
    pub volumes: PathBuf,
}

/// A variable is missing: stories are not meant to be started by hand.
#[derive(Debug, thiserror::Error)]
#[error("{name} is not set ({source}); run the stories with `cargo gate --only stories`")]
pub struct SettingError {
    name: &'static str,
    source: VarError,
}

impl Setting {
    pub fn from_environment() -> Result<Self, SettingError> {
        Ok(Self {
            kubectl: Kubectl::new(path("COFFER_KUBECTL")?, path("KUBECONFIG")?),
            helm: path("COFFER_HELM")?,
            coffer: path("COFFER_PROGRAM")?,
            image: text("COFFER_IMAGE")?,
            postgres_image: text("COFFER_POSTGRES_IMAGE")?,
            s3_image: text("COFFER_S3_IMAGE")?,
            helper_image: text("COFFER_HELPER_IMAGE")?,
            volumes: path("COFFER_VOLUMES")?,
        })
    }

    /// The variables that [`Setting::from_environment`] reads.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
        vec![
            ("COFFER_KUBECTL", shown(&self.kubectl.program().to_path_buf())),
            ("KUBECONFIG", shown(&self.kubectl.kubeconfig().to_path_buf())),
            ("COFFER_HELM", shown(&self.helm)),
            ("COFFER_PROGRAM", shown(&self.coffer)),
            ("COFFER_IMAGE", self.image.clone()),
            ("COFFER_POSTGRES_IMAGE", self.postgres_image.clone()),
            ("COFFER_S3_IMAGE", self.s3_image.clone()),
            ("COFFER_HELPER_IMAGE", self.helper_image.clone()),
            ("COFFER_VOLUMES", shown(&self.volumes)),
        ]
    }

    /// The chart of the tree, as the one release of this cluster.
    pub fn chart(&self) -> Chart {
        Chart {
            helm: self.helm.clone(),
            kubeconfig: self.kubectl.kubeconfig().to_path_buf(),
            path: source::root().join("charts/coffer"),
            release: "coffer".into(),
            namespace: "coffer-system".into(),
        }
    }
}

fn path(name: &'static str) -> Result<PathBuf, SettingError> {
    text(name).map(PathBuf::from)
}

fn text(name: &'static str) -> Result<String, SettingError> {
    env::var(name).map_err(|source| SettingError { name, source })
}
