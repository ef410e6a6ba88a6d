//! One field of a cron expression: from its text to the values it selects.

use std::fmt;

/// Which of the five fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldName {
    /// 0 to 59
    Minute,
    /// 0 to 23
    Hour,
    /// 1 to 31, or `L`
    DayOfMonth,
    /// 1 to 12, or a name
    Month,
    /// 0 to 7 where 0 and 7 are Sunday, or a name, each also with `L`
    DayOfWeek,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Two commas in a row, or one at an end.
    #[error("the {field} field has an empty entry in its list: remove the extra comma")]
    EmptyEntry {
        /// Where.
        field: FieldName,
    },
    /// Not a value, range, step or `L`.
    #[error("the {field} field cannot be {entry:?}: write {}", field.expected())]
    Form {
        /// Where.
        field: FieldName,
        /// The entry.
        entry: String,
    },
    /// A number the field does not have.
    #[error("the {field} field has no {value}: write {}", field.expected())]
    OutOfRange {
        /// Where.
        field: FieldName,
        /// The number, as written.
        value: String,
    },
    /// A range whose end comes before its start.
    #[error(
        "the {field} field has the range {entry:?}, which ends before it starts: write it as two, such as 22-23,0-5"
    )]
    Backwards {
        /// Where.
        field: FieldName,
        /// The range.
        entry: String,
    },
    /// A step of 0, or one that leaves the field at once.
    #[error(
        "the {field} field has the step {step}, which must be 1 to {most}: \
         a step starts again with each {}, so for a longer period use `schedule.intervals`, such as R/2026-01-01T00:00:00Z/PT90M",
        field.enclosing()
    )]
    Step {
        /// Where.
        field: FieldName,
        /// The step, as written.
        step: String,
        /// The largest accepted.
        most: u8,
    },
    /// `*` inside a list.
    #[error("the {field} field has * beside other entries: * alone already means all of them")]
    StarInList {
        /// Where.
        field: FieldName,
    },
    /// `L` alone in day of week.
    #[error(
        "the day of week field has L without a weekday: write the weekday before it, such as 5L or FRIL for the last Friday"
    )]
    BareLast,
    /// `W`, `#`, `+` and the like, known from other dialects.
    #[error("the {field} field uses {sign:?}, which this dialect does not have: write {}", field.expected())]
    OtherDialect {
        /// Where.
        field: FieldName,
        /// The sign.
        sign: char,
    },
}

/// The values a field selects, as bits, and what else it said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    /// Bit n is set when the value n is selected.
    pub(super) values: u64,
    /// Day of week: bit n is set when the last weekday n of the month is. Day of month: bit 0 for the last day.
    pub(super) last: u64,
    /// It was `*`, `*/1` or `?`, which does not restrict a day.
    pub(super) star: bool,
    /// It had a `*` or a step.
    pub(super) wildcard: bool,
}

impl Field {
    /// Reads a field.
    pub(super) fn parse(field: FieldName, text: &str) -> Result<Self, FieldError> {
        if text == "*" || text == "*/1" || (text == "?" && field.is_day()) {
            return Ok(Self { values: field.all(), last: 0, star: true, wildcard: true });
        }
        let listed = text.contains(',');
        let mut parsed = Self::default();
        for entry in text.split(',') {
            if entry.is_empty() {
                return Err(FieldError::EmptyEntry { field });
            }
            if listed && entry == "*" {
                return Err(FieldError::StarInList { field });
            }
            parsed.add(field, entry)?;
        }
        Ok(parsed)
    }

    /// Whether the value is selected, leaving aside `L`.
    pub(super) fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| value < 64 && self.values & (1 << value) != 0)
    }

    /// Whether `L` was said of this value.
    pub(super) fn has_last(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| value < 64 && self.last & (1 << value) != 0)
    }

    /// The selected values, ascending, leaving aside `L`.
    pub(super) fn iter(self) -> impl Iterator<Item = i8> {
        (0..64).filter(move |value| self.has(*value))
    }

    fn add(&mut self, field: FieldName, entry: &str) -> Result<(), FieldError> {
        if let Some(value) = last_of(field, entry)? {
            self.last |= 1 << value;
            return Ok(());
        }
        let (range, step) = match entry.split_once('/') {
            Some((range, step)) => (range, Some(parse_step(field, entry, step)?)),
            None => (entry, None),
        };
        self.wildcard |= step.is_some();
        let (low, high) = match (range.split_once('-'), step) {
            // `/15` is an old spelling of `*/15`.
            _ if range == "*" || (range.is_empty() && step.is_some()) => field.range(),
            (Some((low, high)), _) => (value_of(field, entry, low)?, end_value(field, entry, high)?),
            (None, Some(_)) => (value_of(field, entry, range)?, field.range().1),
            (None, None) => {
                let value = value_of(field, entry, range)?;
                (value, value)
            }
        };
        if low > high {
            return Err(FieldError::Backwards { field, entry: shortened(entry) });
        }
        for value in (low..=high).step_by(usize::from(step.unwrap_or(1))) {
            // Sunday is both 0 and 7.
            let value = if field == FieldName::DayOfWeek { value % 7 } else { value };
            self.values |= 1 << value;
        }
        Ok(())
    }
}

/// The value of an `L` entry: 0 for `L` in day of month, the weekday for `5L` in day of week, none for others.
fn last_of(field: FieldName, entry: &str) -> Result<Option<u8>, FieldError> {
    let upper = entry.to_ascii_uppercase();
    match (field, upper.strip_suffix('L')) {
        // The only name that ends in L is a month's: APR to JUL.
        (FieldName::DayOfMonth, Some("")) => Ok(Some(0)),
        (FieldName::DayOfWeek, Some("")) => Err(FieldError::BareLast),
        (FieldName::DayOfWeek, Some(weekday)) => Ok(Some(value_of(field, entry, weekday)? % 7)),
        _ => Ok(None),
    }
}

fn parse_step(field: FieldName, entry: &str, step: &str) -> Result<u8, FieldError> {
    if step.is_empty() || !step.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FieldError::Form { field, entry: shortened(entry) });
    }
    let most = field.range().1;
    let refused = || FieldError::Step { field, step: shortened(step), most };
    step.parse().ok().filter(|step| (1..=most).contains(step)).ok_or_else(refused)
}

/// The end of a range, where Sunday comes after Saturday.
fn end_value(field: FieldName, entry: &str, text: &str) -> Result<u8, FieldError> {
    let is_sunday = field == FieldName::DayOfWeek && text.eq_ignore_ascii_case("SUN");
    if is_sunday { Ok(7) } else { value_of(field, entry, text) }
}

fn value_of(field: FieldName, entry: &str, text: &str) -> Result<u8, FieldError> {
    if let Some(value) = field.value_of_name(text) {
        return Ok(value);
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        let foreign = text.chars().find(|c| matches!(c, 'W' | 'w' | '#' | '+' | '?' | '~' | 'H'));
        return Err(match foreign {
            Some(sign) if text.chars().all(|c| c == sign || c.is_ascii_digit() || c == 'L') => {
                FieldError::OtherDialect { field, sign }
            }
            _ => FieldError::Form { field, entry: shortened(entry) },
        });
    }
    let (low, high) = field.range();
    let high = if field == FieldName::DayOfWeek { 7 } else { high };
    let refused = || FieldError::OutOfRange { field, value: shortened(text) };
    text.parse().ok().filter(|value| (low..=high).contains(value)).ok_or_else(refused)
}

fn shortened(text: &str) -> String {
    text.chars().take(32).collect()
}

impl FieldName {
    /// The lowest and highest value, Sunday being 0.
    fn range(self) -> (u8, u8) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    fn all(self) -> u64 {
        let (low, high) = self.range();
        (low..=high).map(|value| 1 << value).sum()
    }

    fn is_day(self) -> bool {
        matches!(self, Self::DayOfMonth | Self::DayOfWeek)
    }

    fn value_of_name(self, text: &str) -> Option<u8> {
        const MONTHS: [&str; 12] =
            ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
        const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
        let (names, first): (&[&str], u8) = match self {
            Self::Month => (&MONTHS, 1),
            Self::DayOfWeek => (&WEEKDAYS, 0),
            Self::Minute | Self::Hour | Self::DayOfMonth => return None,
        };
        (first..).zip(names).find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(value, _)| value)
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Minute => "*, 0 to 59, a range, a step such as */15, or a list",
            Self::Hour => "*, 0 to 23, a range, a step such as */2, or a list",
            Self::DayOfMonth => "*, 1 to 31, L for the last day, a range, a step, or a list",
            Self::Month => "*, 1 to 12, JAN to DEC, a range, a step, or a list",
            Self::DayOfWeek => {
                "*, 0 to 7 (0 and 7 are Sunday), SUN to SAT, 5L for the last Friday, a range, or a list"
            }
        }
    }

    /// What a step starts again with.
    fn enclosing(self) -> &'static str {
        match self {
            Self::Minute => "hour",
            Self::Hour => "day",
            Self::DayOfMonth => "month",
            Self::Month => "year",
            Self::DayOfWeek => "week",
        }
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}
