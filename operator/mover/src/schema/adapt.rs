//! The few definitions that a newer server refuses though they say nothing. All others go to it word for word.

use super::{Entry, Kind};
use crate::format::PgText;

/// From here on a partitioned table, which has no storage, may not be called unlogged.
const WITHOUT_UNLOGGED_ROOTS: u32 = 18;
const UNLOGGED: &[u8] = b"CREATE UNLOGGED TABLE ";
const PARTITIONED: &[u8] = b"\nPARTITION BY ";

impl Entry {
    /// The entry as a server of this major version takes it.
    #[must_use]
    pub fn for_major(self, major: u32) -> Self {
        if major < WITHOUT_UNLOGGED_ROOTS || self.kind != Kind::Table {
            return self;
        }
        let definition = self.definition.as_bytes();
        let is_partitioned = definition.windows(PARTITIONED.len()).any(|words| words == PARTITIONED);
        match definition.strip_prefix(UNLOGGED) {
            Some(rest) if is_partitioned => {
                let definition = PgText::new([b"CREATE TABLE ", rest].concat());
                Self { definition, ..self }
            }
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::entry::tests::entry;

    fn adapted(definition: &str, major: u32) -> String {
        let mut table = entry(Kind::Table, "t");
        table.definition = definition.into();
        table.for_major(major).definition.to_string()
    }

    #[test]
    fn a_partitioned_table_is_not_called_unlogged_where_that_is_refused() {
        let root = "CREATE UNLOGGED TABLE a.t (\n    i integer\n)\nPARTITION BY RANGE (i);\n";
        assert_eq!(adapted(root, 17), root);
        assert_eq!(adapted(root, 18), root.replace(" UNLOGGED", ""));
        let leaf = "CREATE UNLOGGED TABLE a.t (\n    i integer\n);\n";
        assert_eq!(adapted(leaf, 18), leaf);
    }
}
