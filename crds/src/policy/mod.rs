//! BackupPolicy: when to back up and how long to keep what.

mod retention;
mod rule;
mod status;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use retention::{
    Criterion, FirstOf, RetentionArchive, RetentionArchiveWhen, RetentionRule, WeekOfMonth, Weekday,
};
pub use rule::{BackupRule, BackupType, PolicyCopy, Schedule};
pub use status::{BackupPolicyStatus, NextSlot};

/// When to back up and how long to keep what. Editing it changes later points only.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "coffer.dev",
    version = "v1alpha1",
    kind = "BackupPolicy",
    plural = "backuppolicies",
    namespaced,
    shortname = "bpol",
    category = "coffer",
    status = "BackupPolicyStatus",
    derive = "PartialEq",
    doc = "When to back up and how long to keep what. An edit changes later points only; each point carries the version it was made under.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Schedule", type_ = "string", json_path = ".status.schedule"),
    printcolumn(name = "Keep", type_ = "string", json_path = ".status.retention"),
    printcolumn(name = "Instances", type_ = "integer", json_path = ".status.instances"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        priority = "1",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = "1",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct BackupPolicySpec {
    /// When backups are due: 1 to 10 rules. Slots of several rules that are due at the same instant are one job.
    #[schemars(
        length(min = 1, max = 10),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub rules: Vec<BackupRule>,
    /// How long points are kept: 1 to 16 rules, one of them the default. Each point gets the tag of one rule, for good.
    #[x_kube(
        validation = Rule::new("self.exists_one(r, has(r.default))")
            .message("exactly one retention rule must have `default: true`"),
        validation = Rule::new("self.all(r, !has(r.priority) || self.exists_one(x, has(x.priority) && x.priority == r.priority))")
            .message("every retention rule but the default must have a `priority` of its own: the lowest number is asked first"),
    )]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    #[serde(default = "kept_for_three_months")]
    pub retention: Vec<RetentionRule>,
    /// How many of an instance's newest good points no rule, clock or edit may delete.
    #[serde(default = "default_keep_at_least")]
    #[schemars(range(min = 1, max = 1000))]
    pub keep_at_least: i32,
    /// How often every point's objects are read back in full, in days. Unset: never. A damaged point can no longer be chosen
    /// for a restore and counts for no `keepAtLeast`; one extra backup is made in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 366))]
    pub verify_every_days: Option<i32>,
    /// How many ended BackupJob objects of each instance stay. Objects only: data is never deleted by this.
    #[serde(default)]
    pub job_history: JobHistory,
}

impl BackupPolicySpec {
    /// The rule whose tag a point gets when no other rule matches. None only where admission was passed by.
    pub fn default_retention(&self) -> Option<&RetentionRule> {
        self.retention.iter().find(|rule| rule.default == Some(true))
    }

    /// The rules' times for the printed column, such as `Weekly: 0 20 * * 3,6 Europe/Berlin`.
    pub fn schedule_summary(&self) -> String {
        let rules: Vec<String> = self.rules.iter().map(BackupRule::summary).collect();
        shortened(rules.join("; "), 256)
    }

    /// What is kept how long for the printed column, such as `Default: P3M, at least 1`.
    pub fn retention_summary(&self) -> String {
        let rules: Vec<String> =
            self.retention.iter().map(|rule| format!("{}: {}", rule.name, rule.keep)).collect();
        shortened(format!("{}, at least {}", rules.join("; "), self.keep_at_least), 256)
    }
}

/// How many ended jobs stay as objects. Only jobs that the operator made count, and only they are removed.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobHistory {
    /// Jobs that ended well.
    #[serde(default = "default_history")]
    #[schemars(range(min = 1, max = 200))]
    pub completed: i32,
    /// Jobs that ended in any other way.
    #[serde(default = "default_history")]
    #[schemars(range(min = 1, max = 200))]
    pub failed: i32,
}

impl Default for JobHistory {
    fn default() -> Self {
        Self { completed: default_history(), failed: default_history() }
    }
}

/// What a policy that says nothing about it keeps.
fn kept_for_three_months() -> Vec<RetentionRule> {
    vec![RetentionRule {
        name: "Default".to_owned(),
        default: Some(true),
        priority: None,
        criteria: None,
        keep: "P3M".to_owned(),
        archive: None,
    }]
}

fn default_keep_at_least() -> i32 {
    1
}

fn default_history() -> i32 {
    20
}

/// Cuts a text to at most `limit` characters, with an ellipsis where something went.
fn shortened(text: String, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text;
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_columns_name_rules_times_and_keeping() {
        let spec: BackupPolicySpec = serde_json::from_value(serde_json::json!({
            "rules": [{"name": "Weekly", "schedule": {"cron": "0 20 * * 3,6"}, "timeZone": "Europe/Berlin"},
                      {"name": "Daily", "schedule": {"intervals": ["R/2021-08-15T20:00:00+00:00/P1D"]}}],
            "retention": [{"name": "Default", "default": true, "keep": "P3M"}],
        }))
        .expect("a small spec parses");
        assert_eq!(
            spec.schedule_summary(),
            "Weekly: 0 20 * * 3,6 Europe/Berlin; Daily: R/2021-08-15T20:00:00+00:00/P1D"
        );
        assert_eq!(spec.retention_summary(), "Default: P3M, at least 1");
        assert_eq!(spec.default_retention().map(|rule| rule.name.as_str()), Some("Default"));
        assert_eq!(spec.rules[0].start_window_minutes(), 480);
    }

    #[test]
    fn row_b13_a_policy_that_says_nothing_of_keeping_keeps_for_three_months() {
        let spec: BackupPolicySpec = serde_json::from_value(serde_json::json!({
            "rules": [{"name": "Daily", "schedule": {"cron": "@daily"}}],
        }))
        .expect("`retention` may be left out");
        assert_eq!(spec.retention_summary(), "Default: P3M, at least 1");
        let schema =
            serde_json::to_value(<BackupPolicy as kube::CustomResourceExt>::crd()).expect("a CRD is JSON");
        let kept = schema
            .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/retention/default")
            .expect("the API server stores what was left out");
        assert_eq!(*kept, serde_json::json!([{"name": "Default", "default": true, "keep": "P3M"}]));
    }

    #[test]
    fn a_long_summary_is_cut_with_an_ellipsis() {
        assert_eq!(shortened("abcd".to_owned(), 4), "abcd");
        assert_eq!(shortened("abcde".to_owned(), 4), "abc…");
    }
}
