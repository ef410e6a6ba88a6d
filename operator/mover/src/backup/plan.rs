//! What is to be read, in which order, by whom. Pure: lanes ask for a piece of work and tell how it went.

use std::{cmp::Reverse, collections::VecDeque, mem};

use super::table::{Cut, Table};
use crate::{
    digest::Digest,
    format::{FrameSpan, RowFormat, SegmentEntry, TableEntry},
};

/// Part of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    All,
    /// Heap pages; without an end, to the end of the table.
    Pages {
        first: u32,
        end: Option<u32>,
    },
    /// Large objects, from the first to the last OID.
    Objects {
        first: u32,
        last: u32,
    },
}

/// One segment to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Index into [`Work::tables`].
    pub table: usize,
    /// The segment's number in its table.
    pub number: u32,
    pub range: Range,
    pub format: RowFormat,
    /// Which of the table's plans it belongs to: a table may be planned anew.
    plan: u16,
}

/// A segment that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub digest: Digest,
    pub plain_bytes: u64,
    pub spans: Vec<FrameSpan>,
}

/// A table all of whose segments were read.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    /// Index of its database.
    pub database: usize,
    pub table: TableEntry,
    pub segments: Vec<SegmentEntry>,
}

/// All tables of all databases, the largest handed out first.
pub struct Work {
    tables: Vec<Table>,
    states: Vec<State>,
    places: Vec<Place>,
    /// Indices of the tables that have something to hand out, the largest first.
    order: VecDeque<usize>,
    /// Segments that were handed out and have to be read again.
    again: Vec<Job>,
    /// Segments that only the leader can read, because it has the lock already.
    for_leader: Vec<Job>,
    unfinished: usize,
}

/// Where a table belongs.
#[derive(Clone, Copy)]
struct Place {
    /// Index of its database.
    database: u16,
    /// Its number in its database's manifest.
    id: u32,
}

/// How far one table is.
#[derive(Default)]
struct State {
    plan: u16,
    /// Segments that were handed out, counted from the table's start.
    handed_out: u32,
    all_handed_out: bool,
    /// Segments handed out and not read yet.
    open: u32,
    segments: Vec<SegmentEntry>,
    text: Digest,
    binary: Digest,
    plain_bytes: u64,
}

impl Work {
    /// The tables of each database. Those without a page are finished at once; they come first, in the order given.
    pub fn new(databases: Vec<Vec<Table>>) -> (Self, Vec<Finished>) {
        let places: Vec<Place> =
            (0..).zip(&databases).flat_map(|(database, tables)| places(database, tables)).collect();
        let tables: Vec<Table> = databases.into_iter().flatten().collect();
        let states: Vec<State> = tables.iter().map(|_| State::default()).collect();
        let (empty, mut order): (Vec<usize>, Vec<usize>) =
            (0..tables.len()).partition(|index| tables[*index].cut == Cut::Empty);
        order.sort_by_key(|index| rank(&tables[*index], places[*index]));
        let mut work = Self {
            unfinished: order.len(),
            order: order.into(),
            tables,
            states,
            places,
            again: Vec::new(),
            for_leader: Vec::new(),
        };
        let finished = empty.into_iter().map(|index| work.finished(index)).collect();
        (work, finished)
    }

    pub fn table(&self, index: usize) -> &Table {
        &self.tables[index]
    }

    /// The index of a table's database.
    pub fn database(&self, index: usize) -> usize {
        usize::from(self.places[index].database)
    }

    /// Whether every table is finished.
    pub fn is_done(&self) -> bool {
        self.unfinished == 0
    }

    /// Whether another lane would find something to do.
    pub fn has_more(&self) -> bool {
        !self.again.is_empty() || !self.order.is_empty()
    }

    /// The next segment for a lane.
    pub fn next(&mut self) -> Option<Job> {
        if let Some(job) = self.again.pop() {
            return Some(job);
        }
        while let Some(index) = self.order.front().copied() {
            if let Some(job) = self.hand_out(index) {
                return Some(job);
            }
            self.order.pop_front();
        }
        None
    }

    /// The next segment for the leader.
    pub fn next_for_leader(&mut self) -> Option<Job> {
        self.for_leader.pop()
    }

    /// A job was done, in so many segments; its table, if that was the last one. What is of an earlier plan is dropped.
    pub fn done(&mut self, job: Job, segments: Vec<Segment>) -> Option<Finished> {
        let state = &mut self.states[job.table];
        if job.plan != state.plan {
            return None;
        }
        let digest = match job.format {
            RowFormat::Text => &mut state.text,
            RowFormat::Binary => &mut state.binary,
        };
        for segment in segments {
            digest.add(segment.digest);
            state.plain_bytes += segment.plain_bytes;
            state.segments.push(SegmentEntry {
                table: self.places[job.table].id,
                // The job's, until all jobs of the table are done.
                number: job.number,
                format: job.format,
                rows: segment.digest.rows,
                plain_bytes: segment.plain_bytes,
                spans: segment.spans,
            });
        }
        state.open -= 1;
        if state.open > 0 || !state.all_handed_out {
            return None;
        }
        self.unfinished -= 1;
        Some(self.finished(job.table))
    }

    /// A segment was not read, through no fault of its own: any lane may try it again.
    pub fn again(&mut self, job: Job) {
        if self.is_current(job) {
            self.again.push(job);
        }
    }

    /// A segment holds a row that is too large for text: it is read in binary. `false`: that cannot be.
    pub fn again_in_binary(&mut self, job: Job) -> bool {
        if job.format == RowFormat::Binary || !self.tables[job.table].may_be_binary {
            return false;
        }
        self.again(Job { format: RowFormat::Binary, ..job });
        true
    }

    /// A lane was refused the lock that the leader has.
    pub fn refused(&mut self, job: Job) {
        if self.is_current(job) {
            self.for_leader.push(job);
        }
    }

    /// The table cannot be read in pieces: what was read of it is dropped, and it is read as a whole, without planning.
    /// Gives the new work, and how many bytes were read for nothing.
    pub fn as_a_whole(&mut self, job: Job) -> Option<(Job, u64)> {
        if !self.is_current(job) || job.range == Range::All {
            return None;
        }
        let state = &mut self.states[job.table];
        let plan = state.plan + 1;
        let dropped = mem::take(state);
        *state = State { plan, handed_out: 1, all_handed_out: true, open: 1, ..State::default() };
        self.again.retain(|other| other.table != job.table);
        self.for_leader.retain(|other| other.table != job.table);
        Some((Job { number: 0, range: Range::All, plan, ..job }, dropped.plain_bytes))
    }

    fn is_current(&self, job: Job) -> bool {
        self.states[job.table].plan == job.plan
    }

    fn hand_out(&mut self, index: usize) -> Option<Job> {
        let (table, state) = (&self.tables[index], &mut self.states[index]);
        if state.all_handed_out {
            return None;
        }
        let number = state.handed_out;
        let (range, is_last) = range(&table.cut, number)?;
        state.handed_out += 1;
        state.all_handed_out = is_last;
        state.open += 1;
        Some(Job { table: index, number, range, format: table.format, plan: state.plan })
    }

    fn finished(&mut self, index: usize) -> Finished {
        let (table, state) = (&self.tables[index], &mut self.states[index]);
        let mut segments = mem::take(&mut state.segments);
        segments.sort_by_key(|segment| segment.number);
        for (number, segment) in (0..).zip(&mut segments) {
            segment.number = number;
        }
        let digests = [state.text.in_format(RowFormat::Text), state.binary.in_format(RowFormat::Binary)];
        let entry = TableEntry {
            id: self.places[index].id,
            oid: table.oid,
            schema: table.schema.clone(),
            name: table.name.clone(),
            kind: table.kind,
            columns: table.columns.names().collect(),
            segments: u32::try_from(segments.len()).unwrap_or(u32::MAX),
            plain_bytes: state.plain_bytes,
            digests: digests.into_iter().filter(|digest| digest.rows > 0).collect(),
        };
        // A segment without rows says nothing that the table does not say.
        Finished { database: usize::from(self.places[index].database), table: entry, segments }
    }
}

/// The range of the segment with this number, and whether it is the last one.
fn range(cut: &Cut, number: u32) -> Option<(Range, bool)> {
    match cut {
        Cut::Empty => None,
        Cut::Whole | Cut::Condition(_) => Some((Range::All, true)),
        Cut::Pages { blocks, each } => {
            let first = number.checked_mul(*each).filter(|first| first < blocks)?;
            let end = first.checked_add(*each).filter(|end| end < blocks);
            Some((Range::Pages { first, end }, end.is_none()))
        }
        Cut::Objects(ranges) => {
            let index = usize::try_from(number).ok()?;
            let (first, last) = *ranges.get(index)?;
            Some((Range::Objects { first, last }, index + 1 == ranges.len()))
        }
    }
}

/// The tables of one database, numbered for its manifest from 1.
fn places(database: u16, tables: &[Table]) -> impl Iterator<Item = Place> {
    (1..).take(tables.len()).map(move |id| Place { database, id })
}

/// What comes first. The large go before the small; tables that are small alike go database by database, because a lane has to
/// log in anew for another one.
fn rank(table: &Table, place: Place) -> impl Ord + use<> {
    const SMALL: u64 = 1 << 20;
    let size = table.bytes.max(SMALL).ilog2();
    (Reverse(size), place.database, Reverse(table.bytes))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
