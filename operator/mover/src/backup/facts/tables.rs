//! The tables: which there are, what they were locked as, what they hold.

use std::collections::{HashMap, HashSet};

use super::{MEMBER, USER_SCHEMAS, is_ours};
use crate::{
    backup::{
        table::{Columns, Cut, Table},
        whitelist,
    },
    format::{PgText, RowFormat, TableKind},
    postgres::{PgError, Row, Session},
};

/// A table's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableName {
    pub schema: PgText,
    pub name: PgText,
}

/// A table as the snapshot has it and as it is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub name: TableName,
    /// `None`: nothing has changed since the snapshot, and we hold its lock.
    pub trouble: Option<Trouble>,
}

/// Why a table cannot be read as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    NotLocked,
    /// Dropped, exchanged for another one of the same name, rewritten or truncated.
    Changed,
}

/// Names of all tables that have to be locked.
pub async fn names(session: &mut Session) -> Result<Vec<TableName>, PgError> {
    let mut names = Vec::new();
    let sql = format!(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE {} ORDER BY c.oid",
        is_locked()
    );
    session
        .query_each(sql, |row| {
            names.push(name(&row, 0)?);
            Ok(())
        })
        .await?;
    Ok(names)
}

/// All tables of the snapshot, each compared with what its name stands for now: a catalogue row comes from the snapshot,
/// a function looks at the present.
pub async fn seen(session: &mut Session) -> Result<Vec<Seen>, PgError> {
    let mut all = Vec::new();
    session
        .query_each(seen_query(), |row| {
            let trouble = if row.boolean(2)? {
                Some(Trouble::Changed)
            } else if row.boolean(3)? {
                None
            } else {
                Some(Trouble::NotLocked)
            };
            all.push(Seen { name: name(&row, 0)?, trouble });
            Ok(())
        })
        .await?;
    Ok(all)
}

/// The tables that hold rows to be stored, in the order of their OIDs.
pub async fn with_rows(session: &mut Session, scope: Scope) -> Result<Vec<Table>, PgError> {
    let conditions = conditions(session).await?;
    let mut tables = Vec::new();
    session
        .query_each(rows_query(scope), |row| {
            if let Some(table) = table(&row, scope, &conditions)? {
                tables.push(table);
            }
            Ok(())
        })
        .await?;
    Ok(tables)
}

/// What decides how tables are read.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// `server_version_num`.
    pub version: u32,
    pub is_standby: bool,
    pub block_size: u32,
}

impl Scope {
    /// Ranges of pages are read without reading the whole table from 14 on.
    fn has_range_scans(self) -> bool {
        self.version >= 140_000
    }
}

/// OIDs of the tables whose definition pg_dump has to give.
pub async fn defined(session: &mut Session) -> Result<HashSet<u32>, PgError> {
    let mut oids = HashSet::new();
    let sql = format!(
        "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND {USER_SCHEMAS} AND NOT {MEMBER}"
    );
    session
        .query_each(sql, |row| {
            oids.insert(row.parse(0)?);
            Ok(())
        })
        .await?;
    Ok(oids)
}

/// The tables that are locked: plain and partitioned ones.
fn is_locked() -> String {
    format!("c.relkind IN ('r', 'p') AND {}", is_ours())
}

fn seen_query() -> String {
    format!(
        "SELECT n.nspname, c.relname, \
         to_regclass(quote_ident(n.nspname) || '.' || quote_ident(c.relname))::oid IS DISTINCT FROM c.oid \
         OR (c.relkind = 'r' AND c.relfilenode <> 0 AND pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode), \
         l.relation IS NOT NULL \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN (SELECT DISTINCT relation FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' \
         AND mode = 'AccessShareLock' AND granted \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) l \
         ON l.relation = c.oid WHERE {} ORDER BY c.oid",
        is_locked()
    )
}

fn rows_query(scope: Scope) -> String {
    let generated = if scope.version >= 120_000 { "AND a.attgenerated = ''" } else { "" };
    let is_heap = if scope.version >= 120_000 {
        "(SELECT m.amname = 'heap' FROM pg_am m WHERE m.oid = c.relam)"
    } else {
        "true"
    };
    let (preferred, possible) = (whitelist::preferred(), whitelist::possible());
    format!(
        "SELECT n.nspname, c.relname, c.oid, c.relpersistence = 'u', coalesce({is_heap}, false), \
         pg_relation_size(c.oid), coalesce(pg_relation_size(nullif(c.reltoastrelid, 0::oid)), 0), {MEMBER}, \
         s.names, s.preferred, s.possible, coalesce(c.oid IN ({RUNS_CODE}), false) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (SELECT \
         coalesce(array_agg(a.attname ORDER BY a.attnum), '{{}}') AS names, \
         coalesce(bool_and(a.atttypid IN ({preferred})), false) AS preferred, \
         coalesce(bool_and(a.atttypid IN ({possible})), false) AS possible \
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped {generated}) s \
         WHERE c.relkind = 'r' AND {} ORDER BY c.oid",
        is_ours()
    )
}

/// Tables whose planning may run code of somebody who is neither a superuser nor this role: functions and operators in
/// expressions of indexes and statistics, which the planner computes as whoever asks. They are read as a whole, which is
/// not planned, so that nobody's function runs with the rights of the backup's role.
const RUNS_CODE: &str = "\
    SELECT CASE WHEN o.classid = 'pg_class'::regclass \
        THEN (SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = o.objid \
            AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)) \
        ELSE (SELECT x.stxrelid FROM pg_statistic_ext x WHERE x.oid = o.objid) END \
    FROM pg_depend o LEFT JOIN pg_proc p ON o.refclassid = 'pg_proc'::regclass AND p.oid = o.refobjid \
    LEFT JOIN pg_operator r ON o.refclassid = 'pg_operator'::regclass AND r.oid = o.refobjid \
    JOIN pg_roles w ON w.oid = coalesce(p.proowner, r.oprowner) \
    WHERE o.classid IN ('pg_class'::regclass, 'pg_statistic_ext'::regclass) \
    AND o.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) \
    AND NOT w.rolsuper AND w.rolname <> current_user";

/// The conditions under which extensions want rows of their tables kept; empty: all of them.
async fn conditions(session: &mut Session) -> Result<HashMap<u32, PgText>, PgError> {
    let rows = session
        .query(
            "SELECT t.oid, coalesce(e.extcondition[t.place], '') FROM pg_extension e, \
             LATERAL unnest(e.extconfig) WITH ORDINALITY t(oid, place)",
        )
        .await?;
    rows.iter().map(|row| Ok((row.parse(0)?, row.text(1)?))).collect()
}

fn table(row: &Row, scope: Scope, conditions: &HashMap<u32, PgText>) -> Result<Option<Table>, PgError> {
    let oid: u32 = row.parse(2)?;
    let (is_unlogged, is_heap, is_member) = (row.boolean(3)?, row.boolean(4)?, row.boolean(7)?);
    if is_unlogged && scope.is_standby {
        return Ok(None);
    }
    let (heap, toast): (u64, u64) = (row.parse(5)?, row.parse(6)?);
    let condition = conditions.get(&oid).filter(|condition| !condition.is_empty());
    let cut = match condition {
        Some(condition) if is_member => Cut::Condition(condition.clone()),
        _ if is_heap => {
            let blocks = u32::try_from(heap / u64::from(scope.block_size.max(1))).unwrap_or(u32::MAX);
            let is_divisible = scope.has_range_scans() && !is_member && !row.boolean(11)?;
            Cut::of_heap(blocks, heap + toast, is_divisible)
        }
        _ => Cut::Whole,
    };
    let TableName { schema, name } = name(row, 0)?;
    Ok(Some(Table {
        oid,
        schema,
        name,
        kind: if is_member { TableKind::Configuration } else { TableKind::Ordinary },
        columns: Columns::new(&row.array(8)?),
        // A newer version of the extension may have made the table's columns of other types.
        format: if row.boolean(9)? && !is_member { RowFormat::Binary } else { RowFormat::Text },
        may_be_binary: row.boolean(10)?,
        bytes: heap + toast,
        cut,
    }))
}

fn name(row: &Row, column: usize) -> Result<TableName, PgError> {
    Ok(TableName { schema: row.text(column)?, name: row.text(column + 1)? })
}
