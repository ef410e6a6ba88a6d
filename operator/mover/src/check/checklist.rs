//! Findings, as they are made.

use contract::{CheckItem, CheckReport, CheckResult, Failure, Stage};

use super::advice;
use crate::{backup::Obstacle, postgres::PgError};

/// The checks of a report, in the order in which they depend on each other.
const REPORTED: [&str; 14] = [
    "Resolve",
    "Connect",
    "Tls",
    "LogIn",
    "Database",
    "Version",
    "DumpClient",
    "Pooler",
    "Settings",
    "Privileges",
    "RowSecurity",
    "Relations",
    "Connections",
    "Standby",
];

/// What stands between what is the matter and what to do about it, in every message of a failure.
const ADVICE: &str = "; ";

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub item: CheckItem,
    /// What is there, where all is well.
    pub detail: String,
}

/// What was found of a source.
#[derive(Debug, Clone)]
pub struct Examination {
    pub findings: Vec<Finding>,
    /// Those of them that decide whether a backup can be made.
    pub report: CheckReport,
}

impl Finding {
    /// What there is, or what is the matter.
    pub fn what(&self) -> &str {
        self.item.failure.as_ref().map_or(&self.detail, |failure| told(&failure.message).0)
    }

    /// What to do; empty where there is nothing.
    pub fn advice(&self) -> &str {
        self.item.failure.as_ref().map_or("", what_to_do)
    }

    /// Something is the matter.
    #[must_use]
    pub fn failed(name: &str, failure: Failure) -> Self {
        Self::not_well(name, CheckResult::Failed, failure)
    }

    pub(super) fn passed(name: &str, detail: String) -> Self {
        Self { item: CheckItem { name: name.to_owned(), result: CheckResult::Passed, failure: None }, detail }
    }

    pub(super) fn not_well(name: &str, result: CheckResult, failure: Failure) -> Self {
        Self {
            item: CheckItem { name: name.to_owned(), result, failure: Some(failure) },
            detail: String::new(),
        }
    }

    /// It could not be looked at. `why` is for people.
    pub(super) fn skipped(name: &str, why: &str) -> Self {
        let item = CheckItem { name: name.to_owned(), result: CheckResult::Skipped, failure: None };
        Self { item, detail: why.to_owned() }
    }
}

/// Findings of a source.
#[derive(Default)]
pub(super) struct Checklist {
    findings: Vec<Finding>,
}

impl Checklist {
    pub fn passed(&mut self, name: &str, detail: String) {
        self.findings.push(Finding::passed(name, detail));
    }

    pub fn skipped(&mut self, name: &str, why: &str) {
        self.findings.push(Finding::skipped(name, why));
    }

    /// `detail` tells what is there where nothing stands in the way.
    pub fn found(
        &mut self,
        name: &str,
        detail: String,
        obstacle: Option<Obstacle>,
        warning: Option<Obstacle>,
    ) {
        let failure = |found: Obstacle| Failure {
            code: found.code,
            stage: Stage::Preflight,
            message: found.message,
            cause: None,
        };
        self.findings.push(match (obstacle, warning) {
            (Some(obstacle), _) => Finding::not_well(name, CheckResult::Failed, failure(obstacle)),
            (None, Some(warning)) => Finding::not_well(name, CheckResult::Warning, failure(warning)),
            (None, None) => Finding::passed(name, detail),
        });
    }

    /// Nothing after this one can be looked at; everything before it was well.
    pub fn refused(mut self, at: &str, error: &PgError) -> Examination {
        for name in REPORTED.iter().take_while(|name| **name != at) {
            if !self.findings.iter().any(|finding| finding.item.name == *name) {
                self.passed(name, String::new());
            }
        }
        // A check that seemed well, and was not.
        self.findings.retain(|finding| finding.item.name != at);
        self.findings.push(Finding::not_well(at, CheckResult::Failed, error.failure(Stage::Connecting)));
        for name in REPORTED.iter().skip_while(|name| **name != at).skip(1) {
            self.findings.push(Finding::skipped(name, ""));
        }
        self.examination(CheckReport {
            items: Vec::new(),
            server_version: None,
            datasource_id: None,
            relations: None,
            size_bytes: None,
            missing_grants: Vec::new(),
        })
    }

    /// `report` is what is to be told besides the items.
    pub fn examination(self, report: CheckReport) -> Examination {
        let reported = |item: &&CheckItem| REPORTED.contains(&item.name.as_str());
        let items = self.findings.iter().map(|finding| &finding.item).filter(reported).cloned().collect();
        Examination { report: CheckReport { items, ..report }, findings: self.findings }
    }
}

/// What to do about a failure; empty where there is nothing to say.
pub fn what_to_do(failure: &Failure) -> &str {
    match told(&failure.message).1 {
        "" => advice::for_code(failure.code),
        said => said,
    }
}

/// What a message says is the matter, and what it says to do; the latter is empty where it says nothing.
fn told(message: &str) -> (&str, &str) {
    message.split_once(ADVICE).unwrap_or((message, ""))
}

#[cfg(test)]
mod tests {
    use contract::FailureCode;

    use super::*;

    #[test]
    fn a_message_is_told_apart_into_what_is_the_matter_and_what_to_do() {
        assert_eq!(told("it is closed; open it; or leave it"), ("it is closed", "open it; or leave it"));
        assert_eq!(told("it is closed"), ("it is closed", ""));
    }

    #[test]
    fn whatever_is_not_well_comes_with_something_to_do() {
        let finding = |message: &str| {
            let code = FailureCode::AuthenticationFailed;
            let failure =
                Failure { code, stage: Stage::Connecting, message: message.to_owned(), cause: None };
            Finding::not_well("LogIn", CheckResult::Failed, failure)
        };
        assert!(finding("log in: no").advice().contains("PGPASSWORD"));
        assert_eq!(finding("log in: no; ask him").advice(), "ask him");
        assert_eq!(Finding::passed("LogIn", "role x".to_owned()).advice(), "");
        assert_eq!(Finding::passed("LogIn", "role x".to_owned()).what(), "role x");
    }
}
