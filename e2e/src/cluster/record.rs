//! What is written down about a running cluster, so that another run can find, use and stop it.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Error;
use super::layout::Layout;
use super::network::Link;
use super::process::Identity;

/// A running cluster, as its directory tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Which run of the machine: numbers and starts of processes mean nothing after another.
    machine: String,
    pub link: Link,
    /// In the order in which they were started.
    pub processes: Vec<Recorded>,
    /// Whether the boot came to its end.
    pub booted: bool,
}

/// A process of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recorded {
    pub name: String,
    pub identity: Identity,
}

impl Record {
    pub fn new(link: Link) -> Result<Self, Error> {
        Ok(Self { machine: machine()?, link, processes: Vec::new(), booted: false })
    }

    /// `None` if there is no record of this run of the machine. One that cannot be read counts as none: the run that wrote it was interrupted.
    pub fn read(layout: &Layout) -> Result<Option<Self>, Error> {
        let path = layout.record();
        match fs::read(&path) {
            Ok(content) => {
                let machine = machine()?;
                Ok(serde_json::from_slice(&content).ok().filter(|record: &Self| record.machine == machine))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::file("read", &path)(error)),
        }
    }

    pub fn write(&self, layout: &Layout) -> Result<(), Error> {
        let path = layout.record();
        let content =
            serde_json::to_vec_pretty(self).map_err(io::Error::from).map_err(Error::file("encode", &path))?;
        let beside = path.with_extension("new");
        fs::write(&beside, content).map_err(Error::file("write", &beside))?;
        fs::rename(&beside, &path).map_err(Error::file("put in place", &path))
    }

    /// Whether the boot ended well and all processes still run.
    pub fn is_running(&self) -> bool {
        self.booted && self.processes.iter().all(|process| process.identity.is_alive())
    }
}

/// The kernel draws this anew whenever the machine starts.
fn machine() -> Result<String, Error> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    fs::read_to_string(path).map(|id| id.trim().to_owned()).map_err(Error::file("read", path))
}
