//! From source to a cluster that has every image: what demo and gate do before the play begins.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::setting::{AZURE_IMAGE, GOOGLE_IMAGE};
use super::{Kubectl, Setting};
use crate::cluster::{Azurite, Cluster, Tools};
use crate::image;
use crate::source;

/// Why the stage could not be set.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("failed to start cargo: {0}")]
    Cargo(std::io::Error),
    #[error("`cargo build` of the coffer program failed")]
    Build,
    #[error("failed to build an image: {0}")]
    Image(#[from] image::Error),
    #[error("failed to use the cluster: {0}")]
    Cluster(#[from] crate::cluster::Error),
}

/// The two programs of package `coffer`, which differ in nothing but the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// As it is shipped.
    Shipped,
    /// With a clock that stories move.
    TestClock,
}

impl Program {
    /// The file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shipped => "coffer",
            Self::TestClock => "coffer-test-clock",
        }
    }

    /// Builds it for release, and gives its path.
    ///
    /// # Errors
    /// cargo's.
    pub fn build(self) -> Result<PathBuf, PrepareError> {
        let root = source::root();
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&root).args(["build", "--quiet", "--locked", "--release", "--package", "coffer"]);
        if !command.args(["--bin", self.name()]).status().map_err(PrepareError::Cargo)?.success() {
            return Err(PrepareError::Build);
        }
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Ok(target.join("release").join(self.name()))
    }
}

/// The cluster that the environment names, with the program of `COFFER_PROGRAM`, else one that is built now. `None`: it
/// names none.
///
/// # Errors
/// The program cannot be built.
pub fn given(program: Program, volumes: &Path) -> Result<Option<Setting>, PrepareError> {
    if !Setting::is_given() {
        return Ok(None);
    }
    let program = match env::var_os("COFFER_PROGRAM") {
        Some(path) => PathBuf::from(path),
        None => program.build()?,
    };
    Ok(Setting::given(&program, volumes))
}

/// Builds all images and puts them into the cluster.
///
/// # Errors
/// An image cannot be built, or the cluster does not take it.
pub async fn images(
    cluster: &Cluster,
    tools: &Tools,
    program: &Path,
    volumes: &Path,
) -> Result<Setting, PrepareError> {
    let cache = tools.cache();
    let coffer = image::coffer(cache, program)?;
    let postgres = image::postgres(cache, 17)?;
    let s3 = image::versitygw(cache, tools)?;
    let helper = image::busybox(cache)?;
    for image in [&coffer, &postgres, &s3, &helper] {
        cluster.load_image(image).await?;
    }
    let next_image = format!("{}-next", coffer.reference());
    cluster.name_image(&coffer, &next_image).await?;
    Ok(Setting {
        kubectl: Kubectl::new(tools.kubernetes("kubectl"), cluster.kubeconfig()),
        helm: tools.helm(),
        coffer: program.to_path_buf(),
        image: coffer.reference().to_owned(),
        next_image,
        postgres_image: postgres.reference().to_owned(),
        s3_image: s3.reference().to_owned(),
        helper_image: helper.reference().to_owned(),
        azure_image: AZURE_IMAGE.to_owned(),
        google_image: GOOGLE_IMAGE.to_owned(),
        volumes: volumes.to_path_buf(),
        audit_log: Some(cluster.audit_log()),
    })
}

/// Puts the servers of the other two providers into a cluster that has got [`images`]: stories need them, the demo does not.
///
/// # Errors
/// As those of [`images`].
pub async fn other_stores(cluster: &Cluster, tools: &Tools) -> Result<(), PrepareError> {
    let cache = tools.cache();
    let azure = image::azurite(cache, &Azurite::ensure(cache)?)?;
    let google = image::fake_gcs_server(cache, tools)?;
    for image in [&azure, &google] {
        cluster.load_image(image).await?;
    }
    Ok(())
}
