//! Which entries may be executed now: those whose dependencies are met, and that want no lock which another entry, being
//! executed now, holds or wants.
//!
//! An entry that depends on a table depends on the table's rows. Keys and indexes run as soon as the rows of their table
//! are in, all else when every row, key and index is there.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use super::{Entry, Kind};

/// When a node may run at the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Keys, indexes, extended statistics: beside the loading of other tables.
    Keys,
    /// After every table is loaded and every key is there: foreign keys, triggers, rules, policies.
    Rest,
}

/// A node of the graph; counts from 0 in the order of adding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

impl NodeId {
    pub fn index(self) -> usize {
        self.0
    }
}

/// What the graph has to say when it is asked for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Execute this entry, then call [`Graph::done`].
    Run(NodeId),
    /// Nothing until something that runs is done, or a table is loaded.
    Wait,
    /// Everything is done.
    Finished,
}

/// The entries that are left after a schema's tables were made, and the tables that are to be loaded.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    by_entry: HashMap<u32, NodeId>,
    loads: Vec<Load>,
    load_of: HashMap<u32, usize>,
    loads_left: usize,
    keys_left: usize,
    rest_left: usize,
    running: BTreeSet<NodeId>,
    ready: BTreeSet<(Stage, Reverse<u64>, NodeId)>,
}

#[derive(Debug)]
struct Node {
    stage: Stage,
    weight: u64,
    waits_for: usize,
    dependents: Vec<NodeId>,
    /// Tables that nobody else may use meanwhile.
    locks: Vec<u32>,
    /// Tables that nobody else may lock meanwhile.
    uses: Vec<u32>,
    /// Makes an index part of another. Of two that run beside each other in one tree of partitions each may see the
    /// other's index as not yet valid, and the one at the top stays invalid: seen with PostgreSQL 15, once in 150 tries.
    is_attach: bool,
    is_done: bool,
}

/// Tables whose rows are complete only together.
#[derive(Debug)]
struct Load {
    weight: u64,
    tables_left: usize,
    dependents: Vec<NodeId>,
}

impl Graph {
    /// Announces tables, by their entries, whose rows will come. Several at once where the rows of one may land in
    /// another. `weight` is their size; larger ones are served first. Call this before entries are added.
    pub fn add_load(&mut self, tables: &[u32], weight: u64) {
        let load = self.loads.len();
        self.loads.push(Load { weight, tables_left: tables.len(), dependents: Vec::new() });
        self.load_of.extend(tables.iter().map(|table| (*table, load)));
        self.loads_left += 1;
    }

    /// Adds an entry, in the archive's order, which is one in which everything can be executed: a dependency on an entry
    /// that was not added before is taken as met.
    pub fn add(&mut self, entry: &Entry, is_table: impl Fn(u32) -> bool) -> NodeId {
        let id = NodeId(self.nodes.len());
        let mut node = Node {
            stage: self.stage_of(entry),
            weight: 0,
            waits_for: 0,
            dependents: Vec::new(),
            locks: Vec::new(),
            uses: Vec::new(),
            is_attach: entry.kind == Kind::IndexAttach,
            is_done: false,
        };
        let mut dependencies = entry.dependencies.clone();
        dependencies.sort_unstable();
        dependencies.dedup();
        for dependency in dependencies {
            if is_table(dependency) {
                node.uses.push(dependency);
            }
            if let Some(load) = self.load_of.get(&dependency).and_then(|load| self.loads.get_mut(*load)) {
                node.weight = node.weight.max(load.weight);
                if load.tables_left > 0 {
                    load.dependents.push(id);
                    node.waits_for += 1;
                }
            } else if let Some(other) = self.by_entry.get(&dependency)
                && let Some(other) = self.nodes.get_mut(other.0)
            {
                node.weight = node.weight.max(other.weight);
                other.dependents.push(id);
                node.waits_for += 1;
            }
        }
        // Making an index lets others read the table and make theirs; nearly everything else alters the table.
        if entry.kind != Kind::Index {
            node.locks.clone_from(&node.uses);
        }
        match node.stage {
            Stage::Keys => self.keys_left += 1,
            Stage::Rest => self.rest_left += 1,
        }
        if node.waits_for == 0 {
            self.ready.insert((node.stage, Reverse(node.weight), id));
        }
        self.nodes.push(node);
        self.by_entry.insert(entry.id, id);
        id
    }

    /// Takes note that all rows of a table are in.
    pub fn loaded(&mut self, table: u32) {
        let Some(load) = self.load_of.get(&table).and_then(|load| self.loads.get_mut(*load)) else {
            return;
        };
        load.tables_left = load.tables_left.saturating_sub(1);
        if load.tables_left == 0 {
            let dependents = std::mem::take(&mut load.dependents);
            self.loads_left -= 1;
            self.release(&dependents);
        }
    }

    /// The next entry to execute, the one of the largest table first.
    pub fn next_work(&mut self) -> Work {
        if self.keys_left + self.rest_left == 0 {
            return Work::Finished;
        }
        let is_rest_open = self.loads_left == 0 && self.keys_left == 0;
        let may_run = |stage: Stage, id: NodeId| {
            (stage == Stage::Keys || is_rest_open)
                && !self.running.iter().any(|other| self.conflict(id, *other))
        };
        let Some(free) = self.ready.iter().find(|(stage, _, id)| may_run(*stage, *id)).copied() else {
            return Work::Wait;
        };
        self.ready.remove(&free);
        let (_, _, id) = free;
        self.running.insert(id);
        Work::Run(id)
    }

    /// Takes note that an entry was executed.
    pub fn done(&mut self, id: NodeId) {
        self.running.remove(&id);
        let Some(node) = self.nodes.get_mut(id.0).filter(|node| !node.is_done) else {
            return;
        };
        node.is_done = true;
        match node.stage {
            Stage::Keys => self.keys_left -= 1,
            Stage::Rest => self.rest_left -= 1,
        }
        let dependents = std::mem::take(&mut node.dependents);
        self.release(&dependents);
    }

    /// How many entries are not done.
    pub fn left(&self) -> usize {
        self.keys_left + self.rest_left
    }

    /// A key that depends on something of the later stage belongs there too: an index of a materialised view that could
    /// only be made after a key.
    fn stage_of(&self, entry: &Entry) -> Stage {
        let is_key =
            matches!(entry.kind, Kind::Constraint | Kind::Index | Kind::IndexAttach | Kind::Statistics);
        let waits_for_rest = entry.dependencies.iter().any(|dependency| {
            let other = self.by_entry.get(dependency).and_then(|other| self.nodes.get(other.0));
            other.is_some_and(|other| other.stage == Stage::Rest)
        });
        if is_key && !waits_for_rest { Stage::Keys } else { Stage::Rest }
    }

    fn release(&mut self, dependents: &[NodeId]) {
        for id in dependents {
            let Some(node) = self.nodes.get_mut(id.0) else { continue };
            node.waits_for = node.waits_for.saturating_sub(1);
            if node.waits_for == 0 && !node.is_done && !self.running.contains(id) {
                self.ready.insert((node.stage, Reverse(node.weight), *id));
            }
        }
    }

    fn conflict(&self, one: NodeId, other: NodeId) -> bool {
        let (Some(one), Some(other)) = (self.nodes.get(one.0), self.nodes.get(other.0)) else {
            return false;
        };
        let meets = |locks: &[u32], uses: &[u32]| locks.iter().any(|table| uses.contains(table));
        (one.is_attach && other.is_attach) || meets(&one.locks, &other.uses) || meets(&other.locks, &one.uses)
    }
}
