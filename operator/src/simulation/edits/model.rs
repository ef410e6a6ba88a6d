//! What the documents promise (design.md 3, docs/deletion.md), as a machine of its own: no code of it decides in the product.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::calendar::{end, is_in_range, is_slot, month, newest_slot, week};
use super::owners::{Life, Owner, Remains};
use super::words::{Deletion, Edit, Keep, Protection, Shape, SoftDelete};
use crate::simulation::pods::Play;

/// After protection was stopped nothing expires for so long.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// A job on demand begins within this time, or never.
const PATIENCE: SignedDuration = SignedDuration::from_mins(60);

/// Everything that there is.
pub struct Model {
    pub policies: BTreeMap<&'static str, Shape>,
    pub instances: BTreeMap<&'static str, Instance>,
    /// By number.
    pub owners: Vec<Owner>,
    /// Oldest first, those that are gone included.
    pub points: Vec<Point>,
    /// On demand.
    pub jobs: Vec<Job>,
    pub consents: bool,
    pub soft_delete: SoftDelete,
}

pub struct Instance {
    pub number: usize,
    pub policy: &'static str,
    pub deletion: Deletion,
    pub protection: Protection,
    /// The record that its annotation names.
    pub named: Option<usize>,
    /// When it was first known which database it is.
    checked: Option<Timestamp>,
    /// Slots up to then are used.
    used: Option<Timestamp>,
    /// Backups were planned, or made, since there is this object.
    has_worked: bool,
    /// The policy that it followed last, which goes on acting when its object is gone.
    followed: Option<(&'static str, Shape)>,
    /// As people were last shown.
    pub state: &'static str,
    pub ready: &'static str,
    pub is_policy_missing: bool,
    /// Nothing expires before.
    pub resumes: Option<Timestamp>,
}

impl Instance {
    pub fn new(number: usize, policy: &'static str, deletion: Deletion, protection: Protection) -> Self {
        Self {
            number,
            policy,
            deletion,
            protection,
            named: None,
            checked: None,
            used: None,
            has_worked: false,
            followed: None,
            state: "",
            ready: "",
            is_policy_missing: false,
            resumes: None,
        }
    }

    /// Whether a check has told which database it is.
    pub fn is_checked(&self) -> bool {
        self.checked.is_some()
    }
}

#[derive(Debug, Clone)]
pub struct Point {
    pub owner: usize,
    /// What counts for periods: the slot, or when the job was taken up.
    pub moment: Timestamp,
    pub tag: &'static str,
    pub end: Timestamp,
    floor: usize,
    pub is_gone: bool,
}

pub struct Job {
    pub name: String,
    instance: &'static str,
    tag: &'static str,
    accepted: Timestamp,
    pub state: &'static str,
}

impl Model {
    /// A vault that takes the namespace, and nothing else.
    pub fn new() -> Self {
        Self {
            policies: BTreeMap::new(),
            instances: BTreeMap::new(),
            owners: Vec::new(),
            points: Vec::new(),
            jobs: Vec::new(),
            consents: true,
            soft_delete: SoftDelete::Enabled(14),
        }
    }

    /// The points of an owner that are there, oldest first.
    pub fn left(&self, owner: usize) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(move |point| point.owner == owner && !point.is_gone)
    }

    /// Everything has come to rest at this time.
    pub fn look(&mut self, now: Timestamp, play: Play) {
        // What one change makes possible comes with the next round.
        for _ in 0..4 {
            self.notice_ends(now);
            self.bring_back();
            let names: Vec<&'static str> = self.instances.keys().copied().collect();
            for name in names {
                let mut instance = self.instances.remove(name).expect("it was there");
                self.look_at(&mut instance, now, play);
                self.instances.insert(name, instance);
            }
            self.run_demands(now, play);
            self.expire(now);
            self.release();
        }
    }

    fn look_at(&mut self, instance: &mut Instance, now: Timestamp, play: Play) {
        let number = instance.number;
        if let Life::Back { record } = self.owners[number].life
            && instance.named == Some(record)
        {
            self.owners[number].life = Life::Active;
        }
        let protection = self.protection(instance);
        let found = self.referenced(instance);
        if let (Ok(shape), None) = (found, instance.checked)
            && protection != Protection::Stopped
        {
            (instance.checked, instance.followed) = (Some(now), Some((instance.policy, shape)));
        }
        let may_claim = self.consents && instance.checked.is_some();
        let is_its = !may_claim || self.claim(number);
        (self.owners[number].policy, self.owners[number].deletion) = (instance.policy, instance.deletion);
        let found = found.and_then(|shape| if is_its { Ok(shape) } else { Err("DuplicateDatasource") });
        let has_rested = ["BackupsSuspended", "ProtectionStopped"].contains(&instance.state);
        if protection == Protection::Enabled {
            if has_rested {
                // What came due during the rest was not to run. One that was brought back has worked before.
                let is_slot = |point: &Point| point.owner == number && is_slot(point.moment);
                instance.has_worked |= self.points.iter().any(is_slot);
                instance.used = Some(now);
            }
            if let Ok(shape) = found {
                self.schedule(instance, &shape, now, play);
            }
        }
        let was_stopped = instance.state == "ProtectionStopped";
        instance.resumes = match protection {
            Protection::Stopped => None,
            _ if was_stopped => Some(now + GRACE),
            _ => instance.resumes.filter(|time| now < *time),
        };
        instance.is_policy_missing = found.is_ok() && !self.policies.contains_key(instance.policy);
        if let Ok(shape) = found {
            instance.followed = Some((instance.policy, shape));
        }
        // A job on demand names no more than the instance's name: one that is made again under it shows what it did before.
        let name = self.owners[number].name;
        instance.has_worked |= self.jobs.iter().any(|job| job.instance == name && job.state == "Completed");
        show(instance, protection, found, now);
    }

    /// Whatever its spec says, an instance that was brought back is stopped until it is resumed.
    fn protection(&self, instance: &Instance) -> Protection {
        let is_back = matches!(self.owners[instance.number].life, Life::Back { .. });
        if is_back { Protection::Stopped } else { instance.protection }
    }

    /// The policy that acts, or why none can.
    fn referenced(&self, instance: &Instance) -> Result<Shape, &'static str> {
        if !self.consents {
            return Err("NamespaceNotAllowed");
        }
        match (self.policies.get(instance.policy), instance.followed) {
            (Some(shape), _) if !shape.is_sound => Err("PolicyNotReady"),
            (Some(shape), _) => Ok(*shape),
            (None, Some((name, shape))) if name == instance.policy => Ok(shape),
            (None, _) => Err("PolicyNotFound"),
        }
    }

    /// The newest slot that is not used runs once, if its window is still open.
    fn schedule(&mut self, instance: &mut Instance, shape: &Shape, now: Timestamp, play: Play) {
        let is_new = instance
            .followed
            .is_some_and(|(name, before)| name != instance.policy || before.days != shape.days);
        let begun = instance.used.or(instance.checked).unwrap_or(now);
        let used = if is_new { now } else { begun };
        instance.used = Some(used);
        instance.has_worked = true;
        let Some(slot) = newest_slot(shape, used, now) else { return };
        instance.used = Some(slot);
        if now < slot + SignedDuration::from_mins(shape.window_minutes) {
            let tag = self.tag(instance.number, shape, slot);
            self.back_up(instance.number, slot, tag, shape, (now, play));
        }
    }

    /// The first successful point of a month, then of a week; what has expired since was successful all the same.
    fn tag(&self, owner: usize, shape: &Shape, slot: Timestamp) -> (&'static str, Keep) {
        let own = || self.points.iter().filter(|point| point.owner == owner);
        match (shape.monthly, shape.weekly) {
            (Some(keep), _) if !own().any(|point| month(point.moment) == month(slot)) => ("Monthly", keep),
            (_, Some(keep)) if !own().any(|point| week(point.moment) == week(slot)) => ("Weekly", keep),
            _ => ("Default", shape.default),
        }
    }

    /// Runs a backup, and tells how it ended.
    fn back_up(
        &mut self,
        owner: usize,
        moment: Timestamp,
        (tag, keep): (&'static str, Keep),
        shape: &Shape,
        (now, play): (Timestamp, Play),
    ) -> &'static str {
        if play == Play::Fails || !is_in_range(keep, now) {
            return "Failed";
        }
        let (end, floor) = (end(keep, now), shape.floor);
        self.points.push(Point { owner, moment, tag, end, floor, is_gone: false });
        "Completed"
    }

    fn run_demands(&mut self, now: Timestamp, play: Play) {
        for place in 0..self.jobs.len() {
            if self.jobs[place].state == "Pending" {
                self.jobs[place].state = self.demand(place, now, play);
            }
        }
    }

    fn demand(&mut self, place: usize, now: Timestamp, play: Play) -> &'static str {
        let Job { instance, tag, accepted, .. } = self.jobs[place];
        if now >= accepted + PATIENCE {
            return "Expired";
        }
        let Some(held) = self.instances.get(instance) else { return "Pending" };
        match self.protection(held) {
            Protection::Stopped => return "Failed",
            Protection::Suspended => return "Pending",
            Protection::Enabled => {}
        }
        let Some((_, shape)) = held.followed else { return "Pending" };
        if !["AsConfigured", "RetentionOutsideVault"].contains(&held.ready) {
            return "Pending";
        }
        let keep = match tag {
            "Default" => Some(shape.default),
            "Monthly" => shape.monthly,
            _ => None,
        };
        let Some(keep) = keep else { return "Failed" };
        let number = held.number;
        self.back_up(number, accepted, (tag, keep), &shape, (now, play))
    }

    /// What is past its end goes, but for the newest that are kept.
    fn expire(&mut self, now: Timestamp) {
        for owner in 0..self.owners.len() {
            let stamped = self.left(owner).last().map_or(1, |point| point.floor);
            let held = self.instances.values().find(|instance| instance.number == owner);
            let floor = match (held, self.owners[owner].life) {
                (Some(held), _) => {
                    let rests = self.protection(held) == Protection::Stopped || held.resumes.is_some();
                    let promised = held.followed.map_or(1, |(_, shape)| shape.floor);
                    (!rests).then(|| promised.max(stamped))
                }
                (None, Life::Deleted { remains: Remains::AsStamped, .. }) => Some(stamped),
                (None, Life::Deleted { remains: Remains::Purged { at }, .. }) if at <= now => {
                    self.points.iter_mut().filter(|point| point.owner == owner).for_each(|point| {
                        point.is_gone = true;
                    });
                    None
                }
                (None, _) => None,
            };
            let Some(floor) = floor else { continue };
            let of_owner = |point: &&mut Point| point.owner == owner && !point.is_gone;
            let older = self.points.iter_mut().rev().filter(of_owner).skip(floor);
            older.filter(|point| point.end <= now).for_each(|point| point.is_gone = true);
        }
    }

    /// Somebody does something. `false`: admission would not have it.
    pub fn edit(&mut self, edit: Edit, now: Timestamp) -> bool {
        match edit {
            Edit::Policy { name, shape } => drop(self.policies.insert(name, shape)),
            Edit::DeletePolicy { name } if self.is_used(name) => return false,
            Edit::DeletePolicy { name } | Edit::LosePolicy { name } => drop(self.policies.remove(name)),
            Edit::Create { name, database, policy, deletion } => {
                if !self.instances.contains_key(name) {
                    self.make(name, database, policy, deletion, Protection::Enabled);
                }
            }
            Edit::Follow { name, policy } => self.change(name, |held| held.policy = policy),
            Edit::Protect { name, protection } => self.change(name, |held| held.protection = protection),
            Edit::DeletionPolicy { name, deletion } => self.change(name, |held| held.deletion = deletion),
            Edit::Delete { name } => drop(self.instances.remove(name)),
            Edit::Undelete { name, database } => {
                let asked = |owner: &&mut Owner| owner.name == name && owner.database == database;
                for owner in self.owners.iter_mut().filter(asked) {
                    if let Life::Deleted { is_wanted, .. } = &mut owner.life {
                        *is_wanted = true;
                    }
                }
            }
            Edit::Resume { name } => {
                let life = self.instances.get(name).map(|held| self.owners[held.number].life);
                if let Some(Life::Back { record }) = life {
                    self.change(name, |held| held.named = Some(record));
                }
            }
            Edit::ResumeWrongly { name } => self.change(name, |held| held.named = None),
            Edit::Consent(consents) => self.consents = consents,
            Edit::SoftDelete(soft_delete) => {
                // What is on for ever cannot be less.
                if !matches!(self.soft_delete, SoftDelete::AlwaysOn(_)) {
                    self.soft_delete = soft_delete;
                }
            }
            Edit::DeleteVault => return self.vault_users() == (0, 0),
            Edit::Demand { name, tag, .. } => {
                let job = format!("demand-{}", self.jobs.len());
                self.jobs.push(Job { name: job, instance: name, tag, accepted: now, state: "Pending" });
            }
        }
        true
    }

    /// Whether there is a policy that somebody needs.
    fn is_used(&self, policy: &str) -> bool {
        self.policies.contains_key(policy) && self.policy_users(policy) != (0, 0)
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Instance)) {
        if let Some(held) = self.instances.get_mut(name) {
            change(held);
        }
    }
}

/// The state that people are shown, and why.
fn show(instance: &mut Instance, protection: Protection, found: Result<Shape, &'static str>, now: Timestamp) {
    let is_out_of_range = |shape: &Shape| {
        let keeps = [Some(shape.default), shape.weekly, shape.monthly];
        keeps.into_iter().flatten().any(|keep| !is_in_range(keep, now))
    };
    instance.ready = match &found {
        Ok(shape) if is_out_of_range(shape) => "RetentionOutsideVault",
        Ok(_) => "AsConfigured",
        Err(reason) => reason,
    };
    let is_well = instance.ready == "AsConfigured";
    instance.state = match protection {
        Protection::Suspended => "BackupsSuspended",
        Protection::Stopped => "ProtectionStopped",
        Protection::Enabled if is_well => "ProtectionConfigured",
        Protection::Enabled if !instance.has_worked => "ConfiguringProtectionFailed",
        Protection::Enabled => "ProtectionError",
    };
}
