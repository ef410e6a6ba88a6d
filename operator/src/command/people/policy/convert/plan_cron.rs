//! Cron expressions of six fields, `cron(minutes hours day-of-month month day-of-week year)`, as five.
//!
//! There a week begins with Sunday as 1, `?` says nothing of a day, and one of the two day fields always is `?`.

use std::collections::BTreeSet;

/// A cron expression that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    /// The five fields of a BackupPolicy.
    pub text: String,
    pub minutes: BTreeSet<u8>,
    pub hours: BTreeSet<u8>,
    pub days: Days,
    /// All twelve where nothing is said of them.
    pub months: BTreeSet<u8>,
}

/// The days on which it fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Days {
    Every,
    OfMonth(BTreeSet<u8>),
    LastOfMonth,
    /// 0 is Sunday.
    OfWeek(BTreeSet<u8>),
    /// The last such weekday of a month.
    LastOfWeek(u8),
}

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

impl Cron {
    /// Reads `cron(...)`.
    ///
    /// # Errors
    /// What is not understood or cannot be said in five fields, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let inner = text.trim().strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
        let inner =
            inner.ok_or_else(|| format!("{text:?} is not of the form cron(...)"))?.to_ascii_uppercase();
        let fields: Vec<&str> = inner.split_ascii_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, year] = fields[..] else {
            return Err(format!("{text:?} has {} fields and not six", fields.len()));
        };
        if year != "*" {
            return Err(format!("the year {year} says when it ends, which a BackupPolicy cannot"));
        }
        let (days, of_month_text, of_week_text) = days(of_month, of_week)?;
        Ok(Self {
            text: format!("{minutes} {hours} {of_month_text} {months} {of_week_text}"),
            minutes: set("minute", minutes, 0, 59, &[])?,
            hours: set("hour", hours, 0, 23, &[])?,
            days,
            months: set("month", months, 1, 12, &MONTHS)?,
        })
    }
}

/// The days, and the texts of both fields as five-field cron writes them.
fn days(of_month: &str, of_week: &str) -> Result<(Days, String, String), String> {
    let any = |field: &str| matches!(field, "?" | "*");
    let every = || "*".to_owned();
    match (any(of_month), any(of_week)) {
        (true, true) => Ok((Days::Every, every(), every())),
        (false, false) => {
            Err("days of the month and of the week together are not understood alike".to_owned())
        }
        (false, true) => match of_month {
            "L" => Ok((Days::LastOfMonth, "L".to_owned(), every())),
            listed if listed.contains(['L', 'W', '#']) => {
                Err(format!("the day of month {listed:?} cannot be said in a BackupPolicy"))
            }
            listed => {
                Ok((Days::OfMonth(set("day of month", listed, 1, 31, &[])?), listed.to_owned(), every()))
            }
        },
        (true, false) => {
            let (days, text) = weekdays(of_week)?;
            Ok((days, every(), text))
        }
    }
}

/// Weekdays by name, since the numbers differ.
fn weekdays(field: &str) -> Result<(Days, String), String> {
    if field.contains(['#', 'W']) && !field.contains("WED") {
        return Err(format!("the day of week {field:?} cannot be said in a BackupPolicy"));
    }
    let named = |day: u8| WEEKDAYS[usize::from(day)].to_owned();
    if let Some(day) = field.strip_suffix('L').filter(|day| !day.is_empty()) {
        let day = *set("day of week", day, 1, 7, &WEEKDAYS)?.first().unwrap_or(&1) - 1;
        return Ok((Days::LastOfWeek(day), format!("{}L", named(day))));
    }
    // The last day of a week is Saturday.
    let field = if field == "L" { "7" } else { field };
    let days: BTreeSet<u8> =
        set("day of week", field, 1, 7, &WEEKDAYS)?.into_iter().map(|day| day - 1).collect();
    let text = days.iter().map(|day| named(*day)).collect::<Vec<_>>().join(",");
    Ok((Days::OfWeek(days), text))
}

/// The values of a field: `*`, a value, a range, a step, or a list of those. Names count from the smallest value.
fn set(what: &str, field: &str, least: u8, most: u8, names: &[&str]) -> Result<BTreeSet<u8>, String> {
    let refused = || format!("the {what} {field:?} is not understood");
    let value = |text: &str| -> Result<u8, String> {
        let named = (least..).zip(names).find(|(_, name)| **name == text).map(|(value, _)| value);
        named.or_else(|| text.parse().ok()).filter(|value| (least..=most).contains(value)).ok_or_else(refused)
    };
    let mut values = BTreeSet::new();
    for part in field.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step =
            step.map_or(Ok(1), |step| step.parse::<u8>().ok().filter(|step| *step > 0).ok_or_else(refused));
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((first, last)) => (value(first)?, value(last)?),
            // A value with a step goes on to the end.
            None if part.contains('/') => (value(range)?, most),
            None => (value(range)?, value(range)?),
        };
        if first > last {
            return Err(refused());
        }
        values.extend((first..=last).step_by(usize::from(step?)));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_e06_six_fields_become_five_with_weekdays_by_name() {
        for (written, expected) in [
            ("cron(0 5 ? * * *)", "0 5 * * *"),
            ("cron(30 2 * * ? *)", "30 2 * * *"),
            ("cron(0 20 ? * 4,7 *)", "0 20 * * WED,SAT"),
            ("cron(0 20 ? * wed,sat *)", "0 20 * * WED,SAT"),
            ("cron(15 1 ? * MON-FRI *)", "15 1 * * MON,TUE,WED,THU,FRI"),
            ("cron(15 1 ? * 2/2 *)", "15 1 * * MON,WED,FRI"),
            ("cron(0 3 1 * ? *)", "0 3 1 * *"),
            ("cron(0 3 L JAN,JUL ? *)", "0 3 L JAN,JUL *"),
            ("cron(0 3 ? * 6L *)", "0 3 * * FRIL"),
            ("cron(0 3 ? * L *)", "0 3 * * SAT"),
            ("cron(0 0/6 * * ? *)", "0 0/6 * * *"),
            (" cron(0 3 1,15 */3 ? *)", "0 3 1,15 */3 *"),
        ] {
            let cron = Cron::parse(written).unwrap_or_else(|reason| panic!("{written}: {reason}"));
            assert_eq!(cron.text, expected);
            let zone = policy::Zone::utc();
            assert!(policy::Schedule::cron(&cron.text, zone).is_ok(), "{expected} is a schedule here");
        }
    }

    #[test]
    fn what_five_fields_cannot_say_is_refused() {
        for (written, expected) in [
            ("rate(1 day)", "is not of the form cron(...)"),
            ("cron(0 5 * * *)", "has 5 fields and not six"),
            ("cron(0 5 ? * * 2030)", "the year 2030"),
            ("cron(0 5 1 * MON *)", "days of the month and of the week together"),
            ("cron(0 5 15W * ? *)", "the day of month \"15W\""),
            ("cron(0 5 LW * ? *)", "the day of month \"LW\""),
            ("cron(0 5 ? * 6#3 *)", "the day of week \"6#3\""),
            ("cron(0 5 ? * 8 *)", "the day of week \"8\""),
            ("cron(0 5 ? * FRI-MON *)", "the day of week \"FRI-MON\""),
            ("cron(60 5 ? * * *)", "the minute \"60\""),
            ("cron(0/0 5 ? * * *)", "the minute \"0/0\""),
            ("cron(0 5 32 * ? *)", "the day of month \"32\""),
        ] {
            let reason = Cron::parse(written).expect_err(written);
            assert!(reason.contains(expected), "{written}: {reason}");
        }
    }

    #[test]
    fn the_values_of_the_fields_are_known() {
        let cron = Cron::parse("cron(0/30 2-4,20 ? */6 FRI *)").expect("an expression");
        assert_eq!(cron.minutes, BTreeSet::from([0, 30]));
        assert_eq!(cron.hours, BTreeSet::from([2, 3, 4, 20]));
        assert_eq!(cron.months, BTreeSet::from([1, 7]));
        assert_eq!(cron.days, Days::OfWeek(BTreeSet::from([5])));
    }
}
