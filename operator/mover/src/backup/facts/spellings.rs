//! What rows spell out: labels of enums, the attributes of composite types, and names of what `reg...` columns point at. The
//! server writes them as they are at the moment of writing, whatever the snapshot, and no lock of ours keeps them as they were.

use std::collections::HashMap;

use super::USER_SCHEMAS;
use crate::postgres::{PgError, Session};

/// What is written of each label, each composite type and each object that a column may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spellings {
    /// For people, and the label, the attributes or the name; by catalogue and OID.
    by_object: HashMap<(u32, u32), (String, Vec<u8>)>,
}

/// A type whose values are names of objects.
struct Naming {
    name: &'static str,
    /// OIDs of the type and of its arrays.
    types: [u32; 2],
    catalogue: &'static str,
}

const fn naming(name: &'static str, types: [u32; 2], catalogue: &'static str) -> Naming {
    Naming { name, types, catalogue }
}

/// Those that every supported server has.
const NAMINGS: [Naming; 10] = [
    naming("regproc", [24, 1008], "pg_proc"),
    naming("regprocedure", [2202, 2207], "pg_proc"),
    naming("regoper", [2203, 2208], "pg_operator"),
    naming("regoperator", [2204, 2209], "pg_operator"),
    naming("regclass", [2205, 2210], "pg_class"),
    naming("regtype", [2206, 2211], "pg_type"),
    naming("regconfig", [3734, 3735], "pg_ts_config"),
    naming("regdictionary", [3769, 3770], "pg_ts_dict"),
    naming("regnamespace", [4089, 4090], "pg_namespace"),
    naming("regrole", [4096, 4097], "pg_roles"),
];

/// The first OID of what users make; the server's own objects keep their names.
const FIRST_OF_USERS: u32 = 16_384;

/// A label of an enum has an OID of its own; of a composite type all attributes count together.
fn query(namings: &[&Naming]) -> String {
    let mut sql = format!(
        "SELECT 'pg_enum'::regclass::oid, e.oid, 'type ' || format_type(e.enumtypid, NULL), e.enumlabel FROM pg_enum e \
         UNION ALL SELECT 'pg_attribute'::regclass::oid, c.oid, 'type ' || format_type(c.reltype, NULL), coalesce((SELECT \
         string_agg(a.attnum || ' ' || a.atttypid, ',' ORDER BY a.attnum) \
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '') \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'c' AND {USER_SCHEMAS}"
    );
    for Naming { name, catalogue, .. } in namings {
        sql += &format!(
            " UNION ALL SELECT '{name}'::regtype::oid, o.oid, '{name} ' || o.oid::{name}, o.oid::{name}::text \
             FROM {catalogue} o WHERE o.oid >= {FIRST_OF_USERS}"
        );
    }
    sql
}

/// The types of [`NAMINGS`] that a table has a column of.
async fn used(session: &mut Session) -> Result<Vec<&'static Naming>, PgError> {
    let all = NAMINGS.iter().flat_map(|naming| naming.types).map(|oid| oid.to_string());
    let sql = format!(
        "SELECT DISTINCT a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' \
         AND c.oid >= {FIRST_OF_USERS} AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ({})",
        all.collect::<Vec<_>>().join(", ")
    );
    let mut found = Vec::new();
    for row in session.query(sql).await? {
        found.push(row.parse::<u32>(0)?);
    }
    Ok(NAMINGS.iter().filter(|naming| naming.types.iter().any(|oid| found.contains(oid))).collect())
}

impl Spellings {
    /// Asks, in a session whose snapshot decides of when the answer is.
    pub async fn read(session: &mut Session) -> Result<Self, PgError> {
        let mut spellings = Self::default();
        let namings = used(session).await?;
        session
            .query_each(query(&namings), |row| {
                let told = (row.text(2)?.to_string(), row.bytes(3)?.to_vec());
                spellings.by_object.insert((row.parse(0)?, row.parse(1)?), told);
                Ok(())
            })
            .await?;
        Ok(spellings)
    }

    /// What may have been written otherwise than `self` has it. What came new since is written by nobody who
    /// sees `self`'s snapshot, and what is gone was used by no table: all of them were locked.
    pub fn changed_in(&self, later: &Self) -> Option<&str> {
        let changed = self.by_object.iter().find(|(object, (_, spelling))| {
            later.by_object.get(object).is_some_and(|(_, spelled_later)| spelled_later != spelling)
        });
        changed.map(|(_, (name, _))| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spellings(all: &[(u32, &str)]) -> Spellings {
        let told = |text: &str| ("type app.mood".to_owned(), text.as_bytes().to_vec());
        Spellings { by_object: all.iter().map(|(oid, text)| ((0, *oid), told(text))).collect() }
    }

    #[test]
    fn a_label_that_was_renamed_counts_and_one_that_came_or_went_does_not() {
        let before = spellings(&[(1, "sad"), (2, "ok")]);
        assert_eq!(before.changed_in(&spellings(&[(1, "sad"), (2, "ok"), (3, "happy")])), None);
        assert_eq!(before.changed_in(&spellings(&[(1, "blue"), (2, "ok")])), Some("type app.mood"));
        assert_eq!(before.changed_in(&spellings(&[(1, "sad")])), None);
    }
}
