//! What somebody asks for by annotation `coffer.dev/sync`: that what failed last, or everything, is tried again now. Pure.
//!
//! Only checks have to be asked for: references and the claim are looked at with every look, and objects of points that are
//! gone come back from the catalogue by themselves.

use crds::instance::CheckResult;
use crds::{BackupInstance, BackupInstanceStatus, Reason, annotations};
use kube::ResourceExt as _;

use crate::cluster::Note;

/// Letters of the value that the status has room for.
const LONGEST: usize = 256;

/// How much is to be tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The last round of checks, if it failed.
    Default,
    /// A round of checks, whatever the last one found.
    ForceResync,
}

/// The value that asks for a round of checks which has not been made yet.
pub fn asked(instance: &BackupInstance) -> Option<&str> {
    let value = pending(instance)?;
    let failed = instance
        .status
        .as_ref()
        .and_then(|status| status.last_check.as_ref())
        .is_some_and(|last| last.result == CheckResult::Failed);
    match kind(value)? {
        Kind::ForceResync => Some(value),
        Kind::Default => failed.then_some(value),
    }
}

/// The value that the status says was acted on: the one that is there, unless a round is still to be made for it.
pub fn answered(instance: &BackupInstance, has_ended: bool) -> Option<String> {
    let value = instance.annotations().get(annotations::SYNC)?;
    if asked(instance).is_some() && !has_ended {
        return before(instance).and_then(|status| status.synced.clone());
    }
    Some(value.chars().take(LONGEST).collect())
}

/// What is told once of a value that asks for nothing.
pub fn note(instance: &BackupInstance) -> Option<Note> {
    let value = pending(instance).filter(|value| kind(value).is_none())?;
    let shown: String = value.chars().take(64).collect();
    let message = format!(
        "Annotation {} is {shown:?}: write Default or ForceResync, and behind it, to ask again, a slash and anything.",
        annotations::SYNC
    );
    Some(Note::warning(Reason::SyncInvalid, message))
}

/// The value that has not been acted on.
fn pending(instance: &BackupInstance) -> Option<&str> {
    let value = instance.annotations().get(annotations::SYNC)?;
    let done = before(instance).and_then(|status| status.synced.as_deref());
    let is_done = done.is_some_and(|done| value.chars().take(LONGEST).eq(done.chars()));
    (!is_done).then_some(value)
}

/// `Default` or `ForceResync`, alone or with a slash and something that tells one request from the next.
fn kind(value: &str) -> Option<Kind> {
    match value.split_once('/').map_or(value, |(word, _)| word) {
        "Default" => Some(Kind::Default),
        "ForceResync" => Some(Kind::ForceResync),
        _ => None,
    }
}

fn before(instance: &BackupInstance) -> Option<&BackupInstanceStatus> {
    instance.status.as_ref()
}
