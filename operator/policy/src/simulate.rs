//! What a policy would do: slots, tags and expiries over a range of time, for `coffer policy simulate`.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::choice::{Candidate, Choice, choose};
use crate::schedule::Schedule;
use crate::tag::Retention;

/// A leap year, and some days for moved clocks and calendars.
const LONGEST_PERIOD: SignedDuration = SignedDuration::from_hours(24 * 370);

/// A backup rule of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// When it backs up.
    pub schedule: Schedule,
}

/// A slot of a rule, to say that its backup fails.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The rule's name.
    pub rule: String,
    /// The slot.
    pub time: Timestamp,
}

/// A successful slot. As JSON its times are RFC 3339 in UTC with Z, and it has the four fields
/// `rule`, `slot`, `tag`, `expires`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The rule under which the backup ran.
    pub rule: String,
    /// Its slot.
    pub slot: Timestamp,
    /// The tag of its point.
    pub tag: String,
    /// When the point expires, if it was taken at the slot.
    pub expires: Timestamp,
    /// Why it got the tag.
    #[serde(skip)]
    pub reason: String,
    /// Other rules with a slot at the same instant, which this backup stands for.
    #[serde(skip)]
    pub merged_rules: Vec<String>,
}

/// Walks through the successful slots from `from` (included) to `to` (left out), in order.
///
/// Every backup runs at its slot and succeeds, unless it is in `failed` under its own rule or under one that
/// was merged into it. Nothing was backed up before `from`.
pub fn simulate<'a>(
    rules: &'a [Rule],
    retention: &'a Retention,
    from: Timestamp,
    to: Timestamp,
    failed: &'a BTreeSet<Slot>,
) -> impl Iterator<Item = Row> + 'a {
    let before = from.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN);
    let mut slots: Vec<_> = rules.iter().map(|rule| rule.schedule.slots_after(before).peekable()).collect();
    let mut successful = Vec::new();
    std::iter::from_fn(move || {
        loop {
            let slot = slots.iter_mut().filter_map(|slots| slots.peek().copied()).min()?;
            if slot >= to {
                return None;
            }
            let due: Vec<&Rule> = rules
                .iter()
                .zip(&mut slots)
                .filter_map(|(rule, slots)| slots.next_if_eq(&slot).map(|_| rule))
                .collect();
            let fails = |rule: &&Rule| failed.contains(&Slot { rule: rule.name.clone(), time: slot });
            if due.iter().any(fails) {
                continue;
            }
            let row = run(&due, retention, slot, recent(&successful, slot))?;
            successful.push(slot);
            return Some(row);
        }
    })
}

/// Of ascending slots those that can share a calendar period with this one: every longer history is asked as fast.
fn recent(successful: &[Timestamp], slot: Timestamp) -> &[Timestamp] {
    let start = slot.checked_sub(LONGEST_PERIOD).unwrap_or(Timestamp::MIN);
    &successful[successful.partition_point(|other| *other < start)..]
}

/// The one backup of the rules that are due at a slot.
fn run(due: &[&Rule], retention: &Retention, slot: Timestamp, successful: &[Timestamp]) -> Option<Row> {
    let candidates: Vec<Candidate<'_>> =
        due.iter().map(|rule| Candidate { slot, zone: rule.schedule.zone() }).collect();
    let Choice { winner, others, tag } = choose(&candidates, retention, successful)?;
    let rule = due[winner];
    Some(Row {
        rule: rule.name.clone(),
        slot,
        expires: tag.keep.expires(slot, rule.schedule.zone()),
        tag: tag.name,
        reason: tag.reason,
        merged_rules: others.iter().map(|index| due[*index].name.clone()).collect(),
    })
}

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
