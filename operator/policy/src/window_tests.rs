//! Tests of [`super`]: windows, missed slots, merging.

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hourly() -> Schedule {
    Schedule::cron("0 * * * *", Zone::utc()).unwrap()
}

fn windows() -> Windows {
    Windows::new(30, 120).unwrap()
}

const NO_DELAY: SignedDuration = SignedDuration::ZERO;

#[test]
fn windows_are_absolute_times_counted_from_the_slot() {
    let slot = at("2026-05-01T02:00:00Z");
    assert_eq!(windows().start_by(slot), at("2026-05-01T02:30:00Z"));
    assert_eq!(windows().complete_by(slot), at("2026-05-01T04:00:00Z"));
}

#[test]
fn windows_that_leave_no_time_are_refused_with_the_fields_named() {
    assert_eq!(Windows::new(0, 10), Err(WindowError::NoStart));
    let error = Windows::new(60, 60).unwrap_err().to_string();
    assert!(error.contains("`completionWindowMinutes` 60 must be above `startWindowMinutes` 60"), "{error}");
}

#[test]
fn row_e07_e08_a_run_stands_where_the_windows_put_it_to_the_second() {
    let slot = at("2026-05-01T02:00:00Z");
    let (start_by, complete_by) = (at("2026-05-01T02:30:00Z"), at("2026-05-01T04:00:00Z"));
    let table = [
        (false, "2026-05-01T02:29:59Z", Standing::MayStart { until: start_by }),
        (false, "2026-05-01T02:30:00Z", Standing::StartMissed),
        (true, "2026-05-01T02:30:00Z", Standing::MayRun { until: complete_by }),
        (true, "2026-05-01T03:59:59Z", Standing::MayRun { until: complete_by }),
        (true, "2026-05-01T04:00:00Z", Standing::CompletionMissed),
    ];
    for (started, now, expected) in table {
        assert_eq!(windows().standing(slot, started, at(now)), expected, "{started} {now}");
    }
}

#[test]
fn row_a33_what_is_due_is_at_most_one_job_and_a_count() {
    let table = [
        (
            "before the next slot there is nothing but a time to wake",
            ("2026-05-01T02:00:00Z", "2026-05-01T02:59:59Z"),
            Due::Nothing { wake: Some(at("2026-05-01T03:00:00Z")) },
        ),
        (
            "at its instant the slot runs",
            ("2026-05-01T02:00:00Z", "2026-05-01T03:00:00Z"),
            Due::Run { slot: at("2026-05-01T03:00:00Z"), missed: None },
        ),
        (
            "a handled slot is not due again",
            ("2026-05-01T03:00:00Z", "2026-05-01T03:00:00Z"),
            Due::Nothing { wake: Some(at("2026-05-01T04:00:00Z")) },
        ),
        (
            "the newest missed slot with an open window runs, the older are counted",
            ("2026-05-01T02:00:00Z", "2026-05-01T06:10:00Z"),
            Due::Run {
                slot: at("2026-05-01T06:00:00Z"),
                missed: Some(Missed { count: 3, since: at("2026-05-01T03:00:00Z") }),
            },
        ),
        (
            "with a closed window it becomes one expired job",
            ("2026-05-01T02:00:00Z", "2026-05-01T06:30:00Z"),
            Due::Expired {
                slot: at("2026-05-01T06:00:00Z"),
                missed: Some(Missed { count: 3, since: at("2026-05-01T03:00:00Z") }),
            },
        ),
        (
            "one missed slot alone has no older ones",
            ("2026-05-01T02:00:00Z", "2026-05-01T03:45:00Z"),
            Due::Expired { slot: at("2026-05-01T03:00:00Z"), missed: None },
        ),
        (
            "a clock that went back finds nothing and waits for the slot after the last handled one",
            ("2026-05-01T06:00:00Z", "2026-05-01T02:00:00Z"),
            Due::Nothing { wake: Some(at("2026-05-01T07:00:00Z")) },
        ),
    ];
    for (sentence, (last_handled, now), expected) in table {
        assert_eq!(due(&hourly(), windows(), NO_DELAY, at(last_handled), at(now)), expected, "{sentence}");
    }
}

#[test]
fn a_spread_delays_the_run_and_not_the_slot_nor_its_window() {
    let delay = SignedDuration::from_mins(20);
    let due_at = |now| due(&hourly(), windows(), delay, at("2026-05-01T02:00:00Z"), at(now));
    let slot = at("2026-05-01T03:00:00Z");
    assert_eq!(due_at("2026-05-01T03:19:59Z"), Due::Nothing { wake: Some(at("2026-05-01T03:20:00Z")) });
    assert_eq!(due_at("2026-05-01T03:20:00Z"), Due::Run { slot, missed: None });
    assert_eq!(due_at("2026-05-01T03:29:59Z"), Due::Run { slot, missed: None });
    assert_eq!(due_at("2026-05-01T03:30:00Z"), Due::Expired { slot, missed: None });
}

#[test]
fn a_schedule_that_has_ended_asks_for_no_wake() {
    let once = Schedule::intervals(&["R1/2026-05-01T02:00:00Z/P1D"], Zone::utc()).unwrap();
    let handled = at("2026-05-01T02:00:00Z");
    assert_eq!(
        due(&once, windows(), NO_DELAY, handled, at("2027-01-01T00:00:00Z")),
        Due::Nothing { wake: None }
    );
}

#[test]
fn a_month_without_an_operator_makes_one_job_and_no_storm() {
    let minutely = Schedule::cron("* * * * *", Zone::utc()).unwrap();
    let decided = due(&minutely, windows(), NO_DELAY, at("2026-05-01T00:00:00Z"), at("2026-05-31T00:00:00Z"));
    let missed = Some(Missed { count: 30 * 24 * 60 - 1, since: at("2026-05-01T00:01:00Z") });
    assert_eq!(decided, Due::Run { slot: at("2026-05-31T00:00:00Z"), missed });
}

fn waiting<'a>(slot: &str, keep: &str, zone: &'a Zone) -> Waiting<'a> {
    Waiting { slot: at(slot), keep: Keep::parse(keep).unwrap(), zone }
}

#[test]
fn row_e10_rules_that_fall_together_are_one_job_under_the_longest_keeper() {
    let utc = Zone::utc();
    let same = "2026-05-01T00:00:00Z";
    let table = [
        ("the longest keeper wins", vec![(same, "P7D"), (same, "P1Y"), (same, "P3M")], 1),
        ("of equals the first in the policy", vec![(same, "P7D"), (same, "P1W"), (same, "P6D")], 0),
        ("an expiry counts, not a number", vec![(same, "P30D"), (same, "P1M")], 1),
        ("a later slot that waits too keeps longer", vec![(same, "P7D"), ("2026-05-01T01:00:00Z", "P7D")], 1),
    ];
    for (sentence, rules, winner) in table {
        let rules: Vec<_> = rules.iter().map(|(slot, keep)| waiting(slot, keep, &utc)).collect();
        let merged = merge(&rules).unwrap();
        assert_eq!(merged.winner, winner, "{sentence}");
        assert_eq!(
            merged.others,
            (0..rules.len()).filter(|i| *i != winner).collect::<Vec<_>>(),
            "{sentence}"
        );
    }
    assert_eq!(merge(&[]), None);
}

proptest! {
    #[test]
    fn no_slot_is_handled_twice_and_none_is_forgotten(steps in prop::collection::vec(1_i64..20_000, 1..40)) {
        let schedule = Schedule::cron("*/7 * * * *", Zone::utc()).unwrap();
        let began = at("2026-03-01T00:00:00Z");
        let (mut now, mut last_handled, mut seen) = (began, began, 0);
        for step in steps {
            now += SignedDuration::from_secs(step);
            if let Due::Run { slot, missed } | Due::Expired { slot, missed } =
                due(&schedule, windows(), NO_DELAY, last_handled, now)
            {
                prop_assert!(slot > last_handled && slot <= now);
                seen += 1 + missed.map_or(0, |missed| missed.count);
                last_handled = slot;
            }
        }
        prop_assert_eq!(seen, schedule.slots_between(began, now).count() as u64);
    }
}
