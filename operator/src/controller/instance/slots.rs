//! Which slots are due, and as which jobs. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::backup_job::Slot;
use crds::common::{ConditionType, InstanceReference, Time};
use crds::instance::{InstanceState, MissedSlots, Protection};
use crds::policy::BackupRule;
use crds::{BackupInstance, BackupInstanceStatus, BackupJob, BackupJobSpec, annotations, finalizers, labels};
use jiff::{SignedDuration, Timestamp};
use kube::{Resource as _, ResourceExt as _};
use policy::choice::Candidate;
use policy::spread;
use policy::window::{Due, Missed, due};

use super::observe::Seen;
use super::references::References;
use crate::clock::Now;
use crate::controller::backup_job::{merged, promise};
use crate::controller::policy::{ParsedPolicy, ParsedRule};
use crate::controller::{History, Wake};
use crate::names;

/// What the schedule asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Slots {
    /// The job to be made; none may be made for this slot twice, which its name ensures.
    pub job: Option<BackupJob>,
    /// A job that waits, and stands for what is due now as well.
    pub join: Option<Join>,
    /// Slots up to then are used now.
    pub last: Timestamp,
    /// The next slot, without its spread.
    pub next: Option<Timestamp>,
    pub missed: Option<MissedSlots>,
    pub wake: Wake,
}

/// A job that waits, and what its annotation is to say.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    pub job: Arc<BackupJob>,
    pub annotation: String,
}

/// What is due at `now`. Nothing is, before the first time that all checks had passed.
pub fn slots(instance: &BackupInstance, found: &References, seen: &Seen, now: Now) -> Slots {
    let status = instance.status.as_ref();
    let used = last_used(status, seen, now).unwrap_or_else(|| begun(instance, now)).min(now.time);
    let news = News::of(instance, found);
    let asked: Vec<Asked<'_>> =
        found.policy.rules.iter().map(|rule| Asked::of(rule, instance, &news, used, now)).collect();
    let chosen = choose(found, &asked, seen.history.as_ref(), now);
    let host = chosen.as_ref().and_then(|chosen| host(seen, chosen, &found.policy, now));
    let missed = asked.iter().filter_map(|asked| missed_of(asked.due)).fold(None, add);
    let last = match &chosen {
        // What a new rule asks for begins now, for good.
        _ if news.any() => used.max(now.time),
        Some(chosen) => chosen.used,
        None => used,
    };
    Slots {
        last,
        // A job that still waits to start stands for the slots that come due meanwhile.
        join: chosen.as_ref().zip(host).and_then(|(chosen, host)| join(chosen, host)),
        job: chosen.filter(|_| host.is_none()).and_then(|chosen| job(instance, &chosen.slots)),
        next: found.policy.rules.iter().filter_map(|rule| rule.schedule.next_after(now.time)).min(),
        missed: total(status, missed),
        wake: next_wake(instance, found, last, now),
    }
}

/// What was not there at the last look: its slots of the time before are no missed ones.
struct News<'a> {
    /// Protection was suspended or stopped until now.
    resumed: bool,
    /// The rules that are new, or whose times are. Windows and the like move no slot.
    rules: Vec<&'a str>,
}

impl<'a> News<'a> {
    fn of(instance: &BackupInstance, found: &'a References) -> Self {
        let snapshot = instance.status.as_ref().and_then(|status| status.policy_snapshot.as_ref());
        let held = snapshot.filter(|held| held.name == found.policy_name);
        let is_held = |rule: &&BackupRule| {
            let same = |held: &BackupRule| {
                (&held.name, &held.schedule, &held.time_zone) == (&rule.name, &rule.schedule, &rule.time_zone)
            };
            held.is_some_and(|held| held.spec.rules.iter().any(same))
        };
        let rules = match snapshot {
            Some(_) => {
                found.spec.rules.iter().filter(|rule| !is_held(rule)).map(|rule| &*rule.name).collect()
            }
            None => Vec::new(),
        };
        Self { resumed: is_resumed(instance), rules }
    }

    fn any(&self) -> bool {
        self.resumed || !self.rules.is_empty()
    }

    fn has(&self, rule: &ParsedRule) -> bool {
        self.resumed || self.rules.contains(&rule.name.as_str())
    }
}

/// How a rule stands.
struct Asked<'a> {
    rule: &'a ParsedRule,
    /// Its slots up to then are used, or were before the rule was.
    handled: Timestamp,
    due: Due,
}

impl<'a> Asked<'a> {
    fn of(
        rule: &'a ParsedRule,
        instance: &BackupInstance,
        news: &News<'_>,
        used: Timestamp,
        now: Now,
    ) -> Self {
        let is_new = news.has(rule);
        let handled = if is_new { used.max(now.time) } else { used };
        // All slots up to now are used from now on, so one that waits for its spread beside a new rule runs at once.
        let delay = if news.any() && !is_new { SignedDuration::ZERO } else { delay(instance, rule) };
        Self { rule, handled, due: due(&rule.schedule, rule.windows, delay, handled, now.time) }
    }
}

/// Whether protection was suspended or stopped when the status was written, and is not any more.
pub fn is_resumed(instance: &BackupInstance) -> bool {
    let rested = [InstanceState::BackupsSuspended, InstanceState::ProtectionStopped].map(Some);
    let before = instance.status.as_ref().and_then(|status| status.state);
    instance.spec.protection == Protection::Enabled && rested.contains(&before)
}

/// What is due as one job.
struct Chosen {
    /// The slot that the job is named by, then the others that it stands for.
    slots: Vec<Slot>,
    /// The newest of them.
    used: Timestamp,
    /// The tag that its point would get; `None` while the points before it are not known, or its window has closed.
    tag: Option<String>,
    is_open: bool,
}

/// Once one rule is due, those that only wait for their spread join it: one job, under the rule whose tag lasts longest.
/// Tags are decided for good when the job begins; until then its name is that of a slot that it stands for, whichever.
fn choose(found: &References, asked: &[Asked<'_>], history: Option<&History>, now: Now) -> Option<Chosen> {
    let is_due = asked.iter().any(|asked| !matches!(asked.due, Due::Nothing { .. }));
    if !is_due {
        return None;
    }
    let open: Vec<(&ParsedRule, Timestamp)> = asked
        .iter()
        .filter_map(|Asked { rule, handled, .. }| {
            match due(&rule.schedule, rule.windows, SignedDuration::ZERO, *handled, now.time) {
                Due::Run { slot, .. } => Some((*rule, slot)),
                Due::Nothing { .. } | Due::Expired { .. } => None,
            }
        })
        .collect();
    if open.is_empty() {
        // Its window has closed: the job is made to say so, and expires at once.
        let expired = |asked: &Asked<'_>| match asked.due {
            Due::Expired { slot, .. } => Some((asked.rule.name.clone(), slot)),
            Due::Run { .. } | Due::Nothing { .. } => None,
        };
        let (rule, slot) = asked.iter().filter_map(expired).max_by_key(|(_, slot)| *slot)?;
        let slots = vec![Slot { rule, time: Time(slot) }];
        return Some(Chosen { slots, used: slot, tag: None, is_open: false });
    }
    let candidates: Vec<Candidate<'_>> =
        open.iter().map(|(rule, slot)| Candidate { slot: *slot, zone: rule.schedule.zone() }).collect();
    let successful = history.map_or(&[][..], |history| &history.successful);
    let choice = policy::choice::choose(&candidates, &found.policy.retention, successful)?;
    let places = [choice.winner].into_iter().chain(choice.others);
    let slot = |(rule, slot): (&ParsedRule, Timestamp)| Slot { rule: rule.name.clone(), time: Time(slot) };
    Some(Chosen {
        slots: places.map(|place| slot(open[place])).collect(),
        used: open.iter().map(|(_, slot)| *slot).max()?,
        tag: history.map(|_| choice.tag.name),
        is_open: true,
    })
}

/// The job that stands for what is due as well: one that waits, and has not decided its tag or has decided the same.
/// Another tag is another promise, which needs a point of its own.
fn host<'a>(seen: &'a Seen, chosen: &Chosen, policy: &ParsedPolicy, now: Now) -> Option<&'a Arc<BackupJob>> {
    let waiting = || seen.jobs.iter().filter(|job| is_waiting(job, policy, now));
    let tag_of = |job: &BackupJob| {
        job.status.as_ref().and_then(|status| status.retention.as_ref()).map(|held| held.tag.clone())
    };
    waiting()
        .find(|job| tag_of(job).is_none())
        .or_else(|| waiting().find(|job| !chosen.is_open || tag_of(job) == chosen.tag))
}

/// Tells the job what else it stands for. A slot whose own window has closed is only counted as used.
fn join(chosen: &Chosen, host: &Arc<BackupJob>) -> Option<Join> {
    let held = merged::slots(host);
    let known: Vec<Slot> = held.iter().skip(1).cloned().collect();
    let others: Vec<Slot> =
        known.iter().chain(&chosen.slots).filter(|slot| Some(*slot) != held.first()).cloned().collect();
    let annotation = merged::annotation(&others).filter(|_| chosen.is_open)?;
    (merged::annotation(&known).as_ref() != Some(&annotation))
        .then(|| Join { job: Arc::clone(host), annotation })
}

/// By jobs that are there, by what the status remembers of those that are gone, and by the points that they made. What a
/// clock that ran ahead has left lies after now and uses no slot before it comes: what the status remembers is taken for
/// now, once, and each job and point counts from its own slot on.
fn last_used(status: Option<&BackupInstanceStatus>, seen: &Seen, now: Now) -> Option<Timestamp> {
    let told = status.and_then(|status| status.last_slot_time.as_ref()).map(|time| time.0);
    let has_come = |slot: &Timestamp| *slot <= now.time;
    let slots = seen.jobs.iter().filter_map(|job| job.spec.slot.as_ref()).map(|slot| slot.time.0);
    let made = slots.filter(has_come).max();
    // A job's object may be lost with the status; the vault still knows the point that it made.
    let kept = seen.history.as_ref().and_then(|history| history.newest_slot(now.time));
    told.max(made).max(kept)
}

fn delay(instance: &BackupInstance, rule: &ParsedRule) -> SignedDuration {
    let uid = instance.uid().unwrap_or_default();
    spread::delay(&uid, rule.spread_minutes, rule.start_window_minutes).unwrap_or(SignedDuration::ZERO)
}

/// Made for a slot, not begun, and still to begin: one whose window has closed only has to be told so, and a slot that it
/// stood for would be lost with it. It takes slots only while the window of its own is open: each lets it wait for longer, and
/// one that took every next slot would fail for ever and never end.
fn is_waiting(job: &BackupJob, policy: &ParsedPolicy, now: Now) -> bool {
    let status = job.status.as_ref();
    let begun = status.is_some_and(|status| status.start_time.is_some());
    let deadline = status.and_then(|status| status.start_deadline_time.as_ref());
    let too_late = deadline.is_some_and(|deadline| deadline.0 <= now.time);
    let going = job.spec.cancel || job.metadata.deletion_timestamp.is_some();
    // A slot that has not come yet was made by a clock that ran ahead.
    let is_open =
        |slot: &Slot| slot.time.0 <= now.time && now.time < promise::of_slot(slot, Some(policy)).start;
    let is_own_open = job.spec.slot.as_ref().is_some_and(is_open);
    !job.is_terminal() && !begun && !too_late && !going && is_own_open
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

/// The job of the first of these slots, which stands for the others, too. It is owned by its instance, and cannot be made
/// twice: its name is the slot.
fn job(instance: &BackupInstance, slots: &[Slot]) -> Option<BackupJob> {
    let name = instance.name_any();
    let (own, others) = slots.split_first()?;
    let spec = BackupJobSpec {
        instance_ref: InstanceReference { name: name.clone() },
        slot: Some(own.clone()),
        retention_tag: None,
        cancel: false,
    };
    let mut job = BackupJob::new(&names::slot_job(&name, own.time.0), spec);
    job.metadata.namespace = instance.namespace();
    job.metadata.owner_references = instance.controller_owner_ref(&()).map(|owner| vec![owner]);
    job.metadata.finalizers = Some(vec![finalizers::STOP_RUN.to_owned()]);
    let words = [
        (labels::MANAGED_BY, labels::MANAGED_BY_COFFER),
        (labels::INSTANCE, name.as_str()),
        (labels::VAULT, instance.spec.vault_ref.name.as_str()),
        (labels::RULE, own.rule.as_str()),
    ];
    job.metadata.labels =
        Some(words.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
    job.metadata.annotations =
        merged::annotation(others).map(|text| BTreeMap::from([(annotations::MERGED_SLOTS.to_owned(), text)]));
    Some(job)
}

/// When all checks had passed for the first time. It is asked only until the status remembers what is used.
fn begun(instance: &BackupInstance, now: Now) -> Timestamp {
    let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions
        .iter()
        .find(|held| held.type_ == ConditionType::BackupReady.as_str() && held.status == "True")
        .map_or(now.time, |held| held.last_transition_time.0)
}
