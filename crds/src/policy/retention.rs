//! Retention rules: which tag a point gets, and how long it is kept for it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{rules::not_yet, words};

/// One retention rule. Its name is the tag of the points it matches.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.default) != (has(self.criteria) && has(self.priority))")
        .message("set either `default: true`, or `criteria` with a `priority`"),
    validation = Rule::new("!has(self.default) || (!has(self.criteria) && !has(self.priority))")
        .message("the default rule has neither `criteria` nor `priority`: it matches what no other rule does"),
    validation = not_yet("archive"),
)]
pub struct RetentionRule {
    /// Name of the rule, unique in the policy, and the tag of its points.
    #[schemars(schema_with = "words::rule_name")]
    pub name: String,
    /// Always true: this rule matches what no other does. Unset: the rule has criteria.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [true]))]
    pub default: Option<bool>,
    /// Rules are tried in ascending order and the first match wins. Unset for the default rule, which comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99))]
    pub priority: Option<i32>,
    /// What a point must be to match: any one of the list. Unset for the default rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub criteria: Option<Vec<Criterion>>,
    /// How long points are kept, counted from the point's own time by the calendar of its rule's time zone: one
    /// number and one unit, such as P30D, P12W, P6M or P10Y. A month is a month and not 30 days: where the end has no
    /// such day, it is the last of its month (31 January and P1M end on 28 or 29 February, 29 February and P1Y end on
    /// 28 February, and P4Y on 29 February again). The end is stamped once and not recomputed.
    #[schemars(schema_with = "words::keep")]
    pub keep: String,
    /// When points move to the vault's archive. Unset: never. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<RetentionArchive>,
}

/// What a point must be: exactly one of `first`, `all` and the other fields. Those are joined by AND, `daysOfMonth` and
/// `lastDayOfMonth` by OR, and members of a list by OR. Asked is the slot (on demand: when the job was taken up), on the
/// clock of its backup rule's time zone.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "(has(self.first) ? 1 : 0) + (has(self.all) ? 1 : 0) + ((has(self.daysOfWeek) || has(self.weeksOfMonth) || \
         has(self.daysOfMonth) || has(self.lastDayOfMonth) || has(self.months) || has(self.times)) ? 1 : 0) == 1",
    )
    .message("a criterion is exactly one of `first`, `all: true`, and days, weeks, months or times: split it, since one criterion of a rule is enough"),
)]
pub struct Criterion {
    /// The first successful point of each Day, Week (from Monday), Month or Year: none that the vault has accepted, and
    /// that a slot of the same period stands for, came before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstOf>,
    /// Always true: every point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [true]))]
    pub all: Option<bool>,
    /// Points of these days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 7), extend("x-kubernetes-list-type" = "set"))]
    pub days_of_week: Option<Vec<Weekday>>,
    /// Points of these weeks of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 5), extend("x-kubernetes-list-type" = "set"))]
    pub weeks_of_month: Option<Vec<WeekOfMonth>>,
    /// Points of these days of the month, 1 to 28. Joined with `lastDayOfMonth` by OR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 28), inner(range(min = 1, max = 28)), extend("x-kubernetes-list-type" = "set"))]
    pub days_of_month: Option<Vec<i32>>,
    /// Always true: points of the last day of the month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [true]))]
    pub last_day_of_month: Option<bool>,
    /// Points of these months, 1 to 12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12), inner(range(min = 1, max = 12)), extend("x-kubernetes-list-type" = "set"))]
    pub months: Option<Vec<i32>>,
    /// Points whose slot is at one of these times of day, as HH:MM. A time that the clock skips on a day is met by the slot
    /// that runs in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 24),
        inner(length(min = 5, max = 5), regex(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub times: Option<Vec<String>>,
}

/// A calendar period.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstOf {
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

/// A day of the week.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// A week of the month, counted by weekday: the First Monday is the first day that is a Monday.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WeekOfMonth {
    First,
    Second,
    Third,
    Fourth,
    Last,
}

/// When points move to the archive.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetentionArchive {
    /// Immediately, OnExpiry, or After the time in `after`.
    pub when: RetentionArchiveWhen,
    /// For After: how long after the point's time. Unset otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::keep")]
    pub after: Option<String>,
    /// How long points are kept in the archive, counted from the point's time.
    #[schemars(schema_with = "words::keep")]
    pub keep: String,
}

/// When points move to the archive.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionArchiveWhen {
    /// As soon as they are accepted.
    Immediately,
    /// Instead of being deleted.
    OnExpiry,
    /// After a time of its own.
    After,
}
