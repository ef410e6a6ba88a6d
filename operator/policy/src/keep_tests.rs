//! Tests of [`super`]: the accepted forms, the calendar, and a vault's range.

use proptest::prelude::*;

use super::*;

fn keep(text: &str) -> Keep {
    Keep::parse(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

#[test]
fn what_is_accepted_is_printed_as_it_was_written() {
    for text in ["P1D", "P7D", "P36525D", "P5217W", "P3M", "P1200M", "P10Y", "P100Y"] {
        assert_eq!(keep(text).to_string(), text);
    }
}

#[test]
fn what_is_not_one_number_and_one_unit_is_refused() {
    let table = [
        "", "P", "PD", "P0D", "P07D", "P-1D", "P+1D", "P1", "P1H", "PT1H", "P1M1D", "P1.5D", "p1d", " P1D",
        "P1D ", "P123456D", "1D", "P1DD", "-P1D", "P١D", "P1Ｄ", "P 1D", "forever", "30d",
    ];
    for text in table {
        assert!(matches!(Keep::parse(text), Err(KeepError::Form { .. })), "{text:?}");
    }
}

#[test]
fn more_than_a_hundred_years_is_refused_naming_the_most() {
    for (text, most) in [
        ("P101Y", "P100Y"),
        ("P1201M", "P1200M"),
        ("P5218W", "P5217W"),
        ("P36526D", "P36525D"),
        ("P99999D", "P36525D"),
    ] {
        let error = Keep::parse(text).unwrap_err();
        assert_eq!(error, KeepError::TooLong { given: text.to_owned(), most: keep(most) });
        assert!(error.to_string().ends_with(most), "{error}");
    }
}

#[test]
fn row_a37_expiry_follows_the_calendar_of_the_zone() {
    let table = [
        (
            "31 January plus a month is 28 February",
            "UTC",
            "2026-01-31T02:00:00Z",
            "P1M",
            "2026-02-28T02:00:00Z",
        ),
        ("and 29 February in a leap year", "UTC", "2028-01-31T02:00:00Z", "P1M", "2028-02-29T02:00:00Z"),
        (
            "29 February plus a year is 28 February",
            "UTC",
            "2024-02-29T02:00:00Z",
            "P1Y",
            "2025-02-28T02:00:00Z",
        ),
        (
            "29 February plus four years is itself",
            "UTC",
            "2024-02-29T02:00:00Z",
            "P4Y",
            "2028-02-29T02:00:00Z",
        ),
        (
            "days keep the wall clock over summer time",
            "Europe/Berlin",
            "2026-03-28T01:30:00Z",
            "P7D",
            "2026-04-04T00:30:00Z",
        ),
        ("weeks too, in autumn", "Europe/Berlin", "2026-10-24T00:30:00Z", "P1W", "2026-10-31T01:30:00Z"),
        (
            "a skipped end moves on by the jump",
            "Europe/Berlin",
            "2026-03-28T01:30:00Z",
            "P1D",
            "2026-03-29T01:30:00Z",
        ),
        (
            "of a doubled end the first counts",
            "Europe/Berlin",
            "2026-10-24T00:30:00Z",
            "P1D",
            "2026-10-25T00:30:00Z",
        ),
        (
            "the day is the one of the zone, not of UTC",
            "Pacific/Auckland",
            "2026-01-30T12:00:00Z",
            "P1M",
            "2026-02-27T12:00:00Z",
        ),
        ("fractions of a second stay", "UTC", "2026-01-01T00:00:00.25Z", "P1D", "2026-01-02T00:00:00.25Z"),
    ];
    for (sentence, name, from, text, expected) in table {
        assert_eq!(keep(text).expires(at(from), &zone(name)), at(expected), "{sentence}");
    }
}

#[test]
fn an_expiry_beyond_the_calendar_is_the_end_of_the_calendar_and_never_early() {
    assert_eq!(keep("P100Y").expires(at("9950-01-01T00:00:00Z"), &Zone::utc()), Timestamp::MAX);
}

#[test]
fn a_months_length_decides_between_thirty_days_and_a_month() {
    let (days, month) = (keep("P30D"), keep("P1M"));
    assert!(days.compare(month, at("2026-02-01T00:00:00Z"), &Zone::utc()).is_gt());
    assert!(days.compare(month, at("2026-04-01T00:00:00Z"), &Zone::utc()).is_eq());
    assert!(days.compare(month, at("2026-07-01T00:00:00Z"), &Zone::utc()).is_lt());
}

#[test]
fn row_b13_a_vaults_range_takes_both_its_ends_and_nothing_beyond() {
    let range = KeepRange::new(keep("P7D"), keep("P10Y")).unwrap();
    let now = at("2026-05-01T00:00:00Z");
    let check = |text| range.check(keep(text), now, &Zone::utc());
    for inside in ["P7D", "P1W", "P3M", "P10Y", "P120M"] {
        assert_eq!(check(inside), Ok(()), "{inside}");
    }
    assert_eq!(check("P6D"), Err(KeepRangeError::TooShort { keep: keep("P6D"), minimum: keep("P7D") }));
    assert_eq!(check("P121M"), Err(KeepRangeError::TooLong { keep: keep("P121M"), maximum: keep("P10Y") }));
    assert!(check("P6D").unwrap_err().to_string().contains("at least P7D"));
}

#[test]
fn a_range_that_holds_nothing_is_refused_and_a_doubtful_one_is_not() {
    assert!(KeepRange::new(keep("P2Y"), keep("P1Y")).is_err());
    assert!(KeepRange::new(keep("P32D"), keep("P1M")).is_err());
    for (minimum, maximum) in [("P30D", "P1M"), ("P31D", "P1M"), ("P1Y", "P365D"), ("P1M", "P1M")] {
        assert!(KeepRange::new(keep(minimum), keep(maximum)).is_ok(), "{minimum} {maximum}");
    }
}

fn any_keep() -> impl Strategy<Value = Keep> {
    prop_oneof![
        (1..=MOST_DAYS).prop_map(|count| Keep { count, unit: Unit::Day }),
        (1..=MOST_WEEKS).prop_map(|count| Keep { count, unit: Unit::Week }),
        (1..=MOST_MONTHS).prop_map(|count| Keep { count, unit: Unit::Month }),
        (1..=MOST_YEARS).prop_map(|count| Keep { count, unit: Unit::Year }),
    ]
}

proptest! {
    #[test]
    fn parsing_any_text_never_fails_but_by_an_error(text in ".{0,12}") {
        if let Ok(parsed) = Keep::parse(&text) {
            prop_assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn an_expiry_is_within_the_days_the_unit_can_come_to(keep in any_keep(), seconds in 0_i64..4_000_000_000) {
        let from = Timestamp::from_second(seconds).unwrap();
        let days = (keep.expires(from, &Zone::utc()).as_second() - seconds) / 86_400;
        // A month that ends early (31 January to 28 February) is at most three days shorter than its months.
        prop_assert!(days >= i64::from(shortest_days(keep)) - 3, "{keep}: {days}");
        prop_assert!(days <= i64::from(longest_days(keep)), "{keep}: {days}");
    }

    #[test]
    fn an_equal_count_of_a_greater_unit_never_ends_sooner(count in 1_u32..=100, seconds in 0_i64..4_000_000_000) {
        let from = Timestamp::from_second(seconds).unwrap();
        let ends = [Unit::Day, Unit::Week, Unit::Month, Unit::Year]
            .map(|unit| Keep { count, unit }.expires(from, &Zone::utc()));
        prop_assert!(ends.is_sorted());
    }
}
