//! Points of a time that somebody wants to see: annotation `coffer.dev/show-points: FROM/TO` of an instance. Pure.

use std::collections::BTreeMap;

use contract::PointView;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

/// How long a range is shown.
pub const SHOWN: SignedDuration = SignedDuration::from_hours(24);
/// Points that are shown of a range at most, the newest: each is an object of the API server.
pub const MOST: usize = 200;

/// Points from the first instant on and before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    from: Timestamp,
    before: Timestamp,
}

/// The ranges that are asked for, by the instance's UID.
pub type Ranges = BTreeMap<String, Range>;

impl Range {
    /// Reads `FROM/TO`: RFC 3339 times, or dates in UTC of which the last is shown whole.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(value: &str) -> Result<Self, String> {
        let Some((from, to)) = value.split_once('/') else {
            return Err(format!("\"{value}\" has no slash between two times"));
        };
        let (from, before) = (instant(from.trim(), false)?, instant(to.trim(), true)?);
        if from >= before {
            return Err(format!("\"{value}\" ends before it begins"));
        }
        Ok(Self { from, before })
    }

    /// Whether a point was taken in the range.
    pub fn holds(&self, point: &PointView) -> bool {
        self.from <= point.point_time && point.point_time < self.before
    }
}

/// A time, or the begin of a date; the end of one that is the last.
fn instant(text: &str, is_last: bool) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let wrong =
        || format!("\"{text}\" is neither a date such as 2026-11-21 nor a time such as 2026-11-21T04:00:00Z");
    if text.len() != "2026-11-21".len() {
        return Err(wrong());
    }
    let date: Date = text.parse().map_err(|_| wrong())?;
    let date = if is_last { date.checked_add(1.day()).map_err(|_| wrong())? } else { date };
    date.to_zoned(TimeZone::UTC).map(|begin| begin.timestamp()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_whole_days_in_utc_and_times_are_instants() {
        let of = |value: &str| Range::parse(value).unwrap();
        let (from, before) =
            ("2026-11-01T00:00:00Z".parse().unwrap(), "2026-11-03T00:00:00Z".parse().unwrap());
        assert_eq!(of("2026-11-01/2026-11-02"), Range { from, before });
        assert_eq!(of("2026-11-01T02:00:00+02:00 / 2026-11-03T00:00:00Z"), Range { from, before });
        assert_eq!(of("2026-11-01/2026-11-03T00:00:00Z"), Range { from, before });
    }

    #[test]
    fn what_is_no_range_is_told_by_its_own_words() {
        for (value, told) in [
            ("", "no slash"),
            ("2026-11-01", "no slash"),
            ("yesterday/2026-11-02", "\"yesterday\""),
            ("2026-11-01/", "\"\""),
            ("2026-11-01/2026-13-01", "\"2026-13-01\""),
            ("2026-11-01/20261102", "\"20261102\""),
            ("2026-11-02/2026-11-01", "ends before it begins"),
            ("2026-11-01T00:00:00Z/2026-11-01T00:00:00Z", "ends before it begins"),
        ] {
            let error = Range::parse(value).unwrap_err();
            assert!(error.contains(told), "{value}: {error}");
        }
    }
}
