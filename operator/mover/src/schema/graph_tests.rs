//! What the graph promises, tried on small schemas by hand and on random ones.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{Entry, Graph, Kind, NodeId, Work, entry::tests::entry};

const ORDERS: u32 = 10;
const ITEMS: u32 = 11;

fn numbered(id: u32, kind: Kind, dependencies: &[u32]) -> Entry {
    let mut made = entry(kind, &format!("e{id}"));
    made.id = id;
    made.dependencies = dependencies.to_vec();
    made
}

fn is_table(id: u32) -> bool {
    matches!(id, ORDERS | ITEMS)
}

#[test]
fn an_index_runs_as_soon_as_its_own_table_is_loaded() {
    let mut graph = Graph::default();
    graph.add_load(&[ORDERS], 100);
    graph.add_load(&[ITEMS], 10);
    let index = graph.add(&numbered(20, Kind::Index, &[ITEMS]), is_table);
    assert_eq!(graph.next_work(), Work::Wait);
    graph.loaded(ITEMS);
    assert_eq!(graph.next_work(), Work::Run(index));
    graph.done(index);
    assert_eq!(graph.next_work(), Work::Finished);
}

#[test]
fn tables_that_fill_each_other_are_loaded_only_together() {
    let mut graph = Graph::default();
    graph.add_load(&[ORDERS, ITEMS], 100);
    let index = graph.add(&numbered(20, Kind::Index, &[ITEMS]), is_table);
    graph.loaded(ITEMS);
    assert_eq!(graph.next_work(), Work::Wait);
    graph.loaded(ORDERS);
    assert_eq!(graph.next_work(), Work::Run(index));
}

#[test]
fn a_foreign_key_waits_for_every_row_and_key() {
    let mut graph = Graph::default();
    graph.add_load(&[ORDERS], 1);
    graph.add_load(&[ITEMS], 1);
    let key = graph.add(&numbered(20, Kind::Constraint, &[ORDERS]), is_table);
    let foreign = graph.add(&numbered(21, Kind::ForeignKey, &[ORDERS, 20]), is_table);
    graph.loaded(ORDERS);
    assert_eq!(graph.next_work(), Work::Run(key));
    graph.done(key);
    assert_eq!(graph.next_work(), Work::Wait);
    graph.loaded(ITEMS);
    assert_eq!(graph.next_work(), Work::Run(foreign));
}

#[test]
fn two_indexes_of_a_table_run_beside_each_other_and_a_key_does_not() {
    let mut graph = Graph::default();
    let one = graph.add(&numbered(20, Kind::Index, &[ORDERS]), is_table);
    let other = graph.add(&numbered(21, Kind::Index, &[ORDERS]), is_table);
    let key = graph.add(&numbered(22, Kind::Constraint, &[ORDERS]), is_table);
    assert_eq!(graph.next_work(), Work::Run(one));
    assert_eq!(graph.next_work(), Work::Run(other));
    assert_eq!(graph.next_work(), Work::Wait);
    graph.done(one);
    assert_eq!(graph.next_work(), Work::Wait);
    graph.done(other);
    assert_eq!(graph.next_work(), Work::Run(key));
}

#[test]
fn two_indexes_are_not_made_parts_of_others_beside_each_other() {
    let mut graph = Graph::default();
    let one = graph.add(&numbered(20, Kind::IndexAttach, &[ORDERS]), is_table);
    let other = graph.add(&numbered(21, Kind::IndexAttach, &[ITEMS]), is_table);
    assert_eq!(graph.next_work(), Work::Run(one));
    assert_eq!(graph.next_work(), Work::Wait, "also where they have no table in common");
    graph.done(one);
    assert_eq!(graph.next_work(), Work::Run(other));
}

#[test]
fn the_largest_table_is_served_first() {
    let mut graph = Graph::default();
    graph.add_load(&[ORDERS], 5);
    graph.add_load(&[ITEMS], 50);
    graph.add(&numbered(20, Kind::Index, &[ORDERS]), is_table);
    let large = graph.add(&numbered(21, Kind::Index, &[ITEMS]), is_table);
    graph.loaded(ORDERS);
    graph.loaded(ITEMS);
    assert_eq!(graph.next_work(), Work::Run(large));
}

#[test]
fn an_index_of_a_view_that_needs_a_key_waits_with_the_view() {
    let mut graph = Graph::default();
    let key = graph.add(&numbered(20, Kind::Constraint, &[ORDERS]), is_table);
    let view = graph.add(&numbered(21, Kind::MaterializedView, &[20]), is_table);
    let index = graph.add(&numbered(22, Kind::Index, &[21]), is_table);
    for expected in [key, view, index] {
        assert_eq!(graph.next_work(), Work::Run(expected));
        graph.done(expected);
    }
    assert_eq!(graph.next_work(), Work::Finished);
}

#[test]
fn entries_that_name_each_other_run_in_the_archives_order() {
    let mut graph = Graph::default();
    let first = graph.add(&numbered(20, Kind::Rule, &[20, 21]), is_table);
    let second = graph.add(&numbered(21, Kind::Rule, &[20]), is_table);
    assert_eq!(graph.next_work(), Work::Run(first));
    graph.done(first);
    assert_eq!(graph.next_work(), Work::Run(second));
    graph.done(second);
    assert_eq!(graph.next_work(), Work::Finished);
}

/// A random schema: for each entry its kind, and which of the tables and earlier entries it depends on.
fn schemas() -> impl Strategy<Value = Vec<Entry>> {
    const KINDS: [Kind; 5] = [Kind::Constraint, Kind::Index, Kind::ForeignKey, Kind::Trigger, Kind::Comment];
    let one = (0..KINDS.len(), proptest::collection::vec(any::<prop::sample::Index>(), 0..4));
    proptest::collection::vec(one, 1..40).prop_map(|drawn| {
        let mut entries: Vec<Entry> = Vec::new();
        for (id, (kind, picks)) in (20..).zip(drawn) {
            let known: Vec<u32> =
                [ORDERS, ITEMS].into_iter().chain(entries.iter().map(|entry| entry.id)).collect();
            let dependencies: Vec<u32> = picks.iter().map(|pick| *pick.get(&known)).collect();
            entries.push(numbered(id, KINDS[kind], &dependencies));
        }
        entries
    })
}

proptest! {
    #[test]
    fn whatever_order_work_ends_in_every_entry_runs_once_after_its_dependencies_and_without_a_conflict(
        entries in schemas(),
        lanes in 1usize..5,
        ends in proptest::collection::vec(any::<prop::sample::Index>(), 200),
    ) {
        let mut graph = Graph::default();
        graph.add_load(&[ORDERS], 9);
        graph.add_load(&[ITEMS], 4);
        for entry in &entries {
            graph.add(entry, is_table);
        }
        let mut loads = vec![ORDERS, ITEMS];
        let mut running: Vec<NodeId> = Vec::new();
        let mut done = HashSet::new();
        let mut ends = ends.into_iter().cycle();
        loop {
            while running.len() < lanes {
                let Work::Run(id) = graph.next_work() else { break };
                let entry = &entries[id.index()];
                prop_assert!(!done.contains(&entry.id), "ran twice");
                for dependency in &entry.dependencies {
                    prop_assert!(done.contains(dependency), "{} ran before {dependency}", entry.id);
                }
                for other in &running {
                    let other = &entries[other.index()];
                    let shared = entry.dependencies.iter()
                        .any(|table| is_table(*table) && other.dependencies.contains(table));
                    prop_assert!(!shared || (entry.kind == Kind::Index && other.kind == Kind::Index));
                }
                running.push(id);
            }
            let end = ends.next().expect("the cycle never ends");
            if !loads.is_empty() && (running.is_empty() || end.index(3) == 0) {
                let table = loads.remove(end.index(loads.len()));
                done.insert(table);
                graph.loaded(table);
            } else if running.is_empty() {
                break;
            } else {
                let id = running.remove(end.index(running.len()));
                done.insert(entries[id.index()].id);
                graph.done(id);
            }
        }
        prop_assert_eq!(graph.next_work(), Work::Finished);
        prop_assert_eq!(done.len(), entries.len() + 2);
    }
}
