//! The questions a schedule answers agree with each other.

use jiff::SignedDuration;
use policy::{Schedule, Zone};
use proptest::prelude::*;

use super::{at, cron};

#[test]
fn a_range_leaves_out_its_start_and_takes_its_end() {
    let hourly = cron("0 * * * *", "UTC");
    let found: Vec<_> =
        hourly.slots_between(at("2026-05-01T01:00:00Z"), at("2026-05-01T03:00:00Z")).collect();
    assert_eq!(found, [at("2026-05-01T02:00:00Z"), at("2026-05-01T03:00:00Z")]);
    assert_eq!(hourly.slots_between(at("2026-05-01T03:00:00Z"), at("2026-05-01T03:00:00Z")).count(), 0);
    assert_eq!(hourly.slots_between(at("2026-05-01T04:00:00Z"), at("2026-05-01T03:00:00Z")).count(), 0);
}

#[test]
fn the_latest_slot_is_the_instant_itself_or_the_one_before_however_rare() {
    let leap = cron("0 0 29 2 *", "UTC");
    assert_eq!(leap.latest_at_or_before(at("2026-05-01T00:00:00Z")), Some(at("2024-02-29T00:00:00Z")));
    assert_eq!(leap.latest_at_or_before(at("2104-02-28T23:59:59Z")), Some(at("2096-02-29T00:00:00Z")));
    assert_eq!(leap.latest_at_or_before(at("2104-02-29T00:00:00Z")), Some(at("2104-02-29T00:00:00Z")));
    let once = Schedule::intervals(&["R1/2000-01-01T00:00:00Z/P1D"], Zone::utc()).unwrap();
    assert_eq!(once.latest_at_or_before(at("2900-05-01T00:00:00Z")), Some(at("2000-01-01T00:00:00Z")));
    assert_eq!(once.latest_at_or_before(at("1999-12-31T23:59:59Z")), None);
}

#[test]
fn the_ends_of_the_calendar_are_no_trouble() {
    let minutely = cron("* * * * *", "Pacific/Kiritimati");
    assert_eq!(minutely.next_after(jiff::Timestamp::MAX), None);
    assert!(minutely.latest_at_or_before(jiff::Timestamp::MAX).is_some());
    assert!(minutely.next_after(jiff::Timestamp::MIN).is_some());
    assert_eq!(minutely.latest_at_or_before(jiff::Timestamp::MIN), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wherever_a_walk_begins_it_finds_the_rest_of_the_same_walk(
        seconds in 1_767_225_600_i64..1_798_761_600,
        rule in 0_usize..5,
        zone in 0_usize..4,
    ) {
        let zone = ["Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "America/St_Johns"][zone];
        let texts = ["*/20 * * * *", "30 2 * * *", "0 */2 * * *", "15 1-3 * * SUN", "0 0 L * *"];
        let schedule = cron(texts[rule], zone);
        let start = jiff::Timestamp::from_second(seconds).unwrap();
        let whole: Vec<_> = schedule.slots_between(start, start + SignedDuration::from_hours(24 * 40)).collect();
        prop_assert!(whole.is_sorted_by(|a, b| a < b));
        for (index, slot) in whole.iter().enumerate().take(30) {
            prop_assert_eq!(schedule.next_after(*slot), schedule.slots_after(start).nth(index + 1));
            prop_assert_eq!(schedule.latest_at_or_before(*slot), Some(*slot));
            let just_before = *slot - SignedDuration::from_nanos(1);
            prop_assert_eq!(schedule.next_after(just_before), Some(*slot));
        }
    }
}
