//! Cron schedules against a brute-force scan of every minute.
//!
//! The scan reads an expression through another crate's parser, walks the minutes of a window one by one with the
//! offset the zone has at each, and applies the rules for moved clocks in the words in which they are documented.
//! It shares no code with the schedules and never turns a wall clock time into an instant.

use std::collections::HashSet;

use croner::{Cron, parser::CronParser};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use policy::{Schedule, Zone};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::at;

/// Around every change of a clock: fixed hours, lists, ranges, steps, all day fields, midnights, odd minutes.
const EXPRESSIONS: [&str; 40] = [
    "* * * * *",
    "*/5 * * * *",
    "*/30 * * * *",
    "0 * * * *",
    "15 * * * *",
    "45 * * * *",
    "0 */2 * * *",
    "30 */2 * * *",
    "0 1-23/2 * * *",
    "15 */3 * * *",
    "0 */6 * * *",
    "*/20 */4 * * *",
    "0 0-23 * * *",
    "30 0/3 * * *",
    "0 0 * * *",
    "1 0 * * *",
    "30 0 * * *",
    "59 23 * * *",
    "30 23 * * *",
    "0 1 * * *",
    "30 1 * * *",
    "45 1 * * *",
    "0 2 * * *",
    "15 2 * * *",
    "30 2 * * *",
    "59 2 * * *",
    "0 3 * * *",
    "30 3 * * *",
    "*/10 2 * * *",
    "0,30 1,2,3 * * *",
    "30 0-4 * * *",
    "*/15 22-23 * * *",
    "5 0,12 * * *",
    "30 2 * * SUN",
    "30 0 * * 5,6",
    "0 2 L * *",
    "30 2 1-7 * SUN",
    "0 */2 * 3,10 *",
    "15 1 */2 * *",
    "30 2 * * 7L",
];

/// An expression for the scan, as the other crate reads it.
struct Scanned {
    cron: Cron,
    /// Looked up before anything dearer is asked: the long test asks a billion times.
    minutes: [bool; 60],
    hours: [bool; 24],
    elapsed: bool,
}

impl Scanned {
    fn parse(text: &str) -> Self {
        let cron = CronParser::builder().sloppy_ranges(true).build().parse(text).unwrap();
        let hour = text.split_whitespace().nth(1).unwrap();
        let elapsed = hour.contains(['*', '/']) || hour == "0-23";
        let (mut minutes, mut hours) = ([false; 60], [false; 24]);
        cron.pattern.minutes.values().iter().for_each(|value| minutes[usize::from(*value)] = true);
        cron.pattern.hours.values().iter().for_each(|value| hours[usize::from(*value)] = true);
        Self { cron, minutes, hours, elapsed }
    }

    fn matches(&self, wall: DateTime) -> bool {
        let index = |value: i8| usize::try_from(value).unwrap();
        // As naive civil times there are no moved clocks for the other crate to have an opinion on.
        self.minutes[index(wall.minute())]
            && self.hours[index(wall.hour())]
            && self.cron.is_time_matching(&wall).unwrap()
    }
}

/// The minutes of a window.
struct Window {
    /// Each minute and what is on the wall.
    minutes: Vec<Minute>,
    /// Every wall clock minute once, with the first instant at which it is shown or jumped over.
    once: Vec<(Timestamp, DateTime)>,
}

struct Minute {
    at: Timestamp,
    wall: DateTime,
    /// What a clock shows that has not been moved, for as long after a change as the change is big.
    unmoved: Option<(DateTime, Moved)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Moved {
    Forward,
    Back,
}

impl Window {
    /// Walks from `from` to `to`, both whole minutes, the later left out.
    fn walk(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Self {
        let mut minutes = Vec::new();
        let mut offset = zone.to_offset(from - 1.minute());
        let mut change: Option<(Offset, Moved, Timestamp)> = None;
        let mut at = from;
        while at < to {
            let now = zone.to_offset(at);
            if now != offset {
                let by = SignedDuration::from_secs(i64::from(now.seconds() - offset.seconds()));
                let moved = if by.is_positive() { Moved::Forward } else { Moved::Back };
                change = Some((offset, moved, at + by.abs()));
                offset = now;
            }
            let unmoved = change
                .filter(|(_, _, until)| at < *until)
                .map(|(before, moved, _)| (before.to_datetime(at), moved));
            minutes.push(Minute { at, wall: now.to_datetime(at), unmoved });
            at += 1.minute();
        }
        Self { once: once(&minutes), minutes }
    }
}

fn once(minutes: &[Minute]) -> Vec<(Timestamp, DateTime)> {
    let mut shown = HashSet::new();
    let mut once = Vec::new();
    let mut expected = minutes[0].wall;
    for minute in minutes {
        // What the clock jumps over; a time that was shown before has had its turn.
        while expected < minute.wall {
            if shown.insert(expected) {
                once.push((minute.at, expected));
            }
            expected += 1.minute();
        }
        if shown.insert(minute.wall) {
            once.push((minute.at, minute.wall));
        }
        expected = minute.wall + 1.minute();
    }
    once
}

/// Every wall clock minute exactly once.
fn scan_fixed(expression: &Scanned, window: &Window) -> Vec<Timestamp> {
    let mut slots: Vec<Timestamp> =
        window.once.iter().filter(|(_, wall)| expression.matches(*wall)).map(|(at, _)| *at).collect();
    // Several that are jumped over together are one slot.
    slots.dedup();
    slots
}

/// What the moved and the unmoved clock show together.
fn scan_elapsed(expression: &Scanned, window: &Window) -> Vec<Timestamp> {
    let fires = |minute: &&Minute| {
        let shown = expression.matches(minute.wall);
        match minute.unmoved {
            None => shown,
            Some((unmoved, Moved::Forward)) => shown || expression.matches(unmoved),
            Some((unmoved, Moved::Back)) => shown && expression.matches(unmoved),
        }
    };
    window.minutes.iter().filter(fires).map(|minute| minute.at).collect()
}

/// Compares the schedule with the scan in the middle of the minutes, leaving out as much at the start as a clock
/// can be moved by.
fn compare(
    text: &str,
    scanned: &Scanned,
    zone: &Zone,
    window: &Window,
    lead: SignedDuration,
) -> Result<(), String> {
    let schedule = Schedule::cron(text, zone.clone()).unwrap();
    let (first, last) = (window.minutes[0].at + lead, window.minutes[window.minutes.len() - 1].at);
    let expected: Vec<Timestamp> =
        if scanned.elapsed { scan_elapsed(scanned, window) } else { scan_fixed(scanned, window) }
            .into_iter()
            .filter(|slot| *slot > first)
            .collect();
    let found: Vec<Timestamp> = schedule.slots_between(first, last).collect();
    if found == expected {
        return Ok(());
    }
    let (only_found, only_expected): (Vec<_>, Vec<_>) = (
        found.iter().filter(|slot| !expected.contains(slot)).collect(),
        expected.iter().filter(|slot| !found.contains(slot)).collect(),
    );
    Err(format!("{text} in {zone}: too many {only_found:?}, missing {only_expected:?}"))
}

/// Scans around every change of a zone's clock in a range; says how many changes there were.
fn scan_changes(name: &str, expressions: &[(&str, Scanned)], from: &str, to: &str) -> Result<u32, String> {
    let zone = Zone::parse(name).unwrap();
    let (mut changes, mut offset) = (0, zone.time_zone().to_offset(at(from)));
    for change in zone.time_zone().following(at(from)).take_while(|change| change.timestamp() < at(to)) {
        if change.offset() == offset {
            continue;
        }
        let by = SignedDuration::from_secs(i64::from((change.offset().seconds() - offset.seconds()).abs()));
        offset = change.offset();
        changes += 1;
        let lead = by + SignedDuration::from_mins(1);
        let around = SignedDuration::from_hours(36);
        let window = Window::walk(
            zone.time_zone(),
            change.timestamp() - around - lead,
            change.timestamp() + around + by,
        );
        for (text, scanned) in expressions {
            compare(text, scanned, &zone, &window, lead)?;
        }
    }
    Ok(changes)
}

fn expressions() -> Vec<(&'static str, Scanned)> {
    EXPRESSIONS.into_iter().map(|text| (text, Scanned::parse(text))).collect()
}

#[test]
fn row_a33_e06_schedules_agree_with_the_scan_around_the_changes_of_unlike_zones() {
    let zones = [
        ("Europe/Berlin", 2),
        ("America/St_Johns", 2),
        ("America/Santiago", 2),
        ("Australia/Lord_Howe", 2),
        ("Antarctica/Troll", 2),
        ("Africa/Cairo", 2),
        ("Asia/Kolkata", 0),
    ];
    for (name, changes) in zones {
        let found = scan_changes(name, &expressions(), "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        assert_eq!(found, Ok(changes), "{name}");
    }
    for (name, from, to, changes) in [
        ("Pacific/Apia", "2011-12-01T00:00:00Z", "2012-01-10T00:00:00Z", 1),
        ("America/St_Johns", "2010-11-01T00:00:00Z", "2010-12-01T00:00:00Z", 1),
        ("America/Caracas", "2016-04-01T00:00:00Z", "2016-06-01T00:00:00Z", 1),
        ("Asia/Kathmandu", "1985-12-01T00:00:00Z", "1986-02-01T00:00:00Z", 1),
    ] {
        assert_eq!(scan_changes(name, &expressions(), from, to), Ok(changes), "{name}");
    }
}

#[test]
#[ignore = "long: the full gate runs it"]
fn schedules_agree_with_the_scan_around_every_change_of_every_zone_from_2000_to_2037() {
    let expressions = expressions();
    let mut histories = HashSet::new();
    let mut total = 0;
    for name in TimeZoneDatabase::bundled().available() {
        let zone = Zone::parse(name.as_str()).unwrap();
        let from = at("2000-01-01T00:00:00Z");
        let history: Vec<(Timestamp, i32)> = zone
            .time_zone()
            .following(from)
            .take_while(|change| change.timestamp() < at("2038-01-01T00:00:00Z"))
            .map(|change| (change.timestamp(), change.offset().seconds()))
            .collect();
        // Most names are links: zones whose clocks move alike are scanned once.
        if histories.insert((zone.time_zone().to_offset(from), history)) {
            total +=
                scan_changes(name.as_str(), &expressions, "2000-01-01T00:00:00Z", "2038-01-01T00:00:00Z")
                    .unwrap();
        }
    }
    println!("{total} changes of {} histories, {} expressions", histories.len(), expressions.len());
    assert!(total > 5_000, "{total}");
}

/// A field: `*`, a step, a value, a range, a range with a step, or a list.
fn any_field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let range = move || (low..=high).prop_flat_map(move |start| (Just(start), start..=high));
    prop_oneof![
        3 => Just("*".to_owned()),
        2 => (2..=high / 2).prop_map(|step| format!("*/{step}")),
        3 => (low..=high).prop_map(|value| value.to_string()),
        1 => range().prop_map(|(start, end)| format!("{start}-{end}")),
        1 => (range(), 2..=5_u32).prop_map(|((start, end), step)| format!("{start}-{end}/{step}")),
        1 => prop::collection::vec(low..=high, 2..4)
            .prop_map(|values| values.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    ]
}

fn any_expression() -> impl Strategy<Value = String> {
    let hour = any_field(0, 23).prop_filter("a step that leaves one hour is a fixed hour", |hour| {
        !hour.contains('/')
            || Scanned::parse(&format!("0 {hour} * * *")).cron.pattern.hours.values().len() > 1
    });
    let day = prop_oneof![6 => any_field(1, 31), 1 => Just("L".to_owned())];
    let month = prop_oneof![6 => Just("*".to_owned()), 1 => any_field(1, 12)];
    let weekday =
        prop_oneof![6 => any_field(0, 6), 1 => (0..=6_u32).prop_map(|weekday| format!("{weekday}L"))];
    (any_field(0, 59), hour, day, month, weekday)
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

fn any_change_of_any_zone() -> impl Strategy<Value = (Zone, Timestamp)> {
    let names: Vec<String> =
        TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect();
    (prop::sample::select(names), 946_684_800_i64..2_145_916_800).prop_map(|(name, seconds)| {
        let zone = Zone::parse(&name).unwrap();
        let instant = Timestamp::from_second(seconds / 60 * 60).unwrap();
        let change = zone.time_zone().following(instant).next().map(|change| change.timestamp());
        (zone, change.unwrap_or(instant))
    })
}

/// Compares random schedules with the scan in random stretches of `hours`, each of which has a change of its zone's clock in
/// it or shortly after it.
fn random_schedules_agree_with_the_scan(cases: u32, hours: i64) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let stretches = (any_expression(), any_change_of_any_zone(), -hours..2);
    let outcome = TestRunner::new(config).run(&stretches, |(text, (zone, change), before)| {
        // Days that never come are refused; the refusals have their own tests.
        prop_assume!(Schedule::cron(&text, zone.clone()).is_ok());
        let lead = SignedDuration::from_hours(25);
        let from = change + SignedDuration::from_hours(before) - lead;
        let window = Window::walk(zone.time_zone(), from, from + lead + SignedDuration::from_hours(hours));
        let compared = compare(&text, &Scanned::parse(&text), &zone, &window, lead);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn any_schedule_agrees_with_the_scan_around_a_change_of_any_zone() {
    random_schedules_agree_with_the_scan(200, 50);
}

#[test]
#[ignore = "long: the full gate runs it"]
fn schedules_agree_with_the_scan_in_ten_thousand_random_weeks() {
    random_schedules_agree_with_the_scan(10_000, 7 * 24);
}
