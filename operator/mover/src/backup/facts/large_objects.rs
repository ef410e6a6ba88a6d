//! Large objects: how many, how they can be read, and in which ranges.

use crate::{
    backup::{
        statement::READABLE,
        table::{Columns, Cut, Table},
    },
    format::{PgText, RowFormat, TableKind},
    postgres::{PgError, Session},
};

/// Bytes of pages that one range should have.
const RANGE_BYTES: u64 = 32 * 1024 * 1024;
/// Most ranges; beyond it they grow.
const RANGES: u64 = 65_536;

/// `pg_largeobject` and `pg_largeobject_metadata`.
const PAGES_OID: u32 = 2613;
const METADATA_OID: u32 = 2995;

/// All of a database's large objects.
#[derive(Debug, Clone, Default)]
pub struct LargeObjects {
    pub count: u64,
    /// Their owners, ACLs and comments, and their contents.
    pub tables: Vec<Table>,
    /// Those whose contents the role may not read.
    pub unreadable: u64,
}

impl LargeObjects {
    /// Asks. `block_size` is the server's page size.
    pub async fn read(session: &mut Session, block_size: u32) -> Result<Self, PgError> {
        let row = session
            .query_one(
                "SELECT count(*), has_table_privilege('pg_catalog.pg_largeobject', 'SELECT'), \
                 pg_relation_size('pg_catalog.pg_largeobject') FROM pg_largeobject_metadata",
            )
            .await?;
        let (count, has_table, bytes): (u64, bool, u64) = (row.parse(0)?, row.boolean(1)?, row.parse(2)?);
        if count == 0 {
            return Ok(Self::default());
        }
        // Pages of large objects are a quarter of a page of the server's; only the usual size is known to restore.
        let has_usual_pages = block_size == 8_192;
        let (kind, columns, filter) = if has_table && has_usual_pages {
            (TableKind::LargeObjectPages, ["loid", "pageno", "data"], "true")
        } else {
            (TableKind::LargeObjectSlices, ["loid", "offset", "data"], READABLE)
        };
        let ranges = ranges(session, bytes, filter).await?;
        let readable: u64 = ranges.iter().map(|range| range.count).sum();
        let metadata = table(
            METADATA_OID,
            TableKind::LargeObjects,
            &["loid", "owner", "acl", "comment"],
            Cut::Whole,
            count,
        );
        let cut = Cut::Objects(ranges.iter().map(|range| (range.first, range.last)).collect());
        let mut tables = vec![metadata];
        if readable > 0 {
            tables.push(table(PAGES_OID, kind, &columns, cut, bytes));
        }
        Ok(Self { count, tables, unreadable: count - readable.min(count) })
    }

    /// What will not be in a backup, in a sentence.
    pub fn missing(&self) -> Option<String> {
        (self.unreadable > 0).then(|| {
            format!(
                "the contents of {} of {} large objects cannot be read: GRANT SELECT ON pg_largeobject to the role, or on \
                 each large object",
                self.unreadable, self.count
            )
        })
    }
}

/// Large objects that follow each other.
struct ObjectRange {
    first: u32,
    last: u32,
    count: u64,
}

/// Ranges of about the same number of objects, so many that each should have [`RANGE_BYTES`].
async fn ranges(session: &mut Session, bytes: u64, filter: &str) -> Result<Vec<ObjectRange>, PgError> {
    let wanted = (bytes / RANGE_BYTES + 1).min(RANGES);
    let sql = format!(
        "SELECT min(r.oid::int8), max(r.oid::int8), count(*) FROM (SELECT m.oid, ntile({wanted}) OVER (ORDER BY m.oid) \
         AS range FROM pg_largeobject_metadata m WHERE {filter}) r GROUP BY r.range ORDER BY 1"
    );
    let rows = session.query(sql).await?;
    rows.iter()
        .map(|row| Ok(ObjectRange { first: row.parse(0)?, last: row.parse(1)?, count: row.parse(2)? }))
        .collect()
}

fn table(oid: u32, kind: TableKind, columns: &[&str], cut: Cut, bytes: u64) -> Table {
    let columns: Vec<PgText> = columns.iter().map(|name| PgText::from(*name)).collect();
    let (name, format) = if kind == TableKind::LargeObjects {
        ("pg_largeobject_metadata", RowFormat::Text)
    } else {
        ("pg_largeobject", RowFormat::Binary)
    };
    Table {
        oid,
        schema: "pg_catalog".into(),
        name: name.into(),
        kind,
        columns: Columns::new(&columns),
        format,
        may_be_binary: false,
        bytes,
        cut,
    }
}
