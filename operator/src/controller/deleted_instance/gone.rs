//! Which instances have lost their objects, and which claims hold nothing any more. Pure.

use std::collections::BTreeSet;

use contract::{Life, Owner, OwnerChange, OwnerView, Remains};
use jiff::Timestamp;

use super::facts::{Facts, Gone};
use super::remains::{purge, remains};
use super::undelete::{Return, undelete};
use crate::controller::life;

/// The owners that the ledger has as living, or that have points without a word of them, and whose objects the watch does not
/// know. The API server is asked about these.
pub fn candidates(facts: &Facts<'_>) -> Vec<Owner> {
    unwatched(facts).into_iter().collect()
}

/// What the ledger is to be told of those that are gone.
pub fn changes(facts: &Facts<'_>, now: Timestamp) -> Vec<OwnerChange> {
    let lost = unwatched(facts).into_iter().filter(|owner| is_gone(facts, owner));
    // A purge by a clock that is behind would come before its time.
    let is_sure = |change: &OwnerChange| {
        !facts.clock_skewed || !matches!(change, OwnerChange::Deleted { points: Remains::Purged { .. }, .. })
    };
    let ends = lost.map(|owner| end(facts, owner, now));
    let mut changes: Vec<OwnerChange> = ends.chain(purges(facts, now)).filter(is_sure).collect();
    changes.extend(spent(facts).map(|owner| OwnerChange::Released { owner: owner.clone() }));
    changes
}

fn unwatched(facts: &Facts<'_>) -> BTreeSet<Owner> {
    let lives = |life: &Life| matches!(life, Life::Active | Life::ResumeRequired { .. });
    let living = facts.own_views().filter(|view| lives(&view.life)).map(|view| &view.owner);
    let is_silent = |owner: &&Owner| match facts.catalogue.owners.get(*owner) {
        None => true,
        Some(view) => view.life == Life::Released,
    };
    let with_points = facts.catalogue.points.values().filter(|point| facts.is_own(&point.owner));
    let unmentioned = with_points
        .filter(|point| point.state != contract::PointState::Expired)
        .map(|point| &point.owner)
        .filter(is_silent);
    let is_unwatched =
        |owner: &&Owner| life::uid(owner).is_some_and(|uid| !facts.instances.contains_key(uid));
    living.chain(unmentioned).filter(is_unwatched).cloned().collect()
}

fn is_gone(facts: &Facts<'_>, owner: &Owner) -> bool {
    life::uid(owner).is_some_and(|uid| facts.gone.contains(uid))
}

/// Its points are left to what its spec says of them; without any point there is nothing to bring back.
fn end(facts: &Facts<'_>, owner: Owner, now: Timestamp) -> OwnerChange {
    if facts.points_of(&owner).next().is_none() {
        return OwnerChange::Released { owner };
    }
    let points = remains(facts, &owner, now);
    let reason = reason(facts, &owner);
    OwnerChange::Deleted { owner, points, reason }
}

/// What was to stay of those whose records say now that it may go.
fn purges(facts: &Facts<'_>, now: Timestamp) -> Vec<OwnerChange> {
    let is_asked = |gone: &Gone<'_>| {
        let record = gone.record().and_then(|name| facts.record(&name));
        record.is_some_and(|record| record.spec.purge) && undelete(facts, gone) == Return::NotAsked
    };
    let points = Remains::Purged { at: purge(facts, now) };
    let change = |view: &OwnerView| match &view.life {
        Life::Deleted { points: Remains::Kept | Remains::AsStamped, reason, .. } => {
            let reason = format!("{reason}; `purge` was set on its record");
            Some(OwnerChange::Deleted { owner: view.owner.clone(), points, reason })
        }
        Life::Deleted { .. } | Life::Active | Life::ResumeRequired { .. } | Life::Released => None,
    };
    facts
        .deleted()
        .values()
        .filter(|gone| is_asked(gone))
        .flat_map(|gone| &gone.views)
        .filter_map(|view| change(view))
        .collect()
}

fn reason(facts: &Facts<'_>, owner: &Owner) -> String {
    match owner {
        Owner::Instance { namespace, .. } if facts.has_lost_its_namespace(owner) => {
            format!("namespace {namespace} was deleted")
        }
        Owner::Instance { namespace, instance, .. } => {
            format!("BackupInstance {namespace}/{instance} was deleted")
        }
        Owner::Cli { .. } => String::new(),
    }
}

/// Owners that hold a datasource for nothing: a deleted one without points, and what a living instance protected before it was
/// pointed elsewhere, if nothing of that is left.
fn spent<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = &'a Owner> {
    let is_spent = |owner: &Owner, life: &Life| match life {
        Life::Deleted { .. } => true,
        Life::Active => is_left_behind(facts, owner),
        Life::ResumeRequired { .. } | Life::Released => false,
    };
    facts
        .own_views()
        .filter(move |view| is_spent(&view.owner, &view.life))
        .map(|view| &view.owner)
        .filter(|owner| facts.points_of(owner).next().is_none())
}

fn is_left_behind(facts: &Facts<'_>, owner: &Owner) -> bool {
    let Owner::Instance { instance_uid, datasource_id, .. } = owner else { return false };
    let instance = facts.instances.get(instance_uid);
    let now = instance.and_then(|held| held.status.as_ref()).and_then(|status| status.datasource_id.as_ref());
    now.is_some_and(|now| now != datasource_id)
}
