//! What becomes of the instances that own points, and the pledges of the vault itself.

use contract::{Holder, Life, Owner, OwnerChange, Pledges, PointId, Remains};
use jiff::{SignedDuration, Timestamp};

use super::{Vault, VaultError, restores::cut};
use crate::{
    clock::later,
    format::{Id, Promise, StateOwner, StatePoint},
    ledger::{LedgerHead, Refused, State, name_abroad, name_of},
};

/// Longest spec that the ledger takes, bytes: far beyond any instance, far below what one entry holds.
const SPEC: usize = 64 * 1024;
/// How much earlier than pledged an end may lie: the asker's clock is another, and a request takes its time.
const SLACK: SignedDuration = SignedDuration::from_mins(10);
/// Points that were taken over stay at least so long: in the time without a cluster many have come to their end.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// Points of which the end comes later than this need no other one. An hour less than what others are given, so that what is
/// put off once is not put off again by the next entry.
const NEAR: SignedDuration = SignedDuration::from_hours(23);
/// Points that one entry puts off at most: an entry takes 256 promises.
const PUT_OFF: usize = 128;

impl Vault {
    /// Takes in what became of an owner. Asked again, it changes nothing.
    ///
    /// # Errors
    /// [`Refused`], with nothing changed; a failure of storage.
    pub async fn change_owner(&self, change: OwnerChange) -> Result<LedgerHead, VaultError> {
        loop {
            let (asked, clock) = (change.clone(), self.clock().clone());
            let decide = move |state: &State| decide(state, &asked, clock.now()).into();
            let head = self.inner.ledger.append(decide).await?;
            if is_whole(&self.inner.ledger.state(), &change) {
                return Ok(head);
            }
        }
    }

    /// Strengthens what the vault has pledged. What is weaker changes nothing.
    ///
    /// # Errors
    /// When the ledger does not take it.
    pub async fn pledge(&self, pledges: Pledges) -> Result<LedgerHead, VaultError> {
        let decide = move |state: &State| {
            let stronger = state.pledges().strengthened_by(pledges);
            let is_news = stronger != state.pledges();
            Ok(is_news.then_some(Promise::Pledged { pledges: stronger }).into_iter().collect()).into()
        };
        Ok(self.inner.ledger.append(decide).await?)
    }

    /// Refuses a point whose instance was deleted: it is to be brought back before anything is restored from it. For keepers;
    /// whoever has the vault's keys on the command line may read everything.
    ///
    /// # Errors
    /// [`Refused::OwnerDeleted`].
    pub fn refuse_deleted_owner(&self, point: &PointId) -> Result<(), VaultError> {
        let point = Id::try_from(point).map_err(|_| VaultError::Id { what: "the point's" })?;
        let state = self.inner.ledger.state();
        match state.point(point) {
            Some(found) if matches!(state.life_of(found), Some(Life::Deleted { .. })) => {
                Err(Refused::OwnerDeleted { owner: name_of(state.owner_of(found)) }.into())
            }
            _ => Ok(()),
        }
    }
}

/// What a change comes to: nothing where it is so already.
fn decide(state: &State, change: &OwnerChange, now: Timestamp) -> Result<Vec<Promise>, Refused> {
    match change {
        OwnerChange::Claimed { owner, spec } => claim(state, owner, spec),
        OwnerChange::Deleted { owner, points, reason } => delete(state, owner, *points, reason, now),
        OwnerChange::Undeleted { owner, to, record } => undelete(state, owner, to, record),
        OwnerChange::Adopted { from, to, record } => adopt(state, from, to, record, now),
        OwnerChange::Resumed { owner } => resume(state, owner),
        OwnerChange::Released { owner } => release(state, owner),
    }
}

/// Whether nothing of a change is left for another entry. Only that of an owner with many points takes several.
fn is_whole(state: &State, change: &OwnerChange) -> bool {
    match change {
        OwnerChange::Adopted { from, to, .. } => state.heirs(from).any(|heir| heir == to),
        OwnerChange::Claimed { .. }
        | OwnerChange::Deleted { .. }
        | OwnerChange::Undeleted { .. }
        | OwnerChange::Resumed { .. }
        | OwnerChange::Released { .. } => true,
    }
}

fn claim(state: &State, owner: &Owner, spec: &str) -> Result<Vec<Promise>, Refused> {
    refuse_command_line(owner)?;
    if spec.len() > SPEC {
        return Err(Refused::SpecTooLong { bytes: spec.len() });
    }
    let claimed = vec![Promise::Claimed { owner: owner.clone(), spec: spec.to_owned() }];
    match state.owner(owner) {
        Some(known) => match &known.life {
            Life::Active | Life::ResumeRequired { .. } if known.spec == spec => Ok(Vec::new()),
            // Of one that waits to be resumed the newer spec is remembered, and nothing else changes: should it be deleted
            // again, what its people wrote last governs its points.
            Life::Active | Life::ResumeRequired { .. } => Ok(claimed),
            Life::Deleted { .. } => Err(Refused::OwnerDeleted { owner: name_of(owner) }),
            Life::Released => refuse_held(state, &[owner]).map(|()| claimed),
        },
        None => refuse_held(state, &[owner]).map(|()| claimed),
    }
}

fn delete(
    state: &State,
    owner: &Owner,
    points: Remains,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Promise>, Refused> {
    refuse_command_line(owner)?;
    let has_points = !state.points_of(owner).is_empty();
    match state.owner(owner).map(|known| &known.life) {
        None if !has_points => return Err(Refused::OwnerNotFound { owner: name_of(owner) }),
        Some(Life::Released) if !has_points => return Ok(Vec::new()),
        Some(Life::Deleted { points: promised, .. }) if *promised == points => return Ok(Vec::new()),
        Some(Life::Deleted { points: promised, .. }) if !may_become(*promised, points) => {
            return Err(Refused::WeakerThanPromised { owner: name_of(owner) });
        }
        // Of a purge that is put off, the first promise was within the pledge.
        Some(Life::Deleted { points: Remains::Purged { .. }, .. }) => {}
        _ => {
            if let Remains::Purged { at } = points {
                refuse_earlier_than_pledged(state, at, now)?;
            }
        }
    }
    let time = match state.owner(owner).map(|known| &known.life) {
        Some(Life::Deleted { time, .. }) => *time,
        _ => now,
    };
    let life = Life::Deleted { time, points, reason: cut(reason) };
    Ok(vec![Promise::Owner { owner: owner.clone(), life }])
}

/// Whether what was promised for a deleted owner's points may become something else: what keeps them longer, and a purge
/// where none was promised.
fn may_become(promised: Remains, asked: Remains) -> bool {
    match (promised, asked) {
        (_, Remains::Kept) | (Remains::Kept | Remains::AsStamped, Remains::Purged { .. }) => true,
        (Remains::Purged { at: before }, Remains::Purged { at }) => at >= before,
        (promised, Remains::AsStamped) => promised == Remains::AsStamped,
    }
}

fn undelete(state: &State, owner: &Owner, to: &Owner, record: &str) -> Result<Vec<Promise>, Refused> {
    refuse_command_line(owner)?;
    refuse_command_line(to)?;
    if datasource(owner) != datasource(to) {
        return Err(Refused::AnotherDatasource { from: name_of(owner), to: name_of(to) });
    }
    let known = state.owner(owner).ok_or_else(|| Refused::OwnerNotFound { owner: name_of(owner) })?;
    match &known.life {
        Life::Deleted { .. } => {}
        // It was done before, whatever has become of the heir since.
        Life::Released if known.adopted_by.as_ref() == Some(to) => return Ok(Vec::new()),
        Life::ResumeRequired { record: named } if owner == to && named == record => return Ok(Vec::new()),
        Life::Active | Life::ResumeRequired { .. } | Life::Released => {
            return Err(Refused::NotDeleted { owner: name_of(owner) });
        }
    }
    let heir = state.owner(to).filter(|_| owner != to);
    if heir.is_some_and(|heir| matches!(heir.life, Life::Deleted { .. })) {
        return Err(Refused::OwnerDeleted { owner: name_of(to) });
    }
    refuse_held(state, &[owner, to])?;
    let life = Life::ResumeRequired { record: cut(record) };
    let adopted = (owner != to).then(|| Promise::Adopted { from: owner.clone(), to: to.clone() });
    Ok(adopted.into_iter().chain([Promise::Owner { owner: to.clone(), life }]).collect())
}

/// What an instance of a lost cluster, or of a namespace that is gone, had is another's. Whoever gave its own away takes nothing over: two clusters that name
/// each other would take turns for ever.
fn adopt(
    state: &State,
    from: &Owner,
    to: &Owner,
    record: &str,
    now: Timestamp,
) -> Result<Vec<Promise>, Refused> {
    refuse_command_line(from)?;
    refuse_command_line(to)?;
    // Points of two databases would be under one floor, and those of the one go because the other has newer ones.
    if datasource(from) != datasource(to) {
        return Err(Refused::AnotherDatasource { from: name_abroad(from), to: name_of(to) });
    }
    // It was done before, whatever has become of the heir since.
    if state.heirs(from).any(|heir| heir == to) {
        return Ok(Vec::new());
    }
    if cluster(from) == cluster(to) && !is_left_by_its_namespace(state, from, to) {
        return Err(Refused::SameCluster { from: name_of(from), to: name_of(to) });
    }
    if let Some(heir) = state.heirs(from).last() {
        return Err(Refused::AdoptedAlready { owner: name_abroad(from), heir: name_abroad(heir) });
    }
    if state.owner(from).is_none() && state.points_of(from).is_empty() {
        return Err(Refused::OwnerNotFound { owner: name_abroad(from) });
    }
    if state.owner(to).is_some_and(|known| matches!(known.life, Life::Deleted { .. })) {
        return Err(Refused::OwnerDeleted { owner: name_of(to) });
    }
    if let Some(heir) = state.heirs(to).last() {
        return Err(Refused::GivenAway { owner: name_of(to), heir: name_abroad(heir) });
    }
    refuse_held(state, &[to, from])?;
    let adopted = Promise::Adopted { from: from.clone(), to: to.clone() };
    if matches!(state.owner(from).map(|known| &known.life), Some(Life::Deleted { .. })) {
        let life = Life::ResumeRequired { record: cut(record) };
        return Ok(vec![adopted, Promise::Owner { owner: to.clone(), life }]);
    }
    let mut promises = put_off(state, from, to, now);
    if promises.len() < PUT_OFF {
        promises.push(adopted);
    }
    Ok(promises)
}

/// Within a cluster only the points of a deleted instance are given away, and to another namespace: in its own it is brought
/// back. That the namespace is gone the operator has seen.
fn is_left_by_its_namespace(state: &State, from: &Owner, to: &Owner) -> bool {
    let is_deleted = matches!(state.owner(from).map(|known| &known.life), Some(Life::Deleted { .. }));
    is_deleted && uids(from).map(|(namespace, _)| namespace) != uids(to).map(|(namespace, _)| namespace)
}

/// Gives points that are about to go, or would have gone long since, a day in which somebody can look. A removal that was asked
/// for stands.
fn put_off(state: &State, from: &Owner, to: &Owner, now: Timestamp) -> Vec<Promise> {
    let (near, until) = (later(now, NEAR), later(now, GRACE));
    let is_near =
        |point: &&StatePoint| point.removal.is_none() && point.promised_end().is_some_and(|end| end < near);
    let reason = format!("taken over by {} from another cluster", name_of(to));
    let points = state.points_of(from).into_iter().filter(is_near).take(PUT_OFF);
    points.map(|point| Promise::Override { point: point.point.id, until, reason: reason.clone() }).collect()
}

fn resume(state: &State, owner: &Owner) -> Result<Vec<Promise>, Refused> {
    match state.owner(owner).map(|known| &known.life) {
        Some(Life::ResumeRequired { .. }) => {
            Ok(vec![Promise::Owner { owner: owner.clone(), life: Life::Active }])
        }
        Some(Life::Active) => Ok(Vec::new()),
        Some(Life::Deleted { .. }) => Err(Refused::OwnerDeleted { owner: name_of(owner) }),
        Some(Life::Released) | None => Err(Refused::OwnerNotFound { owner: name_of(owner) }),
    }
}

fn release(state: &State, owner: &Owner) -> Result<Vec<Promise>, Refused> {
    let points = state.points_of(owner);
    if let Some(point) = points.first() {
        let (owner, point) = (name_of(owner), point.point.id);
        return Err(Refused::OwnerHasPoints { owner, points: points.len(), point });
    }
    match state.owner(owner).map(|known| &known.life) {
        Some(Life::Released) | None => Ok(Vec::new()),
        Some(_) => Ok(vec![Promise::Released { owner: owner.clone() }]),
    }
}

/// Refuses while somebody else holds the datasource of the first of these owners: whoever is protected, or was deleted and
/// has points left.
fn refuse_held(state: &State, owners: &[&Owner]) -> Result<(), Refused> {
    let Some(first) = owners.first() else { return Ok(()) };
    for known in state.owners() {
        let is_one = owners.iter().any(|owner| uids(owner) == uids(&known.owner));
        if is_one || datasource(&known.owner) != datasource(first) {
            continue;
        }
        if let Some(holder) = holder(state, known) {
            return Err(Refused::DatasourceProtected { holder });
        }
    }
    Ok(())
}

/// An owner as one who keeps others out; `None` where it does not.
fn holder(state: &State, known: &StateOwner) -> Option<Box<Holder>> {
    let newest = state.points_of(&known.owner).into_iter();
    let newest = newest.max_by_key(|point| (point.point.point_time, point.point.id));
    let holds = match known.life {
        Life::Active | Life::ResumeRequired { .. } => true,
        // What was never claimed holds nothing: its points came from a server that it was not protected as.
        Life::Deleted { .. } => newest.is_some() && !known.spec.is_empty(),
        Life::Released => false,
    };
    let point = newest.map(|point| point.point.id.into());
    holds.then(|| Box::new(Holder { owner: known.owner.clone(), life: known.life.clone(), point }))
}

/// Refuses an end that comes earlier than the vault has pledged.
pub(super) fn refuse_earlier_than_pledged(
    state: &State,
    end: Timestamp,
    now: Timestamp,
) -> Result<(), Refused> {
    let Some(days) = state.pledges().soft_delete_days else { return Ok(()) };
    let earliest = later(now, SignedDuration::from_hours(24 * i64::from(days)));
    if later(end, SLACK) < earliest {
        return Err(Refused::SoftDeleteAlwaysOn { days, earliest });
    }
    Ok(())
}

fn refuse_command_line(owner: &Owner) -> Result<(), Refused> {
    match owner {
        Owner::Instance { .. } => Ok(()),
        Owner::Cli { .. } => Err(Refused::NotAnInstance),
    }
}

fn datasource(owner: &Owner) -> &str {
    match owner {
        Owner::Instance { datasource_id, .. } | Owner::Cli { datasource_id } => datasource_id,
    }
}

/// Id of an instance's cluster.
fn cluster(owner: &Owner) -> Option<&str> {
    match owner {
        Owner::Instance { cluster_id, .. } => Some(cluster_id),
        Owner::Cli { .. } => None,
    }
}

/// What tells one object from another, whatever their names.
fn uids(owner: &Owner) -> Option<(&str, &str)> {
    match owner {
        Owner::Instance { namespace_uid, instance_uid, .. } => Some((namespace_uid, instance_uid)),
        Owner::Cli { .. } => None,
    }
}
