//! Partitions whose rows may belong into another partition on this server than on the source: the hash of an enum, and of
//! what may be made of enums, depends on numbers that every server gives out anew. Their rows are sent to the root of their partitions.

use std::collections::HashMap;

use crate::{
    format::{PgText, TableEntry},
    postgres::{PgError, Session},
};

/// By partition the root of its tree; schema and name of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roots {
    by_name: HashMap<(PgText, PgText), (PgText, PgText)>,
}

const QUERY: &str = "\
    WITH RECURSIVE hashed AS ( \
        SELECT p.partrelid AS oid FROM pg_catalog.pg_partitioned_table p \
         WHERE p.partstrat = 'h' AND EXISTS ( \
            SELECT FROM pg_catalog.pg_opclass o WHERE o.oid = ANY (p.partclass) AND o.opcname IN ('enum_ops', 'array_ops', 'record_ops', 'range_ops', 'multirange_ops'))), \
    below (oid) AS ( \
        SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN hashed ON hashed.oid = i.inhparent \
        UNION \
        SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN below ON below.oid = i.inhparent) \
    SELECT n.nspname, c.relname, rn.nspname, r.relname \
      FROM below JOIN pg_catalog.pg_class c ON c.oid = below.oid \
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
      JOIN pg_catalog.pg_class r ON r.oid = pg_catalog.pg_partition_root(c.oid) \
      JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace \
     WHERE c.relkind = 'r'";

impl Roots {
    /// Looks at the tables that are there.
    pub async fn find(session: &mut Session) -> Result<Self, PgError> {
        let mut roots = Self::default();
        for row in session.query(QUERY).await? {
            roots.add((row.text(0)?, row.text(1)?), (row.text(2)?, row.text(3)?));
        }
        Ok(roots)
    }

    /// Where a table's rows are sent, when it is not the table itself.
    pub fn of(&self, entry: &TableEntry) -> Option<(PgText, PgText)> {
        self.by_name.get(&(entry.schema.clone(), entry.name.clone())).cloned()
    }

    pub(super) fn add(&mut self, partition: (PgText, PgText), root: (PgText, PgText)) {
        self.by_name.insert(partition, root);
    }
}
