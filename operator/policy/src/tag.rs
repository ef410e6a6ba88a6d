//! Tagging: which retention rule a point falls under, and so how long it is kept.

mod criterion;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::keep::Keep;
use crate::zone::Zone;

pub use criterion::{Calendar, CalendarError, Criterion, Period, WeekOfMonth};

/// The most rules of a policy.
pub const MOST_RULES: usize = 16;

/// One retention rule. Its name is the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The tag that points under it get.
    pub name: String,
    /// How long they are kept.
    pub keep: Keep,
    /// Whom it is for.
    pub applies: Applies,
}

/// Whom a retention rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Every point that no other rule takes. A policy has exactly one such rule.
    Otherwise,
    /// Points that meet one of the criteria, unless a rule with a lower number took them.
    When {
        /// The rules are asked in ascending order.
        priority: i32,
        /// One of them is enough.
        criteria: Vec<Criterion>,
    },
}

/// The retention rules of a policy, checked and in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The default is last.
    rules: Vec<Rule>,
}

/// Why the retention rules were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// None, or too many.
    #[error("`retention` has {count} rules: write 1 to {MOST_RULES}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// Not exactly one default.
    #[error("`retention` has {count} default rules: exactly one rule must have `default: true`")]
    Defaults {
        /// How many there are.
        count: usize,
    },
    /// Two rules of one name.
    #[error("`retention` has two rules named {name:?}: the name is the tag, so each must be different")]
    SameName {
        /// The name.
        name: String,
    },
    /// Two rules of one priority.
    #[error(
        "the retention rules {first:?} and {second:?} have the same priority {priority}: give each its own"
    )]
    SamePriority {
        /// A rule.
        first: String,
        /// Another.
        second: String,
        /// Their priority.
        priority: i32,
    },
    /// A rule that takes no point.
    #[error("the retention rule {name:?} has no criteria: add some, or make it the default")]
    NoCriteria {
        /// The rule.
        name: String,
    },
}

/// What a point gets, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The rule's name.
    pub name: String,
    /// How long the point is kept.
    pub keep: Keep,
    /// A sentence for people.
    pub reason: String,
}

impl Retention {
    /// Checks the rules and puts them in order.
    ///
    /// # Errors
    ///
    /// [`RetentionError`] unless there are 1 to 16 rules of different names, exactly one of them the default,
    /// and every other with criteria and a priority of its own.
    pub fn new(mut rules: Vec<Rule>) -> Result<Self, RetentionError> {
        if rules.is_empty() || rules.len() > MOST_RULES {
            return Err(RetentionError::Count { count: rules.len() });
        }
        let defaults = rules.iter().filter(|rule| rule.applies == Applies::Otherwise).count();
        if defaults != 1 {
            return Err(RetentionError::Defaults { count: defaults });
        }
        let mut names = BTreeSet::new();
        for rule in &rules {
            if !names.insert(rule.name.as_str()) {
                return Err(RetentionError::SameName { name: rule.name.clone() });
            }
            if matches!(&rule.applies, Applies::When { criteria, .. } if criteria.is_empty()) {
                return Err(RetentionError::NoCriteria { name: rule.name.clone() });
            }
        }
        // The default after every number.
        rules.sort_by_key(|rule| rule.priority().map_or((1, 0), |priority| (0, priority)));
        for pair in rules.windows(2) {
            if let Some(priority) = pair[0].priority()
                && pair[1].priority() == Some(priority)
            {
                let [first, second] = [0, 1].map(|index| pair[index].name.clone());
                return Err(RetentionError::SamePriority { first, second, priority });
            }
        }
        Ok(Self { rules })
    }

    /// A policy of one rule for everything.
    pub fn default_only(name: &str, keep: Keep) -> Self {
        Self { rules: vec![Rule { name: name.to_owned(), keep, applies: Applies::Otherwise }] }
    }

    /// The tag of a scheduled point: the first rule, in ascending priority, one of whose criteria it meets.
    ///
    /// - `slot`: the slot of the point's job, which is what calendars are asked about, not the snapshot's time.
    /// - `zone`: the zone of the backup rule whose slot it is.
    /// - `successful`: the slots of the instance's successful points so far (of on-demand ones the creation of
    ///   their job), in any order, this one left out. *First* means that none of them lies in the same calendar
    ///   period.
    pub fn decide(&self, slot: Timestamp, zone: &Zone, successful: &[Timestamp]) -> Tag {
        let matched = self.rules.iter().find_map(|rule| match &rule.applies {
            Applies::When { criteria, .. } => {
                let met = criteria.iter().find(|criterion| criterion.is_met(slot, zone, successful))?;
                Some((rule, met.reason(slot, zone)))
            }
            Applies::Otherwise => Some((rule, "No other retention rule applies.".to_owned())),
        });
        let (rule, reason) = matched.expect("the default rule takes every point");
        Tag { name: rule.name.clone(), keep: rule.keep, reason }
    }

    /// The tag of an on-demand point: the rule of exactly this name; none if the policy has no such rule.
    pub fn named(&self, name: &str) -> Option<Tag> {
        let rule = self.rules.iter().find(|rule| rule.name == name)?;
        let reason = format!("The job asked for the tag {name}.");
        Some(Tag { name: rule.name.clone(), keep: rule.keep, reason })
    }

    /// The rule that takes what no other does.
    pub fn otherwise(&self) -> &Rule {
        self.rules.last().expect("the default rule is there and is last")
    }

    /// The rules in the order in which they are asked, the default last.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    fn priority(&self) -> Option<i32> {
        match self.applies {
            Applies::When { priority, .. } => Some(priority),
            Applies::Otherwise => None,
        }
    }
}

#[cfg(test)]
#[path = "tag_tests.rs"]
mod tests;
