//! Schedules that are refused, and what the message says to do.

use policy::{Schedule, Zone};

/// A text, and what the message that refuses it says.
const NO_CRON: &[(&str, &str)] = &[
    ("", "it is empty"),
    ("   ", "it is empty"),
    ("* * * *", "it has 4 fields and must have five"),
    ("0 * * * * *", "leave out seconds"),
    ("0 0 1 1 * 2027", "has 6 fields"),
    ("61 * * * *", "the minute field has no 61: write *, 0 to 59"),
    ("0 24 * * *", "the hour field has no 24"),
    ("0 0 0 * *", "the day of month field has no 0"),
    ("0 0 32 * *", "the day of month field has no 32"),
    ("0 0 * 13 *", "the month field has no 13"),
    ("0 0 * 0 *", "the month field has no 0"),
    ("0 0 * * 8", "the day of week field has no 8"),
    ("99999999999999999999 * * * *", "the minute field has no"),
    ("*/0 * * * *", "the step 0, which must be 1 to 59"),
    ("*/60 * * * *", "PT90M"),
    ("*/90 * * * *", "use `schedule.intervals`"),
    ("0 */24 * * *", "the step 24, which must be 1 to 23"),
    ("*/-5 * * * *", "the minute field cannot be \"*/-5\""),
    ("*/ * * * *", "the minute field cannot be \"*/\""),
    ("/ * * * *", "the minute field cannot be \"/\""),
    ("1/2/3 * * * *", "the minute field cannot be \"1/2/3\""),
    ("0- * * * *", "the minute field cannot be \"0-\""),
    ("-5 * * * *", "the minute field cannot be \"-5\""),
    ("1-2-3 * * * *", "the minute field cannot be \"1-2-3\""),
    ("5-1 * * * *", "ends before it starts"),
    ("0 22-5 * * *", "22-23,0-5"),
    ("1,,2 * * * *", "remove the extra comma"),
    (",1 * * * *", "remove the extra comma"),
    ("1, * * * *", "remove the extra comma"),
    ("*,5 * * * *", "* alone already means all"),
    ("0 0 31 2 *", "it never fires"),
    ("0 0 30 2 *", "it never fires"),
    ("0 0 31 4,6,9,11 *", "use L for the last day"),
    ("0 0 30-31 FEB ?", "it never fires"),
    ("0 0 * * L", "write the weekday before it"),
    ("0 0 15W * *", "uses 'W', which this dialect does not have"),
    ("0 0 LW * *", "uses 'W'"),
    ("0 0 * * 5#2", "uses '#'"),
    ("0 0 13 * +5", "uses '+'"),
    ("H 0 * * *", "uses 'H'"),
    ("? * * * *", "the minute field uses '?'"),
    ("0 0 1,? * *", "uses '?'"),
    ("L * * * *", "the minute field cannot be \"L\""),
    ("0 0 L-3 * *", "the day of month field cannot be \"L-3\""),
    ("MON 0 * * *", "the minute field cannot be \"MON\""),
    ("0 0 * * JAN", "the day of week field cannot be \"JAN\""),
    ("0 0 * MON *", "the month field cannot be \"MON\""),
    ("0 0 * * MONDAY", "SUN to SAT"),
    ("0 0 * * SAT-MON", "ends before it starts"),
    ("@reboot", "\"@reboot\" is not known"),
    ("@every 1h", "\"@every 1h\" is not known"),
    ("@daily 5", "is not known"),
    ("TZ=Europe/Berlin 0 2 * * *", "write it in `timeZone`"),
    ("CRON_TZ=UTC 0 2 * * *", "write it in `timeZone`"),
    ("٣ * * * *", "the minute field cannot be"),
    ("０ 2 * * *", "the minute field cannot be"),
    ("0 2 * * *\u{a0}", "the day of week field cannot be"),
    ("0 2 * * * # nightly", "fields and must have five"),
    ("\0 * * * *", "the minute field cannot be"),
];

#[test]
fn a_cron_text_that_is_no_schedule_is_refused_with_what_is_wrong_and_a_way_out() {
    let long = "0,".repeat(400);
    let too_long = [(long.as_str(), "longer than 512 characters")];
    for (text, expected) in NO_CRON.iter().chain(&too_long) {
        let error = Schedule::cron(text, Zone::utc()).expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
        assert!(error.starts_with("`schedule.cron` "), "{text:?}: {error}");
        assert!(error.len() < 600, "{text:?}: {error}");
    }
}

#[test]
fn an_interval_that_is_none_is_refused_with_what_is_wrong_and_a_way_out() {
    let table = [
        ("", "write it as R/<start>/<period>"),
        ("2026-01-04T20:00:00Z/P1W", "write it as R/<start>/<period>"),
        ("P1W", "write it as R/<start>/<period>"),
        ("R/P1W", "write it as R/<start>/<period>"),
        ("r/2026-01-04T20:00:00Z/P1W", "write it as R/<start>/<period>"),
        ("R-1/2026-01-04T20:00:00Z/P1W", "write it as R/<start>/<period>"),
        ("R1x/2026-01-04T20:00:00Z/P1W", "write it as R/<start>/<period>"),
        ("R0/2026-01-04T20:00:00Z/P1W", "never fires"),
        ("R/2026-01-04/P1W", "is not a date and time"),
        ("R/20:00:00/P1W", "is not a date and time"),
        ("R/T20:00:00/P1W", "is not a date and time"),
        ("R/2026-02-30T20:00:00Z/P1W", "is not a date and time"),
        ("R/2026-01-04T25:00:00Z/P1W", "is not a date and time"),
        ("R/2026-01-04T20:00:00+01:00[Europe/Berlin]/P1W", "write it as R/<start>/<period>"),
        ("R/2026-01-04T20:00:00+01:00[UTC]/P1W", "is not a date and time"),
        ("R/2026-01-04T20:00:30Z/P1W", "make the seconds 00"),
        ("R/2026-01-04T20:00:00.5Z/P1W", "make the seconds 00"),
        ("R/2026-01-04T20:00:00Z/1W", "its period \"1W\" is not one"),
        ("R/2026-01-04T20:00:00Z/1 week", "is not one"),
        ("R/2026-01-04T20:00:00Z/-P1W", "is not one"),
        ("R/2026-01-04T20:00:00Z/P", "is not one"),
        ("R/2026-01-04T20:00:00Z/", "is not one"),
        ("R/2026-01-04T20:00:00Z/P0D", "at least one minute"),
        ("R/2026-01-04T20:00:00Z/PT0H", "at least one minute"),
        ("R/2026-01-04T20:00:00Z/PT30S", "whole minutes"),
        ("R/2026-01-04T20:00:00Z/PT1H30S", "whole minutes"),
        ("R/2026-01-04T20:00:00Z/PT0.5M", "whole minutes"),
        ("R/2026-01-04T20:00:00Z/P1M1D", "mixes units"),
        ("R/2026-01-04T20:00:00Z/P1DT6H", "mixes units"),
        ("R/2026-01-04T20:00:00Z/P1Y1W", "mixes units"),
        ("R/2026-01-04T20:00:00Z/2026-01-05T20:00:00Z", "is not one"),
    ];
    for (text, expected) in table {
        let error = Schedule::intervals(&["R/2026-01-04T20:00:00Z/P1W", text], Zone::utc());
        let error = error.expect_err(text).to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
        assert!(error.starts_with("`schedule.intervals[1]` "), "{text:?}: {error}");
    }
}

#[test]
fn a_list_of_no_interval_or_of_too_many_is_refused() {
    let error = Schedule::intervals(&[], Zone::utc()).unwrap_err().to_string();
    assert!(error.contains("write at least one"), "{error}");
    let many = ["R/2026-01-04T20:00:00Z/P1W"; 169];
    let error = Schedule::intervals(&many, Zone::utc()).unwrap_err().to_string();
    assert!(error.contains("at most 168"), "{error}");
    assert!(Schedule::intervals(&many[1..], Zone::utc()).is_ok());
}

#[test]
fn a_weekday_saves_a_day_that_never_comes() {
    assert!(Schedule::cron("0 0 31 2 5", Zone::utc()).is_ok(), "Fridays in February");
    assert!(Schedule::cron("0 0 31,L 2 *", Zone::utc()).is_ok(), "the last of February");
    assert!(Schedule::cron("0 0 29 2 *", Zone::utc()).is_ok(), "leap years");
    assert!(Schedule::cron("0 0 31 2,3 *", Zone::utc()).is_ok(), "31 March");
}
