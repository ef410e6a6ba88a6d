//! One backup rule: when, within which windows, of which type.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    common::VaultReference,
    rules::{not_yet, value_not_yet},
    words,
};

/// One backup rule. List items carry no defaults in the schema: an unset field has the documented value.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = value_not_yet("type", "Incremental", "use Full"),
    validation = not_yet("copies"),
    validation = not_yet("pointLabels"),
    validation = Rule::new("(has(self.spreadMinutes) ? self.spreadMinutes : 0) < (has(self.startWindowMinutes) ? self.startWindowMinutes : 480)")
        .message("`spreadMinutes` must be below `startWindowMinutes` (480 when unset): a spread start would come after the window"),
    validation = Rule::new("(has(self.startWindowMinutes) ? self.startWindowMinutes : 480) <= (has(self.completionWindowMinutes) ? self.completionWindowMinutes : 10080)")
        .message("`startWindowMinutes` (480 when unset) must not be longer than `completionWindowMinutes` (10080 when unset): both count from the slot"),
)]
pub struct BackupRule {
    /// Name of the rule, unique in the policy. It is part of what each point remembers.
    #[schemars(schema_with = "words::rule_name")]
    pub name: String,
    /// When backups are due: exactly one member.
    pub schedule: Schedule,
    /// Time zone of the schedule and of every calendar period counted for its points: an IANA name such as
    /// Europe/Berlin, or a Windows name. Unset: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::time_zone")]
    pub time_zone: Option<String>,
    /// Full: each point stands alone. Incremental is not supported yet. Unset: Full.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<BackupType>,
    /// Minutes from the slot in which a backup may start. Not started by then: Expired, nothing written. Unset: 480.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 525_600))]
    pub start_window_minutes: Option<i32>,
    /// Minutes from the slot in which a backup must be finished. Not finished by then: stopped, nothing kept. Unset:
    /// 10080, a week.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 525_600))]
    pub completion_window_minutes: Option<i32>,
    /// Each instance starts after a fixed delay of its own, below this many minutes; the slot stays the nominal
    /// minute. Unset: 0, all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_080))]
    pub spread_minutes: Option<i32>,
    /// Copies of each point in other vaults. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 5), extend("x-kubernetes-list-type" = "atomic"))]
    pub copies: Option<Vec<PolicyCopy>>,
    /// Labels put on each RecoveryPoint. Unset: none. Not supported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::label_map")]
    pub point_labels: Option<BTreeMap<String, String>>,
}

impl BackupRule {
    /// Minutes from the slot in which a backup may start, with the documented default.
    pub fn start_window_minutes(&self) -> i32 {
        self.start_window_minutes.unwrap_or(480)
    }

    /// Minutes from the slot in which a backup must be finished, with the documented default.
    pub fn completion_window_minutes(&self) -> i32 {
        self.completion_window_minutes.unwrap_or(10_080)
    }

    /// The bound of the fixed delay per instance, in minutes, with the documented default.
    pub fn spread_minutes(&self) -> i32 {
        self.spread_minutes.unwrap_or(0)
    }

    /// The rule for the printed column: its name, its times and its zone.
    pub(super) fn summary(&self) -> String {
        let times = match (&self.schedule.cron, &self.schedule.intervals) {
            (Some(cron), _) => cron.clone(),
            (None, Some(intervals)) => intervals.join(", "),
            (None, None) => "never".to_owned(),
        };
        match &self.time_zone {
            Some(zone) => format!("{}: {times} {zone}", self.name),
            None => format!("{}: {times}", self.name),
        }
    }
}

/// When backups are due: exactly one member.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cron) != has(self.intervals)")
    .message("set exactly one of `cron` and `intervals`"))]
pub struct Schedule {
    /// Five fields (minute, hour, day of month, month, day of week) with names, steps and `L`, or @hourly, @daily,
    /// @weekly, @monthly, @yearly. Day of month and day of week are joined by OR when both are restricted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::cron")]
    pub cron: Option<String>,
    /// ISO 8601 repeating intervals such as R/2021-08-15T20:00:00+00:00/P1W: every one of them makes slots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 10),
        inner(length(min = 1, max = 128), regex(pattern = "^R[0-9]*/[-+:.0-9TZ]+/P[0-9A-Z]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub intervals: Option<Vec<String>>,
}

/// What a backup holds.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupType {
    /// Everything: the point stands alone.
    #[default]
    Full,
    /// What changed since the last point.
    Incremental,
}

/// A copy of each point in another vault.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyCopy {
    /// The vault the copy goes to.
    pub vault_ref: VaultReference,
    /// How long the copy is kept, as one number and one unit.
    #[schemars(schema_with = "words::keep")]
    pub keep: String,
}
