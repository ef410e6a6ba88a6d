//! Slots, periods and ends, reckoned by days and months alone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::words::{Keep, Shape};
use crate::simulation::oracle::months_later;

/// At this hour backups are due, in UTC.
pub const NIGHT: i8 = 20;

/// The day of an instant, in UTC.
pub fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// An hour of a day, in UTC.
pub fn at(day: Date, hour: i8) -> Timestamp {
    day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp()
}

/// The newest slot after `used` and not after `now`.
pub fn newest_slot(shape: &Shape, used: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let mut today = day(now);
    while today >= day(used) {
        let slot = at(today, NIGHT);
        if slot > used && slot <= now && shape.days.contains(&today.weekday()) {
            return Some(slot);
        }
        today = today.yesterday().unwrap();
    }
    None
}

/// People ask for backups at other times.
pub fn is_slot(moment: Timestamp) -> bool {
    moment == at(day(moment), NIGHT)
}

/// When a point of this time ends.
pub fn end(keep: Keep, time: Timestamp) -> Timestamp {
    let today = day(time);
    let last = match keep {
        Keep(count, 'D') => today.checked_add(i64::from(count).days()).unwrap(),
        Keep(count, 'W') => today.checked_add((7 * i64::from(count)).days()).unwrap(),
        Keep(count, 'M') => months_later(today, count),
        other => panic!("{other:?}"),
    };
    last.at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp() + time.duration_since(at(today, 0))
}

/// The vault takes what is kept for seven days at least; nothing here is kept for ten years.
pub fn is_in_range(keep: Keep, time: Timestamp) -> bool {
    end(keep, time) >= time + SignedDuration::from_hours(7 * 24)
}

/// Which month an instant is in.
pub fn month(time: Timestamp) -> (i16, i8) {
    (day(time).year(), day(time).month())
}

/// The Monday of its week.
pub fn week(time: Timestamp) -> Date {
    let today = day(time);
    today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).unwrap()
}
