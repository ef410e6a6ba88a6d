//! Which rows go where: tables and their segments as units of work.

use std::collections::HashMap;

use super::{RestoreError, pre_data::Tables, references::References, roots::Roots};
use crate::{
    digest::Digest,
    format::{PgText, RowFormat, SegmentEntry, TableEntry, TableKind},
    schema::{Graph, Sql},
};

/// One piece of work for a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Index into [`Plan::tables`].
    pub table: usize,
    pub segment: SegmentEntry,
    pub manner: Manner,
}

/// How rows get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The whole table in one transaction that empties it first, so that its rows are frozen from the start and the
    /// whole may simply be done again.
    Whole,
    /// Beside other segments of the table, in a transaction that also takes note that this one has landed.
    Part,
    /// Pages or slices of large objects.
    LargeObjects,
}

/// A table that has rows in the point, or could have had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub entry: TableEntry,
    /// The root of its partitions, when its rows are sent there for the server to find the partition anew.
    root: Option<Box<(PgText, PgText)>>,
    /// The schema entry that made it.
    made_by: Option<u32>,
    /// Segments that have not landed.
    units_left: usize,
}

/// All rows of a point.
#[derive(Debug, Default)]
pub struct Plan {
    pub tables: Vec<Table>,
    /// In the order in which they are stored, so that each stored object is read about once.
    pub units: Vec<Unit>,
    /// Rows that extensions want kept, of tables that their scripts made together with the keys between them: loaded before
    /// all others, one after the other.
    pub configuration: Vec<Unit>,
    /// The table of large objects themselves, without their pages; its rows are few.
    pub large_objects: Option<(TableEntry, Vec<SegmentEntry>)>,
}

impl Plan {
    /// `roots` are the partitions whose rows must be sent to their root.
    ///
    /// # Errors
    /// When a table has rows and nothing makes it.
    pub fn new(
        entries: Vec<TableEntry>,
        segments: Vec<SegmentEntry>,
        made: &Tables,
        roots: &Roots,
    ) -> Result<Self, RestoreError> {
        // There may be very many: a list that grows is in memory twice while it does.
        let mut plan = Self {
            tables: Vec::with_capacity(entries.len()),
            units: Vec::with_capacity(segments.len()),
            ..Self::default()
        };
        let mut by_id: HashMap<u32, usize> = HashMap::with_capacity(entries.len());
        let mut large_objects: Option<(TableEntry, Vec<SegmentEntry>)> = None;
        for entry in entries {
            let made_by = made.entry_of(entry.oid).filter(|_| entry.kind == TableKind::Ordinary);
            if entry.kind == TableKind::Ordinary && made_by.is_none() {
                return Err(RestoreError::UnknownTable { table: named(&entry) });
            }
            if entry.kind == TableKind::LargeObjects {
                large_objects = Some((entry, Vec::new()));
                continue;
            }
            by_id.insert(entry.id, plan.tables.len());
            let root = roots.of(&entry).map(Box::new);
            plan.tables.push(Table { entry, root, made_by, units_left: 0 });
        }
        for segment in segments {
            if let Some((entry, own)) = &mut large_objects
                && entry.id == segment.table
            {
                own.push(segment);
                continue;
            }
            let unknown = RestoreError::UnknownTable { table: format!("number {}", segment.table) };
            let at = *by_id.get(&segment.table).ok_or(unknown)?;
            let table = &mut plan.tables[at];
            table.units_left += 1;
            let unit = Unit { table: at, manner: manner(table), segment };
            match table.entry.kind {
                TableKind::Configuration => plan.configuration.push(unit),
                TableKind::Ordinary
                | TableKind::LargeObjects
                | TableKind::LargeObjectPages
                | TableKind::LargeObjectSlices => plan.units.push(unit),
            }
        }
        plan.units.sort_by_key(|unit| unit.segment.spans.first().map(|span| (span.object, span.offset)));
        plan.large_objects = large_objects;
        Ok(plan)
    }

    /// How many tables have no rows.
    pub fn empty_tables(&self) -> usize {
        self.tables.iter().filter(|table| table.units_left == 0).count()
    }

    /// Puts the tables of extensions into an order in which each comes after those that it refers to, where there is one.
    pub fn order_configuration(&mut self, references: &References) {
        let Self { tables, configuration, .. } = self;
        let mut left = std::mem::take(configuration);
        while !left.is_empty() {
            let waits = |unit: &Unit| {
                let of = |unit: &Unit| tables.get(unit.table).map(Table::destination);
                left.iter().any(|other| {
                    other.table != unit.table
                        && of(unit).zip(of(other)).is_some_and(|(from, to)| references.are(from, to))
                })
            };
            // Where they refer to each other in a circle, the server will say so.
            let free: Vec<bool> = left.iter().map(|unit| !waits(unit)).collect();
            let is_circle = !free.contains(&true);
            let mut free = free.into_iter();
            let (next, rest) =
                left.into_iter().partition::<Vec<_>, _>(|_| free.next().unwrap_or(true) || is_circle);
            configuration.extend(next);
            left = rest;
        }
    }

    /// Announces the tables to the graph of what comes after them, and tells at once which have no rows.
    pub fn announce(&self, graph: &mut Graph) {
        let mut groups: HashMap<&(PgText, PgText), (Vec<u32>, u64)> = HashMap::new();
        for table in &self.tables {
            let Some(made_by) = table.made_by else { continue };
            if let Some(root) = &table.root {
                let group = groups.entry(root).or_default();
                group.0.push(made_by);
                group.1 += table.entry.plain_bytes;
            } else {
                graph.add_load(&[made_by], table.entry.plain_bytes);
            }
        }
        // What is sent to a root may land in any of its partitions: they are complete together.
        for (tables, weight) in groups.values() {
            graph.add_load(tables, *weight);
        }
        for table in self.tables.iter().filter(|table| table.units_left == 0) {
            table.tell_loaded(graph);
        }
    }

    /// Takes note that a unit has landed; `true`: its table is complete.
    pub fn landed(&mut self, table: usize, graph: &mut Graph) -> bool {
        let Some(table) = self.tables.get_mut(table) else {
            return false;
        };
        table.units_left = table.units_left.saturating_sub(1);
        if table.units_left > 0 {
            return false;
        }
        table.tell_loaded(graph);
        true
    }
}

impl Table {
    /// Where its rows are sent: schema and name of itself, or of the root of its partitions.
    pub fn destination(&self) -> (&PgText, &PgText) {
        match &self.root {
            Some(root) => (&root.0, &root.1),
            None => (&self.entry.schema, &self.entry.name),
        }
    }

    fn tell_loaded(&self, graph: &mut Graph) {
        if let Some(made_by) = self.made_by {
            graph.loaded(made_by);
        }
    }

    /// The statement that takes rows of one format.
    pub fn copy(&self, format: RowFormat, is_frozen: bool) -> Vec<u8> {
        let (schema, name) = self.destination();
        let mut sql = Sql::default().text("COPY ").qualified(schema, name);
        if !self.entry.columns.is_empty() {
            sql = sql.text(" (").names(&self.entry.columns).text(")");
        }
        let format = match format {
            RowFormat::Text => "text",
            RowFormat::Binary => "binary",
        };
        let freeze = if is_frozen { ", FREEZE true" } else { "" };
        sql.text(&format!(" FROM STDIN WITH (FORMAT {format}{freeze})")).into_bytes()
    }

    /// For people.
    pub fn name(&self) -> String {
        named(&self.entry)
    }

    /// How the rows that were sent, by the [`place`] of their format, are not those that the point promises.
    pub fn difference(&self, sent: &[Digest; 2]) -> Option<String> {
        for format in [RowFormat::Text, RowFormat::Binary] {
            let promised = self.entry.digests.iter().find(|digest| digest.format == format);
            let promised =
                promised.map_or(Digest::default(), |digest| Digest { rows: digest.rows, sum: digest.sum.0 });
            let sent = sent[place(format)];
            if sent != promised {
                let (name, sent, promised) = (self.name(), sent.rows, promised.rows);
                return Some(format!("{name} has {sent} rows where {promised} were stored, or other ones"));
            }
        }
        None
    }
}

/// Where the digest of a format's rows is.
pub fn place(format: RowFormat) -> usize {
    match format {
        RowFormat::Text => 0,
        RowFormat::Binary => 1,
    }
}

fn manner(table: &Table) -> Manner {
    match table.entry.kind {
        TableKind::LargeObjects | TableKind::LargeObjectPages | TableKind::LargeObjectSlices => {
            Manner::LargeObjects
        }
        TableKind::Ordinary if table.entry.segments == 1 && table.root.is_none() => Manner::Whole,
        TableKind::Ordinary | TableKind::Configuration => Manner::Part,
    }
}

fn named(entry: &TableEntry) -> String {
    format!("{}.{}", entry.schema, entry.name)
}
