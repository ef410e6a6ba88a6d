//! One lifecycle for each backup rule there; here retention rules that are asked for every point, whichever rule made it.
//!
//! A lifecycle is told from the others by when its rule fires: days and times become criteria, the longest first. Whether
//! every point then is kept as long as the plan says is tried on eight years of slots.

use std::collections::BTreeSet;

use crds::policy::{Criterion, RetentionRule, WeekOfMonth, Weekday};
use jiff::Timestamp;
use policy::simulate::{self, Row};

use super::super::PolicyError;
use super::draft;
use super::plan::PlanRule;
use super::plan_cron::{Cron, Days};
use crate::controller::policy::retention;

/// Two leap years, a century's worth of weekdays on 29 February not among them.
const TRIED: (&str, &str) = ("2024-01-01T00:00:00Z", "2032-01-01T00:00:00Z");

/// The most slots that are tried.
const MOST_TRIED: usize = 100_000;

/// The most times of day that the API takes.
const MOST_TIMES: usize = 24;

/// The name of the only retention rule.
const ONLY: &str = "Default";

/// The retention rules under which every rule's points are kept as long as its lifecycle says.
///
/// # Errors
/// [`PolicyError::Refused`] where there are none such.
pub fn of(rules: &[PlanRule], origin: &str) -> Result<Vec<RetentionRule>, PolicyError> {
    let mut lifecycles: Vec<&PlanRule> = rules.iter().collect();
    // The longest first. All are in days.
    lifecycles.sort_by_key(|rule| std::cmp::Reverse(rule.keep.count()));
    let Some((shortest, longer)) = lifecycles.split_last() else {
        return Err(PolicyError::Refused {
            field: origin.to_owned(),
            reason: "there are no rules".to_owned(),
        });
    };
    if longer.iter().all(|rule| rule.keep == shortest.keep) {
        return Ok(vec![draft::default_rule(ONLY.to_owned(), shortest.keep)]);
    }
    let mut made = Vec::new();
    for (priority, rule) in (1..).zip(longer.iter().filter(|rule| rule.keep != shortest.keep)) {
        let refused =
            |reason: &str| PolicyError::Refused { field: rule.field.clone(), reason: reason.to_owned() };
        if rules.iter().any(|other| other.zone != rule.zone) {
            return Err(refused(
                "rules with lifecycles of their own must be in one time zone here, or have a policy each",
            ));
        }
        let criterion = criterion(&rule.cron).ok_or_else(|| {
            refused("the times of this rule cannot be told from those of others by days and times of day")
        })?;
        made.push(draft::rule_with(rule.rule.name.clone(), priority, vec![criterion], rule.keep));
    }
    made.push(draft::default_rule(shortest.rule.name.clone(), shortest.keep));
    tried(rules, &made)?;
    Ok(made)
}

/// Slots of a schedule as a criterion; none where the API has no words for them.
fn criterion(cron: &Cron) -> Option<Criterion> {
    let mut criterion = Criterion::default();
    match &cron.days {
        Days::Every => {}
        Days::OfMonth(days) if days.iter().all(|day| *day <= 28) => {
            criterion.days_of_month = Some(days.iter().map(|day| i32::from(*day)).collect());
        }
        Days::OfMonth(_) => return None,
        Days::LastOfMonth => criterion.last_day_of_month = Some(true),
        Days::OfWeek(days) => criterion.days_of_week = Some(days.iter().map(|day| weekday(*day)).collect()),
        Days::LastOfWeek(day) => {
            criterion.days_of_week = Some(vec![weekday(*day)]);
            criterion.weeks_of_month = Some(vec![WeekOfMonth::Last]);
        }
    }
    if cron.months.len() < 12 {
        criterion.months = Some(cron.months.iter().map(|month| i32::from(*month)).collect());
    }
    if cron.hours.len() * cron.minutes.len() <= MOST_TIMES {
        let of_hour = |hour: &u8| {
            let hour = *hour;
            cron.minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}"))
        };
        criterion.times = Some(cron.hours.iter().flat_map(of_hour).collect());
    }
    (criterion != Criterion::default()).then_some(criterion)
}

fn weekday(day: u8) -> Weekday {
    match day {
        1 => Weekday::Monday,
        2 => Weekday::Tuesday,
        3 => Weekday::Wednesday,
        4 => Weekday::Thursday,
        5 => Weekday::Friday,
        6 => Weekday::Saturday,
        _ => Weekday::Sunday,
    }
}

/// Walks through the slots of years: each point must be kept as long as the longest lifecycle of the rules that are due.
fn tried(rules: &[PlanRule], made: &[RetentionRule]) -> Result<(), PolicyError> {
    let refused =
        |rule: &PlanRule, reason: String| PolicyError::Refused { field: rule.field.clone(), reason };
    let retention = retention::parse(made).map_err(|fault| refused(&rules[0], fault.to_string()))?;
    let mut walked = Vec::new();
    for rule in rules {
        let schedule = policy::Schedule::cron(&rule.cron.text, rule.zone.clone())
            .map_err(|error| refused(rule, error.to_string()))?;
        walked.push(simulate::Rule { name: rule.rule.name.clone(), schedule });
    }
    let [from, to] =
        [TRIED.0, TRIED.1].map(|time| time.parse::<Timestamp>().expect("a constant that is a time"));
    let none = BTreeSet::new();
    for row in simulate::simulate(&walked, &retention, from, to, &none).take(MOST_TRIED) {
        let due = |rule: &&PlanRule| rule.rule.name == row.rule || row.merged_rules.contains(&rule.rule.name);
        let ends = rules.iter().filter(due).map(|rule| (rule.keep.expires(row.slot, &rule.zone), rule));
        let Some((end, rule)) = ends.max_by_key(|(end, _)| *end) else { continue };
        if end != row.expires {
            return Err(refused(rule, overlap(&row, rule)));
        }
    }
    Ok(())
}

fn overlap(row: &Row, rule: &PlanRule) -> String {
    format!(
        "its {} cannot be had: the retention rules of a BackupPolicy are asked for all its backup rules, and at {} \
         the longer {} would take the point too; give the rules other times of day, or each a policy of its own",
        rule.keep, row.slot, row.tag
    )
}
