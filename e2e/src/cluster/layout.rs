//! Where the files of one cluster are.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::cache::Cache;

/// The bridge's address inside the cluster's network namespace; the node has it.
pub(crate) const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
/// The network of the pods.
pub(crate) const POD_NETWORK: &str = "10.88.0.0/16";
/// The network of the services.
pub(crate) const SERVICE_NETWORK: &str = "10.96.0.0/16";
/// The service `kubernetes`, the first address of the services' network.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The API server's port.
pub(crate) const API_PORT: u16 = 6443;

/// Directories that programs of the cluster use whatever they are told. In the cluster's mount namespace each is one of
/// the cluster's own, so that clusters share none and nothing of theirs is left in them.
const PRIVATE: [&str; 6] = [
    "/run/containerd",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
];

/// Settings of the machine's kernel that a kubelet changes if they are not as it likes them. In the cluster's mount
/// namespace files with these values cover them, so that the machine keeps its own.
const KERNEL: [(&str, &str); 4] = [
    ("/proc/sys/kernel/panic", "10"),
    ("/proc/sys/kernel/panic_on_oops", "1"),
    ("/proc/sys/vm/overcommit_memory", "1"),
    ("/proc/sys/vm/panic_on_oom", "0"),
];

/// The files of one cluster, below its directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub fn of(cache: &Cache, cluster: &str) -> Self {
        Self { root: cache.path("clusters").join(cluster) }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What runs, for the run that finds it.
    pub fn record(&self) -> PathBuf {
        self.root.join("cluster.json")
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn log(&self, process: &str) -> PathBuf {
        self.logs().join(format!("{process}.log"))
    }

    pub fn audit_log(&self) -> PathBuf {
        self.logs().join("audit.jsonl")
    }

    pub fn etcd(&self) -> PathBuf {
        self.root.join("etcd")
    }

    pub fn configuration(&self, name: &str) -> PathBuf {
        self.root.join("configuration").join(name)
    }

    pub fn certificates(&self) -> PathBuf {
        self.root.join("certificates")
    }

    pub fn certificate(&self, name: &str) -> PathBuf {
        self.certificates().join(format!("{name}.crt"))
    }

    pub fn key(&self, name: &str) -> PathBuf {
        self.certificates().join(format!("{name}.key"))
    }

    /// Written by the namespaces' first process once everything is mounted.
    pub fn namespaces_ready(&self) -> PathBuf {
        self.root.join("namespaces-ready")
    }

    /// The cluster's own directories, with the paths at which its processes see them.
    pub fn private(&self) -> impl Iterator<Item = (PathBuf, &'static str)> {
        PRIVATE.into_iter().map(|seen| (self.cover(seen), seen))
    }

    /// Files that cover settings of the kernel: the file, the path it covers and its content.
    pub fn kernel(&self) -> impl Iterator<Item = (PathBuf, &'static str, &'static str)> {
        KERNEL.into_iter().map(|(seen, value)| (self.cover(seen), seen, value))
    }

    /// containerd's socket, as the host sees it.
    pub fn containerd_socket(&self) -> PathBuf {
        self.root.join("private/run-containerd/containerd.sock")
    }

    fn cover(&self, seen: &str) -> PathBuf {
        self.root.join("private").join(seen.trim_start_matches('/').replace('/', "-"))
    }
}
