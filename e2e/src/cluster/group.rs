//! The control group of one cluster: it holds every process of it, so that none can be missed when the cluster goes.
//!
//! `/coffer-<name>/system` has the daemons, with the containers' shims; `/coffer-<name>/kubepods` is made by the kubelet
//! and has the pods. With version 1 of control groups the same tree is made in every hierarchy.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::process::Identity;
use super::{Error, readiness};

const MOUNT: &str = "/sys/fs/cgroup";
/// What the kubelet needs to limit pods, where the hierarchies are one.
const CONTROLLERS: &str = "+cpu +cpuset +memory +pids";
const LIMIT: Duration = Duration::from_secs(20);

/// The control group of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    name: String,
}

impl Group {
    pub fn of(cluster: &str) -> Self {
        Self { name: format!("coffer-{cluster}") }
    }

    /// The path that the kubelet is told, below the root of each hierarchy.
    pub fn root(&self) -> String {
        format!("/{}", self.name)
    }

    /// Makes the group in every hierarchy.
    pub fn create(&self) -> Result<(), Error> {
        let unified = Path::new(MOUNT).join("cgroup.controllers").exists();
        for hierarchy in hierarchies()? {
            let top = hierarchy.join(&self.name);
            let system = top.join("system");
            fs::create_dir_all(&system).map_err(Error::file("create the control group", &system))?;
            if unified {
                delegate(&hierarchy)?;
                delegate(&top)?;
            }
            // A new cpuset of version 1 is empty and takes no process before it is given what its parent has.
            inherit_cpuset(&hierarchy, &top)?;
            inherit_cpuset(&top, &system)?;
        }
        Ok(())
    }

    /// The files that take a process into `system`, one per hierarchy.
    pub fn entrances(&self) -> Result<Vec<PathBuf>, Error> {
        let hierarchies = hierarchies()?.into_iter();
        Ok(hierarchies.map(|hierarchy| hierarchy.join(&self.name).join("system/cgroup.procs")).collect())
    }

    /// Every live process in the group or below it.
    pub fn processes(&self) -> Result<Vec<Identity>, Error> {
        self.processes_below("")
    }

    /// Every live process of the cluster's pods.
    pub fn pod_processes(&self) -> Result<Vec<Identity>, Error> {
        self.processes_below("kubepods")
    }

    /// Ends all processes at once and waits until they are gone. One that is made meanwhile is ended as well.
    pub async fn kill(&self) -> Result<(), Error> {
        readiness::until("the end of the cluster's processes", LIMIT, async || {
            let processes = self.processes()?;
            for process in &processes {
                process.signal(Signal::KILL);
            }
            Ok(readiness::ready_if(processes.is_empty(), || format!("{processes:?}")))
        })
        .await
    }

    /// Removes the group; its processes must have ended.
    pub async fn remove(&self) -> Result<(), Error> {
        readiness::until("the removal of the cluster's control groups", LIMIT, async || {
            let mut busy = None;
            for directory in self.directories()? {
                match fs::remove_dir(&directory) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy => busy = Some(directory),
                    Err(error) => return Err(Error::file("remove the control group", &directory)(error)),
                }
            }
            Ok(readiness::ready_if(busy.is_none(), || format!("{busy:?} is busy")))
        })
        .await
    }

    /// The group's directories in all hierarchies, the deepest first.
    pub fn directories(&self) -> Result<Vec<PathBuf>, Error> {
        let mut found = Vec::new();
        for hierarchy in hierarchies()? {
            collect(&hierarchy.join(&self.name), &mut found)?;
        }
        Ok(found)
    }

    fn processes_below(&self, part: &str) -> Result<Vec<Identity>, Error> {
        let mut pids = BTreeSet::new();
        for hierarchy in hierarchies()? {
            let mut directories = Vec::new();
            collect(&hierarchy.join(&self.name).join(part), &mut directories)?;
            for directory in directories {
                let path = directory.join("cgroup.procs");
                let listed = match fs::read_to_string(&path) {
                    Ok(listed) => listed,
                    // The kubelet removes groups of pods that ended while we look.
                    Err(error) if is_gone(&error) => continue,
                    Err(error) => return Err(Error::file("read", &path)(error)),
                };
                pids.extend(listed.lines().filter_map(|line| line.parse::<i32>().ok()));
            }
        }
        Ok(pids.into_iter().filter_map(Identity::of).collect())
    }
}

/// The roots of all hierarchies: one with version 2, one per controller with version 1.
fn hierarchies() -> Result<Vec<PathBuf>, Error> {
    let mount = Path::new(MOUNT);
    if mount.join("cgroup.controllers").exists() {
        return Ok(vec![mount.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(mount).map_err(Error::file("list", mount))? {
        let path = entry.map_err(Error::file("list", mount))?.path();
        // Controllers that are mounted together have links to one directory.
        if !path.is_symlink() && path.join("cgroup.procs").exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn delegate(directory: &Path) -> Result<(), Error> {
    let path = directory.join("cgroup.subtree_control");
    fs::write(&path, CONTROLLERS).map_err(Error::file("delegate controllers in", &path))
}

fn inherit_cpuset(parent: &Path, child: &Path) -> Result<(), Error> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let (from, to) = (parent.join(name), child.join(name));
        // Version 2 inherits by itself and has no such file in its root.
        if !from.exists() || parent.join("cgroup.controllers").exists() {
            continue;
        }
        let value = fs::read_to_string(&from).map_err(Error::file("read", &from))?;
        fs::write(&to, value.trim()).map_err(Error::file("write", &to))?;
    }
    Ok(())
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if is_gone(&error) => return Ok(()),
        Err(error) => return Err(Error::file("list", directory)(error)),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(Error::file("list", directory)(error)),
        };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&entry.path(), found)?;
        }
    }
    found.push(directory.to_owned());
    Ok(())
}

/// A group removed between listing and reading answers with either of these.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_DEVICE)
}

const NO_SUCH_DEVICE: i32 = 19;
