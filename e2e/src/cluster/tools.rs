//! Builds the programs of the cluster from Go modules, once per version and build flags.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::{self, Cache};
use super::{Error, command, packages};

/// One go.mod below `e2e/cluster/`, and what is built from it.
struct Module {
    name: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    /// The module in go.mod whose version names the build.
    versioned_by: &'static str,
    packages: &'static [&'static str],
    /// Linker variables that receive the version; a Go program built as a dependency does not know it otherwise.
    version_variables: &'static [&'static str],
    /// Build tags, which leave out what is not needed of a program.
    tags: &'static [&'static str],
    cold_build: &'static str,
}

/// A module by the name of its directory, and what else there is to say of it.
macro_rules! module {
    ($name:literal, $($field:ident: $value:expr),+ $(,)?) => {
        Module {
            name: $name,
            go_mod: include_str!(concat!("../../cluster/", $name, "/go.mod")),
            go_sum: include_str!(concat!("../../cluster/", $name, "/go.sum")),
            $($field: $value),+
        }
    };
}

const KUBERNETES: Module = module! {
    "kubernetes",
    versioned_by: "k8s.io/kubernetes",
    packages: &[
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-proxy",
        "k8s.io/kubernetes/cmd/kube-scheduler",
        "k8s.io/kubernetes/cmd/kubectl",
        "k8s.io/kubernetes/cmd/kubelet",
        "go.etcd.io/etcd/server/v3",
    ],
    version_variables: &[
        "k8s.io/component-base/version.gitVersion",
        "k8s.io/component-base/version.gitMajor",
        "k8s.io/component-base/version.gitMinor",
        "k8s.io/client-go/pkg/version.gitVersion",
    ],
    tags: &[],
    cold_build: "about 10 minutes",
};

const COREDNS: Module = module! {
    "coredns",
    versioned_by: "github.com/coredns/coredns",
    packages: &["github.com/coredns/coredns"],
    version_variables: &[],
    tags: &[],
    cold_build: "about 2 minutes",
};

const HELM: Module = module! {
    "helm",
    versioned_by: "helm.sh/helm/v4",
    packages: &["helm.sh/helm/v4/cmd/helm"],
    version_variables: &["helm.sh/helm/v4/internal/version.version"],
    tags: &[],
    cold_build: "about 2 minutes",
};

const VERSITYGW: Module = module! {
    "versitygw",
    versioned_by: "github.com/versity/versitygw",
    packages: &["github.com/versity/versitygw/cmd/versitygw"],
    version_variables: &["main.Version"],
    tags: &[],
    cold_build: "about a minute",
};

const FAKE_GCS_SERVER: Module = module! {
    "fake-gcs-server",
    versioned_by: "github.com/fsouza/fake-gcs-server",
    packages: &["github.com/fsouza/fake-gcs-server"],
    version_variables: &[],
    tags: &[],
    cold_build: "about 2 minutes",
};

/// Without the discovery of services in every cloud, which testing rules has no use for.
const PROMTOOL: Module = module! {
    "promtool",
    versioned_by: "github.com/prometheus/prometheus",
    packages: &["github.com/prometheus/prometheus/cmd/promtool"],
    version_variables: &[],
    tags: &["remove_all_sd"],
    cold_build: "about 3 minutes",
};

/// The program that checks and tests alert rules. No story needs it, so it is built when it is asked for.
///
/// # Errors
/// As [`Tools::ensure`].
pub fn promtool(cache: &Cache) -> Result<PathBuf, Error> {
    packages::ensure()?;
    Ok(build(cache, &PROMTOOL)?.join("promtool"))
}

/// The built programs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tools {
    cache: Cache,
    kubernetes: PathBuf,
    coredns: PathBuf,
    helm: PathBuf,
    versitygw: PathBuf,
    fake_gcs_server: PathBuf,
}

impl Tools {
    /// Installs the Debian packages and builds the programs that are missing from the cache; with all of them there it
    /// returns at once. Blocks for a quarter of an hour on a small machine that never built them.
    ///
    /// # Errors
    /// [`Error::Prerequisite`] if root, apt-get or Go is missing; [`Error::Command`] if a build fails.
    pub fn ensure() -> Result<Self, Error> {
        Self::ensure_in(Cache::locate()?)
    }

    /// As [`Tools::ensure`], in a cache of the caller's choice.
    ///
    /// # Errors
    /// As [`Tools::ensure`].
    pub fn ensure_in(cache: Cache) -> Result<Self, Error> {
        packages::ensure()?;
        Ok(Self {
            kubernetes: build(&cache, &KUBERNETES)?,
            coredns: build(&cache, &COREDNS)?,
            helm: build(&cache, &HELM)?,
            versitygw: build(&cache, &VERSITYGW)?,
            fake_gcs_server: build(&cache, &FAKE_GCS_SERVER)?,
            cache,
        })
    }

    /// A Kubernetes program: `kube-apiserver`, `kubelet`, `kubectl` and so on, or `etcd`.
    #[must_use]
    pub fn kubernetes(&self, program: &str) -> PathBuf {
        self.kubernetes.join(program)
    }

    /// The cluster's name server.
    #[must_use]
    pub fn coredns(&self) -> PathBuf {
        self.coredns.join("coredns")
    }

    /// Helm, for installing the chart.
    #[must_use]
    pub fn helm(&self) -> PathBuf {
        self.helm.join("helm")
    }

    /// A server that speaks S3 on top of a directory.
    #[must_use]
    pub fn versitygw(&self) -> PathBuf {
        self.versitygw.join("versitygw")
    }

    /// A server that speaks Google Cloud Storage's protocol and keeps everything in memory.
    #[must_use]
    pub fn fake_gcs_server(&self) -> PathBuf {
        self.fake_gcs_server.join("fake-gcs-server")
    }

    /// Where the tools, and everything made with them, are kept.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }
}

fn build(cache: &Cache, module: &Module) -> Result<PathBuf, Error> {
    let version = version(module);
    let flags = flags(module, version);
    let digest = cache::digest(&[module.go_mod, module.go_sum, &flags.join(" "), &module.packages.join(" ")]);
    cache.keep("tools", &format!("{}-{version}-{digest}", module.name), |place| {
        let go = packages::find("go").ok_or_else(|| Error::Prerequisite {
            what: "Go is missing, with which the cluster's programs are built".to_owned(),
            remedy: "install Go 1.26 or newer and put it on the PATH".to_owned(),
        })?;
        eprintln!(
            "building {} {version} from Go modules ({} the first time)",
            module.name, module.cold_build
        );
        build_in(place, &go, module, &flags)
    })
}

/// Builds in `place` itself: the module's files are there only while the build runs.
fn build_in(place: &Path, go: &Path, module: &Module, flags: &[String]) -> Result<(), Error> {
    let files = [("go.mod", module.go_mod), ("go.sum", module.go_sum)];
    for (name, content) in files {
        fs::write(place.join(name), content).map_err(Error::file("write", &place.join(name)))?;
    }
    let mut output = place.as_os_str().to_owned();
    output.push("/");
    let mut command = Command::new(go);
    command.current_dir(place).env("CGO_ENABLED", "0").env("GOWORK", "off").env_remove("GOFLAGS");
    command.arg("build").args(flags).arg("-o").arg(output).args(module.packages);
    command::run(&mut command).map_err(Error::command(format!("build {}", module.name)))?;
    for (name, _) in files {
        fs::remove_file(place.join(name)).map_err(Error::file("remove", &place.join(name)))?;
    }
    // Go names a program after the last element of its path that is not a version.
    let (server, etcd) = (place.join("server"), place.join("etcd"));
    if server.exists() {
        fs::rename(&server, &etcd).map_err(Error::file("rename", &server))?;
    }
    Ok(())
}

fn flags(module: &Module, version: &str) -> Vec<String> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut linker = "-s -w".to_owned();
    for variable in module.version_variables {
        let value = match variable.rsplit('.').next() {
            Some("gitMajor") => major.to_owned(),
            Some("gitMinor") => minor.to_owned(),
            _ => format!("v{version}"),
        };
        linker += &format!(" -X {variable}={value}");
    }
    let mut flags = ["-trimpath", "-buildvcs=false", "-ldflags", &linker].map(str::to_owned).to_vec();
    if !module.tags.is_empty() {
        flags.extend(["-tags".to_owned(), module.tags.join(",")]);
    }
    flags
}

/// The version in go.mod, without its `v`.
fn version(module: &Module) -> &'static str {
    let mut requirements =
        module.go_mod.lines().filter_map(|line| line.trim().strip_prefix(module.versioned_by));
    requirements.find_map(|rest| rest.split_whitespace().next()?.strip_prefix('v')).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_pins_the_version_that_names_its_build() {
        let found = [&KUBERNETES, &COREDNS, &HELM, &VERSITYGW, &FAKE_GCS_SERVER, &PROMTOOL].map(version);
        assert_eq!(found, ["1.34.4", "1.15.0", "4.3.1", "1.8.0", "1.56.1", "0.313.5"]);
    }

    #[test]
    fn programs_learn_their_version_from_the_linker() {
        let linker = flags(&HELM, "4.3.1").pop();
        assert_eq!(linker.as_deref(), Some("-s -w -X helm.sh/helm/v4/internal/version.version=v4.3.1"));
    }
}
