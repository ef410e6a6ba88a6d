//! Tests of [`super`]: whole policies over ranges of time.

use super::*;
use crate::keep::Keep;
use crate::tag::{Applies, Criterion, Period};
use crate::zone::Zone;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn cron(name: &str, text: &str, zone: &str) -> Rule {
    Rule { name: name.to_owned(), schedule: Schedule::cron(text, Zone::parse(zone).unwrap()).unwrap() }
}

fn monthly_and_default() -> Retention {
    let keep = |text| Keep::parse(text).unwrap();
    let first = Applies::When { priority: 15, criteria: vec![Criterion::First(Period::Month)] };
    Retention::new(vec![
        crate::tag::Rule { name: "Monthly".to_owned(), keep: keep("P10Y"), applies: first },
        crate::tag::Rule { name: "Default".to_owned(), keep: keep("P1Y"), applies: Applies::Otherwise },
    ])
    .unwrap()
}

fn walk(rules: &[Rule], from: &str, to: &str, failed: &[(&str, &str)]) -> Vec<Row> {
    let failed =
        failed.iter().map(|(rule, time)| Slot { rule: (*rule).to_owned(), time: at(time) }).collect();
    simulate(rules, &monthly_and_default(), at(from), at(to), &failed).collect()
}

#[test]
fn row_a35_a_failed_first_slot_of_the_month_passes_its_tag_to_the_next() {
    let rules = [cron("Weekly", "0 20 * * 3,6", "UTC")];
    let failed = [("Weekly", "2026-01-03T20:00:00Z")];
    let rows = walk(&rules, "2026-01-01T00:00:00Z", "2026-02-08T00:00:00Z", &failed);
    let tags: Vec<_> = rows.iter().map(|row| (row.slot.to_string(), row.tag.as_str())).collect();
    let expected = [
        ("2026-01-07T20:00:00Z", "Monthly"),
        ("2026-01-10T20:00:00Z", "Default"),
        ("2026-01-14T20:00:00Z", "Default"),
        ("2026-01-17T20:00:00Z", "Default"),
        ("2026-01-21T20:00:00Z", "Default"),
        ("2026-01-24T20:00:00Z", "Default"),
        ("2026-01-28T20:00:00Z", "Default"),
        ("2026-01-31T20:00:00Z", "Default"),
        ("2026-02-04T20:00:00Z", "Monthly"),
        ("2026-02-07T20:00:00Z", "Default"),
    ];
    assert_eq!(tags, expected.map(|(slot, tag)| (slot.to_owned(), tag)));
    assert_eq!(rows[0].expires, at("2036-01-07T20:00:00Z"));
}

#[test]
fn the_range_takes_its_first_instant_and_leaves_out_its_last() {
    let rules = [cron("Daily", "@daily", "UTC")];
    let rows = walk(&rules, "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z", &[]);
    let slots: Vec<_> = rows.iter().map(|row| row.slot).collect();
    assert_eq!(slots, [at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z")]);
}

#[test]
fn rules_due_at_one_instant_are_one_backup_under_the_longest_keeper() {
    // At 23:30 in UTC it is the first of February in Berlin: there the slot is Monthly, in UTC it is not.
    let rules = [cron("Utc", "30 23 * * *", "UTC"), cron("Berlin", "30 0 * * *", "Europe/Berlin")];
    let rows = walk(&rules, "2026-01-30T00:00:00Z", "2026-02-01T00:00:00Z", &[]);
    let seen: Vec<_> =
        rows.iter().map(|row| (row.rule.as_str(), row.tag.as_str(), &row.merged_rules[..])).collect();
    let (utc, berlin) = (["Utc".to_owned()], ["Berlin".to_owned()]);
    assert_eq!(seen, [("Utc", "Monthly", &berlin[..]), ("Berlin", "Monthly", &utc[..])]);
    let failed = [("Utc", "2026-01-31T23:30:00Z")];
    assert_eq!(walk(&rules, "2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z", &failed), []);
}

#[test]
fn row_a33_b10_the_local_hour_stays_over_a_change_of_the_clocks() {
    let rules = [cron("Nightly", "0 20 * * 3,6", "Europe/Berlin")];
    let rows = walk(&rules, "2026-03-25T00:00:00Z", "2026-04-02T00:00:00Z", &[]);
    let slots: Vec<_> = rows.iter().map(|row| row.slot.to_string()).collect();
    assert_eq!(slots, ["2026-03-25T19:00:00Z", "2026-03-28T19:00:00Z", "2026-04-01T18:00:00Z"]);
}

#[test]
fn no_rules_give_no_rows() {
    assert_eq!(walk(&[], "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", &[]), []);
}

#[test]
fn ten_years_of_hourly_slots_are_walked_in_reasonable_time() {
    let rules = [cron("Hourly", "@hourly", "Europe/Berlin")];
    let rows = walk(&rules, "2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z", &[]);
    assert_eq!(rows.len(), 3652 * 24);
    assert_eq!(
        rows.iter().filter(|row| row.tag == "Monthly").count(),
        121,
        "each month, and 2036 by the wall"
    );
}
