//! Tagging criteria of a rule tree, and the retention rules that they lead to.

use std::collections::BTreeMap;

use crds::policy::{Criterion, FirstOf, RetentionRule, WeekOfMonth, Weekday};
use policy::Zone;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::super::PolicyError;
use super::draft;
use super::json::{Object, Warnings};

/// When a tag is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Tagging {
    /// Where it stands.
    field: String,
    tag: String,
    priority: i32,
    is_default: bool,
    criteria: Vec<Criterion>,
}

/// A retention rule, still without the criteria for its tag.
#[derive(Debug)]
pub struct Kept {
    pub rule: RetentionRule,
    /// Where its name stands.
    pub field: String,
}

/// Reads the tagging criteria of a trigger.
pub fn read(trigger: &Object<'_>, zone: &Zone, warnings: &Warnings) -> Result<Vec<Tagging>, PolicyError> {
    trigger.objects("taggingCriteria")?.into_iter().map(|item| one(item, zone, warnings)).collect()
}

/// Whether two triggers give the same tags in the same way.
pub fn same(one: &[Tagging], other: &[Tagging]) -> bool {
    let keyed = |all: &[Tagging]| -> BTreeMap<String, Tagging> {
        let bare = |tagging: &Tagging| Tagging { field: String::new(), ..tagging.clone() };
        all.iter().map(|tagging| (tagging.tag.clone(), bare(tagging))).collect()
    };
    one.len() == other.len() && keyed(one) == keyed(other)
}

/// The retention rules with the criteria under which their tags are given.
///
/// # Errors
/// [`PolicyError::Refused`] for a tag without a retention rule or the other way round, and for an order in which a rule would
/// come to stand elsewhere.
pub fn joined(tagging: &[Tagging], kept: &[Kept]) -> Result<Vec<RetentionRule>, PolicyError> {
    let refused = |field: &str, reason: String| PolicyError::Refused { field: field.to_owned(), reason };
    for tag in tagging {
        if !kept.iter().any(|kept| kept.rule.name == tag.tag) {
            let reason = format!("no AzureRetentionRule is named {:?}", tag.tag);
            return Err(refused(&format!("{}.tagInfo.tagName", tag.field), reason));
        }
    }
    let last = tagging.iter().find(|tag| tag.is_default).map_or(i32::MAX, |tag| tag.priority);
    let mut rules = Vec::new();
    for Kept { rule, field } in kept {
        let Some(tag) = tagging.iter().find(|tag| tag.tag == rule.name) else {
            let reason = format!(
                "no tagging criterion gives the tag {:?}: such a rule is for backups on demand only, which a \
                 BackupPolicy does not have",
                rule.name
            );
            return Err(refused(field, reason));
        };
        if tag.is_default != (rule.default == Some(true)) {
            let reason = format!("the tagging criterion and the retention rule {:?} do not agree", rule.name);
            return Err(refused(&format!("{}.isDefault", tag.field), reason));
        }
        if !tag.is_default && tag.priority >= last {
            let reason = format!(
                "{} does not come before the default's {last}: it would never be given",
                tag.priority
            );
            return Err(refused(&format!("{}.taggingPriority", tag.field), reason));
        }
        rules.push(with_criteria(rule.clone(), tag)?);
    }
    Ok(rules)
}

/// The rule under a name that the API takes.
fn with_criteria(mut rule: RetentionRule, tag: &Tagging) -> Result<RetentionRule, PolicyError> {
    // Told once: a name that has to change is refused here, since people type tags.
    let warnings = Warnings::default();
    let field = format!("{}.tagInfo.tagName", tag.field);
    let fit = draft::rule_name(&field, &rule.name, &warnings)?;
    if fit != rule.name {
        let reason =
            format!("{:?} cannot be a tag: use letters, digits, - and _ , such as {fit:?}", rule.name);
        return Err(PolicyError::Refused { field, reason });
    }
    if !tag.is_default {
        rule.priority = Some(tag.priority);
        rule.criteria = Some(tag.criteria.clone());
    }
    Ok(rule)
}

fn one(item: Object<'_>, zone: &Zone, warnings: &Warnings) -> Result<Tagging, PolicyError> {
    let info = item.required_object("tagInfo")?;
    info.pass_over(&["id", "eTag"]);
    let tag = info.required_text("tagName")?.to_owned();
    info.finish();
    let is_default = item.flag("isDefault")?;
    let priority = item.small("taggingPriority")?;
    let mut all = Vec::new();
    for criterion in item.objects("criteria")? {
        all.extend(criteria(criterion, zone, warnings)?);
    }
    let priority = match priority {
        Some(priority) if is_default || (1..=99).contains(&priority) => priority,
        None if is_default => i32::MAX,
        None => return Err(item.refuse("taggingPriority", "it is missing")),
        Some(other) => return Err(item.refuse("taggingPriority", format!("{other} is not in 1 to 99"))),
    };
    if is_default != all.is_empty() {
        let reason = if is_default { "the default tag has criteria" } else { "it gives its tag to nothing" };
        return Err(item.refuse("criteria", reason));
    }
    let field = item.path("");
    item.finish();
    Ok(Tagging { field: field.trim_end_matches('.').to_owned(), tag, priority, is_default, criteria: all })
}

/// One criterion there is one here, or several of which any will do.
fn criteria(item: Object<'_>, zone: &Zone, warnings: &Warnings) -> Result<Vec<Criterion>, PolicyError> {
    match item.required_text("objectType")? {
        "ScheduleBasedBackupCriteria" => {}
        other => return Err(item.refuse("objectType", format!("{other:?} is not known here"))),
    }
    let absolute = absolute(&item)?;
    let (days_of_month, last_day_of_month) = days_of_month(&item)?;
    let criterion = Criterion {
        first: None,
        all: None,
        days_of_week: words::<Weekday>(&item, "daysOfTheWeek")?,
        weeks_of_month: words::<WeekOfMonth>(&item, "weeksOfTheMonth")?,
        days_of_month,
        last_day_of_month,
        months: months(&item)?,
        times: times(&item, zone, warnings)?,
    };
    let is_calendar = criterion != Criterion::default();
    if is_calendar && !absolute.is_empty() {
        let reason = "it stands beside days, months or times: both must be met there, and one criterion cannot say that here";
        return Err(item.refuse("absoluteCriteria", reason));
    }
    item.finish();
    Ok(if is_calendar { vec![criterion] } else { absolute })
}

fn absolute(item: &Object<'_>) -> Result<Vec<Criterion>, PolicyError> {
    let first = |period| Criterion { first: Some(period), ..Criterion::default() };
    let one = |word: &str| {
        Ok(match word {
            "AllBackup" => Criterion { all: Some(true), ..Criterion::default() },
            "FirstOfDay" => first(FirstOf::Day),
            "FirstOfWeek" => first(FirstOf::Week),
            "FirstOfMonth" => first(FirstOf::Month),
            "FirstOfYear" => first(FirstOf::Year),
            other => return Err(item.refuse("absoluteCriteria", format!("{other:?} is not known here"))),
        })
    };
    item.texts("absoluteCriteria")?.into_iter().map(one).collect()
}

/// Words that both sides write alike.
fn words<T: DeserializeOwned>(item: &Object<'_>, name: &str) -> Result<Option<Vec<T>>, PolicyError> {
    let one = |word: &str| {
        serde_json::from_value(json!(word))
            .map_err(|_| item.refuse(name, format!("{word:?} is not known here")))
    };
    Ok(listed(item.texts(name)?.into_iter().map(one).collect::<Result<Vec<T>, _>>()?))
}

fn months(item: &Object<'_>) -> Result<Option<Vec<i32>>, PolicyError> {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let one = |word: &str| {
        let found = (1..).zip(NAMES).find(|(_, name)| *name == word).map(|(number, _)| number);
        found.ok_or_else(|| item.refuse("monthsOfYear", format!("{word:?} is no month")))
    };
    Ok(listed(item.texts("monthsOfYear")?.into_iter().map(one).collect::<Result<_, _>>()?))
}

fn days_of_month(item: &Object<'_>) -> Result<(Option<Vec<i32>>, Option<bool>), PolicyError> {
    let (mut days, mut last) = (Vec::new(), None);
    for day in item.objects("daysOfMonth")? {
        match (day.small("date")?, day.flag("isLast")?) {
            (None | Some(0), true) => last = Some(true),
            (Some(date), false) if (1..=28).contains(&date) => days.push(date),
            (Some(date), _) => {
                return Err(day
                    .refuse("date", format!("{date}: write 1 to 28, or `isLast` for the end of the month")));
            }
            (None, false) => return Err(day.refuse("date", "it is missing")),
        }
        day.finish();
    }
    Ok((listed(days), last))
}

/// Of the times only the time of day says something here; the date is where the schedule began.
fn times(item: &Object<'_>, zone: &Zone, warnings: &Warnings) -> Result<Option<Vec<String>>, PolicyError> {
    const FIELD: &str = "scheduleTimes";
    let one = |text: &str| {
        let instant = text.parse::<jiff::Timestamp>();
        let civil = instant.map(|instant| zone.wall_clock(instant)).or_else(|_| text.parse());
        let civil = civil.map_err(|_| item.refuse(FIELD, format!("{text:?} is no date and time")))?;
        Ok(civil.strftime("%H:%M").to_string())
    };
    let mut times: Vec<String> = item.texts(FIELD)?.into_iter().map(one).collect::<Result<_, _>>()?;
    times.sort();
    times.dedup();
    if !times.is_empty() {
        let what = format!(
            "of each the time of day in {zone} was taken, {}, and the date left out",
            times.join(", ")
        );
        warnings.tell(&item.path(FIELD), &what);
    }
    Ok(listed(times))
}

fn listed<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
