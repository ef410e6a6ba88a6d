//! The choice itself, step by step: what is named, its partitions, its parts, what all that needs, and what is said of it.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{
    Chosen,
    outline::{Outline, is_description, is_part, is_publication, is_relation},
};
use crate::{
    format::PgText,
    restore::selection::{Rename, Selection},
    schema::Kind,
};

/// What of a schema, in the archive's order, a selection needs.
pub fn choose(entries: &[Outline], selection: &Selection) -> Chosen {
    let by_id: HashMap<u32, &Outline> = entries.iter().map(|entry| (entry.id, entry)).collect();
    let mut choice = Choice {
        by_id,
        wanted: HashSet::new(),
        owned: HashSet::new(),
        attached: HashSet::new(),
        chosen: Chosen::default(),
    };
    choice.note_ties(entries);
    choice.take_named(entries, selection);
    choice.take_partitions();
    choice.take_parts(entries);
    choice.take_needed();
    choice.take_descriptions(entries);
    choice.conclude(entries, selection)
}

struct Choice<'a> {
    by_id: HashMap<u32, &'a Outline>,
    /// What is named, and its parts.
    wanted: HashSet<u32>,
    /// Sequences that belong to a column, identities aside.
    owned: HashSet<u32>,
    /// Partitions, each with its parent.
    attached: HashSet<(u32, u32)>,
    chosen: Chosen,
}

impl<'a> Choice<'a> {
    /// Those that an entry depends on and that the schema has.
    fn dependencies(&self, entry: &Outline) -> impl Iterator<Item = &'a Outline> {
        entry.dependencies.iter().filter_map(|id| self.by_id.get(id).copied())
    }

    fn note_ties(&mut self, entries: &[Outline]) {
        for entry in entries {
            if entry.kind == Kind::TableAttach {
                self.attached.extend(self.attachment(entry));
            } else if entry.kind == Kind::SequenceOwner {
                let sequences = self.dependencies(entry).filter(|other| other.kind == Kind::Sequence);
                let sequences: Vec<u32> = sequences.map(|sequence| sequence.id).collect();
                self.owned.extend(sequences);
            }
        }
    }

    fn take_named(&mut self, entries: &[Outline], selection: &Selection) {
        let schemas: HashSet<&PgText> = selection.schemas.iter().collect();
        let relations: HashSet<(&PgText, &PgText)> =
            selection.relations.iter().map(|(schema, name)| (schema, name)).collect();
        let mut seen_schemas: HashSet<&PgText> = HashSet::new();
        let mut seen_relations = HashSet::new();
        for entry in entries {
            let is_schema = entry.kind == Kind::Schema && schemas.contains(&entry.tag);
            let inside = entry.namespace.as_ref().filter(|name| schemas.contains(name));
            let named = entry.namespace.as_ref().filter(|_| is_relation(entry.kind));
            let named = named.map(|schema| (schema, &entry.tag)).filter(|name| relations.contains(name));
            seen_schemas.extend(inside);
            seen_schemas.extend(is_schema.then_some(&entry.tag));
            seen_relations.extend(named);
            let is_own = !is_part(entry.kind) && !is_description(entry.kind) && !is_publication(entry.kind);
            if is_schema || (inside.is_some() && is_own) || named.is_some() {
                self.wanted.insert(entry.id);
            }
        }
        let unknown = selection.schemas.iter().filter(|schema| !seen_schemas.contains(schema));
        self.chosen.unknown.extend(unknown.map(|schema| format!("the point has no schema \"{schema}\"")));
        let unknown =
            selection.relations.iter().filter(|(schema, name)| !seen_relations.contains(&(schema, name)));
        self.chosen.unknown.extend(unknown.map(|(schema, name)| {
            format!("the point has no table, view or sequence \"{schema}\".\"{name}\"")
        }));
    }

    /// The rows of a partitioned table are in its partitions.
    fn take_partitions(&mut self) {
        loop {
            let before = self.wanted.len();
            for (partition, parent) in &self.attached {
                if self.wanted.contains(parent) {
                    self.wanted.insert(*partition);
                }
            }
            if self.wanted.len() == before {
                return;
            }
        }
    }

    /// Partition and parent of a `TABLE ATTACH`, which is called as the partition.
    fn attachment(&self, attach: &Outline) -> Option<(u32, u32)> {
        let tables: Vec<&Outline> = self
            .dependencies(attach)
            .filter(|entry| matches!(entry.kind, Kind::Table | Kind::ForeignTable))
            .collect();
        let partition = tables.iter().find(|table| table.name() == attach.name())?;
        let parent = tables.iter().find(|table| table.id != partition.id)?;
        Some((partition.id, parent.id))
    }

    fn take_parts(&mut self, entries: &'a [Outline]) {
        for entry in entries {
            let is_taken = match entry.kind {
                Kind::Sequence | Kind::Statistics | Kind::MaterializedViewData => {
                    self.has_wanted_relation(entry)
                }
                Kind::SequenceOwner => self.is_of_wanted_sequence(entry),
                Kind::Index | Kind::IndexAttach | Kind::TableAttach => {
                    self.is_index_or_attachment_of_wanted(entry)
                }
                Kind::ForeignKey => self.is_tagged_part_of_wanted(entry) && self.refers_to_wanted(entry),
                kind if is_part(kind) => self.is_tagged_part_of_wanted(entry),
                _ => false,
            };
            if is_taken {
                self.wanted.insert(entry.id);
            }
        }
    }

    fn has_wanted_relation(&self, entry: &Outline) -> bool {
        let is_table = |entry: &&Outline| {
            is_relation(entry.kind) && entry.kind != Kind::Sequence && self.wanted.contains(&entry.id)
        };
        self.dependencies(entry).any(|entry| is_table(&entry))
    }

    /// Whether a sequence is wanted and the table that it belongs to, too.
    fn is_of_wanted_sequence(&self, entry: &Outline) -> bool {
        let mut sequences = self.dependencies(entry).filter(|other| other.kind == Kind::Sequence);
        sequences.any(|sequence| self.wanted.contains(&sequence.id) && self.has_wanted_relation(sequence))
    }

    fn is_tagged_part_of_wanted(&self, entry: &Outline) -> bool {
        let mut wanted = self.dependencies(entry).filter(|other| self.wanted.contains(&other.id));
        wanted.any(|other| {
            (is_relation(other.kind) || other.kind == Kind::Domain) && entry.is_tagged_as_part_of(other)
        })
    }

    /// Tables and indexes that these depend on are all among what is wanted.
    fn is_index_or_attachment_of_wanted(&mut self, entry: &Outline) -> bool {
        let ties: Vec<&Outline> = self
            .dependencies(entry)
            .filter(|other| {
                let is_key = matches!(other.kind, Kind::Index | Kind::Constraint);
                (is_relation(other.kind) && other.kind != Kind::Sequence)
                    || (is_key && entry.kind != Kind::Index)
            })
            .collect();
        let missing = ties.iter().find(|other| !self.wanted.contains(&other.id));
        if let Some(missing) = missing
            && entry.kind == Kind::TableAttach
            && ties.iter().any(|other| self.wanted.contains(&other.id))
        {
            let remark =
                format!("{} stands by itself: {} is not selected", entry.full_name(), missing.full_name());
            self.chosen.remarks.push(remark);
        }
        !ties.is_empty() && missing.is_none()
    }

    /// Whether every table and key that a foreign key depends on is wanted.
    fn refers_to_wanted(&mut self, entry: &Outline) -> bool {
        let missing = self.dependencies(entry).find(|other| {
            let is_tie = is_relation(other.kind) || matches!(other.kind, Kind::Constraint | Kind::Index);
            is_tie && !self.wanted.contains(&other.id)
        });
        if let Some(missing) = missing {
            self.chosen.remarks.push(format!(
                "foreign key {} is left out: {} is not selected",
                entry.full_name(),
                missing.full_name()
            ));
        }
        missing.is_none()
    }

    /// Whatever the wanted depends on, and that depends on.
    fn take_needed(&mut self) {
        let mut left: Vec<u32> = self.wanted.iter().copied().collect();
        self.chosen.entries.clone_from(&self.wanted);
        while let Some(id) = left.pop() {
            let Some(entry) = self.by_id.get(&id).copied() else { continue };
            let needed = self.dependencies(entry).filter(|other| self.is_needed_by(entry, other));
            let needed: Vec<&Outline> = needed.collect();
            for other in needed {
                if self.chosen.entries.insert(other.id) {
                    self.chosen.needed.insert(other.id);
                    left.push(other.id);
                }
            }
        }
        let mut bare: Vec<String> = self
            .chosen
            .needed
            .iter()
            .filter_map(|id| self.by_id.get(id))
            .filter(|entry| entry.kind == Kind::Table)
            .map(|entry| {
                format!(
                    "{} comes without its rows: something selected needs its definition",
                    entry.full_name()
                )
            })
            .collect();
        bare.sort();
        self.chosen.remarks.extend(bare);
    }

    /// Whether an entry cannot be without another. What its definition does not speak of only ties it to that: a sequence to
    /// the table of its column, a partition to its parent, and the index of one to that of the other.
    fn is_needed_by(&self, entry: &Outline, other: &Outline) -> bool {
        let is_key = |kind| matches!(kind, Kind::Index | Kind::Constraint);
        let is_owner = self.owned.contains(&entry.id) && other.kind == Kind::Table;
        let is_parent = self.attached.contains(&(entry.id, other.id));
        let is_key_of_parent = is_key(entry.kind) && is_key(other.kind);
        !(is_owner || is_parent || is_key_of_parent)
    }

    /// Comments, grants and labels of what comes, and the checks of domains that are stored apart from them.
    fn take_descriptions(&mut self, entries: &[Outline]) {
        let goes_along = |entry: &&Outline| is_description(entry.kind) || entry.kind == Kind::CheckConstraint;
        for entry in entries.iter().filter(goes_along) {
            let is_check = entry.kind == Kind::CheckConstraint;
            if is_check && !self.dependencies(entry).any(|other| other.kind == Kind::Domain) {
                continue;
            }
            let mut of = self.dependencies(entry).peekable();
            let is_of_something = of.peek().is_some();
            let (mut has_all, mut is_needed) = (true, false);
            for other in of {
                has_all &= self.chosen.entries.contains(&other.id);
                is_needed |= self.chosen.needed.contains(&other.id);
            }
            if is_of_something && has_all {
                self.chosen.entries.insert(entry.id);
                if is_needed {
                    self.chosen.needed.insert(entry.id);
                }
            }
        }
    }

    fn conclude(mut self, entries: &[Outline], selection: &Selection) -> Chosen {
        let mut kinds: HashMap<(PgText, PgText), Kind> = HashMap::new();
        let mut schemas: BTreeSet<PgText> = BTreeSet::new();
        for entry in entries.iter().filter(|entry| self.chosen.entries.contains(&entry.id)) {
            let is_wanted = self.wanted.contains(&entry.id);
            match entry.kind {
                Kind::Table if is_wanted => drop(self.chosen.tables.insert(entry.name())),
                // One that a wanted default draws from goes on where it was, too.
                Kind::Sequence => drop(self.chosen.sequences.insert(entry.name())),
                Kind::Extension => drop(self.chosen.extensions.insert(entry.tag.clone())),
                _ => {}
            }
            if is_wanted && is_relation(entry.kind) {
                kinds.insert(entry.name(), entry.kind);
            }
            schemas.extend(entry.namespace.clone());
            schemas.extend((entry.kind == Kind::Schema).then(|| entry.tag.clone()));
        }
        let mut last = Vec::new();
        for rename in &selection.renames {
            match rename {
                Rename::Schema { from, .. } if schemas.contains(from) => {
                    last.push((Kind::Schema, rename.clone()))
                }
                Rename::Schema { from, .. } => {
                    let unknown = format!("schema \"{from}\" cannot be renamed: nothing selected is in it");
                    self.chosen.unknown.push(unknown);
                }
                Rename::Relation { schema, from, .. } => match kinds.get(&(schema.clone(), from.clone())) {
                    Some(kind) => self.chosen.renames.push((*kind, rename.clone())),
                    None => {
                        let unknown =
                            format!("\"{schema}\".\"{from}\" cannot be renamed: it is not selected");
                        self.chosen.unknown.push(unknown);
                    }
                },
            }
        }
        self.chosen.renames.extend(last);
        self.chosen
    }
}
