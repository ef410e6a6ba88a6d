//! What must be left of a policy's points, reckoned with days and months alone. It shares nothing with the code that decides.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// How one slot went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Night {
    Good,
    /// Stored, and the pod is gone before it says so.
    Silent,
    Failed,
    /// The operator is there again only hours later, while the slot may still begin.
    Late,
    /// The operator was away until the slot could not begin any more.
    Missed,
}

/// A slot, and the day that it falls on where the rule's people live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub day: Date,
    pub time: Timestamp,
}

/// 20:00 in Berlin on Wednesdays and Saturdays, from one day to another.
pub fn slots(from: Date, to: Date) -> Vec<Slot> {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let days = from.series(1.day()).take_while(|day| *day < to);
    days.filter(|day| matches!(day.weekday(), Weekday::Wednesday | Weekday::Saturday))
        .map(|day| {
            let time = day.at(20, 0, 0, 0).to_zoned(berlin.clone()).unwrap().timestamp();
            Slot { day, time }
        })
        .collect()
}

/// One point that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    pub slot: Slot,
    pub tag: &'static str,
    /// The day on which it ends, at its own time of the day.
    pub last_day: Date,
}

/// All points of a policy that keeps the first of a year for two years, the first of a month for six months, and any
/// other for one month.
pub fn points(nights: &[(Slot, Night)]) -> Vec<Kept> {
    let mut made: Vec<Kept> = Vec::new();
    for (slot, night) in nights {
        if matches!(night, Night::Failed | Night::Missed) {
            continue;
        }
        let same_year = made.iter().any(|kept| kept.slot.day.year() == slot.day.year());
        let month = |day: Date| (day.year(), day.month());
        let same_month = made.iter().any(|kept| month(kept.slot.day) == month(slot.day));
        let (tag, months) = match (same_year, same_month) {
            (false, _) => ("Yearly", 24),
            (true, false) => ("Monthly", 6),
            (true, true) => ("Default", 1),
        };
        made.push(Kept { slot: *slot, tag, last_day: months_later(slot.day, months) });
    }
    made
}

/// The same day of a later month, or its last one where it is shorter.
pub fn months_later(day: Date, months: i16) -> Date {
    let count = day.year() * 12 + i16::from(day.month()) - 1 + months;
    let (year, month) = (count / 12, i8::try_from(count % 12).unwrap() + 1);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    Date::new(year, month, day.day().min(longest)).unwrap()
}

/// What of them is there in the night of a day: those that have not ended by then, and of the others the newest two.
pub fn left(made: &[Kept], today: Date) -> Vec<Kept> {
    let newest = made.len().saturating_sub(2);
    let is_left =
        |(number, kept): (usize, &Kept)| (kept.last_day > today || number >= newest).then_some(*kept);
    made.iter().enumerate().filter_map(is_left).collect()
}
