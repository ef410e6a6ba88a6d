//! Stops a cluster and removes every trace of it, also of one whose run was interrupted at any point.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use rustix::process::Signal;

use super::group::Group;
use super::layout::Layout;
use super::process::Identity;
use super::readiness::{self, ready_if};
use super::record::Record;
use super::{Error, network};

/// How long a daemon may take to end when asked, before it is made to.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends all processes: the recorded ones in reverse order, each given time to end by itself, then whatever is left in the
/// cluster's control group. Namespaces, mounts and the link go with the last of them.
pub(crate) async fn end_processes(name: &str, layout: &Layout) -> Result<(), Error> {
    let group = Group::of(name);
    let record = Record::read(layout)?;
    let mut processes = record.map(|record| record.processes).unwrap_or_default();
    // The first holds the namespaces: it goes last, by force, as nothing has to be finished in it.
    let rest = processes.split_off(processes.len().min(1));
    for process in rest.iter().rev() {
        if process.name == "containerd" {
            // Without a kubelet nobody starts them again, and their shims end before the runtime does.
            end(&group.pod_processes()?, Signal::KILL).await?;
        }
        end(&[process.identity], Signal::TERM).await?;
    }
    group.kill().await
}

/// Removes what the ended processes leave: control groups, the link if it is still there, files.
pub(crate) async fn remove_traces(name: &str, layout: &Layout) -> Result<(), Error> {
    Group::of(name).remove().await?;
    network::remove(&network::interface(name))?;
    refuse_if_mounted(name, layout)?;
    match fs::remove_dir_all(layout.root()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file("remove", layout.root())(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What of the cluster is on this machine; empty when nothing is.
pub(crate) fn left_overs(name: &str, layout: &Layout) -> Result<Vec<String>, Error> {
    let group = Group::of(name);
    let mut found = Vec::new();
    found.extend(group.processes()?.into_iter().map(|process| format!("process {}", process.pid)));
    found.extend(group.directories()?.into_iter().map(|path| format!("control group {}", path.display())));
    let interface = network::interface(name);
    if network::exists(&interface) {
        found.push(format!("network interface {interface}"));
    }
    found.extend(mounts_below(layout)?.into_iter().map(|mount| format!("mount {mount}")));
    if layout.root().exists() {
        found.push(format!("directory {}", layout.root().display()));
    }
    Ok(found)
}

/// Signals the processes and waits until they have ended; the patient signal is followed by force.
async fn end(processes: &[Identity], signal: Signal) -> Result<(), Error> {
    for process in processes {
        process.signal(signal);
    }
    let gone = readiness::until("the end of a process", PATIENCE, async || {
        Ok(ready_if(processes.iter().all(|process| !process.is_alive()), || format!("{processes:?}")))
    });
    match gone.await {
        Err(Error::TimedOut { .. }) => {
            processes.iter().for_each(|process| process.signal(Signal::KILL));
            Ok(())
        }
        other => other,
    }
}

/// All mounts of a cluster are in its own mount namespace. One that the host sees was made by someone else, and removing
/// the directory would reach through it.
fn refuse_if_mounted(name: &str, layout: &Layout) -> Result<(), Error> {
    let rest = mounts_below(layout)?;
    if rest.is_empty() { Ok(()) } else { Err(Error::LeftBehind { name: name.to_owned(), rest }) }
}

fn mounts_below(layout: &Layout) -> Result<Vec<String>, Error> {
    let path = std::path::Path::new("/proc/self/mountinfo");
    let listed = fs::read_to_string(path).map_err(Error::file("read", path))?;
    let targets = listed.lines().filter_map(|line| line.split(' ').nth(4));
    Ok(targets
        .filter(|target| std::path::Path::new(target).starts_with(layout.root()))
        .map(str::to_owned)
        .collect())
}
