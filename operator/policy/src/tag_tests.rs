//! Tests of [`super`]: criteria, priorities, *first successful*, and refused rules.

use jiff::civil::{Weekday, time};

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn keep(text: &str) -> Keep {
    Keep::parse(text).unwrap()
}

fn rule(name: &str, priority: i32, criterion: Criterion) -> Rule {
    Rule {
        name: name.to_owned(),
        keep: keep("P1Y"),
        applies: Applies::When { priority, criteria: vec![criterion] },
    }
}

fn default_rule() -> Rule {
    Rule { name: "Default".to_owned(), keep: keep("P3M"), applies: Applies::Otherwise }
}

/// The conventional rules, out of order on purpose.
fn conventional() -> Retention {
    Retention::new(vec![
        default_rule(),
        rule("Weekly", 20, Criterion::First(Period::Week)),
        rule("Yearly", 10, Criterion::First(Period::Year)),
        rule("Monthly", 15, Criterion::First(Period::Month)),
        rule("Daily", 25, Criterion::First(Period::Day)),
    ])
    .unwrap()
}

#[test]
fn row_a34_b14_rules_are_asked_in_ascending_priority_with_the_default_last() {
    let names: Vec<_> = conventional().rules().iter().map(|rule| rule.name.clone()).collect();
    assert_eq!(names, ["Yearly", "Monthly", "Weekly", "Daily", "Default"]);
}

#[test]
fn row_a35_b14_the_first_successful_point_of_a_period_gets_its_tag_and_each_point_one() {
    let retention = conventional();
    let berlin = Zone::parse("Europe/Berlin").unwrap();
    // Tuesday 29 December 2026 to Friday 1 January 2027: one ISO week over two years.
    let table = [
        ("the very first of all", "2026-12-29T01:00:00Z", "Yearly"),
        ("the second of its day", "2026-12-29T13:00:00Z", "Default"),
        ("the first of the next day", "2026-12-30T01:00:00Z", "Daily"),
        ("31 December in UTC, but already 2027 in Berlin", "2026-12-31T23:30:00Z", "Yearly"),
        ("the same day on the wall in Berlin", "2027-01-01T20:00:00Z", "Default"),
        ("Sunday, still the old week", "2027-01-03T20:00:00Z", "Daily"),
        ("Monday by the wall in Berlin", "2027-01-03T23:30:00Z", "Weekly"),
        ("the month before all changes again", "2027-01-31T22:30:00Z", "Weekly"),
        ("February by the wall in Berlin: month before week", "2027-01-31T23:30:00Z", "Monthly"),
    ];
    let mut successful = Vec::new();
    for (sentence, slot, expected) in table {
        let tag = retention.decide(at(slot), &berlin, &successful);
        assert_eq!(tag.name, expected, "{sentence}: {}", tag.reason);
        successful.push(at(slot));
    }
}

#[test]
fn row_a35_a_failed_first_backup_passes_the_tag_to_the_next_that_succeeds() {
    let retention = conventional();
    let utc = Zone::utc();
    let december = [at("2026-12-07T02:00:00Z"), at("2026-01-05T02:00:00Z")];
    // The run of 1 January failed and is not in the list.
    assert_eq!(retention.decide(at("2027-01-02T02:00:00Z"), &utc, &december).name, "Yearly");
}

#[test]
fn the_order_of_the_history_does_not_matter_and_a_later_success_counts_too() {
    let retention = conventional();
    let slot = at("2026-05-05T02:00:00Z");
    let later_in_the_month = at("2026-05-20T02:00:00Z");
    let others = [later_in_the_month, at("2026-01-01T00:00:00Z"), at("2025-01-01T00:00:00Z")];
    assert_eq!(retention.decide(slot, &Zone::utc(), &others).name, "Weekly");
}

#[test]
fn a_tag_says_why_in_a_sentence() {
    let berlin = Zone::parse("Europe/Berlin").unwrap();
    let retention = conventional();
    let first = retention.decide(at("2026-12-31T23:30:00Z"), &berlin, &[]);
    assert_eq!(first.reason, "It is the first successful point of 2027 in Europe/Berlin.");
    let history = [at("2026-12-31T23:00:00Z")];
    let weekly = retention.decide(at("2027-01-06T02:00:00Z"), &berlin, &history);
    assert_eq!(weekly.reason, "It is the first successful point of the week of 2027-01-04 in Europe/Berlin.");
    assert_eq!(weekly.keep, keep("P1Y"));
    let otherwise = retention.decide(at("2026-12-31T23:30:00Z"), &berlin, &history);
    assert_eq!(otherwise.reason, "No other retention rule applies.");
}

#[test]
fn row_a31_an_on_demand_job_gets_exactly_the_tag_it_asked_for() {
    let tag = conventional().named("Monthly").unwrap();
    assert_eq!((tag.name.as_str(), tag.keep), ("Monthly", keep("P1Y")));
    assert_eq!(conventional().named("monthly"), None);
}

fn met(calendar: Calendar, zone: &str, slot: &str) -> bool {
    calendar.into_criterion().unwrap().is_met(at(slot), &Zone::parse(zone).unwrap(), &[])
}

#[test]
fn row_a36_a_calendar_joins_its_fields_by_and_and_its_lists_by_or() {
    let last_friday = Calendar {
        days_of_week: vec![Weekday::Friday],
        weeks_of_month: vec![WeekOfMonth::Last],
        ..Calendar::default()
    };
    let first_or_third = Calendar {
        days_of_week: vec![Weekday::Sunday, Weekday::Monday],
        weeks_of_month: vec![WeekOfMonth::First, WeekOfMonth::Third],
        ..Calendar::default()
    };
    let fifteenth_or_last =
        Calendar { days_of_month: vec![15], last_day_of_month: true, ..Calendar::default() };
    let june_nights =
        Calendar { months: vec![6], times: vec![time(2, 30, 0, 0), time(3, 0, 0, 0)], ..Calendar::default() };
    let table = [
        ("29 May 2026 is the last Friday", &last_friday, "2026-05-29T12:00:00Z", true),
        ("22 May is not the last", &last_friday, "2026-05-22T12:00:00Z", false),
        ("28 May is no Friday", &last_friday, "2026-05-28T12:00:00Z", false),
        ("Friday the 31st of July is the last", &last_friday, "2026-07-31T12:00:00Z", true),
        ("3 May is the first Sunday", &first_or_third, "2026-05-03T12:00:00Z", true),
        ("10 May is the second", &first_or_third, "2026-05-10T12:00:00Z", false),
        ("18 May is the third Monday", &first_or_third, "2026-05-18T12:00:00Z", true),
        ("the 15th", &fifteenth_or_last, "2026-02-15T12:00:00Z", true),
        ("the last of February", &fifteenth_or_last, "2026-02-28T12:00:00Z", true),
        ("28 February of a leap year is not the last", &fifteenth_or_last, "2028-02-28T12:00:00Z", false),
        ("02:30 in June", &june_nights, "2026-06-01T02:30:00Z", true),
        ("02:31 in June", &june_nights, "2026-06-01T02:31:00Z", false),
        ("02:30 in July", &june_nights, "2026-07-01T02:30:00Z", false),
    ];
    for (sentence, calendar, slot, expected) in table {
        assert_eq!(met(calendar.clone(), "UTC", slot), expected, "{sentence}");
    }
}

#[test]
fn the_29th_to_31st_are_in_the_last_week_and_in_no_numbered_one() {
    let numbered = [WeekOfMonth::First, WeekOfMonth::Second, WeekOfMonth::Third, WeekOfMonth::Fourth];
    for slot in ["2026-05-29T00:00:00Z", "2026-05-31T00:00:00Z"] {
        let weeks =
            |weeks: &[WeekOfMonth]| Calendar { weeks_of_month: weeks.to_vec(), ..Calendar::default() };
        assert!(!met(weeks(&numbered), "UTC", slot), "{slot}");
        assert!(met(weeks(&[WeekOfMonth::Last]), "UTC", slot), "{slot}");
    }
}

#[test]
fn a_calendar_is_read_on_the_wall_of_the_rules_zone() {
    let sunday = Calendar { days_of_week: vec![Weekday::Sunday], ..Calendar::default() };
    assert!(met(sunday.clone(), "Pacific/Auckland", "2026-05-02T13:00:00Z"));
    assert!(!met(sunday, "UTC", "2026-05-02T13:00:00Z"));
}

#[test]
fn a_skipped_time_is_met_by_the_slot_that_fires_in_its_place() {
    let half_past_two = Calendar { times: vec![time(2, 30, 0, 0)], ..Calendar::default() };
    // 03:00 in Berlin on the day on which 02:30 does not exist, and on the day before.
    assert!(met(half_past_two.clone(), "Europe/Berlin", "2026-03-29T01:00:00Z"));
    assert!(!met(half_past_two.clone(), "Europe/Berlin", "2026-03-28T02:00:00Z"));
    // Samoa had no 30 December 2011: its slots fell on the first instant of the 31st.
    let the_thirtieth_at_noon = Calendar {
        days_of_week: vec![Weekday::Friday],
        times: vec![time(12, 0, 0, 0)],
        months: vec![12],
        ..Calendar::default()
    };
    assert!(met(the_thirtieth_at_noon, "Pacific/Apia", "2011-12-30T10:00:00Z"));
}

#[test]
fn all_takes_every_point_and_one_of_several_criteria_is_enough() {
    let either = Rule {
        name: "Either".to_owned(),
        keep: keep("P1Y"),
        applies: Applies::When {
            priority: 1,
            criteria: vec![
                Calendar { months: vec![1], ..Calendar::default() }.into_criterion().unwrap(),
                Calendar { months: vec![2], ..Calendar::default() }.into_criterion().unwrap(),
            ],
        },
    };
    let retention = Retention::new(vec![either, default_rule()]).unwrap();
    let tag = |slot| retention.decide(at(slot), &Zone::utc(), &[]).name;
    assert_eq!(tag("2026-02-03T00:00:00Z"), "Either");
    assert_eq!(tag("2026-03-03T00:00:00Z"), "Default");
    let all = Retention::new(vec![rule("All", 1, Criterion::All), default_rule()]).unwrap();
    assert_eq!(all.decide(at("2026-03-03T00:00:00Z"), &Zone::utc(), &[]).name, "All");
}

#[test]
fn a_calendar_that_cannot_be_meant_is_refused_with_the_field_named() {
    let table = [
        (Calendar::default(), "must say something"),
        (Calendar { days_of_month: vec![0], ..Calendar::default() }, "`daysOfMonth` cannot be 0"),
        (Calendar { days_of_month: vec![1, 29], ..Calendar::default() }, "`lastDayOfMonth: true`"),
        (Calendar { months: vec![13], ..Calendar::default() }, "`months` cannot be 13"),
    ];
    for (calendar, expected) in table {
        let error = calendar.into_criterion().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn times_are_hours_and_minutes_of_two_digits() {
    assert_eq!(Calendar::parse_time("02:30"), Ok(time(2, 30, 0, 0)));
    assert_eq!(Calendar::parse_time("23:59"), Ok(time(23, 59, 0, 0)));
    for text in ["", "2:30", "24:00", "02:60", "02:30:00", "0230", "-1:00", "+1:00", "02:30 ", "٠٢:٣٠"] {
        assert!(Calendar::parse_time(text).is_err(), "{text:?}");
    }
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let all = |name: &str, priority| rule(name, priority, Criterion::All);
    let no_criteria = Rule {
        name: "Empty".to_owned(),
        keep: keep("P1Y"),
        applies: Applies::When { priority: 1, criteria: Vec::new() },
    };
    let many = (0..16).map(|n| all(&format!("R{n}"), n)).chain([default_rule()]).collect();
    let table = [
        (vec![], "write 1 to 16"),
        (many, "has 17 rules"),
        (vec![all("A", 1)], "0 default rules"),
        (vec![default_rule(), default_rule()], "2 default rules"),
        (vec![all("Default", 1), default_rule()], "two rules named \"Default\""),
        (vec![all("A", 1), all("B", 1), default_rule()], "\"A\" and \"B\" have the same priority 1"),
        (vec![no_criteria, default_rule()], "\"Empty\" has no criteria"),
    ];
    for (rules, expected) in table {
        let error = Retention::new(rules).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Retention::new(vec![default_rule()]).is_ok());
}
