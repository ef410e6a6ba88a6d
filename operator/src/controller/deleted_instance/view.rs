//! The records that there should be, and what their status says. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{Owner, Remains};
use crds::common::{ConditionType, Time, VaultReference};
use crds::deleted_instance::{DeletedOwner, DeletedState};
use crds::{DeletedBackupInstance, DeletedBackupInstanceSpec, DeletedBackupInstanceStatus, Reason, labels};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::facts::{Facts, Gone};
use super::remains::saved_spec;
use super::undelete::{self, Return};
use crate::cluster::same;
use crate::controller::Conditions;

/// What has to be written so that the records are the view they should be.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Records that are missing, with the status that each is given next.
    pub create: Vec<(DeletedBackupInstance, DeletedBackupInstanceStatus)>,
    /// Records whose status is out of date.
    pub update: Vec<(Arc<DeletedBackupInstance>, DeletedBackupInstanceStatus)>,
    /// Records of which the ledger holds nothing that is left.
    pub remove: Vec<Arc<DeletedBackupInstance>>,
}

/// Compares the records with what the ledger says. `refused` is what stood in the way of those that are to come back, by the
/// names of their records.
pub fn changes(facts: &Facts<'_>, refused: &BTreeMap<String, String>, now: Timestamp) -> Changes {
    let mut changes = Changes::default();
    let mut wanted = Vec::new();
    let namespace = facts.vault.namespace().unwrap_or_default();
    // In a namespace that is going nothing can be made.
    let lives = facts.namespaces.contains_key(&namespace);
    for gone in facts.deleted().into_values() {
        let Some(name) = gone.record() else { continue };
        let held = facts.records.iter().find(|record| record.name_any() == name);
        let refusal = refused.get(&name).map(String::as_str);
        let Some(status) = status(facts, &gone, held.map(Arc::as_ref), refusal, now) else { continue };
        match held {
            None if lives => changes.create.push((object(facts, &gone, &name), status)),
            Some(held) if !same(held.status.as_ref(), &status) => {
                changes.update.push((Arc::clone(held), status));
            }
            None | Some(_) => {}
        }
        wanted.push(name);
    }
    changes.remove =
        facts.records.iter().filter(|record| !wanted.contains(&record.name_any())).cloned().collect();
    changes
}

fn object(facts: &Facts<'_>, gone: &Gone<'_>, name: &str) -> DeletedBackupInstance {
    let vault = facts.vault.name_any();
    let spec = DeletedBackupInstanceSpec {
        vault_ref: VaultReference { name: vault.clone(), namespace: None },
        undelete: false,
        purge: false,
    };
    let mut object = DeletedBackupInstance::new(name, spec);
    object.metadata.namespace = facts.vault.namespace();
    let mut marks = BTreeMap::from([
        (labels::VAULT.to_owned(), vault),
        (labels::MANAGED_BY.to_owned(), labels::MANAGED_BY_COFFER.to_owned()),
    ]);
    if let Some(Owner::Instance { namespace, instance, .. }) = gone.newest().map(|view| &view.owner) {
        marks.insert(labels::INSTANCE.to_owned(), instance.clone());
        marks.insert(labels::TENANT_NAMESPACE.to_owned(), namespace.clone());
    }
    object.metadata.labels = Some(marks);
    object
}

fn status(
    facts: &Facts<'_>,
    gone: &Gone<'_>,
    held: Option<&DeletedBackupInstance>,
    refusal: Option<&str>,
    now: Timestamp,
) -> Option<DeletedBackupInstanceStatus> {
    let (time, remains, reason) = gone.end()?;
    let owner = &gone.newest()?.owner;
    let generation = held.and_then(|held| held.metadata.generation).unwrap_or(1);
    let before = held.and_then(|held| held.status.as_ref()).map(|status| status.conditions.as_slice());
    let mut conditions = Conditions::new(before.unwrap_or_default(), Some(generation), now);
    standing(facts, gone, remains, refusal, now, &mut conditions);
    let scheduled_purge_time = match remains {
        Remains::Purged { at } => Some(Time(at)),
        Remains::Kept | Remains::AsStamped => None,
    };
    Some(DeletedBackupInstanceStatus {
        observed_generation: Some(generation),
        conditions: conditions.finish(),
        state: Some(state(remains, now)),
        owner: described(owner),
        deleted_time: Some(Time(time)),
        scheduled_purge_time,
        reason: Some(reason.chars().take(512).collect()),
        recovery_points: i64::try_from(gone.points).ok(),
        saved_spec: saved_spec(facts, owner),
    })
}

fn state(remains: Remains, now: Timestamp) -> DeletedState {
    match remains {
        Remains::Kept => DeletedState::Retained,
        Remains::AsStamped => DeletedState::RetainedPerPolicy,
        Remains::Purged { at } if now < at => DeletedState::SoftDeleted,
        Remains::Purged { .. } => DeletedState::Purging,
    }
}

fn described(owner: &Owner) -> Option<DeletedOwner> {
    let Owner::Instance { namespace, namespace_uid, instance, instance_uid, datasource_id, .. } = owner
    else {
        return None;
    };
    Some(DeletedOwner {
        namespace: namespace.clone(),
        namespace_uid: namespace_uid.clone(),
        name: instance.clone(),
        uid: instance_uid.clone(),
        datasource_id: datasource_id.clone(),
    })
}

/// Ready, and what goes with it.
fn standing(
    facts: &Facts<'_>,
    gone: &Gone<'_>,
    remains: Remains,
    refusal: Option<&str>,
    now: Timestamp,
    conditions: &mut Conditions,
) {
    let back = match (undelete::undelete(facts, gone), refusal) {
        (Return::To(_) | Return::Make(_), Some(said)) => {
            Return::Blocked(Reason::UndeleteRefused, format!("It could not be brought back: {said}"))
        }
        (back, _) => back,
    };
    match back {
        Return::NotAsked => {
            let is_lost = gone.newest().is_some_and(|view| facts.has_lost_its_namespace(&view.owner));
            let (reason, mut message) = resting(gone.points, remains, is_lost, now);
            if gone.is_mixed() {
                message.push_str(" This is of the points that go first; those of another database that it had stay longer.");
            }
            conditions.set(ConditionType::Ready, Some(true), reason, message);
        }
        Return::To(_) | Return::Make(_) => {
            coming(conditions, "The instance is being brought back.".into());
        }
        Return::Waits(message) => coming(conditions, message),
        Return::Blocked(reason, message) => {
            conditions.set(ConditionType::Ready, Some(false), reason, message.as_str());
            conditions.set(ConditionType::Stalled, Some(true), reason, message);
        }
    }
}

fn coming(conditions: &mut Conditions, message: String) {
    conditions.set(ConditionType::Ready, Some(false), Reason::Undeleting, message.as_str());
    conditions.set(ConditionType::Reconciling, Some(true), Reason::Undeleting, message);
}

/// `is_lost`: the namespace is gone, and no instance can come back into it.
fn resting(points: usize, remains: Remains, is_lost: bool, now: Timestamp) -> (Reason, String) {
    let back = if is_lost {
        "their namespace is gone, and `access.adopt` of the vault gives them to an instance of another one."
    } else {
        "`undelete: true` brings the instance back."
    };
    match remains {
        Remains::Kept => (
            Reason::PointsRetained,
            format!("{points} point(s) stay and never expire until `purge: true`; {back}"),
        ),
        Remains::AsStamped => (
            Reason::PointsExpire,
            format!("{points} point(s) expire as stamped, and the newest stays; {back}"),
        ),
        Remains::Purged { at } if now < at => (
            Reason::PurgeScheduled,
            format!("{points} point(s) stay until {at:.0} and go then; until then {back}"),
        ),
        Remains::Purged { at } => {
            (Reason::Purging, format!("{points} point(s) have been on their way out since {at:.0}."))
        }
    }
}
