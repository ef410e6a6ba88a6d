//! What is promised for a run's point, decided once, at the first attempt: tag, keep, zone, policy version and why. Pure.

use contract::{Decision, PolicyVersion, Trigger};
use crds::backup_job::Slot;
use crds::{ErrorCode, Reason};
use jiff::Timestamp;
use policy::choice::{Candidate, choose};
use policy::tag::Tag;
use policy::{Keep, Zone};

use super::draft::Draft;
use super::guards::{Objection, Ready};
use super::{merged, promise};
use crate::controller::policy::{ParsedPolicy, refusal};

/// The promise: as an earlier attempt made it, else as the policy makes it now.
///
/// # Errors
/// The [`Objection`] when it cannot be made yet, or the vault would not take such a point.
pub fn promise(draft: &Draft<'_>, ready: &Ready<'_>) -> Result<Decision, Objection> {
    if let Some(held) = promise::held(draft.job, draft.facts) {
        return Ok(held);
    }
    let Decided { tag, zone, trigger } = match &draft.job.spec.retention_tag {
        Some(name) => asked_for(draft, ready.policy, name)?,
        None => by_slot(draft, ready.policy)?,
    };
    in_range(draft, &tag.name, tag.keep, &zone)?;
    Ok(Decision {
        tag: tag.name,
        keep: Some(tag.keep.to_string()),
        time_zone: zone.name().to_owned(),
        reason: tag.reason,
        keep_at_least: ready.policy.keep_at_least,
        policy: Some(PolicyVersion {
            namespace: ready.seen.namespace.clone(),
            name: ready.seen.name.clone(),
            version: ready.seen.version,
        }),
        trigger,
    })
}

struct Decided {
    tag: Tag,
    zone: Zone,
    trigger: Trigger,
}

/// The tag that a job on demand asks for, exactly that.
///
/// # Errors
/// An [`Objection`] with the names that could be asked for, if the policy has no such tag.
pub fn named(policy: &ParsedPolicy, name: &str) -> Result<Tag, Objection> {
    policy.retention.named(name).ok_or_else(|| {
        let names: Vec<&str> = policy.retention.rules().iter().map(|rule| rule.name.as_str()).collect();
        let message = format!(
            "The policy has no retention rule {name:?}: make a new job with `retentionTag` set to one of {}.",
            names.join(", ")
        );
        Objection::fatal(Reason::TagNotFound, ErrorCode::UserErrorRetentionTagNotFound, message)
    })
}

/// It is counted in the zone of the policy's first rule, and no criterion is asked.
fn asked_for(draft: &Draft<'_>, policy: &ParsedPolicy, name: &str) -> Result<Decided, Objection> {
    let tag = named(policy, name)?;
    let zone = policy.rules.first().map_or_else(Zone::utc, |rule| rule.schedule.zone().clone());
    Ok(Decided { tag, zone, trigger: Trigger::OnDemand { requested: accepted(draft) } })
}

/// When the job was taken up: stamped by the operator's own clock, which the time of an object's creation is not.
fn accepted(draft: &Draft<'_>) -> Timestamp {
    draft.status.accepted_time.as_ref().map_or(draft.now.time, |time| time.0)
}

/// Of all slots that the job stands for the one whose tag lasts longest.
fn by_slot(draft: &Draft<'_>, policy: &ParsedPolicy) -> Result<Decided, Objection> {
    let Some(history) = &draft.facts.history else {
        let message = "The vault's keeper has not told its points yet, and the tag depends on them.";
        return Err(Objection::waits(Reason::KeeperStarting, message));
    };
    let mut slots = merged::slots(draft.job);
    // Of equals the first in the policy goes first.
    let place = |slot: &Slot| policy.rules.iter().position(|rule| rule.name == slot.rule);
    slots.sort_by_key(|slot| place(slot).unwrap_or(usize::MAX));
    let zones: Vec<Zone> = slots
        .iter()
        .map(|slot| policy.rule(&slot.rule).map_or_else(Zone::utc, |rule| rule.schedule.zone().clone()))
        .collect();
    let candidates: Vec<Candidate<'_>> =
        slots.iter().zip(&zones).map(|(slot, zone)| Candidate { slot: slot.time.0, zone }).collect();
    let Some(choice) = choose(&candidates, &policy.retention, &history.successful) else {
        return Err(Objection::waits(Reason::InvalidSpec, "The job has neither a slot nor a tag."));
    };
    let winner = &slots[choice.winner];
    Ok(Decided {
        tag: choice.tag,
        zone: zones[choice.winner].clone(),
        trigger: Trigger::Slot { rule: winner.rule.clone(), slot: winner.time.0 },
    })
}

/// The vault takes nothing that it would have to keep for shorter or longer than its owner allows.
fn in_range(draft: &Draft<'_>, tag: &str, keep: Keep, zone: &Zone) -> Result<(), Objection> {
    let vault = draft.facts.vault.as_deref();
    match vault.and_then(|vault| refusal(vault, tag, keep, draft.now.time, zone)) {
        Some(message) => Err(Objection::fatal(
            Reason::RetentionOutsideVault,
            ErrorCode::UserErrorRetentionOutsideVault,
            message,
        )),
        None => Ok(()),
    }
}
