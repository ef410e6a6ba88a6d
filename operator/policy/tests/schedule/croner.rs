//! A second implementation: the `croner` crate, where it agrees, and proof of where it does not and why
//! schedules are not built on it.

use croner::Cron;
use croner::parser::CronParser;
use jiff::{Timestamp, Zoned};
use policy::{Schedule, Zone};
use proptest::prelude::*;

use super::{at, cron, slots};

fn croner(text: &str) -> Cron {
    CronParser::builder().sloppy_ranges(true).build().parse(text).unwrap()
}

fn croner_slots(text: &str, zone: &str, after: &str, until: &str) -> Vec<String> {
    let zone = Zone::parse(zone).unwrap();
    croner(text)
        .iter_after(at(after).to_zoned(zone.time_zone().clone()))
        .map(|slot: Zoned| slot.timestamp())
        .take_while(|slot| *slot <= at(until))
        .map(|slot| slot.strftime("%m-%d %H:%M").to_string())
        .collect()
}

const BERLIN_SPRING: (&str, &str) = ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
const BERLIN_AUTUMN: (&str, &str) = ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");

#[test]
fn both_agree_on_a_single_fixed_time_and_on_every_half_hour() {
    for text in ["30 2 * * *", "*/30 * * * *", "15 * * * *", "0 3 * * *"] {
        for (after, until) in [BERLIN_SPRING, BERLIN_AUTUMN] {
            let ours = slots(&cron(text, "Europe/Berlin"), after, until);
            assert_eq!(croner_slots(text, "Europe/Berlin", after, until), ours, "{text}");
        }
    }
}

#[test]
fn croner_takes_a_list_of_fixed_times_for_a_wildcard_and_loses_or_doubles_a_slot() {
    let text = "30 2,14 * * *";
    let (after, until) = BERLIN_SPRING;
    assert_eq!(croner_slots(text, "Europe/Berlin", after, until), ["03-29 12:30"]);
    assert_eq!(slots(&cron(text, "Europe/Berlin"), after, until), ["03-29 01:00", "03-29 12:30"]);
    let (after, until) = BERLIN_AUTUMN;
    assert_eq!(
        croner_slots(text, "Europe/Berlin", after, until),
        ["10-25 00:30", "10-25 01:30", "10-25 13:30"]
    );
    assert_eq!(slots(&cron(text, "Europe/Berlin"), after, until), ["10-25 00:30", "10-25 13:30"]);
}

#[test]
fn croner_loses_and_doubles_a_slot_of_every_two_hours() {
    let text = "0 */2 * * *";
    let count = |(after, until)| croner_slots(text, "Europe/Berlin", after, until).len();
    assert_eq!((count(BERLIN_SPRING), count(BERLIN_AUTUMN)), (11, 13));
}

#[test]
fn croner_does_not_get_over_a_day_that_a_zone_skipped() {
    let apia = Zone::parse("Pacific/Apia").unwrap();
    let before = at("2011-12-29T23:00:00Z").to_zoned(apia.time_zone().clone());
    assert!(croner("0 12 * * *").find_next_occurrence(&before, false).is_err());
}

#[test]
fn croner_reads_what_is_refused_here() {
    for text in [
        "1,,2 * * * *",
        "*/90 * * * *",
        "MON 0 * * *",
        "0 0 * * JAN",
        "0 0 * * L",
        "0 0 31 2 *",
        "0 0 13 * +5",
    ] {
        assert!(CronParser::builder().sloppy_ranges(true).build().parse(text).is_ok(), "{text}");
        assert!(Schedule::cron(text, Zone::utc()).is_err(), "{text}");
    }
}

#[test]
fn croner_counts_every_day_as_a_restriction_where_kubernetes_does_not() {
    let (after, until) = ("2026-02-05T00:00:00Z", "2026-02-12T00:00:00Z");
    assert_eq!(croner_slots("0 0 */1 * 5", "UTC", after, until).len(), 7);
    assert_eq!(slots(&cron("0 0 */1 * 5", "UTC"), after, until), ["02-06 00:00"]);
}

#[test]
fn croner_starts_a_step_of_weekdays_again_with_a_second_sunday() {
    let (after, until) = ("2026-02-05T00:00:00Z", "2026-02-12T00:00:00Z");
    assert_eq!(
        croner_slots("0 0 * * 5/1", "UTC", after, until),
        ["02-06 00:00", "02-07 00:00", "02-08 00:00"]
    );
    assert_eq!(slots(&cron("0 0 * * 5/1", "UTC"), after, until), ["02-06 00:00", "02-07 00:00"]);
}

fn any_entry(low: u32, high: u32) -> impl Strategy<Value = String> {
    let range = move || (low..=high).prop_flat_map(move |start| (Just(start), start..=high));
    prop_oneof![
        (low..=high).prop_map(|value| value.to_string()),
        range().prop_map(|(start, end)| format!("{start}-{end}")),
        (range(), 1..=high).prop_map(|((start, end), step)| format!("{start}-{end}/{step}")),
        // Weekdays from one on are a difference of their own, above.
        (low..=high, 1..=high).prop_map(move |(start, step)| if high == 6 {
            start.to_string()
        } else {
            format!("{start}/{step}")
        }),
        (2..=high).prop_map(|step| format!("*/{step}")),
    ]
}

fn any_field(low: u32, high: u32) -> impl Strategy<Value = String> {
    let list = prop::collection::vec(any_entry(low, high), 1..4).prop_map(|entries| entries.join(","));
    prop_oneof![1 => Just("*".to_owned()), 2 => list]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_agree_on_any_fields_where_no_clock_is_moved(
        minute in any_field(0, 59),
        hour in any_field(0, 23),
        day in any_field(1, 31),
        month in any_field(1, 12),
        weekday in any_field(0, 6),
        seconds in 946_684_800_i64..2_145_916_800,
    ) {
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        let Ok(schedule) = Schedule::cron(&text, Zone::utc()) else {
            // The only refusal these fields can meet; the other crate then finds nothing either.
            let nothing = croner(&text).find_next_occurrence(&at("2026-01-01T00:00:00Z").to_zoned(jiff::tz::TimeZone::UTC), false);
            prop_assert!(nothing.is_err(), "{}", text);
            return Ok(());
        };
        let start = Timestamp::from_second(seconds).unwrap();
        let ours: Vec<_> = schedule.slots_after(start).take(50).collect();
        let theirs: Vec<_> = croner(&text)
            .iter_after(start.to_zoned(jiff::tz::TimeZone::UTC))
            .map(|slot: Zoned| slot.timestamp())
            .take(50)
            .collect();
        prop_assert_eq!(ours, theirs, "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_do_anything_but_accept_or_refuse(text in "[-0-9*/,LW#?@A-Za-z \t]{0,40}|.{0,40}") {
        if let Ok(schedule) = Schedule::cron(&text, Zone::utc()) {
            prop_assert!(schedule.next_after(at("2026-01-01T00:00:00Z")).is_some(), "{:?} never fires", text);
        }
        let _refused_or_not = Schedule::intervals(&[&text], Zone::utc());
    }
}
