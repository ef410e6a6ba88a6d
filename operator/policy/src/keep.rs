//! How long a point is kept: one number, one unit, counted on the calendar.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use jiff::{Span, Timestamp};

use crate::zone::Zone;

/// The longest time that can be asked for, in each unit: one hundred years.
const MOST_DAYS: u32 = 36_525;
const MOST_WEEKS: u32 = 5_217;
const MOST_MONTHS: u32 = 1_200;
const MOST_YEARS: u32 = 100;

/// A retention time such as `P7D` or `P3M`: `P`, a whole number of one to five digits, and one of `D`, `W`, `M`
/// (months) and `Y`; at most one hundred years. "For ever" cannot be written.
///
/// It is a step on the calendar and not a number of seconds: a point of 31 January kept for `P1M` ends on
/// 28 February. [`Keep::expires`] has the rules. Two keeps that are written differently are different values
/// (`P1W`, `P7D`), so equality says nothing about length; [`Keep::compare`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keep {
    count: u32,
    unit: Unit,
}

/// The unit of a [`Keep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// `D`
    Day,
    /// `W`, seven days
    Week,
    /// `M`
    Month,
    /// `Y`
    Year,
}

/// Why a retention time was refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// Not of the form `P<number><unit>`.
    #[error(
        "{given:?} is not a retention time: write P, a whole number of 1 to 5 digits that does not start with 0, \
         and one of D, W, M, Y, such as P7D or P3M"
    )]
    Form {
        /// What was written, shortened.
        given: String,
    },
    /// More than one hundred years.
    #[error("{given:?} is longer than 100 years: the most is {most}")]
    TooLong {
        /// What was written.
        given: String,
        /// The longest accepted value in the same unit.
        most: Keep,
    },
}

impl Keep {
    /// Reads a retention time.
    ///
    /// # Errors
    ///
    /// [`KeepError`] when it is not of the form `^P[1-9][0-9]{0,4}[DWMY]$` or longer than one hundred years.
    pub fn parse(text: &str) -> Result<Self, KeepError> {
        let form = || KeepError::Form { given: text.chars().take(32).collect() };
        let mut digits = text.strip_prefix('P').ok_or_else(form)?.chars();
        let unit = digits.next_back().and_then(Unit::from_letter).ok_or_else(form)?;
        let digits = digits.as_str();
        let in_form = (1..=5).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit());
        let count = digits.parse().ok().filter(|_| in_form).ok_or_else(form)?;
        if count > unit.most() {
            return Err(KeepError::TooLong {
                given: text.to_owned(),
                most: Self { count: unit.most(), unit },
            });
        }
        Ok(Self { count, unit })
    }

    /// When a point made at `point_time` has been kept for long enough.
    ///
    /// Calendar arithmetic on the wall clock of `zone`: the time of day stays, also across a change of the
    /// clocks; a day that the month lacks becomes its last (31 January and `P1M` give 28 or 29 February, 29 February
    /// and `P1Y` give 28 February). A time of day that is skipped on the last day becomes as much later as the clock
    /// jumps, and of one that comes twice the first counts. A result beyond the end of the calendar (year 9999)
    /// is the end of the calendar.
    pub fn expires(self, point_time: Timestamp, zone: &Zone) -> Timestamp {
        let kept = point_time.to_zoned(zone.time_zone().clone()).checked_add(self.span());
        kept.map_or(Timestamp::MAX, |end| end.timestamp())
    }

    /// Which of two lasts longer for a point of this time: `P30D` outlasts `P1M` in February, in July it does not.
    pub fn compare(self, other: Self, point_time: Timestamp, zone: &Zone) -> Ordering {
        self.expires(point_time, zone).cmp(&other.expires(point_time, zone))
    }

    /// The number in front of the unit, 1 to 36525.
    pub fn count(self) -> u32 {
        self.count
    }

    /// The unit.
    pub fn unit(self) -> Unit {
        self.unit
    }

    fn span(self) -> Span {
        match self.unit {
            Unit::Day => Span::new().days(self.count),
            Unit::Week => Span::new().weeks(self.count),
            Unit::Month => Span::new().months(self.count),
            Unit::Year => Span::new().years(self.count),
        }
    }
}

impl FromStr for Keep {
    type Err = KeepError;

    fn from_str(text: &str) -> Result<Self, KeepError> {
        Self::parse(text)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "P{}{}", self.count, self.unit.letter())
    }
}

/// What a vault accepts: nothing shorter than `minimum`, nothing longer than `maximum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepRange {
    minimum: Keep,
    maximum: Keep,
}

/// Why a vault's range was refused, or why a retention time lies outside it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepRangeError {
    /// The range holds nothing, whatever the date.
    #[error(
        "`retention.minimum` {minimum} is longer than `retention.maximum` {maximum}: exchange them or widen the range"
    )]
    Empty {
        /// The lower end.
        minimum: Keep,
        /// The upper end.
        maximum: Keep,
    },
    /// Shorter than the vault accepts.
    #[error(
        "the retention time {keep} is shorter than the vault's minimum {minimum}: keep points for at least {minimum}"
    )]
    TooShort {
        /// What was asked for.
        keep: Keep,
        /// The lower end.
        minimum: Keep,
    },
    /// Longer than the vault accepts.
    #[error(
        "the retention time {keep} is longer than the vault's maximum {maximum}: keep points for at most {maximum}"
    )]
    TooLong {
        /// What was asked for.
        keep: Keep,
        /// The upper end.
        maximum: Keep,
    },
}

impl KeepRange {
    /// A range from `minimum` to `maximum`, both included.
    ///
    /// # Errors
    ///
    /// [`KeepRangeError::Empty`] when the minimum is longer than the maximum by any calendar. A pair such as
    /// `P30D` and `P1M`, where it depends on the month, is accepted, and [`KeepRange::check`] decides each time.
    pub fn new(minimum: Keep, maximum: Keep) -> Result<Self, KeepRangeError> {
        if shortest_days(minimum) > longest_days(maximum) {
            return Err(KeepRangeError::Empty { minimum, maximum });
        }
        Ok(Self { minimum, maximum })
    }

    /// Whether a point of this time may be kept for `keep` in the vault.
    ///
    /// # Errors
    ///
    /// [`KeepRangeError::TooShort`] or [`KeepRangeError::TooLong`], with the limit that applies.
    pub fn check(&self, keep: Keep, point_time: Timestamp, zone: &Zone) -> Result<(), KeepRangeError> {
        if keep.compare(self.minimum, point_time, zone).is_lt() {
            return Err(KeepRangeError::TooShort { keep, minimum: self.minimum });
        }
        if keep.compare(self.maximum, point_time, zone).is_gt() {
            return Err(KeepRangeError::TooLong { keep, maximum: self.maximum });
        }
        Ok(())
    }

    /// The lower end.
    pub fn minimum(&self) -> Keep {
        self.minimum
    }

    /// The upper end.
    pub fn maximum(&self) -> Keep {
        self.maximum
    }
}

/// The fewest days this can come to in the Gregorian calendar.
fn shortest_days(keep: Keep) -> u32 {
    match keep.unit {
        Unit::Day => keep.count,
        Unit::Week => keep.count * 7,
        // No run of months is shorter than this: February has 28 days, and a year of them 365.
        Unit::Month => keep.count / 12 * 365 + keep.count % 12 * 28,
        Unit::Year => keep.count * 365,
    }
}

/// The most days this can come to in the Gregorian calendar.
fn longest_days(keep: Keep) -> u32 {
    match keep.unit {
        Unit::Day => keep.count,
        Unit::Week => keep.count * 7,
        Unit::Month => keep.count / 12 * 366 + keep.count % 12 * 31,
        Unit::Year => keep.count * 366,
    }
}

impl Unit {
    fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'D' => Some(Self::Day),
            'W' => Some(Self::Week),
            'M' => Some(Self::Month),
            'Y' => Some(Self::Year),
            _ => None,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Day => 'D',
            Self::Week => 'W',
            Self::Month => 'M',
            Self::Year => 'Y',
        }
    }

    fn most(self) -> u32 {
        match self {
            Self::Day => MOST_DAYS,
            Self::Week => MOST_WEEKS,
            Self::Month => MOST_MONTHS,
            Self::Year => MOST_YEARS,
        }
    }
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;
