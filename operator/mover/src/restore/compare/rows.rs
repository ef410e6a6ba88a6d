//! Reads every restored table back and compares it with what the point promises.

use std::collections::BTreeMap;

use super::{ComparedTable, Verdict};
use crate::{
    backup::Rows,
    digest::{Digest, RowDigester},
    format::{PgText, RowFormat, TableEntry, TableKind},
    postgres::{PgError, Session, sqlstate},
    restore::{RestoreError, roots::Roots, target::Sessions},
    schema::Sql,
};

/// Settings under which equal rows give equal bytes, as they were when the rows were read.
const PINS: &str = "\
    SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 3; \
    SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET xmlbinary = 'base64';";

/// Compares all tables, one by one.
///
/// # Errors
/// When a table of the schema, or the catalogue, cannot be read.
pub async fn reread(tables: &[TableEntry], sessions: &Sessions) -> Result<Vec<ComparedTable>, RestoreError> {
    let mut session = sessions.for_rows().await.map_err(RestoreError::Connect)?;
    let compared = reread_in(&mut session, tables).await;
    session.close().await;
    compared
}

/// As [`reread`], in a session of one's own, whose settings change.
///
/// # Errors
/// As those of [`reread`].
pub async fn reread_in(
    session: &mut Session,
    tables: &[TableEntry],
) -> Result<Vec<ComparedTable>, RestoreError> {
    session.execute(PINS).await.map_err(RestoreError::statement("prepare to read back"))?;
    let roots = Roots::find(session).await.map_err(RestoreError::statement("look at the partitions"))?;
    let mut found = Findings::default();
    for table in tables {
        let compared = found.compare(session, table, &roots).await;
        let what = format!("read back {}.{}", table.schema, table.name);
        compared.map_err(RestoreError::statement(what))?;
    }
    found.compare_trees(session).await?;
    Ok(found.compared)
}

#[derive(Default)]
struct Findings<'a> {
    compared: Vec<ComparedTable>,
    /// By root, the partitions whose rows may have gone to others of them: they are compared together.
    by_root: BTreeMap<(PgText, PgText), Vec<&'a TableEntry>>,
}

impl<'a> Findings<'a> {
    async fn compare(
        &mut self,
        session: &mut Session,
        table: &'a TableEntry,
        roots: &Roots,
    ) -> Result<(), PgError> {
        if let Some(root) = roots.of(table).filter(|_| table.kind == TableKind::Ordinary) {
            self.by_root.entry(root).or_default().push(table);
            return Ok(());
        }
        let (found_rows, verdict) = match (table.kind, table.digests.as_slice()) {
            (TableKind::Ordinary, [] | [_]) => whole(session, table).await?,
            (TableKind::LargeObjectPages, [] | [_]) => {
                if_allowed(whole(session, table).await, (None, Verdict::NotCompared))?
            }
            (TableKind::Ordinary | TableKind::LargeObjects, _) => counted(session, table, false).await?,
            // What the extension's script has put there is there besides.
            (TableKind::Configuration, _) => counted(session, table, true).await?,
            (TableKind::LargeObjectPages | TableKind::LargeObjectSlices, _) => (None, Verdict::NotCompared),
        };
        self.add(table.schema.clone(), table.name.clone(), table.rows(), found_rows, verdict);
        Ok(())
    }

    /// Compares the partitions, when all are known: one that was stored without rows does not tell the format in which the
    /// others were read, and may have got rows of theirs.
    async fn compare_trees(&mut self, session: &mut Session) -> Result<(), RestoreError> {
        for ((schema, name), partitions) in std::mem::take(&mut self.by_root) {
            let compared = Tree::read(session, &partitions).await;
            let tree = compared
                .map_err(RestoreError::statement(format!("read back partitions of {schema}.{name}")))?;
            self.add(schema, name, tree.stored.rows, Some(tree.found.rows), tree.verdict());
        }
        Ok(())
    }

    fn add(
        &mut self,
        schema: PgText,
        name: PgText,
        stored_rows: u64,
        found_rows: Option<u64>,
        verdict: Verdict,
    ) {
        self.compared.push(ComparedTable { schema, name, stored_rows, found_rows, verdict });
    }
}

/// Partitions of one root, together.
struct Tree {
    /// Whether all partitions have their columns in one order and their rows in one format.
    is_uniform: bool,
    stored: Digest,
    found: Digest,
}

impl Tree {
    async fn read(session: &mut Session, partitions: &[&TableEntry]) -> Result<Self, PgError> {
        let mut stored = partitions.iter().flat_map(|table| &table.digests);
        let format = stored.next().map_or(RowFormat::Text, |digest| digest.format);
        let has_one_format = stored.all(|digest| digest.format == format);
        let has_one_order = partitions.windows(2).all(|pair| pair[0].columns == pair[1].columns);
        let mut tree = Self {
            is_uniform: has_one_format && has_one_order,
            stored: Digest::default(),
            found: Digest::default(),
        };
        for table in partitions {
            for stored in &table.digests {
                tree.stored.add(Digest { rows: stored.rows, sum: stored.sum.0 });
            }
            tree.found.add(digest(session, table, format).await?);
        }
        Ok(tree)
    }

    fn verdict(&self) -> Verdict {
        match (self.found == self.stored, self.found.rows == self.stored.rows) {
            (true, _) => Verdict::Same,
            (false, true) if !self.is_uniform => Verdict::Counted,
            (false, _) => Verdict::Different,
        }
    }
}

/// Every row of a table whose rows are stored in one format.
async fn whole(session: &mut Session, table: &TableEntry) -> Result<(Option<u64>, Verdict), PgError> {
    let stored = table.digests.first();
    let format = stored.map_or(RowFormat::Text, |digest| digest.format);
    let stored = stored.map_or(Digest::default(), |digest| Digest { rows: digest.rows, sum: digest.sum.0 });
    let found = digest(session, table, format).await?;
    Ok((Some(found.rows), if found == stored { Verdict::Same } else { Verdict::Different }))
}

async fn counted(
    session: &mut Session,
    table: &TableEntry,
    may_have_more: bool,
) -> Result<(Option<u64>, Verdict), PgError> {
    let sql =
        Sql::default().text("SELECT pg_catalog.count(*) FROM ONLY ").qualified(&table.schema, &table.name);
    let found = session.query_one(sql.into_bytes()).await?.parse::<u64>(0)?;
    let fits = found == table.rows() || (may_have_more && found > table.rows());
    Ok((Some(found), if fits { Verdict::Counted } else { Verdict::Different }))
}

/// What a role that is no superuser may not read is told as such.
fn if_allowed<T>(read: Result<T, PgError>, otherwise: T) -> Result<T, PgError> {
    match read {
        Err(error) if error.is(sqlstate::INSUFFICIENT_PRIVILEGE) => Ok(otherwise),
        read => read,
    }
}

async fn digest(session: &mut Session, table: &TableEntry, format: RowFormat) -> Result<Digest, PgError> {
    let columns = Sql::default().text("COPY (SELECT ").names(&table.columns).text(" FROM ONLY ");
    let copy = columns.qualified(&table.schema, &table.name).text(match format {
        RowFormat::Text => ") TO STDOUT",
        RowFormat::Binary => ") TO STDOUT (FORMAT binary)",
    });
    let mut copy = session.copy_out(copy.into_bytes()).await?;
    let mut rows = Rows::new(format);
    let mut digester = RowDigester::default();
    loop {
        while let Some(piece) = copy.piece()? {
            let (bytes, ends_row) = rows.accept(piece)?;
            if ends_row || !bytes.is_empty() {
                digester.push(bytes, ends_row);
            }
        }
        if !copy.fill().await? {
            rows.finish(copy.rows())?;
            return Ok(digester.digest());
        }
    }
}
