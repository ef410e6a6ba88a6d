//! Reads every restored table back and compares it with what the point promises.

use std::collections::BTreeMap;

use super::{RestoreError, roots::Roots, target::Sessions};
use crate::{
    backup::Rows,
    digest::{Digest, RowDigester},
    format::{Manifest, PgText, RowFormat, TableEntry, TableKind},
    point::PointReader,
    postgres::{PgError, Session},
    schema::Sql,
};

/// Settings under which equal rows give equal bytes, as they were when the rows were read.
const PINS: &str = "\
    SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 3; \
    SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET xmlbinary = 'base64';";

/// Compares all tables, one by one; what could only be counted is told.
///
/// # Errors
/// When rows differ, or cannot be read.
pub async fn reread(
    reader: &PointReader,
    manifest: &Manifest,
    sessions: &Sessions,
) -> Result<Vec<String>, RestoreError> {
    let tables =
        reader.list::<TableEntry>(manifest).await.map_err(RestoreError::read("the list of tables"))?;
    let mut session = sessions.for_rows().await.map_err(RestoreError::Connect)?;
    session.execute(PINS).await.map_err(RestoreError::statement("prepare to read back"))?;
    let roots = Roots::find(&mut session).await.map_err(RestoreError::statement("look at the partitions"))?;
    let mut found = Findings::default();
    for table in tables.iter().filter(|table| table.kind == TableKind::Ordinary) {
        let name = format!("{}.{}", table.schema, table.name);
        let compared = found.compare(&mut session, table, &roots).await;
        compared.map_err(RestoreError::statement(format!("read back {name}")))?;
    }
    session.close().await;
    found.conclude()
}

#[derive(Default)]
struct Findings {
    differences: Vec<String>,
    counted: Vec<String>,
    /// By root of partitions, the rows that its partitions had, and those that they have.
    by_root: BTreeMap<(PgText, PgText), (u64, u64)>,
}

impl Findings {
    async fn compare(
        &mut self,
        session: &mut Session,
        table: &TableEntry,
        roots: &Roots,
    ) -> Result<(), PgError> {
        let name = format!("{}.{}", table.schema, table.name);
        if let Some(root) = roots.of(table) {
            let rows = self.by_root.entry(root).or_default();
            rows.0 += table.rows();
            rows.1 += count(session, table).await?;
            return Ok(());
        }
        if let [_, _, ..] = table.digests.as_slice() {
            self.differ(&name, count(session, table).await?, table.rows());
            self.counted.push(name);
            return Ok(());
        }
        let promised = table.digests.first().copied();
        let format = promised.map_or(RowFormat::Text, |digest| digest.format);
        let found = digest(session, table, format).await?;
        let promised =
            promised.map_or(Digest::default(), |digest| Digest { rows: digest.rows, sum: digest.sum.0 });
        if found.rows == promised.rows && found.sum != promised.sum {
            self.differences.push(format!("{name} has other rows than were stored"));
        }
        self.differ(&name, found.rows, promised.rows);
        Ok(())
    }

    fn differ(&mut self, name: &str, found: u64, promised: u64) {
        if found != promised {
            self.differences.push(format!("{name} has {found} rows where {promised} were stored"));
        }
    }

    fn conclude(mut self) -> Result<Vec<String>, RestoreError> {
        for ((schema, name), (promised, found)) in std::mem::take(&mut self.by_root) {
            self.differ(&format!("{schema}.{name}"), found, promised);
        }
        if !self.differences.is_empty() {
            return Err(RestoreError::Differences(self.differences));
        }
        let sentence =
            |name: &String| format!("{name} is stored in two formats: its rows were counted, not compared");
        Ok(self.counted.iter().map(sentence).collect())
    }
}

async fn count(session: &mut Session, table: &TableEntry) -> Result<u64, PgError> {
    let sql =
        Sql::default().text("SELECT pg_catalog.count(*) FROM ONLY ").qualified(&table.schema, &table.name);
    session.query_one(sql.into_bytes()).await?.parse(0)
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
