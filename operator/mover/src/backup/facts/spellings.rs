//! What rows spell out: labels of enums and the attributes of composite types. The server writes them as they are at the
//! moment of writing, whatever the snapshot, and no lock of ours keeps them as they were.

use std::collections::HashMap;

use super::USER_SCHEMAS;
use crate::postgres::{PgError, Session};

/// What is written of each label and each composite type, by what it is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spellings {
    /// The type, for people, and the label or the attributes; by OID.
    by_oid: HashMap<u32, (String, Vec<u8>)>,
}

/// A label of an enum has an OID of its own; of a composite type all attributes count together.
fn query() -> String {
    format!(
        "SELECT e.oid, format_type(e.enumtypid, NULL), e.enumlabel FROM pg_enum e \
         UNION ALL SELECT c.oid, format_type(c.reltype, NULL), coalesce((SELECT \
         string_agg(a.attnum || ' ' || a.atttypid, ',' ORDER BY a.attnum) \
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'c' AND {USER_SCHEMAS}"
    )
}

impl Spellings {
    /// Asks, in a session whose snapshot decides of when the answer is.
    pub async fn read(session: &mut Session) -> Result<Self, PgError> {
        let mut spellings = Self::default();
        session
            .query_each(query(), |row| {
                let told = (row.text(1)?.to_string(), row.bytes(2)?.to_vec());
                spellings.by_oid.insert(row.parse(0)?, told);
                Ok(())
            })
            .await?;
        Ok(spellings)
    }

    /// A type whose values may have been written otherwise than `self` has it. What came new since is written by nobody who
    /// sees `self`'s snapshot, and what is gone was used by no table: all of them were locked.
    pub fn changed_in(&self, later: &Self) -> Option<&str> {
        let changed = self.by_oid.iter().find(|(oid, (_, spelling))| {
            later.by_oid.get(oid).is_some_and(|(_, spelled_later)| spelled_later != spelling)
        });
        changed.map(|(_, (name, _))| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spellings(all: &[(u32, &str)]) -> Spellings {
        let by_oid =
            all.iter().map(|(oid, text)| (*oid, ("app.mood".to_owned(), text.as_bytes().to_vec()))).collect();
        Spellings { by_oid }
    }

    #[test]
    fn a_label_that_was_renamed_counts_and_one_that_came_or_went_does_not() {
        let before = spellings(&[(1, "sad"), (2, "ok")]);
        assert_eq!(before.changed_in(&spellings(&[(1, "sad"), (2, "ok"), (3, "happy")])), None);
        assert_eq!(before.changed_in(&spellings(&[(1, "blue"), (2, "ok")])), Some("app.mood"));
        assert_eq!(before.changed_in(&spellings(&[(1, "sad")])), None);
    }
}
