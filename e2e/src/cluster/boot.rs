//! Boots a cluster: namespaces, network, certificates, then the programs in the order of their needs.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use super::daemons::{self, Daemon};
use super::group::Group;
use super::layout::Layout;
use super::namespaces::Namespaces;
use super::network::Link;
use super::readiness::{self, Look, ready_if};
use super::record::{Record, Recorded};
use super::tools::Tools;
use super::{Error, certificates, command, configuration};
use crate::image::{self, Image};

/// Every single wait of a boot. A machine that is busy building is slow; one that never gets there is broken.
const LIMIT: Duration = Duration::from_secs(120);

/// A cluster while it boots.
pub(crate) struct Boot<'a> {
    name: &'a str,
    layout: &'a Layout,
    tools: &'a Tools,
    group: Group,
    namespaces: Namespaces,
    record: Record,
    /// Kept so that what has ended is collected and noticed.
    children: Vec<(String, Child)>,
}

/// Boots the cluster `name` where nothing of it is left.
pub(crate) async fn boot(name: &str, layout: &Layout, tools: &Tools) -> Result<(Record, Vec<Child>), Error> {
    let sandbox = image::pause(tools.cache()).map_err(|source| Error::Image { source: Box::new(source) })?;
    let mut boot = Boot::begin(name, layout, tools).await?;
    for daemon in daemons::foundations(layout, tools) {
        boot.start(&daemon)?;
    }
    boot.start(&daemons::api_server(layout, tools))?;
    boot.wait_for_containerd().await?;
    load(layout, &sandbox).await?;
    boot.wait_for_api_server().await?;
    for daemon in daemons::dependants(layout, tools, name) {
        boot.start(&daemon)?;
    }
    boot.wait_for_services().await?;
    boot.wait_for_node().await?;
    boot.record.booted = true;
    boot.record.write(layout)?;
    Ok((boot.record, boot.children.into_iter().map(|(_, child)| child).collect()))
}

/// Puts an image into the cluster's containerd, where the kubelet finds it.
pub(crate) async fn load(layout: &Layout, image: &Image) -> Result<(), Error> {
    let mut ctr = Command::new("ctr");
    ctr.arg("--address").arg(layout.containerd_socket()).args(["--namespace", "k8s.io", "images", "import"]);
    ctr.arg(image.archive());
    command::run_async(ctr).await.map(drop).map_err(Error::command(format!("load {}", image.reference())))
}

/// Gives an image in the cluster's containerd another name.
pub(crate) async fn name(layout: &Layout, image: &Image, reference: &str) -> Result<(), Error> {
    let mut ctr = Command::new("ctr");
    ctr.arg("--address").arg(layout.containerd_socket()).args(["--namespace", "k8s.io", "images", "tag"]);
    ctr.args(["--force", image.reference(), reference]);
    command::run_async(ctr).await.map(drop).map_err(Error::command(format!("name an image {reference}")))
}

impl<'a> Boot<'a> {
    async fn begin(name: &'a str, layout: &'a Layout, tools: &'a Tools) -> Result<Self, Error> {
        let logs = layout.logs();
        fs::create_dir_all(&logs).map_err(Error::file("create", &logs))?;
        let group = Group::of(name);
        group.create()?;
        let (namespaces, holder) = Namespaces::create(layout, &group).await?;
        let link = Link::create(name, namespaces)?;
        configuration::write(layout, &group)?;
        certificates::write(layout, name, link.node)?;
        let mut record = Record::new(link)?;
        record.processes.push(Recorded { name: "namespaces".to_owned(), identity: namespaces.holder });
        record.write(layout)?;
        let children = vec![("namespaces".to_owned(), holder)];
        Ok(Self { name, layout, tools, group, namespaces, record, children })
    }

    fn start(&mut self, daemon: &Daemon) -> Result<(), Error> {
        let log = self.layout.log(daemon.name);
        let (child, identity) =
            self.namespaces.start(&self.group, &daemon.program, &daemon.arguments, &log)?;
        self.children.push((daemon.name.to_owned(), child));
        self.record.processes.push(Recorded { name: daemon.name.to_owned(), identity });
        self.record.write(self.layout)
    }

    /// An error if a process has ended; every wait asks, so that a boot does not wait for the dead.
    fn check(&mut self) -> Result<(), Error> {
        for (name, child) in &mut self.children {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return Err(died(name, &self.layout.log(name)));
            }
        }
        Ok(())
    }

    async fn wait_for_containerd(&mut self) -> Result<(), Error> {
        let socket = self.layout.containerd_socket();
        readiness::until("containerd", LIMIT, async || {
            self.check()?;
            let mut ctr = Command::new("ctr");
            ctr.arg("--address").arg(&socket).args(["--connect-timeout", "1s", "version"]);
            Ok(seen(command::run_async(ctr).await))
        })
        .await
    }

    async fn wait_for_api_server(&mut self) -> Result<(), Error> {
        readiness::until("the API server", LIMIT, async || {
            self.check()?;
            Ok(seen(self.kubectl(&["get", "--raw", "/readyz"]).await))
        })
        .await
    }

    /// Name server and service addresses.
    async fn wait_for_services(&mut self) -> Result<(), Error> {
        let node = self.record.link.node;
        readiness::until("the name server", LIMIT, async || {
            self.check()?;
            Ok(readiness::answers_ok(at(node, 8181), "/ready").await)
        })
        .await?;
        readiness::until("the service proxy", LIMIT, async || {
            self.check()?;
            Ok(readiness::answers_ok(at(node, 10256), "/healthz").await)
        })
        .await
    }

    /// The node takes pods, and pods get a service account.
    async fn wait_for_node(&mut self) -> Result<(), Error> {
        const READY: &str = r#"jsonpath={.status.conditions[?(@.type=="Ready")].status}/{.spec.taints}"#;
        readiness::until("the node", LIMIT, async || {
            self.check()?;
            Ok(match self.kubectl(&["get", "node", self.name, "-o", READY]).await {
                Ok(state) => ready_if(state == "True/", || state.clone()),
                Err(error) => Look::NotYet(error.to_string()),
            })
        })
        .await?;
        readiness::until("the default service account", LIMIT, async || {
            self.check()?;
            Ok(seen(self.kubectl(&["get", "serviceaccount", "default", "--namespace", "default"]).await))
        })
        .await
    }

    async fn kubectl(&self, arguments: &[&str]) -> Result<String, command::Error> {
        let mut kubectl = Command::new(self.tools.kubernetes("kubectl"));
        kubectl.arg("--kubeconfig").arg(self.layout.kubeconfig()).args(arguments);
        command::run_async(kubectl).await
    }
}

/// The error for a process that has ended, with the end of its log.
pub(crate) fn died(process: &str, log: &Path) -> Error {
    let text = match fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => "it wrote nothing".to_owned(),
        Err(error) => format!("its log cannot be read: {error}"),
    };
    Error::Died { process: process.to_owned(), log: log.to_owned(), tail: command::tail(&text, 15) }
}

fn seen(result: Result<String, command::Error>) -> Look {
    match result {
        Ok(_) => Look::Ready,
        Err(error) => Look::NotYet(error.to_string()),
    }
}

fn at(address: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::from((address, port))
}
