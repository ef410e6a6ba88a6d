//! Which points of the catalogue appear as objects, and what has to be created, told and removed for that. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{PointId, PointState, PointView};
use crds::{RecoveryPoint, RecoveryPointStatus};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::facts::{Facts, owner_key};
use super::{ranges, view};
use crate::cluster::same;

/// What has to be written so that the objects are the view they should be.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Objects that are missing, with the status that each is given next.
    pub create: Vec<(RecoveryPoint, RecoveryPointStatus)>,
    /// Objects whose status is out of date.
    pub update: Vec<(Arc<RecoveryPoint>, RecoveryPointStatus)>,
    /// Objects whose point is gone, is no longer among the newest, or is shown elsewhere. Deleting one deletes no data.
    pub remove: Vec<Arc<RecoveryPoint>>,
}

/// Compares the objects with what the catalogue says.
pub fn changes(facts: &Facts<'_>, now: Timestamp) -> Changes {
    let mut changes = Changes::default();
    let mut wanted = BTreeSet::new();
    for point in shown(facts) {
        let object = view::object(facts, point);
        let address = address(&object);
        let held = facts.objects.iter().find(|held| address_of(held) == address);
        let status = view::status(facts, point, held.map(Arc::as_ref), now);
        match held {
            None => changes.create.push((object, status)),
            // Of this name, and of another point: not ours, and what is shown must not lead to what is not. The right one
            // is made by the next look.
            Some(held) if !view::leads_to(held, &object) => continue,
            Some(held) if !same(held.status.as_ref(), &status) => {
                changes.update.push((Arc::clone(held), status))
            }
            Some(_) => {}
        }
        wanted.insert(address);
    }
    changes.remove =
        facts.objects.iter().filter(|held| !wanted.contains(&address_of(held))).cloned().collect();
    changes
}

/// Of each owner the newest points that are there, at most as many as the vault's window; those in use, those that end at
/// another time than stamped or of which that is asked, those of a time that somebody wants to see, and those that should be
/// gone and that storage does not let go.
fn shown<'a>(facts: &Facts<'a>) -> Vec<&'a PointView> {
    let window = usize::try_from(facts.vault.spec.recovery_point_window).unwrap_or(0);
    let mut by_owner: BTreeMap<String, Vec<&PointView>> = BTreeMap::new();
    for point in facts.catalogue.points.values().filter(|point| point.state != PointState::Expired) {
        by_owner.entry(owner_key(&point.owner)).or_default().push(point);
    }
    let requested = requested(facts);
    let mut shown = Vec::new();
    for points in by_owner.values_mut() {
        points.sort_by(|left, right| newest_first(left, right));
        let (newest, older) = points.split_at(window.min(points.len()));
        shown.extend(newest.iter().copied());
        let wanted = older.iter().filter(|point| in_range(facts, point)).take(ranges::MOST);
        let wanted: BTreeSet<&PointId> = wanted.map(|point| &point.id).collect();
        let is_special = |point: &&PointView| {
            facts.in_use.contains(&point.id)
                || point.overridden.is_some()
                || point.removal.is_some()
                || requested.contains(point.id.0.as_str())
                || wanted.contains(&point.id)
        };
        shown.extend(older.iter().copied().filter(is_special));
    }
    let kept =
        |point: &&PointView| point.state == PointState::Expired && facts.undeleted.contains_key(&point.id);
    shown.extend(facts.catalogue.points.values().filter(kept));
    shown
}

/// Whether a point is of the time that its living instance's annotation names.
fn in_range(facts: &Facts<'_>, point: &PointView) -> bool {
    let range = || facts.ranges.get(facts.instance_of(point)?.metadata.uid.as_ref()?);
    range().is_some_and(|range| range.holds(point))
}

/// Ids of points whose objects ask for something.
fn requested<'a>(facts: &Facts<'a>) -> BTreeSet<&'a str> {
    let objects = facts.objects.iter().map(|object| &object.spec);
    let asking = objects.filter(|spec| spec.deletion_request.is_some() || spec.retention_override.is_some());
    asking.map(|spec| spec.point_id.as_str()).collect()
}

/// Equal times are told apart by id, so that the same ones are shown after every restart.
fn newest_first(left: &PointView, right: &PointView) -> std::cmp::Ordering {
    let key = |point: &PointView| -> (Timestamp, PointId) { (point.point_time, point.id.clone()) };
    key(right).cmp(&key(left))
}

fn address(object: &RecoveryPoint) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn address_of(object: &Arc<RecoveryPoint>) -> (String, String) {
    address(object)
}
