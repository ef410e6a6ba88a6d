//! What is compared, and how the model draws it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::model::Model;
use super::owners::{Life, Remains};

/// All that people can see, in an order that does not depend on ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Picture {
    pub instances: BTreeMap<String, InstanceLine>,
    /// Points that are there, oldest first.
    pub points: Vec<PointLine>,
    /// Records of deleted instances, by name and database.
    pub deleted: BTreeMap<(String, String), DeletedLine>,
    /// State of jobs on demand.
    pub jobs: BTreeMap<String, String>,
    /// Instances, and deleted ones, that use each policy.
    pub policies: BTreeMap<String, (usize, usize)>,
    /// The same for the vault.
    pub vault: (usize, usize),
    /// RecoveryPoint objects in the instances' namespace, and beside the vault.
    pub shown: (usize, usize),
}

#[derive(Debug, PartialEq, Eq)]
pub struct InstanceLine {
    pub state: String,
    pub ready: String,
    pub is_policy_missing: bool,
    /// Until its record is named.
    pub waits: bool,
    pub resumes: Option<Timestamp>,
    pub points: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub struct PointLine {
    /// Name and database of the instance.
    pub owner: (String, String),
    pub tag: String,
    /// The slot, or when it was asked for.
    pub moment: Timestamp,
    /// When it goes, as the vault says.
    pub end: Option<Timestamp>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct DeletedLine {
    pub state: String,
    /// The reason of its condition Ready.
    pub ready: String,
    pub points: usize,
    pub purge: Option<Timestamp>,
}

impl Model {
    pub fn picture(&self) -> Picture {
        let policies = self.policies.keys().map(|name| ((*name).to_owned(), self.policy_users(name)));
        let (living, others) =
            self.points.iter().filter(|point| !point.is_gone).partition::<Vec<_>, _>(|point| {
                self.instances.values().any(|held| held.number == point.owner)
            });
        Picture {
            instances: self.instances.keys().map(|name| ((*name).to_owned(), self.instance(name))).collect(),
            points: self.point_lines(),
            deleted: self.deleted(),
            jobs: self.jobs.iter().map(|job| (job.name.clone(), job.state.to_owned())).collect(),
            policies: policies.collect(),
            vault: self.vault_users(),
            shown: (living.len(), others.len()),
        }
    }

    fn instance(&self, name: &str) -> InstanceLine {
        let held = &self.instances[name];
        InstanceLine {
            state: held.state.to_owned(),
            ready: held.ready.to_owned(),
            is_policy_missing: held.is_policy_missing,
            waits: matches!(self.owners[held.number].life, Life::Back { .. }),
            resumes: held.resumes,
            points: self.left(held.number).count(),
        }
    }

    fn point_lines(&self) -> Vec<PointLine> {
        let line = |point: &super::model::Point| {
            let owner = &self.owners[point.owner];
            let end = match owner.life {
                Life::Back { .. } | Life::Deleted { remains: Remains::Kept, .. } => None,
                Life::Deleted { remains: Remains::Purged { at }, .. } => Some(at),
                _ => Some(point.end),
            };
            PointLine {
                owner: (owner.name.to_owned(), owner.database.to_owned()),
                tag: point.tag.to_owned(),
                moment: point.moment,
                end,
            }
        };
        self.points.iter().filter(|point| !point.is_gone).map(line).collect()
    }

    fn deleted(&self) -> BTreeMap<(String, String), DeletedLine> {
        let line = |number: usize| {
            let owner = &self.owners[number];
            let Life::Deleted { remains, is_wanted } = owner.life else { return None };
            let (state, rests, purge) = match remains {
                Remains::Kept => ("Retained", "PointsRetained", None),
                Remains::AsStamped => ("RetainedPerPolicy", "PointsExpire", None),
                Remains::Purged { at } => ("SoftDeleted", "PurgeScheduled", Some(at)),
            };
            // Who is wanted and still not back has another instance in the way, of another database as far as is known.
            let in_the_way = self.instances.get(owner.name).filter(|_| is_wanted);
            let ready = match in_the_way {
                None => rests,
                Some(held) if held.is_checked() || self.owners[held.number].life != Life::Unclaimed => {
                    "InstanceInTheWay"
                }
                Some(_) => "Undeleting",
            };
            let (state, ready) = (state.to_owned(), ready.to_owned());
            let line = DeletedLine { state, ready, points: self.left(number).count(), purge };
            Some(((owner.name.to_owned(), owner.database.to_owned()), line))
        };
        (0..self.owners.len()).filter_map(line).collect()
    }

    /// Instances that follow a policy, and deleted ones that did and have points left.
    pub fn policy_users(&self, name: &str) -> (usize, usize) {
        let living = self.instances.values().filter(|held| held.policy == name).count();
        let deleted = self.owners.iter().filter(|owner| owner.policy == name);
        (living, deleted.filter(|owner| matches!(owner.life, Life::Deleted { .. })).count())
    }

    /// Instances that the vault takes or that have points in it, and deleted ones that have points left.
    pub fn vault_users(&self) -> (usize, usize) {
        let has_points = |number: usize| self.left(number).next().is_some();
        let living = self.instances.values().filter(|held| self.consents || has_points(held.number));
        let deleted = self.owners.iter().filter(|owner| matches!(owner.life, Life::Deleted { .. }));
        (living.count(), deleted.count())
    }
}
