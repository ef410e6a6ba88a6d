//! The criteria of a retention rule.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::{SignedDuration, Timestamp};

use crate::schedule::fires_at;
use crate::zone::Zone;

/// One criterion of a retention rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// The first successful point of a calendar period.
    First(Period),
    /// Every point.
    All,
    /// Points of certain days and times.
    Calendar(Calendar),
}

/// A calendar period in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// From the first to the last of a month.
    Month,
    /// From 1 January to 31 December.
    Year,
}

/// A week of a month: which occurrence of its own weekday a day is. The first Friday is in the first week; the
/// days 29 to 31 are in none but the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeekOfMonth {
    /// Days 1 to 7.
    First,
    /// Days 8 to 14.
    Second,
    /// Days 15 to 21.
    Third,
    /// Days 22 to 28.
    Fourth,
    /// The last seven days of the month.
    Last,
}

/// Days and times. Fields that are empty (or false) say nothing; those that say something must all be met,
/// but of `days_of_month` and `last_day_of_month` one will do. Of a list one member will do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Weekdays.
    pub days_of_week: Vec<Weekday>,
    /// Weeks of the month.
    pub weeks_of_month: Vec<WeekOfMonth>,
    /// Days of the month, 1 to 28. The later ones are not in every month; see `last_day_of_month`.
    pub days_of_month: Vec<i8>,
    /// The last day of the month.
    pub last_day_of_month: bool,
    /// Months, 1 to 12.
    pub months: Vec<i8>,
    /// Times of day on whole minutes. A time that the clock skips on a day is met by the slot that fires in its
    /// place.
    pub times: Vec<Time>,
}

/// Why a calendar criterion was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// It says nothing.
    #[error("a criterion must say something: use `all: true` for every point")]
    Empty,
    /// A day that not every month has, or none.
    #[error(
        "`daysOfMonth` cannot be {day}: write 1 to 28, or `lastDayOfMonth: true` for the end of the month"
    )]
    DayOfMonth {
        /// The day.
        day: i8,
    },
    /// Not a month.
    #[error("`months` cannot be {month}: write 1 to 12")]
    Month {
        /// The month.
        month: i8,
    },
    /// Not a time of day.
    #[error("`times` cannot be {given:?}: write a time of day such as 02:30")]
    Time {
        /// What was written, shortened.
        given: String,
    },
}

impl Criterion {
    /// Whether the point of a slot meets it; see [`super::Retention::decide`].
    pub(super) fn is_met(&self, slot: Timestamp, zone: &Zone, successful: &[Timestamp]) -> bool {
        match self {
            Self::First(period) => {
                let start = |at: Timestamp| period.start(zone.wall_clock(at).date());
                let own = start(slot);
                // Years of history: only what can lie in the period is put on the calendar, the newest first.
                let near = |other: &&Timestamp| other.duration_since(slot).abs() <= period.longest();
                !successful.iter().rev().filter(near).any(|other| start(*other) == own)
            }
            Self::All => true,
            Self::Calendar(calendar) => calendar.is_met(slot, zone),
        }
    }

    /// Why the point of a slot meets it, as a sentence.
    pub(super) fn reason(&self, slot: Timestamp, zone: &Zone) -> String {
        match self {
            Self::First(period) => {
                let date = zone.wall_clock(slot).date();
                format!("It is the first successful point of {} in {zone}.", period.name(date))
            }
            Self::All => "The retention rule takes every point.".to_owned(),
            Self::Calendar(_) => {
                let at = zone.wall_clock(slot).strftime("%A %F %H:%M");
                format!("The slot on {at} in {zone} meets a criterion of the retention rule.")
            }
        }
    }
}

impl Period {
    /// The first day of the period that a day lies in.
    fn start(self, date: Date) -> Date {
        match self {
            Self::Day => date,
            // The ISO week year has the Monday in it, also for the last days of December.
            Self::Week => date.iso_week_date().first_of_week().map_or(date, |monday| monday.date()),
            Self::Month => date.first_of_month(),
            Self::Year => date.first_of_year(),
        }
    }

    /// More than any two instants of one period are apart, with two days for moved clocks and calendars.
    fn longest(self) -> SignedDuration {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
            Self::Year => 366,
        };
        SignedDuration::from_hours((days + 2) * 24)
    }

    fn name(self, date: Date) -> String {
        match self {
            Self::Day => date.to_string(),
            Self::Week => format!("the week of {}", self.start(date)),
            Self::Month => date.strftime("%B %Y").to_string(),
            Self::Year => date.year().to_string(),
        }
    }
}

impl WeekOfMonth {
    fn has(self, date: Date) -> bool {
        let week = (date.day() - 1) / 7;
        match self {
            Self::First => week == 0,
            Self::Second => week == 1,
            Self::Third => week == 2,
            Self::Fourth => week == 3,
            Self::Last => date.day() + 7 > date.days_in_month(),
        }
    }
}

impl Calendar {
    /// Reads a time of day for [`Calendar::times`]: hours and minutes of 24 hours, such as `02:30`.
    ///
    /// # Errors
    ///
    /// [`CalendarError::Time`] for anything else.
    pub fn parse_time(text: &str) -> Result<Time, CalendarError> {
        let refused = || CalendarError::Time { given: text.chars().take(16).collect() };
        let two_digits = |part: &str| {
            (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let (hour, minute) = text.split_once(':').ok_or_else(refused)?;
        let (hour, minute) = two_digits(hour).zip(two_digits(minute)).ok_or_else(refused)?;
        Time::new(hour, minute, 0, 0).map_err(|_| refused())
    }

    /// Turns it into a criterion.
    ///
    /// # Errors
    ///
    /// [`CalendarError`] when it says nothing, or names a day or month there is not.
    pub fn into_criterion(self) -> Result<Criterion, CalendarError> {
        if self == Self::default() {
            return Err(CalendarError::Empty);
        }
        if let Some(day) = self.days_of_month.iter().find(|day| !(1..=28).contains(*day)) {
            return Err(CalendarError::DayOfMonth { day: *day });
        }
        if let Some(month) = self.months.iter().find(|month| !(1..=12).contains(*month)) {
            return Err(CalendarError::Month { month: *month });
        }
        Ok(Criterion::Calendar(self))
    }

    fn is_met(&self, slot: Timestamp, zone: &Zone) -> bool {
        let on_wall = zone.wall_clock(slot);
        if self.times.is_empty() {
            return self.has_date(on_wall.date());
        }
        self.times.iter().any(|time| self.is_met_at(*time, slot, zone, on_wall))
    }

    /// Whether the slot is one for this time of day, on a date of the calendar.
    fn is_met_at(&self, time: Time, slot: Timestamp, zone: &Zone, on_wall: DateTime) -> bool {
        let shown = (on_wall.hour(), on_wall.minute()) == (time.hour(), time.minute());
        if shown && self.has_date(on_wall.date()) {
            return true;
        }
        // A skipped time may lie on the day before, when midnight is skipped or a whole day is.
        [Ok(on_wall.date()), on_wall.date().yesterday()]
            .into_iter()
            .flatten()
            .any(|date| self.has_date(date) && fires_at(zone, date.to_datetime(time)) == Some(slot))
    }

    fn has_date(&self, date: Date) -> bool {
        fn says_yes<T>(list: &[T], member: impl Fn(&T) -> bool) -> bool {
            list.is_empty() || list.iter().any(member)
        }
        let names_days = !self.days_of_month.is_empty() || self.last_day_of_month;
        let day = self.days_of_month.contains(&date.day())
            || (self.last_day_of_month && date.day() == date.days_in_month());
        says_yes(&self.days_of_week, |weekday| *weekday == date.weekday())
            && says_yes(&self.weeks_of_month, |week| week.has(date))
            && says_yes(&self.months, |month| *month == date.month())
            && (day || !names_days)
    }
}
