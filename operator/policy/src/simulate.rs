//! What a policy would do: slots, tags and expiries over a range of time, for `coffer policy simulate`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::schedule::Schedule;
use crate::tag::{Retention, Tag};
use crate::window::{self, Waiting};

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
    let before = from.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(Timestamp::MIN);
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
            let row = run(&due, retention, slot, &successful)?;
            successful.push(slot);
            return Some(row);
        }
    })
}

/// The one backup of the rules that are due at a slot.
fn run(due: &[&Rule], retention: &Retention, slot: Timestamp, successful: &[Timestamp]) -> Option<Row> {
    let tags: Vec<Tag> =
        due.iter().map(|rule| retention.decide(slot, rule.schedule.zone(), successful)).collect();
    let waiting: Vec<Waiting<'_>> = due
        .iter()
        .zip(&tags)
        .map(|(rule, tag)| Waiting { slot, keep: tag.keep, zone: rule.schedule.zone() })
        .collect();
    let merged = window::merge(&waiting)?;
    let (rule, tag) = (due[merged.winner], &tags[merged.winner]);
    Some(Row {
        rule: rule.name.clone(),
        slot,
        tag: tag.name.clone(),
        expires: tag.keep.expires(slot, rule.schedule.zone()),
        reason: tag.reason.clone(),
        merged_rules: merged.others.iter().map(|index| due[*index].name.clone()).collect(),
    })
}

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
