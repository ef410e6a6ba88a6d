//! What is to be done and who may do it now: rows to load, entries to execute, shared by all lanes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{
    RestoreError,
    plan::{Plan, Table, Unit, place},
};
use crate::{
    digest::Digest,
    schema::{Entry, Graph, NodeId, Work},
};

/// One piece of work.
pub enum Job {
    /// Send rows; then call [`Board::landed`].
    Load(Box<Unit>, Box<Table>),
    /// Execute an entry; then call [`Board::executed`].
    Execute(NodeId, Box<Entry>),
    /// Nothing more can be done: the rows that are left were refused, and no others came in since.
    GiveUp(RestoreError),
}

/// The work that is left.
pub struct Board {
    state: Mutex<State>,
    /// Told whenever work may have become free.
    changed: Notify,
    /// As many entries may be executed beside the loading of rows.
    executing_limit: usize,
}

struct State {
    plan: Plan,
    units: VecDeque<Unit>,
    graph: Graph,
    /// By node.
    entries: Vec<Option<Entry>>,
    executing: usize,
    /// Units that were given out and have not landed.
    loading: usize,
    /// Units whose rows were refused, each to be tried again when others have landed.
    postponed: Vec<Unit>,
    /// Why the last one was.
    refusal: Option<RestoreError>,
    /// How many units have landed since the postponed ones were last tried.
    landed: usize,
    /// By table, for each format.
    digests: Vec<[Digest; 2]>,
}

impl Board {
    /// `after_rows` are the entries that come after the rows, in the schema's order.
    pub fn new(mut plan: Plan, after_rows: Vec<Entry>, is_table: impl Fn(u32) -> bool, lanes: usize) -> Self {
        let mut graph = Graph::default();
        plan.announce(&mut graph);
        for entry in &after_rows {
            graph.add(entry, &is_table);
        }
        let units = std::mem::take(&mut plan.units).into();
        let digests = vec![[Digest::default(); 2]; plan.tables.len()];
        let entries = after_rows.into_iter().map(Some).collect();
        let state = State {
            plan,
            units,
            graph,
            entries,
            executing: 0,
            loading: 0,
            postponed: Vec::new(),
            refusal: None,
            landed: 0,
            digests,
        };
        Self { state: Mutex::new(state), changed: Notify::new(), executing_limit: lanes.div_ceil(2) }
    }

    /// The next piece of work, as soon as there is one; `None`: all of it is done, or given to others.
    pub async fn next(&self) -> Option<Job> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let next = self.lock().next(self.executing_limit);
            match next {
                Next::Job(job) => return Some(job),
                Next::Finished => return None,
                Next::GiveUp(refusal) => return Some(Job::GiveUp(refusal)),
                Next::Wait => changed.await,
            }
        }
    }

    /// Takes note that a unit's rows are in; `true`: its table is complete.
    pub fn landed(&self, unit: &Unit, digest: Digest) -> bool {
        let mut state = self.lock();
        if let Some(digests) = state.digests.get_mut(unit.table) {
            digests[place(unit.segment.format)].add(digest);
        }
        state.loading = state.loading.saturating_sub(1);
        state.landed += 1;
        let State { plan, graph, .. } = &mut *state;
        let is_complete = plan.landed(unit.table, graph);
        drop(state);
        self.changed.notify_waiters();
        is_complete
    }

    /// Takes back a unit whose rows were refused. A CHECK may call a function that looks into another table, whose rows are
    /// not in yet.
    pub fn postpone(&self, unit: Unit, refusal: RestoreError) {
        let mut state = self.lock();
        state.loading = state.loading.saturating_sub(1);
        state.postponed.push(unit);
        state.refusal = Some(refusal);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes note that an entry was executed.
    pub fn executed(&self, node: NodeId) {
        let mut state = self.lock();
        state.executing = state.executing.saturating_sub(1);
        state.graph.done(node);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Whether all rows are in: what is left are keys, indexes and what comes after them.
    pub fn has_all_rows(&self) -> bool {
        let state = self.lock();
        state.units.is_empty() && state.loading == 0 && state.postponed.is_empty()
    }

    /// Every table whose rows were not those that the point promises, each in a sentence.
    pub fn differences(&self) -> Vec<String> {
        let state = self.lock();
        let tables = state.plan.tables.iter().zip(&state.digests);
        tables.filter_map(|(table, digests)| table.difference(digests)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next {
    Job(Job),
    Wait,
    GiveUp(RestoreError),
    Finished,
}

impl State {
    fn next(&mut self, executing_limit: usize) -> Next {
        let may_execute = self.executing < executing_limit || self.units.is_empty();
        let work = if may_execute { self.graph.next_work() } else { Work::Wait };
        match work {
            Work::Run(node) => {
                let entry = self.entries.get_mut(node.index()).and_then(Option::take);
                let entry = entry.expect("the graph gives each entry once, by its place");
                self.executing += 1;
                Next::Job(Job::Execute(node, Box::new(entry)))
            }
            Work::Wait | Work::Finished => match self.next_unit() {
                Some(unit) => {
                    self.loading += 1;
                    let table = self.plan.tables[unit.table].clone();
                    Next::Job(Job::Load(Box::new(unit), Box::new(table)))
                }
                None if work == Work::Finished && self.postponed.is_empty() => Next::Finished,
                None => match self.refusal.take_if(|_| self.loading == 0 && self.executing == 0) {
                    Some(refusal) => Next::GiveUp(refusal),
                    None => Next::Wait,
                },
            },
        }
    }

    /// The next rows to load. Those that were refused come again when all others are in, as long as that changes anything.
    fn next_unit(&mut self) -> Option<Unit> {
        if self.units.is_empty() && self.loading == 0 && self.landed > 0 && !self.postponed.is_empty() {
            self.units = std::mem::take(&mut self.postponed).into();
            self.landed = 0;
            self.refusal = None;
        }
        self.units.pop_front()
    }
}
