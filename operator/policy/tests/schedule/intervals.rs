//! Repeating intervals: on the wall by days and months, by elapsed time in hours and minutes.

use policy::{Schedule, Zone};

use super::{at, slots};

fn intervals(texts: &[&str], zone: &str) -> Schedule {
    Schedule::intervals(texts, Zone::parse(zone).unwrap()).unwrap()
}

/// A sentence; the intervals and their zone; after and until; the slots in UTC.
type Row = (
    &'static str,
    (&'static [&'static str], &'static str),
    (&'static str, &'static str),
    &'static [&'static str],
);

const ROWS: &[Row] = &[
    (
        "two weekdays at 20:00, as the managed service writes them",
        (&["R/2021-08-15T20:00:00+00:00/P1W", "R/2021-08-18T20:00:00+00:00/P1W"], "UTC"),
        ("2026-03-01T00:00:00Z", "2026-03-12T00:00:00Z"),
        &["03-01 20:00", "03-04 20:00", "03-08 20:00", "03-11 20:00"],
    ),
    (
        "the hour on the wall stays over a change of the clocks",
        (&["R/2026-01-04T20:00:00+01:00/P1W"], "Europe/Berlin"),
        ("2026-03-20T00:00:00Z", "2026-04-06T00:00:00Z"),
        &["03-22 19:00", "03-29 18:00", "04-05 18:00"],
    ),
    (
        "a start with an offset is an instant, and its hour on the wall of the zone repeats",
        (&["R/2026-01-04T20:00:00Z/P1D"], "Europe/Berlin"),
        ("2026-03-27T22:00:00Z", "2026-03-30T00:00:00Z"),
        &["03-28 20:00", "03-29 19:00"],
    ),
    (
        "a start without one is a time on the wall of the zone",
        (&["R/2026-01-04T20:00/P1D"], "Europe/Berlin"),
        ("2026-03-27T22:00:00Z", "2026-03-30T00:00:00Z"),
        &["03-28 19:00", "03-29 18:00"],
    ),
    (
        "a skipped time fires at the next valid instant, a doubled one the first time",
        (&["R/2026-01-04T02:30:00/P1D"], "Europe/Berlin"),
        ("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
        &["03-29 01:00", "03-30 00:30"],
    ),
    (
        "and in autumn",
        (&["R/2026-01-04T02:30:00/P1D"], "Europe/Berlin"),
        ("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
        &["10-25 00:30", "10-26 01:30"],
    ),
    (
        "hours are elapsed time",
        (&["R/2026-03-29T00:00:00+01:00/PT6H"], "Europe/Berlin"),
        ("2026-03-28T12:00:00Z", "2026-03-29T18:00:00Z"),
        &["03-28 23:00", "03-29 05:00", "03-29 11:00", "03-29 17:00"],
    ),
    (
        "a month without the day has its last day, and the day comes back",
        (&["R/2026-01-31T02:00:00Z/P1M"], "UTC"),
        ("2026-01-01T00:00:00Z", "2026-05-31T12:00:00Z"),
        &["01-31 02:00", "02-28 02:00", "03-31 02:00", "04-30 02:00", "05-31 02:00"],
    ),
    (
        "29 February by the year",
        (&["R/2024-02-29T02:00:00Z/P1Y"], "UTC"),
        ("2024-01-01T00:00:00Z", "2028-12-31T12:00:00Z"),
        &["02-29 02:00", "02-28 02:00", "02-28 02:00", "02-28 02:00", "02-29 02:00"],
    ),
    (
        "nothing before the start, and the start itself is the first",
        (&["R/2026-05-01T02:00:00Z/P1D"], "UTC"),
        ("2020-01-01T00:00:00Z", "2026-05-02T12:00:00Z"),
        &["05-01 02:00", "05-02 02:00"],
    ),
    (
        "R3 gives three slots in all",
        (&["R3/2026-05-01T02:00:00Z/P1D"], "UTC"),
        ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        &["05-01 02:00", "05-02 02:00", "05-03 02:00"],
    ),
    (
        "one sequence of several, each instant once",
        (&["R/2026-05-01T00:00:00Z/PT12H", "R2/2026-05-01T12:00:00Z/PT6H"], "UTC"),
        ("2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z"),
        &["05-01 12:00", "05-01 18:00", "05-02 00:00"],
    ),
    (
        "weeks and days add up",
        (&["R/2026-05-01T00:00:00Z/P1W1D"], "UTC"),
        ("2026-05-01T00:00:00Z", "2026-05-20T00:00:00Z"),
        &["05-09 00:00", "05-17 00:00"],
    ),
    (
        "years and months too",
        (&["R/2026-05-01T00:00:00Z/P1Y6M"], "UTC"),
        ("2026-05-01T00:00:00Z", "2029-06-01T00:00:00Z"),
        &["11-01 00:00", "05-01 00:00"],
    ),
];

#[test]
fn intervals_repeat_from_their_start_by_the_calendar_or_by_elapsed_time() {
    for (sentence, (texts, zone), (after, until), expected) in ROWS {
        assert_eq!(slots(&intervals(texts, zone), after, until), *expected, "{sentence}");
    }
}

#[test]
fn a_start_long_ago_or_far_ahead_costs_nothing() {
    let minutely = intervals(&["R/1900-01-01T00:00:00Z/PT1M"], "UTC");
    assert_eq!(minutely.next_after(at("2026-05-01T00:00:00Z")), Some(at("2026-05-01T00:01:00Z")));
    let daily = intervals(&["R/0001-01-01T00:00:00Z/P1D"], "UTC");
    assert_eq!(daily.next_after(at("2026-05-01T00:00:00Z")), Some(at("2026-05-02T00:00:00Z")));
    let ahead = intervals(&["R/9000-01-01T00:00:00Z/P1D"], "UTC");
    assert_eq!(ahead.next_after(at("2026-05-01T00:00:00Z")), Some(at("9000-01-01T00:00:00Z")));
    assert_eq!(ahead.latest_at_or_before(at("2026-05-01T00:00:00Z")), None);
}

#[test]
fn a_period_longer_than_the_calendar_fires_once_and_ends() {
    let once = intervals(&["R/2026-05-01T00:00:00Z/P9000Y"], "UTC");
    assert_eq!(once.next_after(at("2026-04-30T00:00:00Z")), Some(at("2026-05-01T00:00:00Z")));
    assert_eq!(once.next_after(at("2026-05-01T00:00:00Z")), None);
}

#[test]
fn samoas_missing_day_costs_a_daily_interval_no_slot_but_moves_it() {
    let noon = intervals(&["R/2011-12-28T12:00:00/P1D"], "Pacific/Apia");
    let found = slots(&noon, "2011-12-28T23:00:00Z", "2012-01-01T00:00:00Z");
    assert_eq!(found, ["12-29 22:00", "12-30 10:00", "12-30 22:00", "12-31 22:00"]);
}
