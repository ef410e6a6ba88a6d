//! What a mover leaves behind as its pod's termination message. The record in storage is the truth; this is a copy for
//! the status, and may be missing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Failure, PointId, RunId, Verification, WriterId};

/// Kubernetes keeps this many bytes of a termination message.
pub const TERMINATION_MESSAGE_LIMIT: usize = 4096;

/// A mover's last word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub version: u32,
    pub run: RunId,
    pub attempt: u32,
    /// When the snapshot was fixed, or a restore first wrote. `None`: the run never started, nothing was written.
    pub started: Option<Timestamp>,
    pub outcome: Outcome,
    /// Cut at the front of the list when the message would grow past its limit.
    pub warnings: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// A record was committed; the keeper has yet to accept it.
    Stored {
        point: PointId,
        writer: WriterId,
        summary: Summary,
    },
    /// A database was restored and checked.
    Restored {
        summary: Summary,
    },
    Checked(CheckReport),
    /// A point was looked at. Damage is no failure of the run.
    Verified(Verification),
    Failed(Failure),
}

/// What was moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub tables: u64,
    pub rows: u64,
    pub large_objects: u64,
    pub plain_bytes: u64,
    pub stored_bytes: u64,
    pub seconds: u64,
}

/// What `mover check` found. It reads the source and writes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    pub items: Vec<CheckItem>,
    pub server_version: Option<String>,
    /// `<system identifier>/<database>`; of several databases the system identifier alone.
    pub datasource_id: Option<String>,
    pub relations: Option<u64>,
    pub size_bytes: Option<u64>,
    /// SQL statements that would give the role what it lacks; some of them where there are many.
    #[serde(default)]
    pub missing_grants: Vec<String>,
}

/// One check, in the order in which they depend on each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckItem {
    /// Resolve, Connect, Tls, LogIn, Version, Pooler, Privileges, Relations.
    pub name: String,
    pub result: CheckResult,
    pub failure: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckResult {
    Passed,
    Warning,
    Failed,
    /// An earlier one failed.
    Skipped,
}

impl Report {
    /// The report as JSON that fits [`TERMINATION_MESSAGE_LIMIT`]: warnings go first, then the end of the message.
    pub fn to_termination_message(&self) -> String {
        let mut report = self.clone();
        loop {
            let text = serde_json::to_string(&report).unwrap_or_default();
            if text.len() <= TERMINATION_MESSAGE_LIMIT {
                return text;
            }
            if !report.shorten(text.len() - TERMINATION_MESSAGE_LIMIT) {
                return text;
            }
        }
    }

    /// Gives up the least important text; `false` when nothing is left to give up.
    fn shorten(&mut self, excess: usize) -> bool {
        if !self.warnings.is_empty() {
            self.warnings.remove(0);
            return true;
        }
        match &mut self.outcome {
            Outcome::Failed(failure) => {
                shorten_text(&mut failure.message, excess) || failure.cause.take().is_some()
            }
            Outcome::Checked(report) => {
                let items = &mut report.items;
                let mut failures: Vec<&mut Failure> =
                    items.iter_mut().filter_map(|item| item.failure.as_mut()).collect();
                failures.iter_mut().any(|failure| failure.cause.take().is_some())
                    || failures
                        .into_iter()
                        .max_by_key(|failure| failure.message.len())
                        .is_some_and(|failure| shorten_text(&mut failure.message, excess))
                    || report.missing_grants.pop().is_some()
            }
            Outcome::Verified(seen) => seen.shorten(),
            Outcome::Stored { .. } | Outcome::Restored { .. } => false,
        }
    }
}

/// Cuts at least one and about `excess` bytes from the end, at a character's edge.
fn shorten_text(text: &mut String, excess: usize) -> bool {
    const LEAST: usize = 100;
    if text.len() <= LEAST {
        return false;
    }
    let mut end = text.len().saturating_sub(excess + 8).max(LEAST / 2);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push('…');
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DamagedObject, FailureCode, RestoredDatabase, Stage, VERSION, VerifyLevel};

    fn failed(message: &str, warnings: Vec<String>) -> Report {
        Report {
            version: VERSION,
            run: RunId("0d3b".into()),
            attempt: 1,
            started: None,
            outcome: Outcome::Failed(Failure {
                code: FailureCode::LockTimeout,
                stage: Stage::Locking,
                message: message.into(),
                cause: None,
            }),
            warnings,
        }
    }

    #[test]
    fn a_long_message_is_cut_and_still_parses() {
        for message in ["x".repeat(9_000), "ü\"\n".repeat(3_000)] {
            let text = failed(&message, vec!["w".repeat(500); 20]).to_termination_message();
            assert!(text.len() <= TERMINATION_MESSAGE_LIMIT, "{}", text.len());
            let back: Report = serde_json::from_str(&text).unwrap();
            assert!(back.warnings.len() < 20);
        }
    }

    #[test]
    fn of_a_long_check_messages_are_cut_first_and_statements_then() {
        let item = CheckItem { name: "Privileges".into(), result: CheckResult::Failed, failure: None };
        let report = CheckReport {
            items: vec![item],
            server_version: None,
            datasource_id: None,
            relations: None,
            size_bytes: None,
            missing_grants: vec!["GRANT".repeat(60); 32],
        };
        let report = Report { outcome: Outcome::Checked(report), ..failed("", Vec::new()) };
        let text = report.to_termination_message();
        assert!(text.len() <= TERMINATION_MESSAGE_LIMIT, "{}", text.len());
        let back: Report = serde_json::from_str(&text).unwrap();
        let Outcome::Checked(back) = back.outcome else { panic!("it was a check") };
        assert!(!back.missing_grants.is_empty());
    }

    #[test]
    fn of_a_point_with_much_damage_some_is_named_and_all_of_it_counted() {
        let damage =
            |number: usize| DamagedObject { object: format!("{number:08}"), message: "x".repeat(200) };
        let seen = Verification {
            level: VerifyLevel::Scratch,
            objects: 200,
            stored_bytes: 1,
            rows: 1,
            damaged: 100,
            damage: (0..100).map(damage).collect(),
            restored: vec![RestoredDatabase {
                database: "app".into(),
                same_tables: 1,
                different: 50,
                differences: vec!["y".repeat(100); 50],
            }],
            not_restored: None,
        };
        let report = Report { outcome: Outcome::Verified(seen), ..failed("", Vec::new()) };
        let text = report.to_termination_message();
        assert!(text.len() <= TERMINATION_MESSAGE_LIMIT, "{}", text.len());
        let back: Report = serde_json::from_str(&text).unwrap();
        let Outcome::Verified(back) = back.outcome else { panic!("it was a verification") };
        assert_eq!((back.damaged, back.restored[0].different), (100, 50));
        assert!(!back.damage.is_empty());
    }

    #[test]
    fn a_short_report_is_left_as_it_is() {
        let report = failed("the lock on \"app\".\"orders\" was not granted within 10 s", vec!["one".into()]);
        let back: Report = serde_json::from_str(&report.to_termination_message()).unwrap();
        assert_eq!(back, report);
    }
}
