//! The programs of the cluster and their arguments, in the order in which they are started.

use std::path::{Path, PathBuf};

use super::layout::{API_PORT, Layout, NODE_ADDRESS, SERVICE_NETWORK};
use super::tools::Tools;

const ETCD: &str = "http://127.0.0.1:2379";
const VOLUME_PLUGINS: &str = "/var/lib/kubelet/volume-plugins";

/// One program of the cluster.
pub(crate) struct Daemon {
    pub name: &'static str,
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

/// The store and the container runtime, which need nothing else.
pub(crate) fn foundations(layout: &Layout, tools: &Tools) -> Vec<Daemon> {
    vec![etcd(layout, tools), containerd(layout)]
}

/// The API server, which needs the store.
pub(crate) fn api_server(layout: &Layout, tools: &Tools) -> Daemon {
    Daemon {
        name: "kube-apiserver",
        program: tools.kubernetes("kube-apiserver"),
        arguments: flags(&[
            ("etcd-servers", &ETCD),
            ("bind-address", &"0.0.0.0"),
            ("secure-port", &API_PORT),
            ("advertise-address", &NODE_ADDRESS),
            ("service-cluster-ip-range", &SERVICE_NETWORK),
            ("authorization-mode", &"Node,RBAC"),
            ("enable-admission-plugins", &"NodeRestriction"),
            ("allow-privileged", &true),
            ("cert-dir", &layout.certificates().display()),
            ("client-ca-file", &layout.certificate("authority").display()),
            ("tls-cert-file", &layout.certificate("apiserver").display()),
            ("tls-private-key-file", &layout.key("apiserver").display()),
            ("kubelet-client-certificate", &layout.certificate("apiserver-to-kubelet").display()),
            ("kubelet-client-key", &layout.key("apiserver-to-kubelet").display()),
            ("kubelet-certificate-authority", &layout.certificate("authority").display()),
            ("kubelet-preferred-address-types", &"InternalIP"),
            ("service-account-issuer", &"https://kubernetes.default.svc.cluster.local"),
            ("service-account-key-file", &layout.certificates().join("service-account.pub").display()),
            ("service-account-signing-key-file", &layout.key("service-account").display()),
            ("audit-policy-file", &layout.configuration("audit.json").display()),
            ("audit-log-path", &layout.audit_log().display()),
            ("audit-log-maxsize", &1000),
            ("audit-log-maxbackup", &2),
            ("profiling", &false),
        ]),
    }
}

/// All that needs the API server. None of these needs another.
pub(crate) fn dependants(layout: &Layout, tools: &Tools, cluster: &str) -> Vec<Daemon> {
    vec![
        controller_manager(layout, tools),
        scheduler(layout, tools),
        coredns(layout, tools),
        kubelet(layout, tools, cluster),
        proxy(layout, tools, cluster),
    ]
}

fn etcd(layout: &Layout, tools: &Tools) -> Daemon {
    Daemon {
        name: "etcd",
        program: tools.kubernetes("etcd"),
        arguments: flags(&[
            ("name", &"etcd"),
            ("data-dir", &layout.etcd().display()),
            ("listen-client-urls", &ETCD),
            ("advertise-client-urls", &ETCD),
            ("listen-peer-urls", &"http://127.0.0.1:2380"),
            ("initial-advertise-peer-urls", &"http://127.0.0.1:2380"),
            ("initial-cluster", &"etcd=http://127.0.0.1:2380"),
            // The cluster's state does not outlive the machine.
            ("unsafe-no-fsync", &true),
        ]),
    }
}

fn containerd(layout: &Layout) -> Daemon {
    Daemon {
        name: "containerd",
        program: PathBuf::from("containerd"),
        arguments: vec!["--config".to_owned(), path(&layout.configuration("containerd.toml"))],
    }
}

fn controller_manager(layout: &Layout, tools: &Tools) -> Daemon {
    let kubeconfig = layout.configuration("controller-manager.kubeconfig");
    Daemon {
        name: "kube-controller-manager",
        program: tools.kubernetes("kube-controller-manager"),
        arguments: flags(&[
            ("kubeconfig", &kubeconfig.display()),
            ("leader-elect", &false),
            ("use-service-account-credentials", &true),
            ("service-account-private-key-file", &layout.key("service-account").display()),
            ("root-ca-file", &layout.certificate("authority").display()),
            ("flex-volume-plugin-dir", &VOLUME_PLUGINS),
            ("profiling", &false),
        ]),
    }
}

fn scheduler(layout: &Layout, tools: &Tools) -> Daemon {
    let kubeconfig = layout.configuration("scheduler.kubeconfig");
    Daemon {
        name: "kube-scheduler",
        program: tools.kubernetes("kube-scheduler"),
        arguments: flags(&[
            ("kubeconfig", &kubeconfig.display()),
            ("leader-elect", &false),
            ("profiling", &false),
        ]),
    }
}

fn coredns(layout: &Layout, tools: &Tools) -> Daemon {
    Daemon {
        name: "coredns",
        program: tools.coredns(),
        arguments: vec!["-conf".to_owned(), path(&layout.configuration("Corefile"))],
    }
}

fn kubelet(layout: &Layout, tools: &Tools, cluster: &str) -> Daemon {
    Daemon {
        name: "kubelet",
        program: tools.kubernetes("kubelet"),
        arguments: flags(&[
            ("config", &layout.configuration("kubelet.json").display()),
            ("kubeconfig", &layout.configuration("kubelet.kubeconfig").display()),
            ("hostname-override", &cluster),
            ("node-ip", &NODE_ADDRESS),
        ]),
    }
}

fn proxy(layout: &Layout, tools: &Tools, cluster: &str) -> Daemon {
    Daemon {
        name: "kube-proxy",
        program: tools.kubernetes("kube-proxy"),
        arguments: flags(&[
            ("config", &layout.configuration("proxy.json").display()),
            ("hostname-override", &cluster),
        ]),
    }
}

fn flags(named: &[(&str, &dyn std::fmt::Display)]) -> Vec<String> {
    named.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
