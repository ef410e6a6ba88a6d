//! ISO 8601 repeating intervals: `R/<start>/<period>`.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Span, Timestamp};

use super::clock;
use crate::zone::Zone;

/// Longer than any interval can be written; what is longer is not meant.
const LONGEST: usize = 128;

/// What is wrong with a repeating interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// Not three parts, or the first is not `R` or `Rn`.
    #[error(
        "write it as R/<start>/<period>, such as R/2026-01-04T20:00:00+00:00/P1W, or R10/... for ten slots in all"
    )]
    Form,
    /// `R0`: no slot at all.
    #[error("it repeats no time and so never fires: write R without a number, or R1 for a single slot")]
    NeverFires,
    /// The middle part is no date and time.
    #[error("its start {start:?} is not a date and time: write it like 2026-01-04T20:00:00Z")]
    Start {
        /// What was written, shortened.
        start: String,
    },
    /// The start has seconds.
    #[error("its start {start:?} is not on a whole minute: slots are minutes, so make the seconds 00")]
    StartSeconds {
        /// What was written, shortened.
        start: String,
    },
    /// The last part is no period.
    #[error("its period {period:?} is not one: write it like P1D, P1W, P1M, PT6H or PT30M")]
    Period {
        /// What was written, shortened.
        period: String,
    },
    /// The period is nothing, or has seconds.
    #[error("its period {period:?} must be at least one minute and whole minutes")]
    PeriodLength {
        /// What was written, shortened.
        period: String,
    },
    /// Months with days, or days with hours.
    #[error(
        "its period {period:?} mixes units of unequal nature: use years and months, or weeks and days, or hours and minutes"
    )]
    PeriodMixed {
        /// What was written, shortened.
        period: String,
    },
}

/// A parsed interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    start: Timestamp,
    /// `start` on the wall clock of the schedule's zone.
    start_on_wall: DateTime,
    period: Period,
    /// How many slots there are in all.
    slots: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    Months(i64),
    Days(i64),
    Minutes(i64),
}

impl Interval {
    /// Reads an interval; a start without an offset is a time on the wall of `zone`.
    pub(super) fn parse(text: &str, zone: &Zone) -> Result<Self, IntervalError> {
        let parts: Vec<&str> = text.split('/').collect();
        let [repeat, start, period] = parts[..] else {
            return Err(IntervalError::Form);
        };
        if text.len() > LONGEST {
            return Err(IntervalError::Form);
        }
        let slots = parse_repeat(repeat)?;
        let (start, start_on_wall) = parse_start(start, zone)?;
        Ok(Self { start, start_on_wall, period: parse_period(period)?, slots })
    }

    /// The slot number `index`, from 0; none past the last repetition or the end of the calendar.
    fn slot(&self, index: i64, zone: &Zone) -> Option<Timestamp> {
        if index == 0 {
            return Some(self.start);
        }
        if self.slots.is_some_and(|slots| !u64::try_from(index).is_ok_and(|index| index < slots)) {
            return None;
        }
        let step = match self.period {
            Period::Minutes(minutes) => {
                let elapsed = SignedDuration::from_mins(minutes.checked_mul(index)?);
                return self.start.checked_add(elapsed).ok();
            }
            Period::Days(days) => Span::new().try_days(days.checked_mul(index)?),
            Period::Months(months) => Span::new().try_months(months.checked_mul(index)?),
        };
        let on_wall = self.start_on_wall.checked_add(step.ok()?).ok()?;
        clock::exactly_once(zone.time_zone(), on_wall)
    }

    /// An index whose slot is not later than the first slot after `time`, and close to it.
    fn index_near(&self, time: Timestamp, zone: &Zone) -> i64 {
        let on_wall = zone.wall_clock(time);
        let steps = match self.period {
            Period::Minutes(minutes) => time.duration_since(self.start).as_mins() / minutes,
            Period::Days(days) => on_wall.duration_since(self.start_on_wall).as_hours() / 24 / days,
            Period::Months(months) => {
                let month = |at: DateTime| i64::from(at.year()) * 12 + i64::from(at.month());
                (month(on_wall) - month(self.start_on_wall)) / months
            }
        };
        // One back costs nothing and leaves room where a moved clock makes the wall an inexact measure.
        (steps - 1).max(0)
    }
}

/// The slots of an interval after an instant.
pub(super) struct IntervalSlots<'a> {
    interval: &'a Interval,
    zone: &'a Zone,
    /// Slots up to here have been handed over or were not asked for.
    after: Timestamp,
    next_index: i64,
}

impl<'a> IntervalSlots<'a> {
    pub(super) fn new(interval: &'a Interval, zone: &'a Zone, after: Timestamp) -> Self {
        Self { interval, zone, after, next_index: interval.index_near(after, zone) }
    }
}

impl Iterator for IntervalSlots<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        loop {
            let slot = self.interval.slot(self.next_index, self.zone)?;
            self.next_index += 1;
            if slot > self.after {
                self.after = slot;
                return Some(slot);
            }
        }
    }
}

fn parse_repeat(text: &str) -> Result<Option<u64>, IntervalError> {
    let digits = text.strip_prefix('R').ok_or(IntervalError::Form)?;
    if digits.is_empty() {
        return Ok(None);
    }
    if digits.len() > 9 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(IntervalError::Form);
    }
    match digits.parse() {
        Ok(0) => Err(IntervalError::NeverFires),
        Ok(slots) => Ok(Some(slots)),
        Err(_) => Err(IntervalError::Form),
    }
}

fn parse_start(text: &str, zone: &Zone) -> Result<(Timestamp, DateTime), IntervalError> {
    let refused = || IntervalError::Start { start: text.to_owned() };
    // A date alone, or a date with a zone in brackets, would be read as well.
    if !text.contains('T') || text.contains('[') {
        return Err(refused());
    }
    let (start, on_wall) = match text.parse::<Timestamp>() {
        Ok(start) => (start, zone.wall_clock(start)),
        Err(_) => {
            let on_wall: DateTime = text.parse().map_err(|_| refused())?;
            (clock::exactly_once(zone.time_zone(), on_wall).ok_or_else(refused)?, on_wall)
        }
    };
    if on_wall.second() != 0 || on_wall.subsec_nanosecond() != 0 {
        return Err(IntervalError::StartSeconds { start: text.to_owned() });
    }
    Ok((start, on_wall))
}

fn parse_period(text: &str) -> Result<Period, IntervalError> {
    let refused = || IntervalError::Period { period: text.to_owned() };
    let span: Span = text.strip_prefix('P').and_then(|_| text.parse().ok()).ok_or_else(refused)?;
    let months = i64::from(span.get_years()) * 12 + i64::from(span.get_months());
    let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
    let minutes = i64::from(span.get_hours()) * 60 + span.get_minutes();
    let below_a_minute = span.get_seconds() != 0
        || span.get_milliseconds() != 0
        || span.get_microseconds() != 0
        || span.get_nanoseconds() != 0;
    match (months, days, minutes) {
        _ if below_a_minute => Err(IntervalError::PeriodLength { period: text.to_owned() }),
        (1.., 0, 0) => Ok(Period::Months(months)),
        (0, 1.., 0) => Ok(Period::Days(days)),
        (0, 0, 1..) => Ok(Period::Minutes(minutes)),
        (0, 0, 0) => Err(IntervalError::PeriodLength { period: text.to_owned() }),
        _ => Err(IntervalError::PeriodMixed { period: text.to_owned() }),
    }
}
