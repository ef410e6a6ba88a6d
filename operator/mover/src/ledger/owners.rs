//! Owners beyond their objects: who holds a datasource, whose points are whose, and when a point may go.

use std::sync::Arc;

use contract::{Life, Owner, Pledges, Remains};
use jiff::Timestamp;

use super::State;
use crate::format::{Promise, StateOwner, StatePoint};

impl State {
    /// Every owner that the ledger tells of.
    pub fn owners(&self) -> impl Iterator<Item = &StateOwner> {
        self.owners.values().map(Arc::as_ref)
    }

    pub fn owner(&self, owner: &Owner) -> Option<&StateOwner> {
        self.owners.get(owner).map(Arc::as_ref)
    }

    /// The one-way settings of the vault.
    pub fn pledges(&self) -> Pledges {
        self.pledges
    }

    /// Whose a point is now: who it was made for, or whoever has taken that one's points over.
    pub fn owner_of<'a>(&'a self, point: &'a StatePoint) -> &'a Owner {
        self.heir(&point.point.owner)
    }

    /// What became of the owner of a point; `None` where the ledger tells nothing of it.
    pub fn life_of(&self, point: &StatePoint) -> Option<&Life> {
        self.owner(self.owner_of(point)).map(|known| &known.life)
    }

    /// The points of an owner that have no tombstone, those that it has taken over included.
    pub fn points_of(&self, owner: &Owner) -> Vec<&StatePoint> {
        let names = self.names_of(owner);
        self.points()
            .filter(|point| point.tombstoned.is_none() && names.contains(&&point.point.owner))
            .collect()
    }

    /// From when on a point may go; `None`: it does not expire. Floors are not in it.
    ///
    /// A removal was asked for that very point and outdoes whatever else was promised, but for an owner that was brought
    /// back and has not been resumed: nothing of it expires.
    pub fn end_of(&self, point: &StatePoint) -> Option<Timestamp> {
        let removal = point.removal.as_ref().map(|removal| removal.purge);
        match self.life_of(point) {
            Some(Life::ResumeRequired { .. }) => None,
            Some(Life::Deleted { points: Remains::Kept, .. }) => removal,
            Some(Life::Deleted { points: Remains::Purged { at }, .. }) => {
                Some(removal.map_or(*at, |purge| purge.min(*at)))
            }
            Some(Life::Deleted { points: Remains::AsStamped, .. } | Life::Active | Life::Released) | None => {
                removal.or_else(|| point.promised_end())
            }
        }
    }

    /// Folds in what became of an owner, or a pledge.
    pub(super) fn fold_owner(&mut self, sequence: u64, promise: &Promise) {
        match promise {
            Promise::Claimed { owner, spec } => {
                let known = self.known(owner, spec, sequence);
                known.spec.clone_from(spec);
                if known.life == Life::Released {
                    known.life = Life::Active;
                    known.adopted_by = None;
                    self.tell_points_of(owner, sequence);
                }
            }
            Promise::Owner { owner, life } => {
                self.known(owner, "", sequence).life = life.clone();
                self.tell_points_of(owner, sequence);
            }
            Promise::Adopted { from, to } => self.adopt(from, to, sequence),
            Promise::Released { owner } => {
                self.known(owner, "", sequence).life = Life::Released;
                self.tell_points_of(owner, sequence);
            }
            Promise::Pledged { pledges } => self.pledges = self.pledges.strengthened_by(*pledges),
            _ => {}
        }
    }

    /// Whoever adopts has not been adopted, so that no two can be each other's heirs.
    fn adopt(&mut self, from: &Owner, to: &Owner, sequence: u64) {
        if from == to {
            return;
        }
        let left = self.known(from, "", sequence);
        left.life = Life::Released;
        left.adopted_by = Some(to.clone());
        let spec = left.spec.clone();
        let heir = self.known(to, &spec, sequence);
        heir.adopted_by = None;
        if heir.life == Life::Released {
            heir.life = Life::Active;
        }
        self.tell_points_of(to, sequence);
    }

    /// What is known of an owner, which from now on is something.
    fn known(&mut self, owner: &Owner, spec: &str, sequence: u64) -> &mut StateOwner {
        let known = self.owners.entry(owner.clone()).or_insert_with(|| {
            Arc::new(StateOwner {
                owner: owner.clone(),
                spec: spec.to_owned(),
                life: Life::Active,
                adopted_by: None,
                sequence,
            })
        });
        let known = Arc::make_mut(known);
        known.sequence = sequence;
        known
    }

    /// Has the points of an owner told again: whose they are, or when they end, is not what it was.
    fn tell_points_of(&mut self, owner: &Owner, sequence: u64) {
        let names: Vec<Owner> = self.names_of(owner).into_iter().cloned().collect();
        for point in self.points.values_mut().filter(|point| names.contains(&point.point.owner)) {
            Arc::make_mut(point).sequence = sequence;
        }
    }

    /// The owners whose points are this one's.
    fn names_of<'a>(&'a self, owner: &'a Owner) -> Vec<&'a Owner> {
        let adopted = self.owners.keys().filter(|known| *known != owner && self.heir(known) == owner);
        adopted.chain(Some(owner).filter(|owner| self.heir(owner) == *owner)).collect()
    }

    /// Those who have taken over what an owner had, one after the other: the last of them has it now.
    pub fn heirs<'a>(&'a self, owner: &'a Owner) -> impl Iterator<Item = &'a Owner> {
        let next = |owner: &'a Owner| self.owners.get(owner).and_then(|known| known.adopted_by.as_ref());
        // No fold makes a circle; in one that a stored state had, nobody could go round for ever.
        std::iter::successors(next(owner), move |heir: &&'a Owner| next(heir)).take(self.owners.len())
    }

    fn heir<'a>(&'a self, owner: &'a Owner) -> &'a Owner {
        self.heirs(owner).last().unwrap_or(owner)
    }
}

impl StatePoint {
    /// The end that was promised: stamped when it was accepted, or given later.
    pub fn promised_end(&self) -> Option<Timestamp> {
        self.overridden.as_ref().map(|end| end.until).or(self.point.expiration_time)
    }
}
