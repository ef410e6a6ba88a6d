//! What cron schedules do on the days on which a clock is moved, and on ordinary ones. Each row is a sentence.
//!
//! Europe/Berlin 2026: at 01:00 UTC on 29 March 02:00 becomes 03:00; at 01:00 UTC on 25 October 03:00 becomes 02:00.
//! Australia/Sydney 2026: at 16:00 UTC on 4 April 03:00 becomes 02:00; at 16:00 UTC on 3 October 02:00 becomes 03:00.
//! Australia/Lord_Howe 2026: at 15:00 UTC on 4 April 02:00 becomes 01:30; at 15:30 UTC on 3 October 02:00 becomes 02:30.

use super::{at, cron, slots};

/// A sentence; expression and zone; after and until; the slots in UTC.
type Row =
    (&'static str, (&'static str, &'static str), (&'static str, &'static str), &'static [&'static str]);

fn check(rows: &[Row]) {
    for (sentence, (text, zone), (after, until), expected) in rows {
        assert_eq!(slots(&cron(text, zone), after, until), *expected, "{sentence}");
    }
}

const BERLIN_SPRING: (&str, &str) = ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
const BERLIN_AUTUMN: (&str, &str) = ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");

#[test]
fn a_fixed_hour_fires_exactly_once_when_the_clock_goes_forward() {
    let berlin = "Europe/Berlin";
    check(&[
        (
            "a skipped 02:30 fires at 03:00, and the days around it at 02:30",
            ("30 2 * * *", berlin),
            ("2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z"),
            &["03-28 01:30", "03-29 01:00", "03-30 00:30"],
        ),
        (
            "02:00, the first skipped minute, fires at 03:00",
            ("0 2 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 01:00"],
        ),
        ("01:59, the last minute before", ("59 1 * * *", berlin), BERLIN_SPRING, &["03-29 00:59"]),
        ("03:00, the first minute after", ("0 3 * * *", berlin), BERLIN_SPRING, &["03-29 01:00"]),
        (
            "two skipped times fall on one instant, which is one slot",
            ("0,30 2 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 01:00"],
        ),
        (
            "a skipped time and the one it falls on are one slot",
            ("0 2,3 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 01:00"],
        ),
        (
            "a list of hours is fixed hours",
            ("30 2,14 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 01:00", "03-29 12:30"],
        ),
        (
            "so is a range",
            ("30 1-4 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 00:30", "03-29 01:00", "03-29 01:30", "03-29 02:30"],
        ),
        (
            "a step of minutes in a fixed hour falls on one instant too",
            ("*/15 2 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 01:00"],
        ),
        (
            "only on the day it is for",
            ("30 2 * * MON", berlin),
            ("2026-03-28T12:00:00Z", "2026-03-31T12:00:00Z"),
            &["03-30 00:30"],
        ),
    ]);
}

#[test]
fn a_fixed_hour_fires_exactly_once_when_the_clock_goes_back() {
    let berlin = "Europe/Berlin";
    check(&[
        (
            "a doubled 02:30 fires the first time, and the days around it as ever",
            ("30 2 * * *", berlin),
            ("2026-10-23T12:00:00Z", "2026-10-26T12:00:00Z"),
            &["10-24 00:30", "10-25 00:30", "10-26 01:30"],
        ),
        ("02:00, the first doubled minute", ("0 2 * * *", berlin), BERLIN_AUTUMN, &["10-25 00:00"]),
        ("02:59, the last", ("59 2 * * *", berlin), BERLIN_AUTUMN, &["10-25 00:59"]),
        ("03:00 comes once, after both", ("0 3 * * *", berlin), BERLIN_AUTUMN, &["10-25 02:00"]),
        (
            "two doubled times fire once each",
            ("0,30 2 * * *", berlin),
            BERLIN_AUTUMN,
            &["10-25 00:00", "10-25 00:30"],
        ),
        (
            "a list of hours is fixed hours",
            ("30 2,14 * * *", berlin),
            BERLIN_AUTUMN,
            &["10-25 00:30", "10-25 13:30"],
        ),
        (
            "asked between the two, nothing is left of the day",
            ("30 2 * * *", berlin),
            ("2026-10-25T00:45:00Z", "2026-10-25T12:00:00Z"),
            &[],
        ),
    ]);
}

#[test]
fn every_hour_and_every_few_follow_elapsed_time_when_the_clock_goes_forward() {
    let berlin = "Europe/Berlin";
    let night = ("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z");
    check(&[
        (
            "every thirty minutes: none lost, none doubled",
            ("*/30 * * * *", berlin),
            night,
            &["03-29 00:30", "03-29 01:00", "03-29 01:30", "03-29 02:00", "03-29 02:30", "03-29 03:00"],
        ),
        (
            "every hour at 15: a skipped 02:15 is the 03:15 an hour later",
            ("15 * * * *", berlin),
            night,
            &["03-29 00:15", "03-29 01:15", "03-29 02:15"],
        ),
        (
            "every two hours: a skipped 02:00 fires two hours after midnight",
            ("0 */2 * * *", berlin),
            ("2026-03-28T22:30:00Z", "2026-03-29T05:00:00Z"),
            &["03-28 23:00", "03-29 01:00", "03-29 02:00", "03-29 04:00"],
        ),
        (
            "every six hours stays on its hours",
            ("0 */6 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 04:00", "03-29 10:00", "03-29 16:00", "03-29 22:00"],
        ),
        (
            "all twenty-four hours written out are every hour",
            ("15 0-23 * * *", berlin),
            night,
            &["03-29 00:15", "03-29 01:15", "03-29 02:15"],
        ),
        (
            "a step that leaves one hour is that fixed hour",
            ("30 2/23 * * *", berlin),
            BERLIN_SPRING,
            &["03-29 01:00"],
        ),
    ]);
}

#[test]
fn every_hour_and_every_few_follow_elapsed_time_when_the_clock_goes_back() {
    let berlin = "Europe/Berlin";
    let night = ("2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z");
    check(&[
        (
            "every thirty minutes: none lost, none doubled",
            ("*/30 * * * *", berlin),
            night,
            &["10-24 23:30", "10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"],
        ),
        (
            "every hour at 15: both 02:15, an hour apart",
            ("15 * * * *", berlin),
            night,
            &["10-24 23:15", "10-25 00:15", "10-25 01:15"],
        ),
        (
            "every two hours: the second 02:00 comes after one hour and does not fire",
            ("0 */2 * * *", berlin),
            ("2026-10-24T21:30:00Z", "2026-10-25T05:00:00Z"),
            &["10-24 22:00", "10-25 00:00", "10-25 03:00", "10-25 05:00"],
        ),
        (
            "asked between the two, the second is next",
            ("15 * * * *", berlin),
            ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
            &["10-25 01:15"],
        ),
    ]);
}

#[test]
fn a_day_of_23_and_one_of_25_hours_have_the_slots_of_every_day() {
    for text in ["0 */2 * * *", "30 */2 * * *", "0 1-23/2 * * *", "0 0,6,12,18 * * *", "59 2-22/4 * * *"] {
        let schedule = cron(text, "Europe/Berlin");
        let count = |(after, until): (&str, &str)| {
            let before = |text| at(text) - jiff::SignedDuration::from_secs(1);
            schedule.slots_between(before(after), before(until)).count()
        };
        let ordinary = count(("2026-05-01T22:00:00Z", "2026-05-02T22:00:00Z"));
        assert_eq!(count(BERLIN_SPRING), ordinary, "{text} in spring");
        assert_eq!(count(BERLIN_AUTUMN), ordinary, "{text} in autumn");
    }
}

#[test]
fn the_southern_hemisphere_moves_its_clocks_in_the_other_half_of_the_year() {
    let sydney = "Australia/Sydney";
    check(&[
        (
            "a doubled 02:30 in April fires the first time",
            ("30 2 * * *", sydney),
            ("2026-04-03T20:00:00Z", "2026-04-05T20:00:00Z"),
            &["04-04 15:30", "04-05 16:30"],
        ),
        (
            "a skipped 02:30 in October fires at 03:00",
            ("30 2 * * *", sydney),
            ("2026-10-02T20:00:00Z", "2026-10-04T20:00:00Z"),
            &["10-03 16:00", "10-04 15:30"],
        ),
        (
            "every hour in April",
            ("0 * * * *", sydney),
            ("2026-04-04T14:00:00Z", "2026-04-04T18:00:00Z"),
            &["04-04 15:00", "04-04 16:00", "04-04 17:00", "04-04 18:00"],
        ),
        (
            "every hour in October",
            ("0 * * * *", sydney),
            ("2026-10-03T14:00:00Z", "2026-10-03T18:00:00Z"),
            &["10-03 15:00", "10-03 16:00", "10-03 17:00", "10-03 18:00"],
        ),
    ]);
}

#[test]
fn a_clock_moved_by_half_an_hour_loses_and_doubles_nothing() {
    let lord_howe = "Australia/Lord_Howe";
    check(&[
        (
            "a doubled 01:45 fires the first time",
            ("45 1 * * *", lord_howe),
            ("2026-04-04T00:00:00Z", "2026-04-05T23:00:00Z"),
            &["04-04 14:45", "04-05 15:15"],
        ),
        (
            "a skipped 02:15 fires at 02:30",
            ("15 2 * * *", lord_howe),
            ("2026-10-03T00:00:00Z", "2026-10-04T23:00:00Z"),
            &["10-03 15:30", "10-04 15:15"],
        ),
        (
            "02:45 is skipped by nobody",
            ("45 2 * * *", lord_howe),
            ("2026-10-03T00:00:00Z", "2026-10-03T23:00:00Z"),
            &["10-03 15:45"],
        ),
        (
            "every thirty minutes in April",
            ("*/30 * * * *", lord_howe),
            ("2026-04-04T14:00:00Z", "2026-04-04T16:00:00Z"),
            &["04-04 14:30", "04-04 15:00", "04-04 15:30", "04-04 16:00"],
        ),
        (
            "every hour in October: a skipped 02:00 fires an hour after 01:00, at 02:30",
            ("0 * * * *", lord_howe),
            ("2026-10-03T13:45:00Z", "2026-10-03T17:00:00Z"),
            &["10-03 14:30", "10-03 15:30", "10-03 16:00", "10-03 17:00"],
        ),
        (
            "every hour in April: 02:00 comes once, an hour and a half after 01:00",
            ("0 * * * *", lord_howe),
            ("2026-04-04T13:45:00Z", "2026-04-04T17:00:00Z"),
            &["04-04 14:00", "04-04 15:30", "04-04 16:30"],
        ),
        (
            "every hour at 30 in April: the second 01:30 comes after half an hour and does not fire",
            ("30 * * * *", lord_howe),
            ("2026-04-04T13:45:00Z", "2026-04-04T17:00:00Z"),
            &["04-04 14:30", "04-04 16:00", "04-04 17:00"],
        ),
    ]);
}

#[test]
fn clocks_moved_at_midnight_and_over_the_date_line_keep_each_day_its_slot() {
    check(&[
        (
            "Santiago has no midnight on 6 September: it fires at 01:00, the first instant of the day",
            ("@daily", "America/Santiago"),
            ("2026-09-04T12:00:00Z", "2026-09-07T12:00:00Z"),
            &["09-05 04:00", "09-06 04:00", "09-07 03:00"],
        ),
        (
            "Santiago has 23:30 twice on 4 April",
            ("30 23 * * *", "America/Santiago"),
            ("2026-04-03T12:00:00Z", "2026-04-06T12:00:00Z"),
            &["04-04 02:30", "04-05 02:30", "04-06 03:30"],
        ),
        (
            "Newfoundland set its clocks back at one minute past midnight: 00:00 came twice and fired once",
            ("0 0 * * *", "America/St_Johns"),
            ("2010-11-06T12:00:00Z", "2010-11-08T12:00:00Z"),
            &["11-07 02:30", "11-08 03:30"],
        ),
        (
            "and every half hour went on without a break, out of the order of dates",
            ("*/30 * * * *", "America/St_Johns"),
            ("2010-11-07T01:30:00Z", "2010-11-07T04:30:00Z"),
            &["11-07 02:00", "11-07 02:30", "11-07 03:00", "11-07 03:30", "11-07 04:00", "11-07 04:30"],
        ),
        (
            "also asked in the minute of the new day that came before the rest of the old one",
            ("*/30 * * * *", "America/St_Johns"),
            ("2010-11-07T02:30:30Z", "2010-11-07T04:00:00Z"),
            &["11-07 03:00", "11-07 03:30", "11-07 04:00"],
        ),
        (
            "Samoa had no 30 December 2011: its noon fires with the first instant of the 31st",
            ("0 12 * * *", "Pacific/Apia"),
            ("2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"),
            &["12-29 22:00", "12-30 10:00", "12-30 22:00"],
        ),
        (
            "a Friday's slot is not lost with the Friday",
            ("0 12 * * 5", "Pacific/Apia"),
            ("2011-12-24T12:00:00Z", "2012-01-07T12:00:00Z"),
            &["12-30 10:00", "01-05 22:00"],
        ),
        (
            "every six hours do not notice the date line",
            ("0 */6 * * *", "Pacific/Apia"),
            ("2011-12-29T21:00:00Z", "2011-12-31T00:00:00Z"),
            &["12-29 22:00", "12-30 04:00", "12-30 10:00", "12-30 16:00", "12-30 22:00"],
        ),
        (
            "Troll jumps two hours",
            ("30 1,2 * * *", "Antarctica/Troll"),
            ("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"),
            &["03-29 01:00"],
        ),
    ]);
}

#[test]
fn the_rules_go_on_after_the_tables_of_the_zones_end() {
    check(&[(
        "a skipped 02:30 in the year 2150",
        ("30 2 * * *", "Europe/Berlin"),
        ("2150-03-28T12:00:00Z", "2150-03-30T12:00:00Z"),
        &["03-29 01:00", "03-30 00:30"],
    )]);
}

const DIALECT: &[Row] = &[
    (
        "day of month and weekday are joined by OR when both are restricted",
        ("0 0 13 * 5", "UTC"),
        ("2026-02-05T00:00:00Z", "2026-02-28T00:00:00Z"),
        &["02-06 00:00", "02-13 00:00", "02-20 00:00", "02-27 00:00"],
    ),
    (
        "a step restricts a day field, */1 does not",
        ("0 0 */10 * 5", "UTC"),
        ("2026-02-05T00:00:00Z", "2026-02-14T00:00:00Z"),
        &["02-06 00:00", "02-11 00:00", "02-13 00:00"],
    ),
    (
        "*/1 is *",
        ("0 0 */1 * 5", "UTC"),
        ("2026-02-05T00:00:00Z", "2026-02-14T00:00:00Z"),
        &["02-06 00:00", "02-13 00:00"],
    ),
    (
        "? is *",
        ("0 0 ? * 5", "UTC"),
        ("2026-02-05T00:00:00Z", "2026-02-14T00:00:00Z"),
        &["02-06 00:00", "02-13 00:00"],
    ),
    (
        "L is the last day of each month",
        ("0 0 L * *", "UTC"),
        ("2028-01-15T00:00:00Z", "2028-04-15T00:00:00Z"),
        &["01-31 00:00", "02-29 00:00", "03-31 00:00"],
    ),
    (
        "L and a day",
        ("0 0 L,15 * *", "UTC"),
        ("2026-01-15T00:00:00Z", "2026-03-01T00:00:00Z"),
        &["01-31 00:00", "02-15 00:00", "02-28 00:00"],
    ),
    (
        "5L is the month's last Friday, also by name",
        ("0 0 * * friL", "UTC"),
        ("2026-05-01T00:00:00Z", "2026-08-01T00:00:00Z"),
        &["05-29 00:00", "06-26 00:00", "07-31 00:00"],
    ),
    (
        "0 and 7 and SUN are Sunday, and a range may end with it",
        ("0 0 * * 7,sat-SUN", "UTC"),
        ("2026-05-01T00:00:00Z", "2026-05-10T00:00:00Z"),
        &["05-02 00:00", "05-03 00:00", "05-09 00:00", "05-10 00:00"],
    ),
    (
        "names in any case",
        ("0 0 1 jAn-Mar *", "UTC"),
        ("2026-01-15T00:00:00Z", "2027-01-15T00:00:00Z"),
        &["02-01 00:00", "03-01 00:00", "01-01 00:00"],
    ),
    (
        "5/15 starts at 5, as Kubernetes has it",
        ("5/15 3 * * *", "UTC"),
        ("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z"),
        &["05-01 03:05", "05-01 03:20", "05-01 03:35", "05-01 03:50"],
    ),
    (
        "a range with a step",
        ("10-30/10 3 * * *", "UTC"),
        ("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z"),
        &["05-01 03:10", "05-01 03:20", "05-01 03:30"],
    ),
    (
        "29 February comes in leap years, and in 2100 it does not",
        ("0 0 29 2 *", "UTC"),
        ("2095-01-01T00:00:00Z", "2105-01-01T00:00:00Z"),
        &["02-29 00:00", "02-29 00:00"],
    ),
    (
        "@weekly is Sunday at midnight",
        ("@Weekly", "UTC"),
        ("2026-05-01T00:00:00Z", "2026-05-08T00:00:00Z"),
        &["05-03 00:00"],
    ),
    ("@yearly", ("@yearly", "UTC"), ("2026-05-01T00:00:00Z", "2027-05-01T00:00:00Z"), &["01-01 00:00"]),
    (
        "spaces and tabs, also around it",
        ("  0\t0   1 *  * ", "UTC"),
        ("2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        &["06-01 00:00"],
    ),
];

#[test]
fn the_dialect_is_that_of_kubernetes_with_last_days() {
    check(DIALECT);
}
