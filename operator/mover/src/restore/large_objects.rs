//! Large objects: made first, filled beside the tables, given to their owners at the end.
//!
//! Their pages come in as rows of a temporary table and are put in place by the server, so that they are sent once, in
//! COPY's own format. A page that is missing stays a hole.

use super::{
    RestoreError,
    acl::{self, AclItem, Target},
};
use crate::{
    format::{PgText, RowFormat, TableKind},
    postgres::{PgError, Row, Session},
    schema::{Owners, Sql},
};

/// Making, owning or describing one takes a lock that is held to the end of the transaction.
const OBJECTS_PER_TRANSACTION: u32 = 1_000;
/// What `pg_largeobject` calls a page has so many bytes (`FORMAT.md`, section 7).
const PAGE_BYTES: u32 = 2_048;

/// Where a lane puts pages before they are in place; empty again after each transaction.
pub fn stage(kind: TableKind) -> &'static str {
    match kind {
        TableKind::LargeObjectSlices => {
            "CREATE TEMPORARY TABLE IF NOT EXISTS coffer_slices (loid oid, at bigint, data bytea) \
             USING heap ON COMMIT DELETE ROWS"
        }
        TableKind::LargeObjectPages
        | TableKind::LargeObjects
        | TableKind::Ordinary
        | TableKind::Configuration => {
            "CREATE TEMPORARY TABLE IF NOT EXISTS coffer_pages (loid oid, pageno integer, data bytea) \
             USING heap ON COMMIT DELETE ROWS"
        }
    }
}

/// The statement that takes pages or slices.
pub fn copy(kind: TableKind, format: RowFormat) -> Vec<u8> {
    copy_into(staged(kind), format)
}

/// The temporary table of [`stage`].
pub fn staged(kind: TableKind) -> &'static str {
    match kind {
        TableKind::LargeObjectSlices => "coffer_slices",
        TableKind::LargeObjectPages
        | TableKind::LargeObjects
        | TableKind::Ordinary
        | TableKind::Configuration => "coffer_pages",
    }
}

/// The temporary table that lists large objects.
pub const LIST: &str = "coffer_large_objects";
/// Makes it.
const MAKE_LIST: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS coffer_large_objects \
    (loid oid PRIMARY KEY, owner text, acl text[], comment text) USING heap";

fn copy_into(table: &str, format: RowFormat) -> Vec<u8> {
    let format = match format {
        RowFormat::Text => "text",
        RowFormat::Binary => "binary",
    };
    format!("COPY pg_temp.{table} FROM STDIN WITH (FORMAT {format})").into_bytes()
}

/// `INV_READ | INV_WRITE` of PostgreSQL's libpq-fs.h.
const READ_AND_WRITE: u32 = 0x0006_0000;

/// The statement that puts in place what was taken.
pub fn put(kind: TableKind) -> String {
    let rows = match kind {
        TableKind::LargeObjectSlices => "SELECT loid, at, data FROM pg_temp.coffer_slices".to_owned(),
        TableKind::LargeObjectPages
        | TableKind::LargeObjects
        | TableKind::Ordinary
        | TableKind::Configuration => {
            format!("SELECT loid, pageno::bigint * {PAGE_BYTES}, data FROM pg_temp.coffer_pages")
        }
    };
    // An object that ends in a hole ends with a page of no bytes, which only lengthening it makes. OFFSET keeps the server
    // from looking through the subqueries, whose results nobody wants.
    format!(
        "SELECT pg_catalog.count(*) FROM (SELECT CASE \
         WHEN pg_catalog.length(data) > 0 THEN pg_catalog.lo_put(loid, at, data) IS NULL \
         ELSE (SELECT CASE WHEN pg_catalog.lo_lseek64(fd, 0, 2) < at THEN pg_catalog.lo_truncate64(fd, at) = 0 END \
         FROM (SELECT pg_catalog.lo_open(loid, {READ_AND_WRITE}) AS fd OFFSET 0) AS opened) END \
         FROM ({rows}) AS piece (loid, at, data) ORDER BY loid, at OFFSET 0) AS put"
    )
}

/// Begins a list of large objects, which lasts as long as the session, and gives the statement that takes its rows.
pub async fn begin_list(session: &mut Session, format: RowFormat) -> Result<Vec<u8>, PgError> {
    session.execute(MAKE_LIST).await?;
    Ok(copy_into(LIST, format))
}

/// The script for psql that does all of it: makes the objects of the list that the lines `list` load, has the lines `pages`
/// fill them, and gives them away.
pub fn script(list: &[u8], pages: &[u8]) -> Vec<u8> {
    let stages = "CREATE TEMPORARY TABLE coffer_pages (loid oid, pageno integer, data bytea) USING heap;\n\
                  CREATE TEMPORARY TABLE coffer_slices (loid oid, at bigint, data bytea) USING heap;\n";
    let sql = Sql::default().text(MAKE_LIST).text(";\n").text(stages).raw(list).text(MAKE_EACH).raw(pages);
    sql.text(GIVE_EACH_AWAY).into_bytes()
}

/// psql executes each value that comes back of these, one by one.
const MAKE_EACH: &str = "\
SELECT pg_catalog.format('SELECT pg_catalog.lo_create(%s)', loid) FROM pg_temp.coffer_large_objects ORDER BY loid \\gexec
";
const GIVE_EACH_AWAY: &str = "\
SELECT pg_catalog.format('ALTER LARGE OBJECT %s OWNER TO %I', loid, owner) FROM pg_temp.coffer_large_objects ORDER BY loid \\gexec
SELECT pg_catalog.format('REVOKE ALL ON LARGE OBJECT %s FROM %I', loid, owner)
  FROM pg_temp.coffer_large_objects WHERE acl IS NOT NULL ORDER BY loid \\gexec
SELECT CASE WHEN grantor <> owner THEN pg_catalog.format('SET SESSION AUTHORIZATION %I', grantor) END,
       pg_catalog.format('GRANT %s ON LARGE OBJECT %s TO %s%s', privilege_type, loid, grantee, option),
       CASE WHEN grantor <> owner THEN 'RESET SESSION AUTHORIZATION' END
  FROM (SELECT o.loid, o.owner, a.number, a.privilege_type, pg_catalog.pg_get_userbyid(a.grantor)::text AS grantor,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
                 AS grantee, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
          FROM pg_temp.coffer_large_objects o, pg_catalog.aclexplode(o.acl::pg_catalog.aclitem[])
               WITH ORDINALITY AS a (grantor, grantee, privilege_type, is_grantable, number)) AS granted
  ORDER BY loid, number \\gexec
SELECT pg_catalog.format('COMMENT ON LARGE OBJECT %s IS %L', loid, comment)
  FROM pg_temp.coffer_large_objects WHERE comment IS NOT NULL ORDER BY loid \\gexec
";

/// Makes every object of the list, empty and owned by the session's user.
pub async fn make(session: &mut Session) -> Result<(), RestoreError> {
    let mut last: Option<u32> = Some(0);
    while let Some(after) = last {
        let sql = format!(
            "WITH batch AS MATERIALIZED (SELECT loid FROM pg_temp.coffer_large_objects WHERE loid > {after} \
             ORDER BY loid LIMIT {OBJECTS_PER_TRANSACTION}), \
             made AS MATERIALIZED (SELECT pg_catalog.lo_create(loid) AS loid FROM batch) \
             SELECT pg_catalog.max(loid) FROM made"
        );
        let made = session.query_one(sql).await.and_then(|row| row.parse_optional(0));
        last = made.map_err(RestoreError::statement(format!("make the large objects after {after}")))?;
    }
    Ok(())
}

/// Gives every object of the list to its owner, with its privileges and its comment.
pub async fn give_away(session: &mut Session, owners: &Owners, may_become: bool) -> Result<(), RestoreError> {
    let mut after = 0;
    loop {
        let sql = format!(
            "SELECT loid, owner, acl, comment FROM pg_temp.coffer_large_objects WHERE loid > {after} \
             ORDER BY loid LIMIT {OBJECTS_PER_TRANSACTION}"
        );
        let failed =
            |after: u32| RestoreError::statement(format!("give away the large objects after {after}"));
        let rows = session.query(sql).await.map_err(failed(after))?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        let last = last.parse(0).map_err(failed(after))?;
        let mut statements = Vec::new();
        for row in &rows {
            statements.extend(belongings(row, owners, may_become)?);
        }
        session.execute(statements.join(&b';')).await.map_err(failed(after))?;
        after = last;
    }
}

/// What makes one object what it was.
fn belongings(row: &Row, owners: &Owners, may_become: bool) -> Result<Vec<Vec<u8>>, RestoreError> {
    let odd = |source| RestoreError::Statement { what: "read the list of large objects".to_owned(), source };
    let object = row.text(0).map_err(odd)?;
    let mut statements = Vec::new();
    let owner = row.optional_text(1).map_err(odd)?.unwrap_or_default();
    let alter = Sql::default().text("ALTER LARGE OBJECT ").raw(object.as_bytes()).text(" OWNER TO ");
    statements.push(alter.name(owners.of(&owner)).into_bytes());
    if let Some(items) = row.optional_array(2).map_err(odd)? {
        let items: Vec<AclItem> = items
            .iter()
            .map(AclItem::parse)
            .collect::<Result<_, _>>()
            .map_err(|source| RestoreError::Privileges { object: object.to_string(), source })?;
        statements.extend(acl::statements(
            Target::LargeObject,
            object.as_bytes(),
            &items,
            &owner,
            owners,
            may_become,
        ));
    }
    if let Some(comment) = row.optional_text(3).map_err(odd)? {
        statements.push(describe(&object, &comment));
    }
    Ok(statements)
}

fn describe(object: &PgText, comment: &PgText) -> Vec<u8> {
    let sql = Sql::default().text("COMMENT ON LARGE OBJECT ").raw(object.as_bytes()).text(" IS ");
    sql.literal(comment.as_bytes()).into_bytes()
}
