//! Days and times on the command line, and which slots are to fail.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use policy::Zone;
use policy::simulate::{Rule, Slot};

use super::PolicyError;

/// A day, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Day(Date),
    OnWall(DateTime),
    Instant(Timestamp),
}

impl Written {
    /// With an offset or Z it is that instant; without, a day or a time on a wall.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(instant) = text.parse() {
            return Some(Self::Instant(instant));
        }
        match text.contains(['T', 't', ' ']) {
            true => text.parse().map(Self::OnWall).ok(),
            false => text.parse().map(Self::Day).ok(),
        }
    }

    /// The instant on the wall of a zone; of a day its first.
    fn instant(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Day(day) => day.to_zoned(zone.clone()).ok().map(|start| start.timestamp()),
            Self::OnWall(time) => time.to_zoned(zone.clone()).ok().map(|time| time.timestamp()),
            Self::Instant(instant) => Some(instant),
        }
    }
}

/// The range that is asked about, its end left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Range {
    /// Reads `--from` and `--to`. Days and times without an offset are those of the rules' zone if they all have one, and
    /// of UTC otherwise.
    ///
    /// # Errors
    /// [`PolicyError::Time`] or [`PolicyError::Range`].
    pub fn parse(from: &str, to: &str, rules: &[Rule]) -> Result<Self, PolicyError> {
        let zone = common_zone(rules);
        let read = |option: &'static str, text: &str| {
            Written::parse(text)
                .and_then(|written| written.instant(zone.time_zone()))
                .ok_or_else(|| PolicyError::Time { option, given: text.to_owned() })
        };
        let (from, to) = (read("--from", from)?, read("--to", to)?);
        if from < to { Ok(Self { from, to }) } else { Err(PolicyError::Range { from, to }) }
    }
}

/// Reads every `--fail`: an instant or a time in the rule's zone stands for one slot, a day for all of that day there.
///
/// # Errors
/// [`PolicyError`] for what names no rule or no slot in the range.
pub fn failures(given: &[String], rules: &[Rule], range: Range) -> Result<BTreeSet<Slot>, PolicyError> {
    let mut failed = BTreeSet::new();
    for text in given {
        failed.extend(failure(text, rules, range)?);
    }
    Ok(failed)
}

fn failure(given: &str, rules: &[Rule], range: Range) -> Result<Vec<Slot>, PolicyError> {
    let form = || PolicyError::FailForm { given: given.to_owned() };
    let (name, time) = given.split_once('@').ok_or_else(form)?;
    let written = Written::parse(time).ok_or_else(form)?;
    let Some(rule) = rules.iter().find(|rule| rule.name == name) else {
        let known = rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(PolicyError::FailRule { given: given.to_owned(), rule: name.to_owned(), known });
    };
    let zone = rule.schedule.zone().time_zone();
    let start = written.instant(zone).ok_or_else(form)?;
    let end = match written {
        Written::Day(day) => {
            let next = day.tomorrow().ok().and_then(|next| Written::Day(next).instant(zone));
            next.ok_or_else(form)?
        }
        Written::OnWall(_) | Written::Instant(_) => start.saturating_add(tick()).unwrap_or(Timestamp::MAX),
    };
    let before = start.saturating_sub(tick()).unwrap_or(Timestamp::MIN);
    let times: Vec<Timestamp> = rule
        .schedule
        .slots_after(before)
        .take_while(|slot| *slot < end && *slot < range.to)
        .filter(|slot| *slot >= range.from)
        .collect();
    if times.is_empty() {
        let next = rule.schedule.next_after(before).filter(|slot| *slot < range.to && *slot >= range.from);
        let next = next.map_or_else(String::new, |slot| format!("; the next one is {slot}"));
        return Err(PolicyError::FailSlot { given: given.to_owned(), rule: name.to_owned(), next });
    }
    Ok(times.into_iter().map(|time| Slot { rule: rule.name.clone(), time }).collect())
}

fn tick() -> SignedDuration {
    SignedDuration::from_nanos(1)
}

fn common_zone(rules: &[Rule]) -> Zone {
    let mut zones = rules.iter().map(|rule| rule.schedule.zone());
    match zones.next() {
        Some(first) if zones.all(|other| other == first) => first.clone(),
        Some(_) | None => Zone::utc(),
    }
}

#[cfg(test)]
mod tests {
    use policy::Schedule;

    use super::*;

    fn rule(name: &str, cron: &str, zone: &str) -> Rule {
        let zone = Zone::parse(zone).expect("a zone");
        Rule { name: name.to_owned(), schedule: Schedule::cron(cron, zone).expect("a schedule") }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_day_begins_where_all_rules_are_and_in_utc_where_they_differ() {
        let berlin = [rule("A", "@daily", "Europe/Berlin"), rule("B", "@daily", "W. Europe Standard Time")];
        let range = Range::parse("2026-01-01", "2026-07-01T12:00", &berlin).expect("a range");
        assert_eq!(range, Range { from: at("2025-12-31T23:00:00Z"), to: at("2026-07-01T10:00:00Z") });
        let several = [rule("A", "@daily", "Europe/Berlin"), rule("B", "@daily", "UTC")];
        let range = Range::parse("2026-01-01", "2026-01-02T01:00:00+01:00", &several).expect("a range");
        assert_eq!(range, Range { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-02T00:00:00Z") });
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_option() {
        for (from, to, expected) in [
            ("tomorrow", "2026-01-01", "`--from tomorrow`"),
            ("2026-01-01", "2026-02-30", "`--to 2026-02-30`"),
            ("2026-01-01", "2026-01-01", "`--from` 2026-01-01T00:00:00Z is not before `--to`"),
        ] {
            let error = Range::parse(from, to, &[]).expect_err(from).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_failure_names_one_slot_or_all_of_a_day_in_the_zone_of_its_rule() {
        let rules = [rule("Twice", "0 8,20 * * *", "Europe/Berlin"), rule("Utc", "0 0 * * *", "UTC")];
        let range = Range { from: at("2026-03-01T00:00:00Z"), to: at("2026-04-01T00:00:00Z") };
        let times = |text: &str| -> Vec<String> {
            let failed = failures(&[text.to_owned()], &rules, range).expect(text);
            failed.iter().map(|slot| slot.time.to_string()).collect()
        };
        assert_eq!(times("Twice@2026-03-03T20:00"), ["2026-03-03T19:00:00Z"]);
        assert_eq!(times("Twice@2026-03-03T19:00:00Z"), ["2026-03-03T19:00:00Z"]);
        assert_eq!(times("Twice@2026-03-29"), ["2026-03-29T06:00:00Z", "2026-03-29T18:00:00Z"]);
        assert_eq!(times("Utc@2026-03-01"), ["2026-03-01T00:00:00Z"]);
    }

    #[test]
    fn a_failure_that_names_nothing_is_refused() {
        let rules = [rule("Twice", "0 8,20 * * *", "UTC"), rule("Other", "@daily", "UTC")];
        let range = Range { from: at("2026-03-01T00:00:00Z"), to: at("2026-04-01T00:00:00Z") };
        for (given, expected) in [
            ("Twice", "write RULE@SLOT"),
            ("Twice@noon", "write RULE@SLOT"),
            ("Thrice@2026-03-03T20:00", "no backup rule \"Thrice\": it has Twice, Other"),
            (
                "Twice@2026-03-03T19:00",
                "has no slot then between `--from` and `--to`; the next one is 2026-03-03T20:00:00Z",
            ),
            ("Twice@2026-04-01T08:00", "has no slot then between `--from` and `--to`"),
            ("Twice@2026-02-01", "has no slot then between `--from` and `--to`"),
        ] {
            let error = failures(&[given.to_owned()], &rules, range).expect_err(given).to_string();
            assert!(error.contains(expected), "{given}: {error}");
        }
    }
}
