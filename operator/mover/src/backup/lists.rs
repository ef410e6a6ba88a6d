//! The lists of a point, written while the tables are read, so that nothing piles up in memory.

use tokio::sync::Mutex;

use super::{BackupError, plan::Finished};
use crate::{
    format::{ListRef, SegmentEntry, TableEntry, TableKind},
    point::{ListWriter, PointWriter},
    progress::ProgressSink,
};

/// Takes tables as they are finished.
pub struct Lists {
    open: Mutex<Open>,
    progress: ProgressSink,
}

struct Open {
    tables: ListWriter<TableEntry>,
    segments: ListWriter<SegmentEntry>,
    totals: Totals,
}

/// What all tables have together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Without those of large objects.
    pub tables: u64,
    /// Entries in the list of tables.
    pub entries: u64,
    pub segments: u64,
    /// Rows of tables, without those of large objects.
    pub rows: u64,
    pub plain_bytes: u64,
}

impl Lists {
    /// Of the database with this place among the record's data stores.
    pub fn new(writer: &PointWriter, data_store: usize, progress: ProgressSink) -> Self {
        let (tables, segments) = (writer.list(data_store), writer.list(data_store));
        let open = Open { tables, segments, totals: Totals::default() };
        Self { open: Mutex::new(open), progress }
    }

    pub async fn add(&self, finished: Finished) -> Result<(), BackupError> {
        let mut open = self.open.lock().await;
        open.totals.add(&finished.table);
        for segment in finished.segments {
            open.segments.push(segment).await?;
        }
        open.tables.push(finished.table).await?;
        self.progress.table();
        Ok(())
    }

    /// Stores the last pages.
    pub async fn finish(self) -> Result<(Vec<ListRef>, Totals), BackupError> {
        let open = self.open.into_inner();
        let mut pages = open.tables.finish().await?;
        pages.extend(open.segments.finish().await?);
        Ok((pages, open.totals))
    }
}

impl Totals {
    fn add(&mut self, table: &TableEntry) {
        self.entries += 1;
        self.segments += u64::from(table.segments);
        self.plain_bytes += table.plain_bytes;
        match table.kind {
            TableKind::Ordinary | TableKind::Configuration => {
                self.tables += 1;
                self.rows += table.rows();
            }
            TableKind::LargeObjects | TableKind::LargeObjectPages | TableKind::LargeObjectSlices => {}
        }
    }
}
