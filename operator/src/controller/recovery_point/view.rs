//! One point of the catalogue as an object: where it is shown, under which name, and what its status says. Pure.

use std::collections::BTreeMap;

use contract::{Owner, PointState, PointView, Trigger};
use crds::common::{Condition, ConditionType, Time, VaultReference};
use crds::recovery_point::{
    AnsweredRequests, Coverage, DataStore, DataStoreTier, PointEncryption, PointPolicy, PointSource,
    PointState as State, RetentionOverride, VerifiedTimes,
};
use crds::{Reason, RecoveryPoint, RecoveryPointSpec, RecoveryPointStatus, labels};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::facts::Facts;
use crate::controller::{Conditions, life};
use crate::names;
use crate::words::bytes;

/// The schema takes reasons of so many characters.
const REASON: usize = 512;
/// Characters of what storage says that are shown at most.
const REFUSAL: usize = 512;
/// Missing things are named up to this many; the rest is counted.
const NAMED: usize = 32;
/// No point holds more databases, and the schema takes no more.
const STORES: usize = 100;

/// The object of a point, without status. It has no owner: it goes when the catalogue says so, not before.
pub fn object(facts: &Facts<'_>, point: &PointView) -> RecoveryPoint {
    let vault = facts.vault.name_any();
    let vault_namespace = facts.vault_namespace();
    let namespace = match facts.instance_of(point) {
        Some(instance) => instance.namespace().unwrap_or_default(),
        None => vault_namespace.clone(),
    };
    let instance = instance_name(&point.owner);
    let spec = RecoveryPointSpec {
        vault_ref: VaultReference { name: vault.clone(), namespace: Some(vault_namespace.clone()) },
        point_id: point.id.0.clone(),
        retention_override: None,
        deletion_request: None,
    };
    let mut object = RecoveryPoint::new(&names::recovery_point(instance, point.point_time, &point.id), spec);
    object.metadata.namespace = Some(namespace);
    object.metadata.labels = Some(BTreeMap::from([
        (labels::VAULT.to_owned(), vault),
        (labels::VAULT_NAMESPACE.to_owned(), vault_namespace),
        (labels::INSTANCE.to_owned(), instance.to_owned()),
        (labels::TAG.to_owned(), point.decision.tag.clone()),
        (labels::MANAGED_BY.to_owned(), labels::MANAGED_BY_COFFER.to_owned()),
    ]));
    object
}

/// Whether an object leads to the vault and point that another one does, whatever is asked of it.
pub fn leads_to(held: &RecoveryPoint, object: &RecoveryPoint) -> bool {
    held.spec.vault_ref == object.spec.vault_ref && held.spec.point_id == object.spec.point_id
}

/// Whether an object is the one in which a point is shown: in its place, under its name.
pub fn is_view_of(facts: &Facts<'_>, held: &RecoveryPoint, point: &PointView) -> bool {
    let object = object(facts, point);
    held.namespace() == object.namespace() && held.name_any() == object.name_any() && leads_to(held, &object)
}

/// What the object says; equal to what it says already when nothing has changed.
pub fn status(
    facts: &Facts<'_>,
    point: &PointView,
    held: Option<&RecoveryPoint>,
    now: Timestamp,
) -> RecoveryPointStatus {
    let before = held.and_then(|held| held.status.as_ref());
    RecoveryPointStatus {
        observed_generation: Some(generation(held)),
        conditions: conditions(facts, point, held, now),
        state: Some(state(point)),
        point_time: Some(Time(point.point_time)),
        expiration_time: point.expiration_time.map(Time),
        tag: Some(point.decision.tag.clone()),
        tag_reason: Some(point.decision.reason.chars().take(512).collect()),
        policy: point
            .decision
            .policy
            .as_ref()
            .map(|policy| PointPolicy { name: policy.name.clone(), version: policy.version }),
        job_name: job_name(facts, point, before),
        data_stores: data_stores(point),
        encryption: Some(PointEncryption { key_id: point.writer.0.clone(), key_version: None }),
        source: Some(source(point)),
        stored_bytes: Some(signed(point.stored_bytes)),
        size: Some(bytes(point.stored_bytes)),
        // A point is accepted when every object was found with its size, and its ETag where the store has them.
        verified: Some(VerifiedTimes {
            objects_time: Some(Time(point.commit_time)),
            full_time: point.verified.full.map(Time),
            restored_time: point.verified.restored.map(Time),
        }),
        holds: Vec::new(),
        retention_override: point.overridden.as_ref().map(|end| RetentionOverride {
            until: Time(end.until),
            reason: end.reason.chars().take(REASON).collect(),
        }),
        scheduled_purge_time: point.removal.as_ref().and(point.expiration_time).map(Time),
        answered: held
            .map(|held| super::requests::answered(facts, point, held))
            .filter(|answered| *answered != AnsweredRequests::default()),
        coverage: coverage(point),
    }
}

/// The name under which the point's source is known.
fn instance_name(owner: &Owner) -> &str {
    match owner {
        Owner::Instance { instance, .. } => instance,
        Owner::Cli { .. } => "cli",
    }
}

fn state(point: &PointView) -> State {
    match point.state {
        PointState::Damaged => State::Damaged,
        PointState::SoftDeleted => State::SoftDeleted,
        PointState::Expired => State::Expired,
        PointState::Available if point.missing().next().is_none() => State::Available,
        PointState::Available => State::Partial,
    }
}

/// Accepting a point checks presence and sizes; reading it in full is another thing.
fn conditions(
    facts: &Facts<'_>,
    point: &PointView,
    held: Option<&RecoveryPoint>,
    now: Timestamp,
) -> Vec<Condition> {
    let before = held.and_then(|held| held.status.as_ref()).map(|status| status.conditions.as_slice());
    let mut conditions = Conditions::new(before.unwrap_or_default(), Some(generation(held)), now);
    let (status, reason, message) = readiness(facts, point);
    conditions.set(ConditionType::Ready, Some(status), reason, message);
    let (status, reason, message) = verified(point);
    conditions.set(ConditionType::Verified, Some(status), reason, message);
    if let Some(held) = held {
        for (type_, reason, message) in super::requests::blocked(facts, point, held, now) {
            conditions.set(type_, Some(true), reason, message);
        }
    }
    conditions.finish()
}

/// Whether it can be restored, and why.
fn readiness(facts: &Facts<'_>, point: &PointView) -> (bool, Reason, String) {
    let (status, reason, message) = match state(point) {
        State::Available | State::Partial | State::SoftDeleted
            if life::is_deleted(facts.catalogue, &point.owner) =>
        {
            let message =
                "Its instance was deleted: set `undelete: true` on the DeletedBackupInstance to restore it.";
            (false, Reason::OwnerDeleted, message)
        }
        State::Partial => {
            (true, Reason::PointPartial, "It can be restored; `status.coverage` says what is not in it.")
        }
        State::Damaged => {
            (false, Reason::PointDamaged, "An object of it is missing or was changed; use another point.")
        }
        State::Expired => return expired(facts, point),
        State::SoftDeleted => return (true, Reason::PointRemoved, removal(point)),
        State::Available | State::Archived | State::Rehydrating => {
            (true, Reason::PointAvailable, "It can be restored.")
        }
    };
    (status, reason, message.to_owned())
}

/// Why a point whose time is over is still there.
fn expired(facts: &Facts<'_>, point: &PointView) -> (bool, Reason, String) {
    match facts.undeleted.get(&point.id) {
        Some(said) => {
            let said: String = said.chars().take(REFUSAL).collect();
            let message = format!("Its time is over, and storage does not let it go: {said}");
            (false, Reason::StorageKeepsPoints, message)
        }
        None => (false, Reason::PointExpired, "Its time is over, and its data are being deleted.".to_owned()),
    }
}

/// What is to become of a point that is being removed.
fn removal(point: &PointView) -> String {
    let why = point.removal.as_ref().map(|removal| removal.reason.as_str()).unwrap_or_default();
    match point.expiration_time {
        Some(end) => format!(
            "It is being removed ({why}) and counts for nothing. It can be restored until {end}; `retentionOverride` keeps it."
        ),
        None => format!("It is to be removed ({why}) once its instance was resumed. It can be restored."),
    }
}

fn verified(point: &PointView) -> (bool, Reason, &'static str) {
    if point.state == PointState::Damaged {
        let message = "A verification found an object of it missing or changed.";
        return (false, Reason::VerificationFailed, message);
    }
    match (point.verified.restored, point.verified.full) {
        (Some(_), _) => {
            (true, Reason::VerificationPassed, "It was restored into a scratch database and compared.")
        }
        (None, Some(_)) => {
            (true, Reason::VerificationPassed, "Every object was read; hash and seal of each were right.")
        }
        (None, None) => (
            false,
            Reason::NotVerifiedYet,
            "Every object was found, with its size, when the point was accepted; no verification has read it in full.",
        ),
    }
}

/// An object that is about to be created will be of the first generation.
fn generation(held: Option<&RecoveryPoint>) -> i64 {
    held.and_then(|held| held.metadata.generation).unwrap_or(1)
}

/// The job object's name: while the object is there, from then on as it was told, and else by its slot, which is that of
/// one of the slots that the job stood for.
fn job_name(facts: &Facts<'_>, point: &PointView, before: Option<&RecoveryPointStatus>) -> Option<String> {
    let told = || before.and_then(|before| before.job_name.clone());
    let by_slot = || match (&point.decision.trigger, &point.owner) {
        (Trigger::Slot { slot, .. }, Owner::Instance { instance, .. }) => {
            Some(names::slot_job(instance, *slot))
        }
        _ => None,
    };
    facts.jobs.get(&point.run).cloned().or_else(told).or_else(by_slot)
}

fn data_stores(point: &PointView) -> Vec<DataStore> {
    let store = |held: &contract::DataStore| DataStore {
        tier: DataStoreTier::Vault,
        database: held.database.clone(),
        point_time: Time(held.snapshot_time),
        expiration_time: point.expiration_time.map(Time),
    };
    point.data_stores.iter().take(STORES).map(store).collect()
}

fn source(point: &PointView) -> PointSource {
    PointSource {
        server_version: point.source.server_version.chars().take(64).collect(),
        system_identifier: point.source.system_identifier.clone(),
        databases: point.data_stores.iter().take(STORES).map(|store| store.database.clone()).collect(),
        size_bytes: signed(point.source.size_bytes),
        role: shown(point.source.role.as_deref(), 63),
        program: shown(point.source.program.as_deref(), 128),
    }
}

/// As much of a text as the schema takes; an empty one is none.
fn shown(text: Option<&str>, most: usize) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(|text| text.chars().take(most).collect())
}

fn coverage(point: &PointView) -> Option<Coverage> {
    let names =
        || point.coverage.iter().take(NAMED).map(|missing| missing.chars().take(255).collect()).collect();
    (!point.coverage.is_empty()).then(|| Coverage {
        missing: i64::try_from(point.missing().count()).unwrap_or(i64::MAX),
        names: names(),
    })
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
