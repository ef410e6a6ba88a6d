//! From the retention rules of a spec to those that are asked for a tag. The one place where both are known.

use crds::Reason;
use crds::policy::{Criterion, FirstOf, RetentionRule, WeekOfMonth, Weekday};
use jiff::civil;
use policy::tag::{self, Applies, Calendar, CalendarError, Period, Retention, RetentionError};
use policy::{Keep, KeepError};

/// What keeps retention rules from being used: the first fault, by the order of the fields. Its message names the
/// rule, the field and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetentionFault {
    /// The rules do not hold together.
    #[error(transparent)]
    Rules(#[from] RetentionError),
    /// `keep` is no retention time.
    #[error("retention rule {rule:?}: `keep`: {reason}")]
    Keep { rule: String, reason: KeepError },
    /// `default` together with what belongs to the other rules.
    #[error(
        "retention rule {rule:?}: the default rule has neither `criteria` nor `priority`: it matches what no \
         other rule does"
    )]
    DefaultWithCriteria { rule: String },
    /// A rule that is not the default has no place in the order.
    #[error(
        "retention rule {rule:?}: `priority` is missing: rules are tried in ascending order, each with its own"
    )]
    NoPriority { rule: String },
    /// The operator does not act on it.
    #[error("retention rule {rule:?}: `archive` is not supported yet")]
    Archive { rule: String },
    /// A criterion of several kinds.
    #[error(
        "retention rule {rule:?}: `criteria[{index}]` mixes kinds: write exactly one of `first`, `all: true` and \
         the fields of days, months and times"
    )]
    Mixed { rule: String, index: usize },
    /// `all` or `lastDayOfMonth` is there and false, which would say the same as leaving it out.
    #[error("retention rule {rule:?}: `criteria[{index}].{field}` can only be true: leave it out otherwise")]
    OnlyTrue { rule: String, index: usize, field: &'static str },
    /// A day, a month or a time that there is not, or nothing at all.
    #[error("retention rule {rule:?}: `criteria[{index}]`: {reason}")]
    Criterion { rule: String, index: usize, reason: CalendarError },
}

impl RetentionFault {
    /// The reason for the policy's condition.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Rules(RetentionError::Defaults { .. } | RetentionError::Count { count: 0 }) => {
                Reason::NoDefaultRetention
            }
            _ => Reason::InvalidSpec,
        }
    }
}

/// Reads the retention rules of a spec. What the API server has already refused is refused again, since rules can be
/// switched off.
///
/// # Errors
/// The first [`RetentionFault`].
pub fn parse(rules: &[RetentionRule]) -> Result<Retention, RetentionFault> {
    Ok(Retention::new(rules.iter().map(rule).collect::<Result<_, _>>()?)?)
}

fn rule(rule: &RetentionRule) -> Result<tag::Rule, RetentionFault> {
    let name = || rule.name.clone();
    if rule.archive.is_some() {
        return Err(RetentionFault::Archive { rule: name() });
    }
    let keep = Keep::parse(&rule.keep).map_err(|reason| RetentionFault::Keep { rule: name(), reason })?;
    Ok(tag::Rule { name: name(), keep, applies: applies(rule)? })
}

fn applies(rule: &RetentionRule) -> Result<Applies, RetentionFault> {
    let name = || rule.name.clone();
    match (rule.default, &rule.criteria, rule.priority) {
        (Some(true), None, None) => Ok(Applies::Otherwise),
        (Some(true), _, _) => Err(RetentionFault::DefaultWithCriteria { rule: name() }),
        (_, None, _) => Err(RetentionError::NoCriteria { name: name() }.into()),
        (_, Some(_), None) => Err(RetentionFault::NoPriority { rule: name() }),
        (_, Some(criteria), Some(priority)) => {
            let read = |(index, written)| criterion(&rule.name, index, written);
            let criteria = criteria.iter().enumerate().map(read).collect::<Result<_, _>>()?;
            Ok(Applies::When { priority, criteria })
        }
    }
}

fn criterion(rule: &str, index: usize, written: &Criterion) -> Result<tag::Criterion, RetentionFault> {
    for (field, value) in [("all", written.all), ("lastDayOfMonth", written.last_day_of_month)] {
        if value == Some(false) {
            return Err(RetentionFault::OnlyTrue { rule: rule.to_owned(), index, field });
        }
    }
    let refused = |reason| RetentionFault::Criterion { rule: rule.to_owned(), index, reason };
    let calendar = calendar(written).map_err(refused)?;
    match (written.first, written.all, calendar == Calendar::default()) {
        (Some(period), None, true) => Ok(tag::Criterion::First(self::period(period))),
        (None, Some(_), true) => Ok(tag::Criterion::All),
        (None, None, _) => calendar.into_criterion().map_err(refused),
        _ => Err(RetentionFault::Mixed { rule: rule.to_owned(), index }),
    }
}

fn calendar(written: &Criterion) -> Result<Calendar, CalendarError> {
    // What does not fit into the type is out of range all the same, and the limits of both lists are within it.
    let small = |number: &i32| i8::try_from(*number).unwrap_or(i8::MAX);
    Ok(Calendar {
        days_of_week: written.days_of_week.iter().flatten().map(|day| weekday(*day)).collect(),
        weeks_of_month: written.weeks_of_month.iter().flatten().map(|week| week_of_month(*week)).collect(),
        days_of_month: written.days_of_month.iter().flatten().map(small).collect(),
        last_day_of_month: written.last_day_of_month.is_some(),
        months: written.months.iter().flatten().map(small).collect(),
        times: written
            .times
            .iter()
            .flatten()
            .map(|time| Calendar::parse_time(time))
            .collect::<Result<_, _>>()?,
    })
}

fn period(written: FirstOf) -> Period {
    match written {
        FirstOf::Day => Period::Day,
        FirstOf::Week => Period::Week,
        FirstOf::Month => Period::Month,
        FirstOf::Year => Period::Year,
    }
}

fn weekday(written: Weekday) -> civil::Weekday {
    match written {
        Weekday::Monday => civil::Weekday::Monday,
        Weekday::Tuesday => civil::Weekday::Tuesday,
        Weekday::Wednesday => civil::Weekday::Wednesday,
        Weekday::Thursday => civil::Weekday::Thursday,
        Weekday::Friday => civil::Weekday::Friday,
        Weekday::Saturday => civil::Weekday::Saturday,
        Weekday::Sunday => civil::Weekday::Sunday,
    }
}

fn week_of_month(written: WeekOfMonth) -> tag::WeekOfMonth {
    match written {
        WeekOfMonth::First => tag::WeekOfMonth::First,
        WeekOfMonth::Second => tag::WeekOfMonth::Second,
        WeekOfMonth::Third => tag::WeekOfMonth::Third,
        WeekOfMonth::Fourth => tag::WeekOfMonth::Fourth,
        WeekOfMonth::Last => tag::WeekOfMonth::Last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Retention, RetentionFault> {
        let rules: Vec<RetentionRule> = serde_yaml::from_str(yaml).expect("rules that the schema would take");
        parse(&rules)
    }

    /// One rule with this criterion, beside the default.
    fn of_criterion(criterion: &str) -> Result<tag::Criterion, RetentionFault> {
        let default = "{name: Default, default: true, keep: P3M}";
        let rules =
            read(&format!("[{{name: A, priority: 5, criteria: [{criterion}], keep: P1Y}}, {default}]"))?;
        match &rules.rules()[0].applies {
            Applies::When { criteria, .. } => Ok(criteria[0].clone()),
            Applies::Otherwise => panic!("the rule with criteria is asked first"),
        }
    }

    #[test]
    fn row_a34_b11_rules_are_asked_by_ascending_priority_and_the_default_last() {
        let read = read(
            "- {name: Default, default: true, keep: P1Y}\n\
             - {name: Weekly, priority: 20, criteria: [{first: Week}], keep: P12W}\n\
             - {name: Monthly, priority: 15, criteria: [{first: Month}, {all: true}], keep: P10Y}",
        )
        .expect("sound rules");
        let seen: Vec<_> =
            read.rules().iter().map(|rule| (rule.name.as_str(), rule.keep.to_string())).collect();
        let expected = [("Monthly", "P10Y"), ("Weekly", "P12W"), ("Default", "P1Y")];
        assert_eq!(seen, expected.map(|(name, keep)| (name, keep.to_owned())));
        let criteria = vec![tag::Criterion::First(Period::Month), tag::Criterion::All];
        assert_eq!(read.rules()[0].applies, Applies::When { priority: 15, criteria });
    }

    #[test]
    fn row_a35_a36_every_criterion_of_the_schema_has_its_counterpart() {
        for (written, period) in
            [("Day", Period::Day), ("Week", Period::Week), ("Month", Period::Month), ("Year", Period::Year)]
        {
            assert_eq!(of_criterion(&format!("{{first: {written}}}")), Ok(tag::Criterion::First(period)));
        }
        assert_eq!(of_criterion("{all: true}"), Ok(tag::Criterion::All));
        let calendar = of_criterion(
            "{daysOfWeek: [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday], \
             weeksOfMonth: [First, Second, Third, Fourth, Last], daysOfMonth: [1, 28], lastDayOfMonth: true, \
             months: [1, 12], times: ['02:30']}",
        );
        let expected = Calendar {
            days_of_week: civil::Weekday::Monday.cycle_forward().take(7).collect(),
            weeks_of_month: vec![
                tag::WeekOfMonth::First,
                tag::WeekOfMonth::Second,
                tag::WeekOfMonth::Third,
                tag::WeekOfMonth::Fourth,
                tag::WeekOfMonth::Last,
            ],
            days_of_month: vec![1, 28],
            last_day_of_month: true,
            months: vec![1, 12],
            times: vec![civil::time(2, 30, 0, 0)],
        };
        assert_eq!(calendar, Ok(tag::Criterion::Calendar(expected)));
    }

    #[test]
    fn a_refused_criterion_is_named_with_its_rule_its_place_and_its_field() {
        let table = [
            ("{first: Month, all: true}", "`criteria[0]` mixes kinds"),
            ("{first: Month, months: [1]}", "`criteria[0]` mixes kinds"),
            ("{all: true, daysOfWeek: [Friday]}", "`criteria[0]` mixes kinds"),
            ("{all: false}", "`criteria[0].all` can only be true"),
            ("{lastDayOfMonth: false}", "`criteria[0].lastDayOfMonth` can only be true"),
            ("{}", "a criterion must say something"),
            ("{daysOfWeek: []}", "a criterion must say something"),
            ("{daysOfMonth: [29]}", "`daysOfMonth` cannot be 29"),
            ("{daysOfMonth: [257]}", "`daysOfMonth` cannot be 127"),
            ("{months: [0]}", "`months` cannot be 0"),
            ("{times: ['7:30']}", "`times` cannot be \"7:30\""),
        ];
        for (criterion, expected) in table {
            let fault = of_criterion(criterion).expect_err(criterion);
            let told = fault.to_string();
            assert!(told.contains("retention rule \"A\"") && told.contains(expected), "{criterion}: {told}");
            assert_eq!(fault.reason(), Reason::InvalidSpec, "{criterion}");
        }
    }

    #[test]
    fn row_a32_rules_that_do_not_hold_together_are_refused() {
        let default = "{name: Default, default: true, keep: P3M}";
        let monthly = "{name: M, priority: 5, criteria: [{first: Month}], keep: P1Y}";
        let table = [
            ("[]".to_owned(), Reason::NoDefaultRetention, "`retention` has 0 rules"),
            (format!("[{monthly}]"), Reason::NoDefaultRetention, "`retention` has 0 default rules"),
            (
                format!("[{default}, {{name: D, default: true, keep: P1Y}}]"),
                Reason::NoDefaultRetention,
                "`retention` has 2 default rules",
            ),
            (format!("[{default}, {default}]"), Reason::NoDefaultRetention, "2 default rules"),
            (format!("[{default}, {monthly}, {monthly}]"), Reason::InvalidSpec, "two rules named \"M\""),
            (
                format!(
                    "[{default}, {monthly}, {{name: N, priority: 5, criteria: [{{all: true}}], keep: P1Y}}]"
                ),
                Reason::InvalidSpec,
                "the same priority 5",
            ),
            (
                "[{name: D, default: true, priority: 3, keep: P1Y}]".to_owned(),
                Reason::InvalidSpec,
                "has neither `criteria` nor `priority`",
            ),
            (
                format!("[{default}, {{name: N, criteria: [{{all: true}}], keep: P1Y}}]"),
                Reason::InvalidSpec,
                "\"N\": `priority` is missing",
            ),
            (
                format!("[{default}, {{name: N, priority: 3, keep: P1Y}}]"),
                Reason::InvalidSpec,
                "\"N\" has no criteria",
            ),
            (
                "[{name: D, default: true, keep: P1X}]".to_owned(),
                Reason::InvalidSpec,
                "retention rule \"D\": `keep`",
            ),
            (
                "[{name: D, default: true, keep: P1Y, archive: {when: OnExpiry, keep: P1Y}}]".to_owned(),
                Reason::InvalidSpec,
                "`archive` is not supported yet",
            ),
        ];
        for (yaml, reason, expected) in table {
            let fault = read(&yaml).expect_err(&yaml);
            assert!(fault.to_string().contains(expected), "{yaml}: {fault}");
            assert_eq!(fault.reason(), reason, "{yaml}");
        }
    }
}
