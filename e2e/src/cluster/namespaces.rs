//! The network and mount namespaces of one cluster.
//!
//! All processes of a cluster share one of each, held by a process that only sleeps. When the last process ends, the
//! kernel takes the namespaces down with all interfaces, addresses, firewall rules and mounts in them: the host never
//! sees a mount of a cluster, so removing a cluster's directory cannot reach anything else.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::group::Group;
use super::layout::Layout;
use super::process::Identity;
use super::{Error, readiness};

/// Joins the control groups before anything else, so that no process of a cluster is ever outside of them.
const JOIN: &str = r#"while [ "$1" != -- ]; do echo $$ > "$1" || exit 1; shift; done; shift; exec "$@""#;

/// Mounts are shared inside, as containers with mount propagation need it, but not with the host.
const HOLD: &str = r#"set -e
mount --make-rshared /
ready=$1; shift
while [ $# -gt 0 ]; do [ -e "$2" ] || mkdir -p "$2"; mount --bind "$1" "$2"; shift 2; done
echo ready > "$ready"
exec sleep infinity"#;

/// The path that the daemons get instead of the caller's environment, whose proxies and kubeconfig are not theirs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The namespaces of a cluster, by the process that holds them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namespaces {
    pub holder: Identity,
}

impl Namespaces {
    /// Starts the holder and waits until the cluster's own directories are mounted.
    pub async fn create(layout: &Layout, group: &Group) -> Result<(Self, Child), Error> {
        let mut arguments: Vec<std::ffi::OsString> =
            ["--net", "--mount", "--propagation", "private", "sh", "-c", HOLD, "sh"].map(Into::into).to_vec();
        arguments.push(layout.namespaces_ready().into());
        for (own, seen) in covers(layout)? {
            arguments.extend([own.into(), seen.into()]);
        }
        let (mut child, holder) = spawn(group, OsStr::new("unshare"), &arguments, &layout.log("namespaces"))?;
        readiness::until("the cluster's namespaces", Duration::from_secs(10), async || {
            let ended = child.try_wait().is_ok_and(|status| status.is_some());
            if ended {
                return Err(super::died("namespaces", &layout.log("namespaces")));
            }
            Ok(readiness::ready_if(layout.namespaces_ready().exists(), || "no sign".to_owned()))
        })
        .await?;
        Ok((Self { holder }, child))
    }

    /// A command that runs inside.
    pub fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(self.entrance()).arg(program);
        command
    }

    /// Starts a daemon inside. It outlives this process; its output goes to `log`.
    pub fn start(
        self,
        group: &Group,
        program: &Path,
        arguments: &[String],
        log: &Path,
    ) -> Result<(Child, Identity), Error> {
        let mut all: Vec<std::ffi::OsString> = self.entrance().map(Into::into).to_vec();
        all.push(program.into());
        all.extend(arguments.iter().map(Into::into));
        spawn(group, OsStr::new("nsenter"), &all, log)
    }

    fn entrance(self) -> [String; 3] {
        let namespace = |kind: &str| format!("/proc/{}/ns/{kind}", self.holder.pid);
        [format!("--net={}", namespace("net")), format!("--mount={}", namespace("mnt")), "--".to_owned()]
    }
}

/// Makes all that is mounted over the machine's, with the paths it is mounted at.
fn covers(layout: &Layout) -> Result<Vec<(PathBuf, &'static str)>, Error> {
    let mut covers: Vec<(PathBuf, &'static str)> = layout.private().collect();
    for (own, _) in &covers {
        fs::create_dir_all(own).map_err(Error::file("create", own))?;
    }
    for (own, seen, value) in layout.kernel() {
        fs::write(&own, value).map_err(Error::file("write", &own))?;
        covers.push((own, seen));
    }
    Ok(covers)
}

/// Starts `program` in the cluster's control group and in a session of its own, where no terminal reaches it. Every link
/// of the chain replaces itself by the next, so the child's number is the daemon's.
fn spawn(
    group: &Group,
    program: &OsStr,
    arguments: &[std::ffi::OsString],
    log: &Path,
) -> Result<(Child, Identity), Error> {
    let output = File::options().create(true).append(true).open(log).map_err(Error::file("open", log))?;
    let errors = output.try_clone().map_err(Error::file("open", log))?;
    let mut command = Command::new("sh");
    command
        .args(["-c", JOIN, "sh"])
        .args(group.entrances()?)
        .args(["--", "setsid"])
        .arg(program)
        .args(arguments);
    command.env_clear().env("PATH", PATH).env("HOME", "/root").current_dir("/");
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let child = command.spawn().map_err(Error::file("start a process with the log", log))?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    let identity = Identity::of(pid).ok_or_else(|| super::died(&program.to_string_lossy(), log))?;
    Ok((child, identity))
}
