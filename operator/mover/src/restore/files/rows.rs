//! The rows of a table as files, and the lines of psql that load them.

use super::{
    folder::{Folder, Output},
    script::Roots,
};
use crate::{
    backup::Throttle,
    digest::{Digest, StreamDigester},
    format::{PgText, RowFormat, SegmentEntry, TableEntry, TableKind},
    point::{PointReader, cpu},
    postgres::{BINARY_HEADER, BINARY_TRAILER},
    progress::ProgressSink,
    restore::{RestoreError, large_objects},
    schema::Sql,
};

/// Writes rows.
pub struct Writer<'a> {
    pub reader: &'a PointReader,
    pub progress: &'a ProgressSink,
    pub throttle: &'a Throttle,
    pub roots: &'a Roots,
}

impl Writer<'_> {
    /// Writes all rows of a table, one file for each format; gives what loads them.
    pub async fn write(
        &self,
        folder: &mut Folder,
        table: &TableEntry,
        segments: &[SegmentEntry],
    ) -> Result<Vec<u8>, RestoreError> {
        let mut load = Vec::new();
        for (format, ending) in [(RowFormat::Text, "txt"), (RowFormat::Binary, "bin")] {
            let own: Vec<&SegmentEntry> =
                segments.iter().filter(|segment| segment.format == format).collect();
            let digest = if own.is_empty() {
                Digest::default()
            } else {
                let output = folder.create(format!("data/{:05}.{ending}", table.id))?;
                let (output, digest) = self.fill(output, table, &own, format).await?;
                load.extend(lines(table, &folder.end(output)?, format, self.roots));
                digest
            };
            compare(table, format, digest)?;
        }
        Ok(load)
    }

    async fn fill(
        &self,
        mut output: Output,
        table: &TableEntry,
        segments: &[&SegmentEntry],
        format: RowFormat,
    ) -> Result<(Output, Digest), RestoreError> {
        let name = format!("{}.{}", table.schema, table.name);
        let mut digest = Digest::default();
        let odd = |source| RestoreError::Rows { table: name.clone(), source };
        if format == RowFormat::Binary {
            output.write(&BINARY_HEADER)?;
        }
        for segment in segments {
            let mut digester = StreamDigester::new(format);
            let mut rows = self.reader.rows(segment);
            let mut plain = Vec::new();
            while rows.next_into(&mut plain).await.map_err(RestoreError::read(format!("rows of {name}")))? {
                self.throttle.take(plain.len()).await;
                cpu(|| digester.push(&plain)).map_err(odd)?;
                cpu(|| output.write(&plain))?;
                self.progress.bytes(plain.len() as u64);
            }
            digest.add(digester.finish().map_err(odd)?);
        }
        if format == RowFormat::Binary {
            output.write(&BINARY_TRAILER)?;
        }
        Ok((output, digest))
    }
}

fn compare(table: &TableEntry, format: RowFormat, found: Digest) -> Result<(), RestoreError> {
    let promised = table.digests.iter().find(|digest| digest.format == format);
    let promised =
        promised.map_or(Digest::default(), |digest| Digest { rows: digest.rows, sum: digest.sum.0 });
    if found == promised {
        return Ok(());
    }
    let (schema, name) = (&table.schema, &table.name);
    Err(RestoreError::Differences(vec![format!(
        "{schema}.{name} has {} rows where {} were stored, or other ones",
        found.rows, promised.rows
    )]))
}

/// What psql is told to load a file.
fn lines(table: &TableEntry, file: &str, format: RowFormat, roots: &Roots) -> Vec<u8> {
    let from = match format {
        RowFormat::Text => format!(" FROM '{file}' WITH (FORMAT text)\n"),
        RowFormat::Binary => format!(" FROM '{file}' WITH (FORMAT binary)\n"),
    };
    let into_stage = |stage: &str| Sql::default().text("\\copy pg_temp.").text(stage).text(&from);
    match table.kind {
        TableKind::LargeObjects => into_stage(large_objects::LIST).into_bytes(),
        TableKind::LargeObjectPages | TableKind::LargeObjectSlices => {
            let stage = large_objects::staged(table.kind);
            let put = into_stage(stage).text(&large_objects::put(table.kind)).text(";\nTRUNCATE pg_temp.");
            put.text(stage).text(";\n").into_bytes()
        }
        TableKind::Ordinary | TableKind::Configuration => {
            let own = (table.schema.clone(), table.name.clone());
            let (schema, name) = roots.of(&table.schema, &table.name).unwrap_or(&own);
            let fits_in_a_line = table.columns.iter().chain([schema, name]).all(is_one_line);
            if !fits_in_a_line {
                return by_way_of_a_stage(table, (schema, name), &from);
            }
            let copy = columns(Sql::default().text("\\copy ").qualified(schema, name), &table.columns);
            copy.text(&from).into_bytes()
        }
    }
}

fn columns(sql: Sql, columns: &[PgText]) -> Sql {
    if columns.is_empty() { sql } else { sql.text(" (").names(columns).text(")") }
}

/// psql reads `\copy` to the end of the line.
fn is_one_line(name: &PgText) -> bool {
    !name.as_bytes().iter().any(|byte| matches!(byte, b'\n' | b'\r'))
}

fn by_way_of_a_stage(table: &TableEntry, into: (&PgText, &PgText), from: &str) -> Vec<u8> {
    let mut make = Sql::default().text("CREATE TEMPORARY TABLE coffer_stage AS SELECT ");
    for (at, column) in table.columns.iter().enumerate() {
        make = make.text(if at == 0 { "" } else { ", " }).name(column).text(&format!(" AS c{at}"));
    }
    let make = make.text(" FROM ONLY ").qualified(&table.schema, &table.name).text(" WITH NO DATA;\n");
    let load =
        make.text("\\copy pg_temp.coffer_stage").text(from).text("INSERT INTO ").qualified(into.0, into.1);
    let load =
        columns(load, &table.columns).text(" OVERRIDING SYSTEM VALUE SELECT * FROM pg_temp.coffer_stage;\n");
    load.text("DROP TABLE pg_temp.coffer_stage;\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, columns: &[&str]) -> TableEntry {
        TableEntry {
            id: 7,
            oid: 1,
            schema: "app".into(),
            name: name.into(),
            kind: TableKind::Ordinary,
            columns: columns.iter().map(|name| (*name).into()).collect(),
            segments: 1,
            plain_bytes: 0,
            digests: Vec::new(),
        }
    }

    fn text(table: &TableEntry) -> String {
        String::from_utf8(lines(table, "data/00007.txt", RowFormat::Text, &Roots::default())).unwrap()
    }

    #[test]
    fn a_table_is_copied_by_its_columns_and_one_without_any_by_its_name() {
        assert_eq!(
            text(&table("Or\"ders", &["id", "b c"])),
            "\\copy \"app\".\"Or\"\"ders\" (\"id\", \"b c\") FROM 'data/00007.txt' WITH (FORMAT text)\n"
        );
        assert_eq!(
            text(&table("none", &[])),
            "\\copy \"app\".\"none\" FROM 'data/00007.txt' WITH (FORMAT text)\n"
        );
    }

    #[test]
    fn a_name_of_two_lines_is_not_told_to_copy() {
        let lines = text(&table("two\nlines", &["a\nb"]));
        let copy = lines.lines().find(|line| line.starts_with("\\copy")).unwrap();
        assert_eq!(copy, "\\copy pg_temp.coffer_stage FROM 'data/00007.txt' WITH (FORMAT text)");
        assert!(
            lines.contains("INSERT INTO \"app\".\"two\nlines\" (\"a\nb\") OVERRIDING SYSTEM VALUE"),
            "{lines}"
        );
    }
}
