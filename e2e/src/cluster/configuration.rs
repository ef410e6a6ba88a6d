//! The configuration files of the cluster's programs.

use std::fs;

use serde_json::{Value, json};

use super::Error;
use super::group::Group;
use super::layout::{Layout, NODE_ADDRESS, POD_NETWORK, SERVICE_NETWORK};

/// The image that every pod's sandbox runs. It only sleeps.
pub(crate) const SANDBOX_IMAGE: &str = "coffer.local/pause:1";

/// Writes all of them.
pub(crate) fn write(layout: &Layout, group: &Group) -> Result<(), Error> {
    let network = layout.configuration("network");
    fs::create_dir_all(&network).map_err(Error::file("create", &network))?;
    let files = [
        ("audit.json", format!("{:#}", audit())),
        ("kubelet.json", format!("{:#}", kubelet(layout, group))),
        ("proxy.json", format!("{:#}", proxy(layout))),
        ("network/pods.conflist", format!("{:#}", pod_network())),
        ("containerd.toml", containerd(layout)),
        ("Corefile", corefile(layout)),
        ("resolv.conf", format!("nameserver {NODE_ADDRESS}\n")),
    ];
    for (name, content) in files {
        let path = layout.configuration(name);
        fs::write(&path, content).map_err(Error::file("write", &path))?;
    }
    Ok(())
}

/// Who did what to which object, without contents: tests count the operator's writes from it.
fn audit() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata"}],
    })
}

fn kubelet(layout: &Layout, group: &Group) -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "resolvConf": layout.configuration("resolv.conf"),
        "clusterDNS": [NODE_ADDRESS],
        "clusterDomain": "cluster.local",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": layout.certificate("authority")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": layout.certificate("kubelet"),
        "tlsPrivateKeyFile": layout.key("kubelet"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": group.root(),
        // The node has the whole machine, and other programs use it too.
        "enforceNodeAllocatable": [],
        "failSwapOn": false,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%"},
        // Images come from here, not from a registry: one that is collected would be gone for good.
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
        // Changed Secrets reach running pods at the next sync.
        "syncFrequency": "10s",
        "makeIPTablesUtilChains": false,
        "oomScoreAdj": 0,
    })
}

fn proxy(layout: &Layout) -> Value {
    json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": layout.configuration("proxy.kubeconfig")},
        "clusterCIDR": POD_NETWORK,
        "healthzBindAddress": "0.0.0.0:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        // The host reaches node ports at the node's end of the link, which is not the node's own address.
        "nodePortAddresses": ["0.0.0.0/0"],
        "oomScoreAdj": 0,
        // These limits are the machine's, not the namespace's: leave them as they are.
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    })
}

fn pod_network() -> Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge",
            "bridge": "pods",
            "isGateway": true,
            "hairpinMode": true,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": POD_NETWORK, "gateway": NODE_ADDRESS}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    })
}

/// Without `restrict_oom_score_adj` no sandbox starts where root lacks CAP_SYS_RESOURCE.
fn containerd(layout: &Layout) -> String {
    let network = layout.configuration("network");
    format!(
        r#"version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{SANDBOX_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "{}"
"#,
        network.display()
    )
}

/// Names outside of the cluster do not exist: nothing in it may depend on the internet.
fn corefile(layout: &Layout) -> String {
    let kubeconfig = layout.configuration("coredns.kubeconfig");
    format!(
        "cluster.local 10.in-addr.arpa {{
  bind {NODE_ADDRESS}
  errors
  ready 0.0.0.0:8181
  kubernetes cluster.local {SERVICE_NETWORK} {POD_NETWORK} {{
    kubeconfig {}
    ttl 1
  }}
}}
. {{
  bind {NODE_ADDRESS}
  errors
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
",
        kubeconfig.display()
    )
}
