//! Where stories are played: on a cluster that the gate booted, or on one that the environment names.

use std::env;
use std::path::{Path, PathBuf};

use super::{Chart, Kubectl};
use crate::source;

/// The images of [`super::prepare::other_stores`].
pub(super) const AZURE_IMAGE: &str = "coffer.local/azurite:1";
pub(super) const GOOGLE_IMAGE: &str = "coffer.local/fake-gcs-server:1";

/// Programs, images and the cluster.
#[derive(Debug, Clone)]
pub struct Setting {
    pub kubectl: Kubectl,
    pub helm: PathBuf,
    /// The `coffer` program that was built into [`Setting::image`].
    pub coffer: PathBuf,
    pub image: String,
    /// The same under another name, to upgrade to.
    pub next_image: String,
    pub postgres_image: String,
    pub s3_image: String,
    pub azure_image: String,
    pub google_image: String,
    /// A shell and the usual small programs.
    pub helper_image: String,
    /// Where `local` volumes may keep their directories, on the cluster's node.
    pub volumes: PathBuf,
    /// The API server's audit log, if this machine can read it.
    pub audit_log: Option<PathBuf>,
}

/// A variable is missing: stories are not meant to be started by hand.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not set; run the stories with `cargo gate --only stories`")]
pub struct SettingError(&'static str);

impl Setting {
    /// The cluster that `KUBECONFIG` names, with the image that `COFFER_IMAGE` names, if both are set. The other images,
    /// kubectl, helm and the place for volumes have variables too, and defaults; see `docs/cluster.md`.
    #[must_use]
    pub fn given(program: &Path, volumes: &Path) -> Option<Self> {
        let path = |name, default: &Path| set(name).map_or_else(|| default.to_path_buf(), PathBuf::from);
        let image = |name, default: &str| set(name).unwrap_or_else(|| default.to_owned());
        Some(Self {
            kubectl: Kubectl::new(
                path("COFFER_KUBECTL", Path::new("kubectl")),
                PathBuf::from(set("KUBECONFIG")?),
            ),
            helm: path("COFFER_HELM", Path::new("helm")),
            coffer: program.to_path_buf(),
            image: set("COFFER_IMAGE")?,
            next_image: set("COFFER_NEXT_IMAGE").or_else(|| set("COFFER_IMAGE"))?,
            postgres_image: image("COFFER_POSTGRES_IMAGE", "coffer.local/postgres:17"),
            s3_image: image("COFFER_S3_IMAGE", "coffer.local/versitygw:1"),
            azure_image: image("COFFER_AZURE_IMAGE", AZURE_IMAGE),
            google_image: image("COFFER_GOOGLE_IMAGE", GOOGLE_IMAGE),
            helper_image: image("COFFER_HELPER_IMAGE", "coffer.local/busybox:1"),
            volumes: path("COFFER_VOLUMES", volumes),
            audit_log: set("COFFER_AUDIT_LOG").map(PathBuf::from),
        })
    }

    /// Whether [`Setting::given`] would give one.
    #[must_use]
    pub fn is_given() -> bool {
        set("KUBECONFIG").is_some() && set("COFFER_IMAGE").is_some()
    }

    /// What the gate sets for the stories.
    ///
    /// # Errors
    /// A variable is missing.
    pub fn from_environment() -> Result<Self, SettingError> {
        let need = |name| set(name).map(PathBuf::from).ok_or(SettingError(name));
        let (program, volumes) = (need("COFFER_PROGRAM")?, need("COFFER_VOLUMES")?);
        Self::given(&program, &volumes).ok_or(SettingError("KUBECONFIG or COFFER_IMAGE"))
    }

    /// The variables that [`Setting::from_environment`] reads.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        let mut variables = vec![
            ("COFFER_KUBECTL", shown(self.kubectl.program())),
            ("KUBECONFIG", shown(self.kubectl.kubeconfig())),
            ("COFFER_HELM", shown(&self.helm)),
            ("COFFER_PROGRAM", shown(&self.coffer)),
            ("COFFER_IMAGE", self.image.clone()),
            ("COFFER_NEXT_IMAGE", self.next_image.clone()),
            ("COFFER_POSTGRES_IMAGE", self.postgres_image.clone()),
            ("COFFER_S3_IMAGE", self.s3_image.clone()),
            ("COFFER_AZURE_IMAGE", self.azure_image.clone()),
            ("COFFER_GOOGLE_IMAGE", self.google_image.clone()),
            ("COFFER_HELPER_IMAGE", self.helper_image.clone()),
            ("COFFER_VOLUMES", shown(&self.volumes)),
        ];
        variables.extend(self.audit_log.as_deref().map(|log| ("COFFER_AUDIT_LOG", shown(log))));
        variables
    }

    /// The chart of the tree, as the one release of this cluster.
    #[must_use]
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

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
