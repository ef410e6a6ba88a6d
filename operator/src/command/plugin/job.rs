//! Backups and restores as what they have in common: a state, progress, attempts, and how they ended.

use crds::common::{Attempt, Condition, ConditionType, JobError, JobState, JobWarning, Progress};
use crds::{BackupJob, ErrorCode, RestoreJob};
use kube::ResourceExt as _;
use serde::Serialize;

use super::cluster::Cluster;
use super::output::{Shown, name_of};
use super::problem::Problem;
use super::times;
use super::verdict;
use crate::command::people::Exit;
use crate::words::bytes;

/// A job of either kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Job {
    Backup(Box<BackupJob>),
    Restore(Box<RestoreJob>),
}

/// What both kinds say of themselves.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub state: JobState,
    pub conditions: &'a [Condition],
    pub progress: Option<&'a Progress>,
    pub attempts: &'a [Attempt],
    pub errors: &'a [JobError],
    pub warnings: &'a [JobWarning],
    pub duration: Option<&'a str>,
}

/// Both kinds of job have these fields in statuses of different types.
macro_rules! view {
    ($job:ident) => {{
        let status = $job.status.as_ref();
        View {
            state: $job.state(),
            conditions: status.map(|status| &*status.conditions).unwrap_or_default(),
            progress: status.and_then(|status| status.progress.as_ref()),
            attempts: status.map(|status| &*status.attempts).unwrap_or_default(),
            errors: status.map(|status| &*status.errors).unwrap_or_default(),
            warnings: status.map(|status| &*status.warnings).unwrap_or_default(),
            duration: status.and_then(|status| status.duration.as_deref()),
        }
    }};
}

impl Job {
    /// The job that is meant by `NAME`, `bjob/NAME` or `rjob/NAME`.
    ///
    /// # Errors
    /// When there is none, or one of each kind.
    pub async fn find(cluster: &Cluster, word: &str) -> Result<Self, Problem> {
        let namespace = &cluster.namespace;
        let (kind, name) = word.split_once('/').unwrap_or(("", word));
        match kind.split('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" => {}
            "bjob" | "backupjob" | "backupjobs" => {
                return Ok(Self::Backup(Box::new(cluster.get(namespace, name).await?)));
            }
            "rjob" | "restorejob" | "restorejobs" => {
                return Ok(Self::Restore(Box::new(cluster.get(namespace, name).await?)));
            }
            _ => {
                return Err(Problem::usage(
                    format!("{word} names no job"),
                    "write NAME, bjob/NAME or rjob/NAME",
                ));
            }
        }
        let backup = cluster.find::<BackupJob>(namespace, name).await?;
        let restore = cluster.find::<RestoreJob>(namespace, name).await?;
        match (backup, restore) {
            (Some(backup), None) => Ok(Self::Backup(Box::new(backup))),
            (None, Some(restore)) => Ok(Self::Restore(Box::new(restore))),
            (Some(_), Some(_)) => Err(Problem::usage(
                format!("{name} is the name of a backup and of a restore"),
                format!("write bjob/{name} or rjob/{name}"),
            )),
            (None, None) => Err(Problem::usage(
                format!("there is no backup and no restore called {name} in namespace {namespace}"),
                "`kubectl get bjob,rjob -A` shows which there are; choose a namespace with -n",
            )),
        }
    }

    /// The same job, as it is now.
    ///
    /// # Errors
    /// When it is gone, or cannot be read.
    pub async fn again(&self, cluster: &Cluster) -> Result<Self, Problem> {
        let (namespace, name) = (self.namespace(), self.name());
        Ok(match self {
            Self::Backup(_) => Self::Backup(Box::new(cluster.get(&namespace, &name).await?)),
            Self::Restore(_) => Self::Restore(Box::new(cluster.get(&namespace, &name).await?)),
        })
    }

    pub fn name(&self) -> String {
        match self {
            Self::Backup(job) => job.name_any(),
            Self::Restore(job) => job.name_any(),
        }
    }

    pub fn namespace(&self) -> String {
        match self {
            Self::Backup(job) => job.namespace(),
            Self::Restore(job) => job.namespace(),
        }
        .unwrap_or_default()
    }

    /// Pods of the job carry it as a label.
    pub fn uid(&self) -> String {
        match self {
            Self::Backup(job) => job.uid(),
            Self::Restore(job) => job.uid(),
        }
        .unwrap_or_default()
    }

    /// `backupjob.coffer.dev/NAME`.
    pub fn reference(&self) -> String {
        match self {
            Self::Backup(job) => name_of(&**job),
            Self::Restore(job) => name_of(&**job),
        }
    }

    pub fn view(&self) -> View<'_> {
        match self {
            Self::Backup(job) => view!(job),
            Self::Restore(job) => view!(job),
        }
    }

    /// Where the job stands in a line: `Running, Data, 42 % (1.2 GiB of 3.0 GiB)`.
    pub fn standing(&self) -> String {
        let view = self.view();
        let mut parts = vec![view.state.as_str().to_owned()];
        match (view.state, view.progress) {
            (JobState::Running, Some(progress)) => parts.push(progress_text(progress)),
            (state, _) if !state.is_terminal() => {
                let ready = verdict::find(view.conditions, ConditionType::Ready);
                parts.extend(ready.filter(|held| !held.message.is_empty()).map(|held| held.message.clone()));
            }
            _ => {}
        }
        parts.join(", ")
    }

    /// What came of it, for a job that has ended well.
    fn made(&self) -> Option<String> {
        match self {
            Self::Backup(job) => {
                let status = job.status.as_ref()?;
                let point = status.recovery_point.as_ref()?;
                let mut text = format!("point {} of {}", point.name, times::moment(point.point_time.0));
                if let Some(size) = &status.size {
                    text.push_str(&format!(", {size} stored"));
                }
                if let Some(kept) = &status.retention {
                    text.push_str(&match &kept.expiration_time {
                        Some(time) => format!(", {} until {}", kept.tag, times::moment(time.0)),
                        None => format!(", {}", kept.tag),
                    });
                }
                Some(text)
            }
            Self::Restore(job) => {
                let status = job.status.as_ref()?;
                let mut text = format!("restored {}", status.target.as_deref().unwrap_or("the target"));
                if let Some(restored) = &status.restored {
                    text.push_str(&format!(": {} tables, {} rows", restored.tables, restored.rows));
                }
                Some(text)
            }
        }
    }

    /// How a job ended, as an exit code: of a failure that of the error that decided.
    pub fn exit(&self) -> Exit {
        let view = self.view();
        match view.state {
            JobState::Completed => Exit::Done,
            JobState::CompletedWithWarnings => Exit::Warnings,
            JobState::Failed | JobState::Expired => {
                let code = view.errors.last().and_then(|error| error.code.parse::<ErrorCode>().ok());
                code.map_or(Exit::Failed, exit_of)
            }
            JobState::Cancelled => Exit::Failed,
            JobState::Created | JobState::Pending | JobState::Running | JobState::Cancelling => Exit::Done,
        }
    }
}

impl Shown for Job {
    fn text(&self) -> String {
        let view = self.view();
        let mut text = format!("{} {}", self.reference(), self.standing());
        if view.state.is_success()
            && let Some(made) = self.made()
        {
            text.push_str(&format!(": {made}"));
        }
        if let Some(duration) = view.duration {
            text.push_str(&format!(", in {duration}"));
        }
        text.push('\n');
        for warning in view.warnings {
            text.push_str(&format!("  {}: {}\n", warning.code, warning.message));
        }
        if let Some(error) = view.errors.last().filter(|_| !view.state.is_success()) {
            text.push_str(&format!("  {}: {}\n", error.code, error.message));
            text.push_str(&format!("  {}\n", error.recommended_action));
        }
        text
    }

    fn names(&self) -> Vec<String> {
        vec![self.reference()]
    }
}

/// `Data, 42 % (1.2 GiB of 3.0 GiB), 12.1 MiB/s`; what is not known is not said.
pub fn progress_text(progress: &Progress) -> String {
    let count = |bytes_: i64| bytes(u64::try_from(bytes_).unwrap_or(0));
    let mut text = format!("{:?}", progress.stage);
    if let Some(percent) = progress.percent {
        text.push_str(&format!(", {percent} %"));
    }
    if let Some(total) = progress.bytes_total {
        text.push_str(&format!(" ({} of {})", count(progress.bytes_done), count(total)));
    }
    if let Some(rate) = progress.bytes_per_second.filter(|rate| *rate > 0) {
        text.push_str(&format!(", {}/s", count(rate)));
    }
    text
}

/// The same classes as on the command line without a cluster.
fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::UserErrorHostNotFound
        | ErrorCode::UserErrorNotPostgres
        | ErrorCode::UserErrorTlsFailed
        | ErrorCode::UserErrorTooManyConnections
        | ErrorCode::UserErrorServerConnectionClosed
        | ErrorCode::UserErrorMissingNetworkSecurityPermissions
        | ErrorCode::ServerNotReady
        | ErrorCode::StorageUnreachable
        | ErrorCode::KeeperUnavailable => Exit::Unreachable,
        ErrorCode::UserErrorDBUserAuthFailed
        | ErrorCode::UserErrorBackupUserAuthFailed
        | ErrorCode::UserErrorInvalidSecret
        | ErrorCode::UserErrorInvalidSecretStore
        | ErrorCode::UserErrorSecretValueInUnsupportedFormat
        | ErrorCode::UserErrorMissingPermissionsOnSecretStore
        | ErrorCode::UserErrorKeyMissing
        | ErrorCode::UserErrorKeyInaccessible
        | ErrorCode::KeeperRefused => Exit::Credentials,
        ErrorCode::KeySubstituted | ErrorCode::IntegrityFailed | ErrorCode::RestoredDataDiffers => {
            Exit::Integrity
        }
        _ => Exit::Failed,
    }
}
