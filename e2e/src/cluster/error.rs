//! What can go wrong with a cluster, by what was attempted.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{cache, command};

/// A failure to build, boot, use or stop a cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks something that only a person can give it.
    #[error("{what}: {remedy}")]
    Prerequisite {
        /// What is missing.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] cache::Error),
    /// A program failed.
    #[error("failed to {attempt}")]
    Command {
        /// What it was run for.
        attempt: String,
        /// How it failed.
        source: command::Error,
    },
    /// A file of the cluster, or one of the kernel's, refused.
    #[error("failed to {attempt} {}", path.display())]
    File {
        /// What was attempted.
        attempt: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A certificate or key could not be made.
    #[error("failed to issue the certificate of {subject}")]
    Certificate {
        /// Whose.
        subject: String,
        /// Why.
        source: rcgen::Error,
    },
    /// The name cannot be used for a cluster.
    #[error(
        "a cluster's name is 1 to 24 lower case letters, digits and dashes, beginning with a letter: {0:?}"
    )]
    Name(String),
    /// Another process boots, uses or stops this cluster.
    #[error("the cluster {0} is held by another run; wait for it to end, or use another name")]
    InUse(String),
    /// No network for the two ends of the cluster's link is free.
    #[error("failed to find a free network in 10.89.0.0/16")]
    NoNetwork,
    /// A process of the cluster ended although it should run.
    #[error("{process} has ended; the last lines of {}:\n{tail}", log.display())]
    Died {
        /// Which process.
        process: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// Something did not come true in time.
    #[error("{what} did not come true within {} s; last seen: {seen}", limit.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// For how long.
        limit: Duration,
        /// What was there instead.
        seen: String,
    },
    /// The cluster cannot be talked to.
    #[error("failed to {attempt}")]
    Kubernetes {
        /// What was attempted.
        attempt: String,
        /// Why it failed; boxed because it is large.
        source: Box<kube::Error>,
    },
    /// The kubeconfig cannot be used.
    #[error("failed to read the kubeconfig {}", path.display())]
    Kubeconfig {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: Box<kube::config::KubeconfigError>,
    },
    /// A service has no pod that could answer.
    #[error("the service {0} has no ready pod")]
    NoReadyPod(String),
    /// The image of the pods' sandboxes could not be built.
    #[error("failed to build the image of the pods' sandboxes")]
    Image {
        /// Why; boxed because images are built with tools of the cluster.
        source: Box<crate::image::Error>,
    },
    /// Something of a cluster outlived it.
    #[error("the cluster {name} left behind: {}", rest.join(", "))]
    LeftBehind {
        /// Which cluster.
        name: String,
        /// What is still there.
        rest: Vec<String>,
    },
}

impl Error {
    /// For `map_err` on a program that was run to `attempt` something.
    pub(crate) fn command(attempt: impl Into<String>) -> impl FnOnce(command::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Command { attempt, source }
    }

    /// For `map_err` on something attempted with a file.
    pub(crate) fn file(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { attempt, path, source }
    }

    /// For `map_err` on a call to the API server.
    pub(crate) fn kubernetes(attempt: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let attempt = attempt.into();
        move |source| Self::Kubernetes { attempt, source: Box::new(source) }
    }
}
