//! What of a restored database is what the point promises, table by table, and its schema.

mod rows;
mod schema;

use serde::Serialize;

use super::RestoreError;
use crate::format::PgText;

pub use rows::{reread, reread_in};
pub use schema::{Asked, compare as compare_schema};

/// What came of reading a restored database back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// In the order of the point's list.
    pub tables: Vec<ComparedTable>,
    /// `None`: nobody asked for it.
    pub schema: Option<ComparedSchema>,
}

/// One table, read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedTable {
    pub schema: PgText,
    pub name: PgText,
    pub stored_rows: u64,
    /// `None`: they could not be read.
    pub found_rows: Option<u64>,
    pub verdict: Verdict,
}

/// How far a table is the one that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Every row is.
    Same,
    /// There are as many rows; their digest cannot be had from this server.
    Counted,
    /// There are other rows, or another number of them.
    Different,
    /// It cannot be read here.
    NotCompared,
}

/// The schema, as pg_dump writes it from the restored database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "result")]
pub enum ComparedSchema {
    Compared {
        entries: u64,
        /// In the point and not in the database; at most [`NAMED`] are named.
        missing: Vec<String>,
        /// In the database and not in the point.
        additional: Vec<String>,
        /// In both, in other words: PostgreSQL writes some expressions anew when they are made from their own text.
        reworded: Vec<String>,
    },
    NotCompared {
        why: String,
    },
}

/// How many objects of a kind of difference are named; a schema with more is no better known by more.
pub const NAMED: usize = 100;

impl Comparison {
    /// What is not as it was stored, each in a sentence. Another wording is no difference.
    pub fn differences(&self) -> Vec<String> {
        let tables = self.tables.iter().filter(|table| table.verdict == Verdict::Different);
        let mut differences: Vec<String> = tables.map(ComparedTable::difference).collect();
        if let Some(ComparedSchema::Compared { missing, additional, .. }) = &self.schema {
            differences.extend(missing.iter().map(|object| format!("{object} is missing")));
            differences.extend(additional.iter().map(|object| format!("{object} was not stored")));
        }
        differences
    }

    /// What could not be compared in full, each in a sentence.
    pub fn remarks(&self) -> Vec<String> {
        let remark = |table: &ComparedTable| match table.verdict {
            Verdict::Same | Verdict::Different => None,
            Verdict::Counted => Some(format!("the rows of {} were counted, not compared", table.full_name())),
            Verdict::NotCompared => Some(format!("{} could not be compared", table.full_name())),
        };
        let mut remarks: Vec<String> = self.tables.iter().filter_map(remark).collect();
        match &self.schema {
            Some(ComparedSchema::NotCompared { why }) => {
                remarks.push(format!("the schema was not compared: {why}"));
            }
            Some(ComparedSchema::Compared { reworded, .. }) => {
                remarks.extend(reworded.iter().map(|object| format!("{object} is worded otherwise")));
            }
            None => {}
        }
        remarks
    }

    /// The remarks of a database whose rows are those of the point.
    ///
    /// # Errors
    /// With the differences, where there are any.
    pub fn into_remarks(self) -> Result<Vec<String>, RestoreError> {
        let differences = self.differences();
        if differences.is_empty() { Ok(self.remarks()) } else { Err(RestoreError::Differences(differences)) }
    }
}

impl ComparedTable {
    fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    fn difference(&self) -> String {
        match self.found_rows {
            Some(found) if found != self.stored_rows => {
                format!("{} has {found} rows where {} were stored", self.full_name(), self.stored_rows)
            }
            _ => format!("{} has other rows than were stored", self.full_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, stored_rows: u64, found_rows: Option<u64>, verdict: Verdict) -> ComparedTable {
        ComparedTable { schema: "s".into(), name: name.into(), stored_rows, found_rows, verdict }
    }

    #[test]
    fn only_what_differs_is_a_difference_and_the_rest_is_remarked() {
        let schema = ComparedSchema::Compared {
            entries: 3,
            missing: vec!["INDEX s.i".to_owned()],
            additional: Vec::new(),
            reworded: vec!["VIEW s.v".to_owned()],
        };
        let tables = vec![
            table("same", 1, Some(1), Verdict::Same),
            table("fewer", 2, Some(1), Verdict::Different),
            table("other", 2, Some(2), Verdict::Different),
            table("counted", 2, Some(2), Verdict::Counted),
            table("closed", 2, None, Verdict::NotCompared),
        ];
        let comparison = Comparison { tables, schema: Some(schema) };
        assert_eq!(
            comparison.differences(),
            [
                "s.fewer has 1 rows where 2 were stored",
                "s.other has other rows than were stored",
                "INDEX s.i is missing"
            ]
        );
        assert_eq!(
            comparison.remarks(),
            [
                "the rows of s.counted were counted, not compared",
                "s.closed could not be compared",
                "VIEW s.v is worded otherwise"
            ]
        );
        assert!(matches!(comparison.into_remarks(), Err(RestoreError::Differences(all)) if all.len() == 3));
    }
}
