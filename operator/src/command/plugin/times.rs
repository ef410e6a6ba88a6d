//! Times as people read them: how long ago, how long until, and the moment itself in UTC.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `2026-11-22 04:00 UTC`.
pub fn moment(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `3 h ago`, `in 21 h`, `now`.
pub fn distance(time: Timestamp, now: Timestamp) -> String {
    let apart = time.duration_since(now);
    match length(apart.abs()) {
        None => "now".to_owned(),
        Some(length) if apart.is_negative() => format!("{length} ago"),
        Some(length) => format!("in {length}"),
    }
}

/// `2026-11-22 04:00 UTC (3 h ago)`.
pub fn both(time: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", moment(time), distance(time, now))
}

/// The largest unit that fits; of hours and days the next one too, while there are few. `None` below a second.
fn length(duration: SignedDuration) -> Option<String> {
    const DAY: i64 = 86_400;
    let seconds = duration.as_secs();
    let two = |large: i64, one: &str, small: i64, other: &str| match small {
        0 => format!("{large} {one}"),
        small => format!("{large} {one} {small} {other}"),
    };
    match seconds {
        ..=0 => None,
        1..60 => Some(format!("{seconds} s")),
        60..3_600 => Some(format!("{} min", seconds / 60)),
        3_600..36_000 => Some(two(seconds / 3_600, "h", seconds / 60 % 60, "min")),
        36_000..172_800 => Some(format!("{} h", seconds / 3_600)),
        172_800..864_000 => Some(two(seconds / DAY, "d", seconds / 3_600 % 24, "h")),
        _ => Some(format!("{} d", seconds / DAY)),
    }
}

/// A length of time as people type it: `90s`, `5m`, `1h30m`.
///
/// # Errors
/// What is wrong with it, for the command line.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as 90s, 5m or 1h30m".to_owned();
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_the_units_that_matter() {
        let now: Timestamp = "2026-11-22T04:00:00Z".parse().unwrap();
        for (seconds, told) in [
            (0, "now"),
            (-59, "59 s ago"),
            (-61, "1 min ago"),
            (3_600, "in 1 h"),
            (-11_100, "3 h 5 min ago"),
            (75_600, "in 21 h"),
            (-176_400, "2 d 1 h ago"),
            (-86_400 * 40, "40 d ago"),
        ] {
            assert_eq!(distance(now + SignedDuration::from_secs(seconds), now), told, "{seconds}");
        }
        assert_eq!(both(now, now + SignedDuration::from_mins(5)), "2026-11-22 04:00 UTC (5 min ago)");
    }

    #[test]
    fn times_to_wait_are_typed_as_with_kubectl() {
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5_400)));
        for wrong in ["", "5", "soon", "0s", "-5m"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
