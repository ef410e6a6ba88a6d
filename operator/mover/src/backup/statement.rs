//! The SQL that reads one segment. All of it is made here, and nothing here talks to a server.

use super::{
    plan::Range,
    table::{Cut, Table},
};
use crate::{
    format::{PgText, RowFormat, TableKind},
    schema::Sql,
};

/// Bytes of a large object in one row, where it has to be read by function.
pub const SLICE: u32 = 1024 * 1024;

/// Takes the savepoint that [`read`] returns to: once in a lane's session, since returning to it leaves it standing.
pub const BEGIN: &str = "SAVEPOINT segment";

/// Reads a segment and returns to the savepoint of [`BEGIN`], so that no lock outlives it and an error leaves the snapshot
/// standing. The name's OID is told before and after the rows, where the table could have been exchanged for another one
/// of the same name.
pub fn read(table: &Table, range: Range, format: RowFormat) -> Vec<u8> {
    let check = match table.kind {
        TableKind::Ordinary | TableKind::Configuration => oid_of(table),
        TableKind::LargeObjects | TableKind::LargeObjectPages | TableKind::LargeObjectSlices => {
            Sql::default()
        }
    };
    let settings = match range {
        Range::Objects { .. } => "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; ",
        Range::All | Range::Pages { .. } => "",
    };
    Sql::default()
        .text(settings)
        .raw(check.as_bytes())
        .raw(copy(table, range, format).as_bytes())
        .text("; ")
        .raw(check.as_bytes())
        .text(BACK)
        .into_bytes()
}

/// Returns to the savepoint of [`BEGIN`], after a [`read`] that failed.
pub const BACK: &str = "ROLLBACK TO SAVEPOINT segment";

/// Gives up the savepoint of [`BEGIN`], in a session that goes on with something else.
pub const END: &str = "RELEASE SAVEPOINT segment";

fn oid_of(table: &Table) -> Sql {
    let name = Sql::default().qualified(&table.schema, &table.name).into_bytes();
    Sql::default().text("SELECT ").literal(&name).text("::pg_catalog.regclass::pg_catalog.oid; ")
}

fn copy(table: &Table, range: Range, format: RowFormat) -> Sql {
    let rows = match (table.kind, range) {
        (TableKind::LargeObjects, _) => Some(Sql::default().text(LARGE_OBJECTS)),
        (TableKind::LargeObjectPages, Range::Objects { first, last }) => {
            Some(Sql::default().text(&large_object_pages(first, last)))
        }
        (TableKind::LargeObjectSlices, Range::Objects { first, last }) => {
            Some(Sql::default().text(&large_object_slices(first, last)))
        }
        (_, Range::Pages { first, end }) => Some(pages(table, first, end)),
        _ => condition(table).map(|condition| select(table).text(" ").raw(condition.as_bytes())),
    };
    let copy = Sql::default().text("COPY ");
    let copy = match rows {
        Some(rows) => copy.text("(").raw(rows.as_bytes()).text(")"),
        None => whole(copy, table),
    };
    copy.text(match format {
        RowFormat::Text => " TO STDOUT",
        RowFormat::Binary => " TO STDOUT (FORMAT binary)",
    })
}

/// A table by its name: never planned, so nothing but the table itself is locked.
fn whole(copy: Sql, table: &Table) -> Sql {
    let copy = copy.qualified(&table.schema, &table.name);
    if table.columns.is_empty() {
        return copy;
    }
    let names: Vec<PgText> = table.columns.names().collect();
    copy.text(" (").names(&names).text(")")
}

fn select(table: &Table) -> Sql {
    let names: Vec<PgText> = table.columns.names().collect();
    let from = Sql::default().text("SELECT ").names(&names).text(" FROM ONLY ");
    from.qualified(&table.schema, &table.name)
}

fn condition(table: &Table) -> Option<&PgText> {
    match &table.cut {
        Cut::Condition(condition) => Some(condition),
        Cut::Empty | Cut::Whole | Cut::Pages { .. } | Cut::Objects(_) => None,
    }
}

fn pages(table: &Table, first: u32, end: Option<u32>) -> Sql {
    let from = select(table).text(&format!(" WHERE ctid >= '({first},0)'::pg_catalog.tid"));
    match end {
        Some(end) => from.text(&format!(" AND ctid < '({end},0)'::pg_catalog.tid")),
        None => from,
    }
}

/// Whose they are, who may read them, what is said of them. Comments are of the catalogue `pg_largeobject`, number 2613.
const LARGE_OBJECTS: &str = "SELECT o.oid, pg_catalog.pg_get_userbyid(o.lomowner), o.lomacl, d.description \
     FROM pg_catalog.pg_largeobject_metadata o LEFT JOIN pg_catalog.pg_description d \
     ON d.classoid = 2613 AND d.objoid = o.oid AND d.objsubid = 0";

fn large_object_pages(first: u32, last: u32) -> String {
    format!(
        "SELECT loid, pageno, data FROM pg_catalog.pg_largeobject \
         WHERE loid >= {first}::pg_catalog.oid AND loid <= {last}::pg_catalog.oid ORDER BY loid, pageno"
    )
}

/// By function, for those that the role may read. 262144 opens for reading, 2 seeks from the end.
fn large_object_slices(first: u32, last: u32) -> String {
    format!(
        "SELECT o.oid, s.at, pg_catalog.lo_get(o.oid, s.at, {SLICE}) \
         FROM (SELECT m.oid, pg_catalog.lo_lseek64(pg_catalog.lo_open(m.oid, 262144), 0, 2) AS size \
         FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid >= {first}::pg_catalog.oid AND m.oid <= {last}::pg_catalog.oid \
         AND {READABLE} ORDER BY m.oid) o, pg_catalog.generate_series(0, o.size - 1, {SLICE}) s(at)"
    )
}

/// Whether the role may read the large object `m`.
pub const READABLE: &str = "(pg_catalog.pg_has_role(m.lomowner, 'USAGE') OR EXISTS (SELECT FROM \
     pg_catalog.aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR \
     pg_catalog.pg_has_role(a.grantee, 'USAGE'))) OR pg_catalog.current_setting('lo_compat_privileges') = 'on')";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::table::Columns;

    fn table(columns: &[&str], cut: Cut) -> Table {
        let columns: Vec<PgText> = columns.iter().map(|name| PgText::from(*name)).collect();
        Table {
            oid: 16_402,
            schema: "app".into(),
            name: "or\"ders'".into(),
            kind: TableKind::Ordinary,
            columns: Columns::new(&columns),
            format: RowFormat::Text,
            may_be_binary: true,
            bytes: 0,
            cut,
        }
    }

    fn copy_of(table: &Table, range: Range, format: RowFormat) -> String {
        String::from_utf8(copy(table, range, format).into_bytes()).unwrap()
    }

    #[test]
    fn a_whole_table_is_read_by_its_name() {
        let orders = table(&["id", "a b"], Cut::Whole);
        assert_eq!(
            copy_of(&orders, Range::All, RowFormat::Text),
            r#"COPY "app"."or""ders'" ("id", "a b") TO STDOUT"#
        );
        let none = table(&[], Cut::Whole);
        assert_eq!(
            copy_of(&none, Range::All, RowFormat::Binary),
            r#"COPY "app"."or""ders'" TO STDOUT (FORMAT binary)"#
        );
    }

    #[test]
    fn pages_are_read_from_the_table_alone_and_the_last_range_is_open() {
        let orders = table(&["id"], Cut::Pages { blocks: 9, each: 4 });
        assert_eq!(
            copy_of(&orders, Range::Pages { first: 4, end: Some(8) }, RowFormat::Binary),
            r#"COPY (SELECT "id" FROM ONLY "app"."or""ders'" WHERE ctid >= '(4,0)'::pg_catalog.tid AND ctid < '(8,0)'::pg_catalog.tid) TO STDOUT (FORMAT binary)"#
        );
        let none = table(&[], Cut::Pages { blocks: 9, each: 4 });
        assert_eq!(
            copy_of(&none, Range::Pages { first: 8, end: None }, RowFormat::Text),
            r#"COPY (SELECT  FROM ONLY "app"."or""ders'" WHERE ctid >= '(8,0)'::pg_catalog.tid) TO STDOUT"#
        );
    }

    #[test]
    fn the_name_is_checked_before_and_after_and_no_lock_is_kept() {
        let orders = table(&["id"], Cut::Condition("WHERE id > 5".into()));
        let sql = String::from_utf8(read(&orders, Range::All, RowFormat::Text)).unwrap();
        let check = r#"SELECT '"app"."or""ders''"'::pg_catalog.regclass::pg_catalog.oid; "#;
        assert_eq!(
            sql,
            format!(
                "{check}COPY (SELECT \"id\" FROM ONLY \"app\".\"or\"\"ders'\" WHERE id > 5) TO STDOUT; \
                 {check}ROLLBACK TO SAVEPOINT segment"
            )
        );
    }
}
