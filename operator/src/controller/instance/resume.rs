//! The way out of stopped protection: an instance that was brought back waits for the name of its record, and points begin to
//! expire again a day later. Pure.

use crds::common::ConditionType;
use crds::instance::{InstanceState, Protection};
use crds::{BackupInstance, BackupInstanceStatus, Reason, annotations};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::decide::Step;
use super::observe::Seen;
use super::status::Parts;
use crate::clock::Now;
use crate::cluster::Note;
use crate::controller::recovery_point::expire_by;
use crate::controller::{Conditions, life};

/// The ledger is told when the annotation names the record; another name changes nothing. The status comes first: that
/// protection was stopped is what gives the points their day once it is not any more.
pub fn step(instance: &BackupInstance, seen: &Seen) -> Option<Step> {
    let waits = |life: &contract::Life| matches!(life, contract::Life::ResumeRequired { .. });
    let owners = seen.views.iter().filter(|view| waits(&view.life)).map(|view| view.owner.clone());
    (is_named(instance, seen) && is_shown_stopped(instance)).then(|| Step::Resume(owners.collect()))
}

/// Whether somebody has named the record and it is still to be acted on.
pub fn is_named(instance: &BackupInstance, seen: &Seen) -> bool {
    let named = instance.annotations().get(annotations::RESUME);
    named.is_some_and(|named| seen.record.as_ref() == Some(named))
}

/// The record that has to be named; as it was told while the ledger was not read.
pub fn record(parts: &Parts<'_>) -> Option<String> {
    match &parts.seen.record {
        Some(record) => Some(record.clone()),
        None if parts.seen.points.is_none() => parts.instance.status.as_ref()?.brought_back_from.clone(),
        None => None,
    }
}

/// From when on points expire again; `None` while they do, and while protection is stopped.
pub fn time(parts: &Parts<'_>, now: Now) -> Option<Timestamp> {
    if parts.protection == Protection::Stopped {
        return None;
    }
    let before = parts.instance.status.as_ref()?;
    if is_resumed(parts) {
        return now.time.checked_add(life::GRACE).ok();
    }
    before.retention_resume_time.as_ref().map(|time| time.0).filter(|time| now.time < *time)
}

/// What is told once, when the day begins.
pub fn note(parts: &Parts<'_>, now: Now) -> Option<Note> {
    let at = time(parts, now).filter(|_| is_resumed(parts))?;
    Some(Note::warning(Reason::RetentionResumed, sentence(parts, at)))
}

/// ResumeRequired and RetentionResumed, while they hold.
pub fn conditions(parts: &Parts<'_>, status: &BackupInstanceStatus, conditions: &mut Conditions) {
    match &parts.seen.record {
        Some(record) => {
            let message = waiting(parts.instance, record);
            conditions.set(ConditionType::ResumeRequired, Some(true), Reason::ResumeRequired, message);
        }
        None if parts.seen.points.is_none() => conditions.keep(ConditionType::ResumeRequired),
        None => {}
    }
    if let Some(at) = &status.retention_resume_time {
        let message = sentence(parts, at.0);
        conditions.set(ConditionType::RetentionResumed, Some(true), Reason::RetentionResumed, message);
    }
}

/// What an instance that was brought back waits for, and the command for it.
pub fn waiting(instance: &BackupInstance, record: &str) -> String {
    format!(
        "The instance was brought back from {record}: nothing runs and nothing expires until that name is in annotation {key} \
         (kubectl annotate binst {} -n {} {key}={record}).",
        instance.name_any(),
        instance.namespace().unwrap_or_default(),
        key = annotations::RESUME
    )
}

/// Whether protection was stopped when the status was written, and is not any more.
fn is_resumed(parts: &Parts<'_>) -> bool {
    parts.protection != Protection::Stopped && is_shown_stopped(parts.instance)
}

fn is_shown_stopped(instance: &BackupInstance) -> bool {
    let shown = instance.status.as_ref().and_then(|status| status.state);
    shown == Some(InstanceState::ProtectionStopped)
}

fn sentence(parts: &Parts<'_>, at: Timestamp) -> String {
    let points = parts.seen.points.as_deref().unwrap_or_default();
    format!(
        "Protection was stopped; points begin to expire again at {at:.0}, when {} of {} will be past their end and go. Set \
         `protection: Stopped` before that to keep them.",
        expire_by(parts.instance, points, at),
        points.len()
    )
}
