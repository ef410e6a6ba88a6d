//! A real Kubernetes on one machine: control plane, node and name server as plain processes in namespaces of their own.
//!
//! ```text
//! host ── link 10.89.x.y/30 ──┐ network and mount namespace of the cluster
//!                             ├ etcd, API server, controller manager, scheduler, kubelet, service proxy, CoreDNS, containerd
//!                             └ bridge 10.88.0.1/16 ── pods
//! ```
//!
//! Clusters share nothing, so several run side by side. See `docs/cluster.md`.

mod azurite;
mod boot;
pub mod cache;
mod certificates;
pub mod command;
mod configuration;
mod daemons;
mod error;
mod forward;
mod group;
mod layout;
mod namespaces;
mod network;
pub mod npm;
mod packages;
mod process;
mod readiness;
mod record;
mod teardown;
mod tools;

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Child, Command};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::image::Image;
use boot::died;
use layout::Layout;
use record::Record;

pub use azurite::Azurite;
pub use cache::Cache;
pub use error::Error;
pub use forward::Forward;
pub use tools::{Tools, promtool};

/// A cluster that runs on this machine.
#[derive(Debug)]
pub struct Cluster {
    kubectl: PathBuf,
    name: String,
    layout: Layout,
    record: Record,
    /// Only the run that holds it may stop or replace the cluster. It ends with the run, however that ends.
    held: Option<File>,
    /// Those that were started by this very process, which has to collect them.
    children: Vec<Child>,
}

impl Cluster {
    /// Boots a cluster and waits until it takes pods. One of the same name that an earlier run left, whole or not, is
    /// removed first, unless another run holds it.
    ///
    /// The cluster runs until [`Cluster::stop`], also when this value is dropped or this process ends.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Name`], and whatever fails; the processes of a failed boot are ended and their logs kept.
    pub async fn boot(name: &str, tools: &Tools) -> Result<Self, Error> {
        let layout = Layout::of(tools.cache(), checked(name)?);
        let held = hold(name)?;
        teardown::end_processes(name, &layout).await?;
        teardown::remove_traces(name, &layout).await?;
        match boot::boot(name, &layout, tools).await {
            Ok((record, children)) => {
                let kubectl = tools.kubernetes("kubectl");
                Ok(Self { kubectl, name: name.to_owned(), layout, record, held: Some(held), children })
            }
            Err(error) => {
                teardown::end_processes(name, &layout).await?;
                Err(error)
            }
        }
    }

    /// The cluster of this name, if it was booted to the end and all its processes run. It is not held: another run may
    /// stop it meanwhile.
    ///
    /// # Errors
    /// [`Error::Name`], and a record that cannot be read.
    pub fn find(name: &str, tools: &Tools) -> Result<Option<Self>, Error> {
        let layout = Layout::of(tools.cache(), checked(name)?);
        let Some(record) = Record::read(&layout)?.filter(Record::is_running) else { return Ok(None) };
        let kubectl = tools.kubernetes("kubectl");
        Ok(Some(Self { kubectl, name: name.to_owned(), layout, record, held: None, children: Vec::new() }))
    }

    /// A client with all rights.
    ///
    /// # Errors
    /// [`Error::Kubeconfig`] and [`Error::Kubernetes`].
    pub async fn client(&self) -> Result<Client, Error> {
        let path = self.kubeconfig();
        let unreadable = |source| Error::Kubeconfig { path: path.clone(), source: Box::new(source) };
        let file = Kubeconfig::read_from(&path).map_err(unreadable)?;
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(file, &options).await.map_err(unreadable)?;
        Client::try_from(config).map_err(Error::kubernetes("make a client"))
    }

    /// Where the kubeconfig of the cluster's administrator is.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig()
    }

    /// Runs kubectl as the cluster's administrator and returns what it wrote.
    ///
    /// # Errors
    /// [`Error::Command`] with the end of what it complained about.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", self.kubeconfig()).args(arguments);
        command::run_async(command).await.map_err(Error::command("use kubectl"))
    }

    /// Puts an image into the cluster; pods name it by its reference.
    ///
    /// # Errors
    /// The image cannot be read, or containerd refuses it.
    pub async fn load_image(&self, image: &Image) -> Result<(), Error> {
        boot::load(&self.layout, image).await
    }

    /// Gives an image that was loaded a second name.
    ///
    /// # Errors
    /// containerd refuses it.
    pub async fn name_image(&self, image: &Image, reference: &str) -> Result<(), Error> {
        boot::name(&self.layout, image, reference).await
    }

    /// Opens a port of this machine that leads to a port of a service in the cluster.
    ///
    /// # Errors
    /// As [`Cluster::client`], and if no port can be opened.
    pub async fn forward(&self, namespace: &str, service: &str, port: u16) -> Result<Forward, Error> {
        Forward::open(self.client().await?, namespace, service, port).await
    }

    /// The node's name.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.name
    }

    /// Where this machine reaches the node and its node ports.
    #[must_use]
    pub fn node_address(&self) -> Ipv4Addr {
        self.record.link.node
    }

    /// Where pods reach this machine.
    #[must_use]
    pub fn host_address(&self) -> Ipv4Addr {
        self.record.link.host
    }

    /// The API server's audit log: one JSON object per request, without bodies.
    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.layout.audit_log()
    }

    /// The directory with one log per process of the cluster.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.layout.logs()
    }

    /// Ends all processes in the reverse of their order and removes every trace.
    ///
    /// # Errors
    /// [`Error::InUse`] if another run holds the cluster; [`Error::LeftBehind`] if something remains.
    pub async fn stop(mut self) -> Result<(), Error> {
        let _held = match self.held.take() {
            Some(held) => held,
            None => hold(&self.name)?,
        };
        // Children stay in the list of processes until they are collected, whoever ends them.
        let ended = teardown::end_processes(&self.name, &self.layout).await;
        for child in &mut self.children {
            // It fails only if the child was collected before.
            let _status = child.wait();
        }
        ended?;
        remove(&self.name, &self.layout).await
    }

    /// Stops the cluster of this name in whatever state it is, also one that was interrupted while it booted.
    ///
    /// # Errors
    /// As [`Cluster::stop`].
    pub async fn remove(name: &str, cache: &Cache) -> Result<(), Error> {
        let layout = Layout::of(cache, checked(name)?);
        let _held = hold(name)?;
        teardown::end_processes(name, &layout).await?;
        remove(name, &layout).await
    }

    /// What of the cluster of this name is on this machine: processes, control groups, interfaces, mounts, files. Empty
    /// when nothing is.
    ///
    /// # Errors
    /// What cannot be looked at.
    pub fn left_overs(name: &str, cache: &Cache) -> Result<Vec<String>, Error> {
        teardown::left_overs(name, &Layout::of(cache, checked(name)?))
    }
}

async fn remove(name: &str, layout: &Layout) -> Result<(), Error> {
    teardown::remove_traces(name, layout).await?;
    let rest = teardown::left_overs(name, layout)?;
    if rest.is_empty() { Ok(()) } else { Err(Error::LeftBehind { name: name.to_owned(), rest }) }
}

fn hold(name: &str) -> Result<File, Error> {
    // Names are the machine's: control groups and interfaces are called after them, whatever the cache.
    let lock = PathBuf::from(format!("/run/lock/coffer-cluster-{name}.lock"));
    cache::try_lock(&lock)?.ok_or_else(|| Error::InUse(name.to_owned()))
}

fn checked(name: &str) -> Result<&str, Error> {
    let fits = name.len() <= 24
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-');
    if fits { Ok(name) } else { Err(Error::Name(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_reach_elsewhere_are_refused() {
        for name in ["", "A", "../demo", "a b", "1a", "a-", "a-name-that-is-far-too-long"] {
            assert!(matches!(checked(name), Err(Error::Name(_))), "{name}");
        }
        assert!(checked("gate-2").is_ok());
    }
}
