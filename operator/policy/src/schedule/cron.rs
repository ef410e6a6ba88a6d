//! Cron expressions: five fields, and the slots they give.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::clock::{self, Shown};
use super::field::{Field, FieldError, FieldName};
use crate::zone::Zone;

/// Longer than any list of all minutes of an hour; what is longer is not meant.
const LONGEST: usize = 512;

/// What is wrong with a cron expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Nothing is written.
    #[error("it is empty: write five fields such as 0 2 * * *")]
    Empty,
    /// More text than any sensible expression has.
    #[error("it is longer than {LONGEST} characters: use ranges and steps")]
    TooLong,
    /// Not five fields.
    #[error(
        "it has {count} fields and must have five, which are minute, hour, day of month, month and day of week{}",
        if *count > 5 { ": leave out seconds and years" } else { "" }
    )]
    FieldCount {
        /// How many there are.
        count: usize,
    },
    /// `TZ=` or `CRON_TZ=` in front.
    #[error("the time zone does not belong here: write it in `timeZone` beside `schedule`")]
    ZonePrefix,
    /// `@reboot`, `@every 1h` and other words.
    #[error(
        "{word:?} is not known: use @hourly, @daily, @weekly, @monthly, @yearly or five fields, and `schedule.intervals` for a fixed period"
    )]
    Word {
        /// The word.
        word: String,
    },
    /// One field is wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The days named never come.
    #[error(
        "it never fires: no month in its month field has a day in its day of month field; use L for the last day of a month"
    )]
    NeverFires,
}

/// A parsed expression that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Field,
    hours: Field,
    days_of_month: Field,
    months: Field,
    days_of_week: Field,
}

impl Cron {
    /// Reads an expression.
    pub(super) fn parse(text: &str) -> Result<Self, CronError> {
        if text.len() > LONGEST {
            return Err(CronError::TooLong);
        }
        let text = text.trim_ascii();
        let upper = text.to_ascii_uppercase();
        if upper.starts_with("TZ=") || upper.starts_with("CRON_TZ=") {
            return Err(CronError::ZonePrefix);
        }
        let text = if text.starts_with('@') { expand_word(text)? } else { text };
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = fields[..] else {
            return Err(if fields.is_empty() {
                CronError::Empty
            } else {
                CronError::FieldCount { count: fields.len() }
            });
        };
        let cron = Self {
            minutes: Field::parse(FieldName::Minute, minute)?,
            hours: Field::parse(FieldName::Hour, hour)?,
            days_of_month: Field::parse(FieldName::DayOfMonth, day_of_month)?,
            months: Field::parse(FieldName::Month, month)?,
            days_of_week: Field::parse(FieldName::DayOfWeek, day_of_week)?,
        };
        if cron.fires() { Ok(cron) } else { Err(CronError::NeverFires) }
    }

    /// Whether a time on the wall is one of the expression's.
    fn matches(&self, time: DateTime) -> bool {
        self.minutes.has(time.minute()) && self.hours.has(time.hour()) && self.matches_date(time.date())
    }

    /// Whether the expression has slots on a date: in Vixie cron's way, either day field will do when both are
    /// restricted.
    fn matches_date(&self, date: Date) -> bool {
        if !self.months.has(date.month()) {
            return false;
        }
        let is_last_of_month = date.day() == date.days_in_month();
        let day_of_month =
            self.days_of_month.has(date.day()) || (is_last_of_month && self.days_of_month.last != 0);
        let weekday = date.weekday().to_sunday_zero_offset();
        let is_last_weekday = date.day() + 7 > date.days_in_month();
        let day_of_week =
            self.days_of_week.has(weekday) || (is_last_weekday && self.days_of_week.has_last(weekday));
        match (self.days_of_month.star, self.days_of_week.star) {
            (true, _) => day_of_week,
            (_, true) => day_of_month,
            (false, false) => day_of_month || day_of_week,
        }
    }

    /// Whether any day ever matches: a restricted day of month must exist in one of the months, unless a
    /// weekday will do instead.
    fn fires(&self) -> bool {
        let restricted_by_day_alone = !self.days_of_month.star && self.days_of_week.star;
        let longest = |month: i8| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        !restricted_by_day_alone
            || self.days_of_month.last != 0
            || self.months.iter().any(|month| self.days_of_month.iter().any(|day| day <= longest(month)))
    }

    /// Whether slots follow elapsed time: the hour field has a `*` or a step and selects several hours, or all.
    fn follows_elapsed_time(&self) -> bool {
        let hours = self.hours.values.count_ones();
        hours == 24 || (self.hours.wildcard && hours > 1)
    }

    /// Adds the slots whose nominal time on the wall lies on this date.
    fn add_slots_of(&self, date: Date, zone: &TimeZone, slots: &mut BTreeSet<Timestamp>) {
        let elapsed = self.follows_elapsed_time();
        for hour in self.hours.iter() {
            for minute in self.minutes.iter() {
                let time = date.at(hour, minute, 0, 0);
                if elapsed {
                    self.add_elapsed(time, zone, slots);
                } else {
                    slots.extend(clock::exactly_once(zone, time));
                }
            }
        }
    }

    fn add_elapsed(&self, time: DateTime, zone: &TimeZone, slots: &mut BTreeSet<Timestamp>) {
        match clock::shown(zone, time) {
            Some(Shown::Once(at) | Shown::Skipped { unmoved: at, .. }) => {
                slots.insert(at);
            }
            Some(Shown::Twice { first, second, unmoved_at_second }) => {
                slots.insert(first);
                if self.matches(unmoved_at_second) {
                    slots.insert(second);
                }
            }
            None => {}
        }
    }
}

/// The slots of an expression after an instant, date by date.
pub(super) struct CronSlots<'a> {
    cron: &'a Cron,
    zone: &'a TimeZone,
    after: Timestamp,
    /// The next date whose slots have not been worked out; none past the end of the calendar.
    next_date: Option<Date>,
    /// Slots worked out and not handed over. Dates can overlap: a clock set back just after midnight shows the
    /// end of the day before again.
    ready: BTreeSet<Timestamp>,
}

impl<'a> CronSlots<'a> {
    pub(super) fn new(cron: &'a Cron, zone: &'a Zone, after: Timestamp) -> Self {
        // A day back: a clock set back just after midnight shows the end of yesterday again, and of a day that a
        // zone skipped at the date line the slots fall on the next.
        let today = zone.wall_clock(after).date();
        let start = today.yesterday().unwrap_or(today);
        Self { cron, zone: zone.time_zone(), after, next_date: Some(start), ready: BTreeSet::new() }
    }

    /// The earliest instant that a slot of `date` or a later date can have.
    fn earliest_of(&self, date: Date) -> Timestamp {
        clock::exactly_once(self.zone, date.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX)
    }

    fn work_out(&mut self, date: Date) {
        if self.cron.matches_date(date) {
            self.cron.add_slots_of(date, self.zone, &mut self.ready);
        }
        self.next_date = date.tomorrow().ok();
    }
}

impl Iterator for CronSlots<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        loop {
            while let Some(date) = self.next_date
                && self.ready.first().is_none_or(|slot| *slot >= self.earliest_of(date))
            {
                self.work_out(date);
            }
            // None only at the end of the calendar.
            let slot = self.ready.pop_first()?;
            if slot > self.after {
                return Some(slot);
            }
        }
    }
}

fn expand_word(word: &str) -> Result<&'static str, CronError> {
    const WORDS: [(&str, &str); 7] = [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ];
    let known = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    known.map(|(_, fields)| *fields).ok_or_else(|| CronError::Word { word: word.chars().take(32).collect() })
}
