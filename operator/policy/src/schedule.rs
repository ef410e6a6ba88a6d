//! Schedules: from the text of a policy to the instants at which backups are due.
//!
//! A *slot* is one due time, an exact instant on a whole minute of the zone's clock. What happens when that
//! clock is moved is said at [`Schedule::cron`].

mod clock;
mod cron;
mod field;
mod interval;

use std::iter::FusedIterator;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use crate::zone::Zone;
use cron::CronSlots;
use interval::{Interval, IntervalSlots};

pub use cron::CronError;
pub use field::{FieldError, FieldName};
pub use interval::IntervalError;

/// A schedule that is known to be well formed and to fire.
///
/// It has no clock: every question names the time it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    zone: Zone,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Cron(cron::Cron),
    Intervals(Vec<Interval>),
}

/// Why a schedule was refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// `schedule.cron` is not a schedule.
    #[error("`schedule.cron` {text:?} was refused: {reason}")]
    Cron {
        /// What was written, shortened.
        text: String,
        /// What is wrong with it.
        reason: CronError,
    },
    /// One of `schedule.intervals` is not a schedule.
    #[error("`schedule.intervals[{index}]` {text:?} was refused: {reason}")]
    Interval {
        /// Its place in the list, from 0.
        index: usize,
        /// What was written, shortened.
        text: String,
        /// What is wrong with it.
        reason: IntervalError,
    },
    /// The list is empty.
    #[error("`schedule.intervals` is empty: write at least one interval such as R/2026-01-04T20:00:00Z/P1W")]
    NoInterval,
    /// The list is too long to be meant.
    #[error("`schedule.intervals` has {count} entries: at most {MOST_INTERVALS} are accepted")]
    TooManyIntervals {
        /// How many there are.
        count: usize,
    },
}

impl ScheduleError {
    /// Whether the schedule is well written, but names days that never come.
    pub fn is_impossible(&self) -> bool {
        match self {
            Self::Cron { reason, .. } => matches!(reason, CronError::NeverFires),
            Self::Interval { reason, .. } => matches!(reason, IntervalError::NeverFires),
            Self::NoInterval | Self::TooManyIntervals { .. } => false,
        }
    }
}

/// The most entries of `schedule.intervals`: one for each hour of a week.
pub const MOST_INTERVALS: usize = 168;

impl Schedule {
    /// A schedule in cron notation, on the wall clock of `zone`.
    ///
    /// Five fields: minute, hour, day of month, month, day of week. Each is `*`, a value, a range `1-5`, a step
    /// `*/15`, `5/15` (from 5 on) or `1-23/2`, or a list of those; months and weekdays also by name (`JAN`,
    /// `mon`), Sunday as 0 or 7; `L` in day of month is its last day, `5L` or `FRIL` in day of week the month's
    /// last Friday; a lone `?` in either means `*`. When both day fields are restricted, a day matches if
    /// either does. Also `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`.
    ///
    /// When the clock is moved:
    ///
    /// - **Fixed hours** (`30 2 * * *`, `0 2,14 * * *`, `*/10 1-5 * * *`: no `*` and no step in the hour
    ///   field): every time on the wall fires exactly once. One that comes twice fires the first time; one that
    ///   is skipped fires at the next instant there is, 03:00 for a skipped 02:30. Several that are skipped
    ///   together fall on one instant, which is one slot.
    /// - **Every hour or every few** (`*` or a step in the hour field, or all 24 hours): slots follow elapsed
    ///   time. A skipped one fires when an unmoved clock would have shown it; a time that comes again fires
    ///   again only if the unmoved clock would have shown a matching time too. So `*/30 * * * *` fires every
    ///   thirty minutes throughout, and `0 */2 * * *` fires twelve times on a day of 23 hours and of 25.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Cron`] when the text is not in this notation or names days that never come.
    pub fn cron(text: &str, zone: Zone) -> Result<Self, ScheduleError> {
        let cron = cron::Cron::parse(text)
            .map_err(|reason| ScheduleError::Cron { text: shortened(text), reason })?;
        Ok(Self { zone, kind: Kind::Cron(cron) })
    }

    /// A schedule of ISO 8601 repeating intervals, each `R/<start>/<period>` or `Rn/<start>/<period>`.
    ///
    /// The start is a date and time on a whole minute, the first slot; with an offset or `Z` it is that
    /// instant, without it is a time on the wall of `zone`. A period in days, weeks, months or years moves
    /// along the calendar and keeps the time on the wall (a month without the day has its last day instead),
    /// with the rules of fixed hours when the clock is moved. A period in hours and minutes is elapsed time.
    /// `Rn` gives n slots in all. The slots of several intervals are one sequence.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] for the first entry that is refused, or for a list that is empty or too long.
    pub fn intervals(texts: &[&str], zone: Zone) -> Result<Self, ScheduleError> {
        if texts.is_empty() {
            return Err(ScheduleError::NoInterval);
        }
        if texts.len() > MOST_INTERVALS {
            return Err(ScheduleError::TooManyIntervals { count: texts.len() });
        }
        let parse = |(index, text): (usize, &&str)| {
            Interval::parse(text, &zone).map_err(|reason| ScheduleError::Interval {
                index,
                text: shortened(text),
                reason,
            })
        };
        let intervals = texts.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { zone, kind: Kind::Intervals(intervals) })
    }

    /// The zone whose wall clock the schedule follows.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// All slots later than `time`, in order, without end unless every interval has a last repetition.
    pub fn slots_after(&self, time: Timestamp) -> Slots<'_> {
        let source = match &self.kind {
            Kind::Cron(cron) => Source::Cron(CronSlots::new(cron, &self.zone, time)),
            Kind::Intervals(intervals) => Source::Intervals(
                intervals
                    .iter()
                    .map(|interval| IntervalSlots::new(interval, &self.zone, time).peekable())
                    .collect(),
            ),
        };
        Slots { source }
    }

    /// The slots later than `after` and not later than `until`, in order.
    pub fn slots_between(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.slots_after(after).take_while(move |slot| *slot <= until)
    }

    /// The first slot later than `time`; none after the last repetition.
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        self.slots_after(time).next()
    }

    /// The newest slot that is not later than `now`; none before the first.
    pub fn latest_at_or_before(&self, now: Timestamp) -> Option<Timestamp> {
        // Ever longer windows: a frequent schedule is answered from two days, a rare one from a few thousand.
        const WINDOWS_IN_DAYS: [i64; 6] = [2, 35, 400, 4_000, 40_000, 4_000_000];
        WINDOWS_IN_DAYS.iter().find_map(|days| {
            let start = now.saturating_sub(SignedDuration::from_hours(days * 24)).unwrap_or(Timestamp::MIN);
            self.slots_between(start, now).last()
        })
    }
}

/// The slots of a [`Schedule`], from [`Schedule::slots_after`]: strictly ascending instants.
pub struct Slots<'a> {
    source: Source<'a>,
}

enum Source<'a> {
    Cron(CronSlots<'a>),
    Intervals(Vec<std::iter::Peekable<IntervalSlots<'a>>>),
}

impl Iterator for Slots<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        match &mut self.source {
            Source::Cron(slots) => slots.next(),
            Source::Intervals(each) => {
                let next = each.iter_mut().filter_map(|slots| slots.peek().copied()).min()?;
                for slots in each {
                    slots.next_if_eq(&next);
                }
                Some(next)
            }
        }
    }
}

impl FusedIterator for Slots<'_> {}

/// The one instant at which a time on the wall fires that must come exactly once; see [`Schedule::cron`].
pub(crate) fn fires_at(zone: &Zone, on_wall: DateTime) -> Option<Timestamp> {
    clock::exactly_once(zone.time_zone(), on_wall)
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
