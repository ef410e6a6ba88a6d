//! A tree of rules: AzureBackupRule with trigger and tagging criteria, AzureRetentionRule with lifecycles.

use std::collections::BTreeSet;

use crds::policy::{BackupRule, Schedule};
use jiff::tz::Offset;
use policy::{Keep, Zone};

use super::super::PolicyError;
use super::draft::{self, Draft};
use super::json::{Object, Warnings};
use super::tagging::{self, Kept, Tagging};

/// Identifiers and discriminators that say nothing about backups.
const OF_THE_SERVICE: [&str; 4] = ["id", "type", "systemData", "resourceGroup"];

/// The most intervals that the API takes.
const MOST_INTERVALS: usize = 10;

/// Converts a policy, bare or as the resource around it.
pub fn convert(root: Object<'_>, warnings: &Warnings) -> Result<Draft, PolicyError> {
    root.pass_over(&OF_THE_SERVICE);
    let name = root.text("name")?.map(|name| (root.path("name"), name.to_owned()));
    let mut draft = match root.object("properties")? {
        Some(properties) => tree(properties, warnings)?,
        None => return tree(root, warnings).map(|draft| Draft { name, ..draft }),
    };
    draft.name = name;
    root.finish();
    Ok(draft)
}

fn tree(tree: Object<'_>, warnings: &Warnings) -> Result<Draft, PolicyError> {
    tree.pass_over(&OF_THE_SERVICE);
    tree.pass_over(&["name"]);
    object_type(&tree, "BackupPolicy")?;
    for (index, kind) in tree.texts("datasourceTypes")?.into_iter().enumerate() {
        if !kind.to_ascii_lowercase().contains("postgresql") {
            let field = format!("{}[{index}]", tree.path("datasourceTypes"));
            warnings.tell(&field, &format!("the policy is for {kind}: Coffer backs up PostgreSQL only"));
        }
    }
    let (mut backups, mut kept) = (Vec::new(), Vec::new());
    for rule in tree.objects("policyRules")? {
        match rule.required_text("objectType")? {
            "AzureBackupRule" => backups.push(backup_rule(rule, warnings)?),
            "AzureRetentionRule" => kept.push(retention_rule(rule, warnings)?),
            other => {
                return Err(rule.refuse("objectType", format!("{other:?} is no kind of rule known here")));
            }
        }
    }
    let origin = tree.path("policyRules");
    draft::no_name_twice(&origin, backups.iter().map(|backup| backup.rule.name.as_str()))?;
    let tagging = one_tagging(&backups, &tree)?;
    let retention = tagging::joined(&tagging, &kept)?;
    tree.finish();
    let rules = backups.into_iter().map(|backup| backup.rule).collect();
    Ok(Draft { name: None, origin, rules, retention, remarks: Vec::new() })
}

/// A backup rule with the tagging that its trigger asks for.
struct Backup {
    rule: BackupRule,
    tagging: Vec<Tagging>,
    field: String,
}

/// Every rule of a policy asks the same retention rules here.
fn one_tagging(backups: &[Backup], tree: &Object<'_>) -> Result<Vec<Tagging>, PolicyError> {
    let Some(first) = backups.first() else {
        return Err(tree.refuse("policyRules", "there is no AzureBackupRule among them"));
    };
    if let Some(other) = backups.iter().find(|other| !tagging::same(&other.tagging, &first.tagging)) {
        let reason = format!(
            "it differs from `{}`: the retention rules of a BackupPolicy are asked for all its backup rules, so \
             make a policy of each",
            first.field
        );
        return Err(PolicyError::Refused { field: other.field.clone(), reason });
    }
    Ok(first.tagging.clone())
}

fn backup_rule(rule: Object<'_>, warnings: &Warnings) -> Result<Backup, PolicyError> {
    rule.pass_over(&["objectType"]);
    let name = draft::rule_name(&rule.path("name"), rule.required_text("name")?, warnings)?;
    if let Some(parameters) = rule.object("backupParameters")? {
        parameters.pass_over(&["objectType"]);
        match parameters.text("backupType")? {
            None | Some("Full") => {}
            Some(other) => {
                return Err(parameters.refuse("backupType", format!("{other:?}: only Full backups are made")));
            }
        }
        parameters.finish();
    }
    data_store(&rule, "dataStore", warnings)?;
    let trigger = rule.required_object("trigger")?;
    object_type(&trigger, "ScheduleBasedTriggerContext")?;
    let schedule = trigger.required_object("schedule")?;
    let zone_name = schedule.text("timeZone")?;
    let zone =
        Zone::parse_or_utc(zone_name).map_err(|error| schedule.refuse("timeZone", error.to_string()))?;
    let intervals = intervals(&schedule, &zone, warnings)?;
    schedule.finish();
    let tagging = tagging::read(&trigger, &zone, warnings)?;
    let field = trigger.path("taggingCriteria");
    trigger.finish();
    rule.finish();
    let rule = BackupRule {
        name,
        schedule: Schedule { cron: None, intervals: Some(intervals) },
        time_zone: zone_name.map(str::to_owned),
        type_: None,
        start_window_minutes: None,
        completion_window_minutes: None,
        spread_minutes: None,
        copies: None,
        point_labels: None,
    };
    Ok(Backup { rule, tagging, field })
}

/// The repeating intervals as they are. One whose start is written for another clock than the zone's is told of.
fn intervals(schedule: &Object<'_>, zone: &Zone, warnings: &Warnings) -> Result<Vec<String>, PolicyError> {
    const FIELD: &str = "repeatingTimeIntervals";
    let texts = schedule.texts(FIELD)?;
    if texts.len() > MOST_INTERVALS {
        let count = texts.len();
        let reason = format!("there are {count} intervals: a rule has at most {MOST_INTERVALS}");
        return Err(schedule.refuse(FIELD, reason));
    }
    let refused = |error: policy::ScheduleError| schedule.refuse(FIELD, error.to_string());
    policy::Schedule::intervals(&texts, zone.clone()).map_err(refused)?;
    let mut seen = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        let field = format!("{}[{index}]", schedule.path(FIELD));
        if !seen.insert(text) {
            return Err(PolicyError::Refused { field, reason: "it is there twice".to_owned() });
        }
        if let Some(wall) = on_another_wall(text, zone) {
            let what = format!(
                "the start is an instant, which is {wall} in {zone}: backups are due at that time of day"
            );
            warnings.tell(&field, &what);
        }
    }
    Ok(texts.into_iter().map(str::to_owned).collect())
}

/// What the zone's clock shows at the start of an interval, where the start is written with another offset.
fn on_another_wall(interval: &str, zone: &Zone) -> Option<String> {
    let start = interval.split('/').nth(1)?;
    let instant: jiff::Timestamp = start.parse().ok()?;
    let wall = zone.wall_clock(instant);
    let pieces = jiff::fmt::temporal::Pieces::parse(start).ok()?;
    let written = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    let same = zone.time_zone().to_offset(instant) == written;
    (!same).then(|| wall.strftime("%A %H:%M").to_string())
}

fn retention_rule(rule: Object<'_>, warnings: &Warnings) -> Result<Kept, PolicyError> {
    rule.pass_over(&["objectType"]);
    // The name is the tag that the criteria are looked up by, so it is made fit where both are known.
    let name = rule.required_text("name")?.to_owned();
    let is_default = rule.flag("isDefault")?;
    let keep = lifecycles(&rule, warnings)?;
    let field = rule.path("name");
    rule.finish();
    let rule = match is_default {
        true => draft::default_rule(name, keep),
        false => draft::rule_with(name, 1, Vec::new(), keep),
    };
    Ok(Kept { rule, field })
}

/// How long a point is kept in all. There is one store here: what would move to another stays for the whole time.
fn lifecycles(rule: &Object<'_>, warnings: &Warnings) -> Result<Keep, PolicyError> {
    let mut lifecycles = rule.objects("lifecycles")?.into_iter();
    let Some(first) = lifecycles.next() else {
        return Err(rule.refuse("lifecycles", "it is empty: a point would have no end"));
    };
    let mut total = lifecycle(&first, warnings)?;
    let mut moves = first.objects("targetDataStoreCopySettings")?.into_iter();
    first.finish();
    for further in lifecycles {
        let keep = lifecycle(&further, warnings)?;
        let Some(copy) = moves.next() else {
            return Err(
                further.refuse("sourceDataStore", "no copy setting of the first lifecycle leads there")
            );
        };
        let settings = further.objects("targetDataStoreCopySettings")?;
        if !settings.is_empty() {
            return Err(further.refuse("targetDataStoreCopySettings", "a second move is not known here"));
        }
        total = tiered(&copy, total, keep, warnings)?;
        further.finish();
        copy.finish();
    }
    match moves.next() {
        Some(_) => {
            Err(rule.refuse("lifecycles", "a copy setting leads to a store that no lifecycle has an end for"))
        }
        None => Ok(total),
    }
}

/// The whole time of a point that is copied or moved to a second store.
fn tiered(copy: &Object<'_>, first: Keep, second: Keep, warnings: &Warnings) -> Result<Keep, PolicyError> {
    copy.pass_over(&["dataStore"]);
    let when = copy.required_object("copyAfter")?;
    let kind = when.required_text("objectType")?;
    let begins = match kind {
        "CopyOnExpiryOption" => Some(first),
        "ImmediateCopyOption" => None,
        "CustomCopyOption" => Some(duration(&when, "duration")?),
        other => return Err(when.refuse("objectType", format!("{other:?} is not known here"))),
    };
    let mixed = || {
        let reason = "days or weeks and months or years cannot be added up: write both in the same unit";
        copy.refuse("copyAfter", reason)
    };
    let end = begins.map_or(Some(second), |begins| sum(begins, second)).ok_or_else(mixed)?;
    let total = longer(first, end).ok_or_else(mixed)?;
    let what = format!("there is no second store: points stay in the vault for the whole time, {total}");
    warnings.tell(&copy.path("copyAfter"), &what);
    when.finish();
    Ok(total)
}

fn lifecycle(lifecycle: &Object<'_>, warnings: &Warnings) -> Result<Keep, PolicyError> {
    let after = lifecycle.required_object("deleteAfter")?;
    object_type(&after, "AbsoluteDeleteOption")?;
    let keep = duration(&after, "duration")?;
    after.finish();
    data_store(lifecycle, "sourceDataStore", warnings)?;
    Ok(keep)
}

/// A calendar period of several units as one of one unit, where that is the same.
fn duration(object: &Object<'_>, name: &str) -> Result<Keep, PolicyError> {
    let text = object.required_text(name)?;
    let refused = |reason: String| object.refuse(name, reason);
    if let Ok(keep) = Keep::parse(text) {
        return Ok(keep);
    }
    let span: jiff::Span = text.parse().map_err(|_| refused(format!("{text:?} is no ISO 8601 period")))?;
    let months = i64::from(span.get_years()) * 12 + i64::from(span.get_months());
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let (count, unit) = match (months, days) {
        (months, 0) if months > 0 => (months, 'M'),
        (0, days) if days > 0 => (days, 'D'),
        _ => return Err(refused(format!("{text:?} is not a number of days or of months"))),
    };
    let rest = span.years(0).months(0).weeks(0).days(0);
    if !rest.is_zero() {
        return Err(refused(format!("{text:?} has a time of day: points are kept for whole days")));
    }
    Keep::parse(&format!("P{count}{unit}")).map_err(|error| refused(error.to_string()))
}

/// A period as months or as days.
fn counted(keep: Keep) -> (char, u32) {
    match keep.unit() {
        policy::keep::Unit::Day => ('D', keep.count()),
        policy::keep::Unit::Week => ('D', keep.count() * 7),
        policy::keep::Unit::Month => ('M', keep.count()),
        policy::keep::Unit::Year => ('M', keep.count() * 12),
    }
}

fn sum(one: Keep, other: Keep) -> Option<Keep> {
    let ((unit, one), (same, other)) = (counted(one), counted(other));
    if unit != same {
        return None;
    }
    Keep::parse(&format!("P{}{unit}", one + other)).ok()
}

fn longer(one: Keep, other: Keep) -> Option<Keep> {
    let ((unit, first), (same, second)) = (counted(one), counted(other));
    (unit == same).then_some(if first >= second { one } else { other })
}

fn data_store(object: &Object<'_>, name: &str, warnings: &Warnings) -> Result<(), PolicyError> {
    let Some(store) = object.object(name)? else { return Ok(()) };
    store.pass_over(&["objectType", "id"]);
    match store.text("dataStoreType")? {
        None | Some("VaultStore" | "ArchiveStore") => {}
        Some(other) => {
            warnings
                .tell(&store.path("dataStoreType"), &format!("{other}: points go to the instance's vault"));
        }
    }
    store.finish();
    Ok(())
}

/// The discriminator must be the one that is understood, where it is written.
fn object_type(object: &Object<'_>, expected: &str) -> Result<(), PolicyError> {
    match object.text("objectType")? {
        Some(other) if other != expected => {
            Err(object.refuse("objectType", format!("{other:?} is not known here: only {expected} is")))
        }
        Some(_) | None => Ok(()),
    }
}
