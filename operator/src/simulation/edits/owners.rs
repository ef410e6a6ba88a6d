//! Of the model: the instances that there have ever been, as owners of points, from the claim on a database to the purge.

use jiff::{SignedDuration, Timestamp};

use super::model::{Instance, Model};
use super::words::{Deletion, Protection, SoftDelete};

/// One instance that there is or was; one made again under the same name is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub name: &'static str,
    pub database: &'static str,
    /// Of its spec as it was last seen.
    pub policy: &'static str,
    pub deletion: Deletion,
    pub life: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Nothing was promised: the database is somebody else's, or nobody knows yet which it is.
    Unclaimed,
    Active,
    /// Brought back from the record of that owner, and stopped until it is named.
    Back {
        record: usize,
    },
    Deleted {
        remains: Remains,
        is_wanted: bool,
    },
    Released,
}

/// What becomes of a deleted owner's points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remains {
    Kept,
    AsStamped,
    Purged { at: Timestamp },
}

impl Model {
    /// Whoever holds a database: protected, waiting to be resumed, or deleted with points left.
    fn holds(&self, number: usize) -> bool {
        match self.owners[number].life {
            Life::Active | Life::Back { .. } => true,
            Life::Deleted { .. } => self.left(number).next().is_some(),
            Life::Unclaimed | Life::Released => false,
        }
    }

    /// Takes the database, unless somebody holds it. Tells whether it is the owner's now.
    pub fn claim(&mut self, number: usize) -> bool {
        if self.holds(number) {
            return true;
        }
        let database = self.owners[number].database;
        let is_held =
            (0..self.owners.len()).any(|other| self.owners[other].database == database && self.holds(other));
        if !is_held {
            self.owners[number].life = Life::Active;
        }
        !is_held
    }

    /// Instances that are gone. What was last seen of them governs what becomes of their points.
    pub fn notice_ends(&mut self, now: Timestamp) {
        for number in 0..self.owners.len() {
            let is_there = self.instances.values().any(|instance| instance.number == number);
            let may_end =
                matches!(self.owners[number].life, Life::Unclaimed | Life::Active | Life::Back { .. });
            if is_there || !may_end {
                continue;
            }
            let remains = match self.owners[number].deletion {
                Deletion::Retain => Remains::Kept,
                Deletion::RetainPerPolicy => Remains::AsStamped,
                Deletion::Delete => Remains::Purged { at: now + self.soft_delete_time() },
            };
            let has_points = self.left(number).next().is_some();
            self.owners[number].life =
                if has_points { Life::Deleted { remains, is_wanted: false } } else { Life::Released };
        }
    }

    /// What the vault says at the time, and never less than it has promised for ever.
    fn soft_delete_time(&self) -> SignedDuration {
        let days = match self.soft_delete {
            SoftDelete::Disabled => 0,
            SoftDelete::Enabled(days) | SoftDelete::AlwaysOn(days) => days,
        };
        SignedDuration::from_hours(24 * i64::from(days))
    }

    /// Deleted owners that somebody wants back: an instance of the name and database takes the points over, one of another
    /// database is in the way, and where there is none it is made, stopped.
    pub fn bring_back(&mut self) {
        for record in 0..self.owners.len() {
            let Owner { name, database, policy, deletion, life } = self.owners[record].clone();
            let is_wanted = matches!(life, Life::Deleted { is_wanted: true, .. });
            if !is_wanted || self.left(record).next().is_none() {
                continue;
            }
            let heir = match self.instances.get(name).map(|held| held.number) {
                Some(heir) if self.owners[heir].database == database => heir,
                Some(_) => continue,
                None => self.make(name, database, policy, deletion, Protection::Stopped),
            };
            self.owners[record].life = Life::Released;
            self.owners[heir].life = Life::Back { record };
            for point in self.points.iter_mut().filter(|point| point.owner == record) {
                point.owner = heir;
            }
        }
    }

    /// A new instance, and its number among all that there were.
    pub fn make(
        &mut self,
        name: &'static str,
        database: &'static str,
        policy: &'static str,
        deletion: Deletion,
        protection: Protection,
    ) -> usize {
        let number = self.owners.len();
        self.owners.push(Owner { name, database, policy, deletion, life: Life::Unclaimed });
        self.instances.insert(name, Instance::new(number, policy, deletion, protection));
        number
    }

    /// Deleted owners of which nothing is left.
    pub fn release(&mut self) {
        for number in 0..self.owners.len() {
            let is_deleted = matches!(self.owners[number].life, Life::Deleted { .. });
            if is_deleted && self.left(number).next().is_none() {
                self.owners[number].life = Life::Released;
            }
        }
    }
}
