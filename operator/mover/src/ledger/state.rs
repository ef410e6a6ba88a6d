//! The fold of the ledger: what a vault has promised, as of its newest entry.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use contract::{Override, Owner, Pledges, Removal, RunId, Verified};
use jiff::{SignedDuration, Timestamp};

use super::LedgerHead;
use crate::{
    clock::later,
    format::{
        Damage, Hash, Id, LedgerEntry, Promise, StateOwner, StatePoint, StateRead, StateRestore, StateVault,
    },
};

/// How long a tombstoned point stays in the state after nobody can write to it any more.
const TOMBSTONE_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What the entries up to the head come to. Cheap to clone: points are shared.
#[derive(Debug, Clone)]
pub struct State {
    pub(super) head: LedgerHead,
    pub(super) vault: Option<StateVault>,
    pub(super) points: BTreeMap<Id, Arc<StatePoint>>,
    pub(super) reads: BTreeMap<RunId, StateRead>,
    pub(super) restores: BTreeMap<(String, String), StateRestore>,
    pub(super) owners: BTreeMap<Owner, Arc<StateOwner>>,
    pub(super) pledges: Pledges,
}

impl State {
    pub(super) fn empty() -> Self {
        Self {
            head: LedgerHead { sequence: 0, hash: Hash::NONE },
            vault: None,
            points: BTreeMap::new(),
            reads: BTreeMap::new(),
            restores: BTreeMap::new(),
            owners: BTreeMap::new(),
            pledges: Pledges::default(),
        }
    }

    pub fn head(&self) -> LedgerHead {
        self.head
    }

    /// `None` before the genesis.
    pub fn vault(&self) -> Option<&StateVault> {
        self.vault.as_ref()
    }

    /// A kind of promise was met that is not known here: nothing may be changed.
    pub fn has_unknown_promises(&self) -> bool {
        self.vault.as_ref().is_some_and(|vault| vault.unknown)
    }

    /// Every point, tombstoned ones included, by id.
    pub fn points(&self) -> impl Iterator<Item = &StatePoint> {
        self.points.values().map(Arc::as_ref)
    }

    pub fn point(&self, point: Id) -> Option<&StatePoint> {
        self.points.get(&point).map(Arc::as_ref)
    }

    /// Points that can be restored and count for a floor, newest first.
    pub fn good_points_of(&self, owner: &Owner) -> Vec<&StatePoint> {
        let mut points: Vec<&StatePoint> =
            self.points_of(owner).into_iter().filter(|point| point.is_good()).collect();
        points.sort_by_key(|point| std::cmp::Reverse((point.point.point_time, point.point.id)));
        points
    }

    /// Whether somebody may still be reading a point.
    pub fn is_read(&self, point: Id, now: Timestamp) -> bool {
        self.reads.values().any(|read| read.point == point && read.deadline > now)
    }

    pub fn read(&self, run: &RunId) -> Option<&StateRead> {
        self.reads.get(run)
    }

    /// The newest restore of a name.
    pub fn restore(&self, namespace: &str, name: &str) -> Option<&StateRestore> {
        self.restores.get(&(namespace.to_owned(), name.to_owned()))
    }

    pub fn restore_of_run(&self, run: &RunId) -> Option<&StateRestore> {
        self.restores.values().find(|restore| restore.run == *run)
    }

    /// Folds a stored entry in.
    pub(super) fn apply(&mut self, entry: &LedgerEntry, hash: Hash) {
        for promise in &entry.promises {
            self.fold(entry.sequence, entry.time, promise);
        }
        self.head = LedgerHead { sequence: entry.sequence, hash };
    }

    /// Folds one promise in.
    pub(super) fn fold(&mut self, sequence: u64, time: Timestamp, promise: &Promise) {
        match promise {
            Promise::Genesis { vault, fingerprint, recipients, tool: _ } if sequence == 1 => {
                self.vault.get_or_insert_with(|| StateVault {
                    vault: *vault,
                    fingerprint: fingerprint.clone(),
                    recipients: recipients.clone(),
                    genesis: time,
                    probes: None,
                    unknown: false,
                });
            }
            Promise::Genesis { .. } | Promise::Unknown => self.set_unknown(),
            Promise::Accepted { point } => {
                self.points.entry(point.id).or_insert_with(|| {
                    Arc::new(StatePoint {
                        point: (**point).clone(),
                        accepted: time,
                        sequence,
                        damage: None,
                        damage_level: None,
                        verified: Verified::default(),
                        tombstoned: None,
                        overridden: None,
                        removal: None,
                    })
                });
            }
            Promise::Verified { point, level, damage } => {
                self.change(*point, sequence, |point| seen(point, time, *level, damage.as_ref()));
            }
            Promise::Tombstone { .. } | Promise::Override { .. } | Promise::Removed { .. } => {
                self.fold_end(sequence, time, promise);
            }
            Promise::Probed { probes } => {
                if let Some(vault) = &mut self.vault {
                    vault.probes = Some(probes.clone());
                }
            }
            Promise::ReadOpened { .. }
            | Promise::ReadClosed { .. }
            | Promise::RestoreStarted { .. }
            | Promise::RestoreEnded { .. } => self.fold_reading(sequence, time, promise),
            Promise::Claimed { .. }
            | Promise::Owner { .. }
            | Promise::Adopted { .. }
            | Promise::Released { .. }
            | Promise::Pledged { .. } => self.fold_owner(sequence, promise),
            Promise::JobEnded { .. } => {}
        }
    }

    /// When a point goes. A removal stands until another end is given; both are without effect on a tombstoned point.
    fn fold_end(&mut self, sequence: u64, time: Timestamp, promise: &Promise) {
        match promise {
            Promise::Tombstone { point, reason: _ } => self.change(*point, sequence, |point| {
                point.tombstoned.get_or_insert(time);
            }),
            Promise::Override { point, until, reason } => self.change(*point, sequence, |point| {
                point.overridden = Some(Override { until: *until, reason: reason.clone() });
                point.removal = None;
            }),
            Promise::Removed { point, purge, reason } => self.change(*point, sequence, |point| {
                point.removal = Some(Removal { purge: *purge, reason: reason.clone() });
            }),
            _ => {}
        }
    }

    fn fold_reading(&mut self, sequence: u64, time: Timestamp, promise: &Promise) {
        match promise {
            Promise::ReadOpened { run, point, reader, deadline } => {
                let read =
                    StateRead { run: run.clone(), point: *point, reader: *reader, deadline: *deadline };
                self.reads.insert(run.clone(), read);
            }
            Promise::ReadClosed { run } => {
                self.reads.remove(run);
            }
            Promise::RestoreStarted { run, point, namespace, name, spec_hash, target } => {
                let restore = StateRestore {
                    run: run.clone(),
                    point: *point,
                    namespace: namespace.clone(),
                    name: name.clone(),
                    spec_hash: spec_hash.clone(),
                    target: target.clone(),
                    started: time,
                    outcome: None,
                    sequence,
                };
                self.restores.insert((namespace.clone(), name.clone()), restore);
            }
            Promise::RestoreEnded { run, outcome } => {
                if let Some(restore) = self.restores.values_mut().find(|restore| restore.run == *run) {
                    restore.outcome = Some(*outcome);
                    restore.sequence = sequence;
                }
                self.reads.remove(run);
            }
            _ => {}
        }
    }

    /// Forgets what no decision can depend on any more. A tombstone stays until its point is `cleared`: without it, the
    /// point's record would look like one that was never accepted.
    pub(super) fn forget(&mut self, now: Timestamp, cleared: &HashSet<Id>) {
        self.points.retain(|id, point| {
            let is_kept =
                |tombstoned: Timestamp| later(tombstoned.max(point.point.deadline), TOMBSTONE_LIFE) > now;
            !cleared.contains(id) || point.tombstoned.is_none_or(is_kept)
        });
        self.reads.retain(|_, read| read.deadline > now);
    }

    fn set_unknown(&mut self) {
        if let Some(vault) = &mut self.vault {
            vault.unknown = true;
        }
    }

    fn change(&mut self, point: Id, sequence: u64, change: impl FnOnce(&mut StatePoint)) {
        if let Some(point) = self.points.get_mut(&point) {
            let point = Arc::make_mut(point);
            change(point);
            point.sequence = sequence;
        }
    }
}

impl StatePoint {
    /// It can be restored, as far as is known, stays, and counts for a floor.
    pub fn is_good(&self) -> bool {
        self.tombstoned.is_none() && self.damage.is_none() && self.removal.is_none()
    }
}

/// What a check of a point has found: damage stands until a check that is at least as deep finds none.
fn seen(point: &mut StatePoint, time: Timestamp, level: u8, damage: Option<&Damage>) {
    if let Some(damage) = damage {
        point.damage = Some(damage.clone());
        point.damage_level = Some(level);
        return;
    }
    if point.damage_level.is_some_and(|found| found <= level) {
        point.damage = None;
        point.damage_level = None;
    }
    if level >= 2 {
        point.verified.full = Some(time);
    }
    if level >= 4 {
        point.verified.restored = Some(time);
    }
}
