//! The policy that comes of a document: its names made fit, checked as a whole, printed.

use std::collections::BTreeSet;

use crds::policy::{BackupRule, Criterion, RetentionRule};
use crds::{BackupPolicySpec, policy::JobHistory};
use policy::Keep;
use policy::tag::Calendar;
use serde_json::{Map, Value, json};

use super::super::PolicyError;
use super::json::Warnings;
use crate::controller::policy::ParsedPolicy;

/// The most names and rules that the API takes.
const MOST_RULES: usize = 10;
const MOST_NAME: usize = 63;

/// A policy in the making.
#[derive(Debug, Default)]
pub struct Draft {
    /// What the document calls itself, and in which field.
    pub name: Option<(String, String)>,
    /// The field that the rules come from, for what concerns them all.
    pub origin: String,
    pub rules: Vec<BackupRule>,
    pub retention: Vec<RetentionRule>,
    /// What a person should read, above the policy.
    pub remarks: Vec<String>,
}

impl Draft {
    /// Checks the policy as the operator does, and prints it.
    ///
    /// # Errors
    /// [`PolicyError::Refused`] with the field that the fault comes from, as near as it is known.
    pub fn yaml(self, name: Option<&str>, warnings: &Warnings) -> Result<String, PolicyError> {
        let refused = |reason: String| PolicyError::Refused { field: self.origin.clone(), reason };
        let name = match (name, &self.name) {
            (Some(name), _) => name.to_owned(),
            (None, Some((field, name))) => object_name(field, name, warnings)?,
            (None, None) => return Err(refused("the document has no name: give one with --name".to_owned())),
        };
        if self.rules.len() > MOST_RULES {
            let count = self.rules.len();
            return Err(refused(format!(
                "there are {count} backup rules: a BackupPolicy has at most {MOST_RULES}"
            )));
        }
        let spec = BackupPolicySpec {
            rules: self.rules.clone(),
            retention: self.retention.clone(),
            keep_at_least: 1,
            verify_every_days: None,
            job_history: JobHistory::default(),
        };
        ParsedPolicy::parse(&spec).map_err(|fault| refused(fault.message))?;
        let mut spec = serde_json::to_value(&spec).map_err(|error| refused(error.to_string()))?;
        // Nothing in the document speaks of them: the API server fills in what is usual.
        if let Some(fields) = spec.as_object_mut() {
            remove_all(fields, &["jobHistory", "keepAtLeast"]);
        }
        let object = json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupPolicy", "metadata": {"name": name}, "spec": spec,
        });
        let text = serde_yaml::to_string(&object).map_err(|error| refused(error.to_string()))?;
        let remarks: String = self.remarks.iter().map(|remark| format!("# {remark}\n")).collect();
        Ok(remarks + &quoted_times(&text))
    }
}

/// A rule of retention that takes what no other does.
pub fn default_rule(name: String, keep: Keep) -> RetentionRule {
    RetentionRule {
        name,
        default: Some(true),
        priority: None,
        criteria: None,
        keep: keep.to_string(),
        archive: None,
    }
}

/// A rule of retention with criteria.
pub fn rule_with(name: String, priority: i32, criteria: Vec<Criterion>, keep: Keep) -> RetentionRule {
    RetentionRule {
        name,
        default: None,
        priority: Some(priority),
        criteria: Some(criteria),
        keep: keep.to_string(),
        archive: None,
    }
}

/// Refuses rules of one name: each point remembers the name of its rule.
///
/// # Errors
/// [`PolicyError::Refused`] for the list.
pub fn no_name_twice<'a>(origin: &str, names: impl Iterator<Item = &'a str>) -> Result<(), PolicyError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            let reason = format!("two backup rules are named {name:?}");
            return Err(PolicyError::Refused { field: origin.to_owned(), reason });
        }
    }
    Ok(())
}

/// The name of a rule as the API takes it: letters, digits, `-` and `_`, beginning with a letter. Tells when it had to
/// become another.
///
/// # Errors
/// When nothing of the name is left.
pub fn rule_name(field: &str, name: &str, warnings: &Warnings) -> Result<String, PolicyError> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    fitted(field, name, warnings, plain, |c| c.is_ascii_alphabetic(), |c| c.is_ascii_alphanumeric())
}

/// The name of an object: lower-case letters, digits and `-`.
fn object_name(field: &str, name: &str, warnings: &Warnings) -> Result<String, PolicyError> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let lower = name.to_ascii_lowercase();
    fitted(field, &lower, warnings, plain, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric())
}

fn fitted(
    field: &str,
    name: &str,
    warnings: &Warnings,
    plain: impl Fn(char) -> char,
    first: impl Fn(char) -> bool,
    last: impl Fn(char) -> bool,
) -> Result<String, PolicyError> {
    let plain: String = name.chars().map(plain).collect();
    let short: String = plain.trim_start_matches(|c| !first(c)).chars().take(MOST_NAME).collect();
    let fit = short.trim_end_matches(|c| !last(c));
    if fit.is_empty() {
        let reason = format!("no name can be made from {name:?}");
        return Err(PolicyError::Refused { field: field.to_owned(), reason });
    }
    if fit != name {
        warnings.tell(field, &format!("{name:?} is no name here and became {fit:?}"));
    }
    Ok(fit.to_owned())
}

/// Times of day in quotes: some readers of YAML take a bare 21:00 for a number.
fn quoted_times(yaml: &str) -> String {
    let is_time = |item: &str| item.len() == 5 && Calendar::parse_time(item).is_ok();
    let line = |line: &str| match line.split_once("- ") {
        Some((indent, item)) if is_time(item) => format!("{indent}- '{item}'\n"),
        _ => format!("{line}\n"),
    };
    yaml.lines().map(line).collect()
}

fn remove_all(fields: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        fields.remove(*name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_fit_and_that_is_told_but_for_case() {
        let warnings = Warnings::default();
        let object = |name: &str| object_name("name", name, &warnings).expect(name);
        assert_eq!(object("Weekly-1"), "weekly-1");
        assert_eq!(object("our policy (old)"), "our-policy--old");
        let rule = |name: &str| rule_name("Rules[0].RuleName", name, &warnings).expect(name);
        assert_eq!(rule("Daily_Backups"), "Daily_Backups");
        assert_eq!(rule("1.daily."), "daily");
        assert!(rule_name("Rules[0].RuleName", "1 2", &warnings).is_err());
        let lines = warnings.into_lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[1], "`Rules[0].RuleName`: \"1.daily.\" is no name here and became \"daily\"");
    }
}
