//! Which slots are due, and as which jobs. Pure.

use crds::backup_job::Slot;
use crds::common::{ConditionType, InstanceReference, Time};
use crds::instance::MissedSlots;
use crds::{BackupInstance, BackupInstanceStatus, BackupJob, BackupJobSpec, finalizers, labels};
use jiff::{SignedDuration, Timestamp};
use kube::{Resource as _, ResourceExt as _};
use policy::spread;
use policy::window::{Due, Missed, Waiting, due, merge};

use super::observe::Seen;
use super::references::References;
use crate::clock::Now;
use crate::controller::Wake;
use crate::controller::policy::ParsedRule;
use crate::names;

/// What the schedule asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    /// The job to be made; none may be made for this slot twice, which its name ensures.
    pub job: Option<BackupJob>,
    /// The newest slot that is used now.
    pub last: Option<Timestamp>,
    /// The next slot, without its spread.
    pub next: Option<Timestamp>,
    pub missed: Option<MissedSlots>,
    pub wake: Wake,
}

/// What is due at `now`. Nothing is, before `begun`: the first time that all checks had passed.
pub fn slots(
    instance: &BackupInstance,
    found: &References,
    seen: &Seen,
    begun: Timestamp,
    now: Now,
) -> Slots {
    let status = instance.status.as_ref();
    let handled = last_handled(status, seen).map_or(begun, |last| last.max(begun));
    let edited = policy_changed(status, found);
    // A rule that was just written does not run for times before it was.
    let handled = if edited { handled.max(now.time) } else { handled };
    let asked: Vec<(&ParsedRule, Due)> = found
        .policy
        .rules
        .iter()
        .map(|rule| (rule, due(&rule.schedule, rule.windows, delay(instance, rule), handled, now.time)))
        .collect();
    let chosen = choose(found, &asked, handled, now);
    let waiting = seen.jobs.iter().any(|job| is_waiting(job));
    let missed = asked.iter().filter_map(|(_, due)| missed_of(*due)).fold(None, add);
    Slots {
        last: chosen
            .as_ref()
            .map(|chosen| chosen.used)
            .or_else(|| if edited { Some(handled) } else { last_handled(status, seen) }),
        // A job that still waits to start stands for the slots that come due meanwhile.
        job: chosen.filter(|_| !waiting).map(|chosen| job(instance, &chosen.rule, chosen.slot)),
        next: found.policy.rules.iter().filter_map(|rule| rule.schedule.next_after(now.time)).min(),
        missed: total(status, missed),
        wake: next_wake(instance, found, handled, now),
    }
}

struct Chosen {
    rule: String,
    slot: Timestamp,
    /// The newest slot that the job stands for.
    used: Timestamp,
}

/// Once one rule is due, those that only wait for their spread join it: one job, under the rule whose points last longest.
fn choose(found: &References, asked: &[(&ParsedRule, Due)], handled: Timestamp, now: Now) -> Option<Chosen> {
    let is_due = asked.iter().any(|(_, due)| !matches!(due, Due::Nothing { .. }));
    if !is_due {
        return None;
    }
    let open: Vec<(&ParsedRule, Timestamp)> = asked
        .iter()
        .filter_map(|(rule, _)| {
            match due(&rule.schedule, rule.windows, SignedDuration::ZERO, handled, now.time) {
                Due::Run { slot, .. } => Some((*rule, slot)),
                Due::Nothing { .. } | Due::Expired { .. } => None,
            }
        })
        .collect();
    if open.is_empty() {
        // Its window has closed: the job is made to say so, and expires at once.
        let (rule, slot) = asked
            .iter()
            .filter_map(
                |(rule, due)| if let Due::Expired { slot, .. } = due { Some((rule, *slot)) } else { None },
            )
            .max_by_key(|(_, slot)| *slot)?;
        return Some(Chosen { rule: rule.name.clone(), slot, used: slot });
    }
    let waiting: Vec<Waiting<'_>> = open
        .iter()
        .map(|(rule, slot)| Waiting { slot: *slot, keep: found.policy.keep, zone: rule.schedule.zone() })
        .collect();
    let (rule, slot) = open[merge(&waiting)?.winner];
    let used = open.iter().map(|(_, slot)| *slot).max().unwrap_or(slot);
    Some(Chosen { rule: rule.name.clone(), slot, used })
}

/// By jobs that are there and by what the status remembers of those that are gone.
fn last_handled(status: Option<&BackupInstanceStatus>, seen: &Seen) -> Option<Timestamp> {
    let told = status.and_then(|status| status.last_slot_time.as_ref()).map(|time| time.0);
    let made = seen.jobs.iter().filter_map(|job| job.spec.slot.as_ref()).map(|slot| slot.time.0).max();
    told.max(made)
}

fn policy_changed(status: Option<&BackupInstanceStatus>, found: &References) -> bool {
    let snapshot = status.and_then(|status| status.policy_snapshot.as_ref());
    snapshot.is_some_and(|held| held.name == found.policy_name && held.spec.rules != found.spec.rules)
        || snapshot.is_some_and(|held| held.name != found.policy_name)
}

fn delay(instance: &BackupInstance, rule: &ParsedRule) -> SignedDuration {
    let uid = instance.uid().unwrap_or_default();
    spread::delay(&uid, rule.spread_minutes, rule.start_window_minutes).unwrap_or(SignedDuration::ZERO)
}

/// Accepted, and no attempt of it has begun.
fn is_waiting(job: &BackupJob) -> bool {
    let begun = job.status.as_ref().is_some_and(|status| status.start_time.is_some());
    !job.is_terminal() && !begun && job.spec.slot.is_some() && !job.spec.cancel
}

fn missed_of(due: Due) -> Option<Missed> {
    match due {
        Due::Nothing { .. } => None,
        Due::Run { missed, .. } | Due::Expired { missed, .. } => missed,
    }
}

fn add(sum: Option<Missed>, missed: Missed) -> Option<Missed> {
    let sum = sum.unwrap_or(Missed { count: 0, since: missed.since });
    Some(Missed { count: sum.count + missed.count, since: sum.since.min(missed.since) })
}

fn total(status: Option<&BackupInstanceStatus>, missed: Option<Missed>) -> Option<MissedSlots> {
    let before = status.and_then(|status| status.missed_slots.clone());
    let Some(missed) = missed else { return before };
    let count = i64::try_from(missed.count).unwrap_or(i64::MAX);
    Some(match before {
        Some(before) => MissedSlots { count: before.count.saturating_add(count), since: before.since },
        None => MissedSlots { count, since: Time(missed.since) },
    })
}

fn next_wake(instance: &BackupInstance, found: &References, handled: Timestamp, now: Now) -> Wake {
    let next = |rule: &ParsedRule| {
        let from = now.time.checked_sub(delay(instance, rule)).unwrap_or(now.time).max(handled);
        let slot = rule.schedule.next_after(from)?;
        slot.checked_add(delay(instance, rule)).ok()
    };
    found.policy.rules.iter().filter_map(next).min().map_or(Wake::OnChange, Wake::At)
}

/// The job of a slot. It is owned by its instance, and cannot be made twice: its name is the slot.
fn job(instance: &BackupInstance, rule: &str, slot: Timestamp) -> BackupJob {
    let name = instance.name_any();
    let spec = BackupJobSpec {
        instance_ref: InstanceReference { name: name.clone() },
        slot: Some(Slot { rule: rule.to_owned(), time: Time(slot) }),
        retention_tag: None,
        cancel: false,
    };
    let mut job = BackupJob::new(&names::slot_job(&name, slot), spec);
    job.metadata.namespace = instance.namespace();
    job.metadata.owner_references = instance.controller_owner_ref(&()).map(|owner| vec![owner]);
    job.metadata.finalizers = Some(vec![finalizers::STOP_RUN.to_owned()]);
    let words = [
        (labels::MANAGED_BY, labels::MANAGED_BY_COFFER),
        (labels::INSTANCE, name.as_str()),
        (labels::VAULT, instance.spec.vault_ref.name.as_str()),
        (labels::RULE, rule),
    ];
    job.metadata.labels =
        Some(words.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
    job
}

/// When all checks had passed for the first time, as far as the status tells.
pub fn begun(instance: &BackupInstance, now: Now) -> Timestamp {
    let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions
        .iter()
        .find(|held| held.type_ == ConditionType::BackupReady.as_str() && held.status == "True")
        .map_or(now.time, |held| held.last_transition_time.0)
}
