//! What a vault's status says: the keeper's account folded into conditions. Pure.

use contract::{KeyState, VaultView};
use crds::common::{ConditionType, Time};
use crds::vault::{EncryptionStatus, IdentityStatus, KeeperStatus, Redundancy, StorageCapabilities};
use crds::{BackupVault, BackupVaultStatus, Reason, annotations};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::certificate;
use super::config::Certificates;
use super::findings::{clocks_apart, head, is_rolled_back, key, needs_a_person, ready, storage};
use super::observe::{Claim, Seen};
use super::soft_delete;
use crate::clock::Now;
use crate::controller::Conditions;
use crate::names;
use crate::settings::Settings;
use crate::words;

/// A keeper that was silent for no longer than this is being restarted, and what it said before still stands.
const PATIENCE: SignedDuration = SignedDuration::from_secs(90);

/// The status that the vault should have; equal to the one it has when nothing changed.
pub fn status(
    vault: &BackupVault,
    seen: &Seen,
    settings: &Settings,
    keys_made: bool,
    now: Now,
) -> BackupVaultStatus {
    let before = vault.status.clone().unwrap_or_default();
    let patient = is_patient(seen, now);
    let mut conditions = Conditions::new(&before.conditions, vault.metadata.generation, now.time);
    let view = seen.keeper.as_ref().and_then(|answer| answer.as_ref().ok());
    let ready = ready(vault, seen, settings, view);
    if patient && conditions.before(ConditionType::Ready).is_some() {
        for type_ in [ConditionType::Ready, ConditionType::StorageReachable, ConditionType::KeyAccessible] {
            conditions.keep(type_);
        }
    } else {
        let stalled = needs_a_person(ready.1);
        conditions.set(ConditionType::Ready, ready.0, ready.1, ready.2.clone());
        if ready.0 != Some(true) {
            let type_ = if stalled { ConditionType::Stalled } else { ConditionType::Reconciling };
            conditions.set(type_, Some(true), ready.1, ready.2);
        }
        let (status, reason, message) = storage(vault, view);
        conditions.set(ConditionType::StorageReachable, status, reason, message);
        let (status, reason, message) = key(vault, seen, view);
        conditions.set(ConditionType::KeyAccessible, status, reason, message);
    }
    abnormal(vault, seen, view, patient, now.wall, &mut conditions);
    let mut status = described(vault, seen, view, &before, keys_made);
    status.conditions = conditions.finish();
    status
}

/// Whether the keeper is only away for a moment.
fn is_patient(seen: &Seen, now: Now) -> bool {
    let silent = !matches!(seen.keeper, Some(Ok(_)));
    let recent = seen.last_answer.is_some_and(|answer| now.wall.duration_since(answer) <= PATIENCE);
    silent && recent && !seen.forbidden && seen.claim.as_ref().is_none_or(|claim| *claim == Claim::Usable)
}

/// The conditions that are there only while they are True.
fn abnormal(
    vault: &BackupVault,
    seen: &Seen,
    view: Option<&VaultView>,
    patient: bool,
    wall: Timestamp,
    conditions: &mut Conditions,
) {
    if vault.spec.encryption.recovery_recipients().is_empty() {
        let message = "Nobody but the key's Secret can open the backups: whoever loses it loses them.";
        conditions.set(ConditionType::RecoveryKeyMissing, Some(true), Reason::RecoveryKeyMissing, message);
    }
    if !seen.namespace_protected {
        let namespace = vault.namespace().unwrap_or_default();
        let message = format!("Run: kubectl label namespace {namespace} coffer.dev/holds-backups=true");
        conditions.set(
            ConditionType::NamespaceUnprotected,
            Some(true),
            Reason::NamespaceUnprotected,
            message,
        );
    }
    if !patient && let (Some(Err(trouble)), Some(_)) = (&seen.keeper, seen.last_answer) {
        let message =
            format!("The keeper does not answer: {}. Nothing new runs, nothing expires.", trouble.message());
        conditions.set(ConditionType::KeeperUnavailable, Some(true), Reason::KeeperUnavailable, message);
    }
    if let Some((reason, message)) = &seen.adoption {
        conditions.set(ConditionType::AdoptionPending, Some(true), *reason, message.as_str());
    }
    let Some(view) = view else { return };
    if is_rolled_back(vault, view) {
        let message = "The ledger in storage ends before the entry in `status.ledger`.";
        conditions.set(ConditionType::RolledBack, Some(true), Reason::RolledBack, message);
    }
    if let Some(whose) = clocks_apart(view, wall) {
        let message = format!("The clocks of {whose} differ by more than five minutes; deletion pauses.");
        conditions.set(ConditionType::RetentionBlocked, Some(true), Reason::ClockSkewed, message);
    } else if let Some(left) = &view.undeleted {
        let message = format!("Storage does not let {} expired point(s) go: {}", left.points, left.message);
        let message: String = message.chars().take(1024).collect();
        conditions.set(ConditionType::RetentionBlocked, Some(true), Reason::StorageKeepsPoints, message);
    } else if seen.held_back.count > 0 {
        let message =
            format!("{} point(s) are due and stay: {}", seen.held_back.count, seen.held_back.message);
        conditions.set(ConditionType::RetentionBlocked, Some(true), Reason::PointsHeldBack, message);
    }
}

/// Everything but the conditions. What the keeper does not tell now stays as it was told last.
fn described(
    vault: &BackupVault,
    seen: &Seen,
    view: Option<&VaultView>,
    before: &BackupVaultStatus,
    keys_made: bool,
) -> BackupVaultStatus {
    let trusted = view.filter(|view| !is_rolled_back(vault, view));
    let certificates = seen.config_map.as_ref().and_then(Certificates::of);
    let stored =
        trusted.map(|view| i64::try_from(view.stored_bytes).unwrap_or(i64::MAX)).or(before.stored_bytes);
    BackupVaultStatus {
        observed_generation: vault.metadata.generation,
        conditions: Vec::new(),
        revalidated: vault
            .annotations()
            .get(annotations::REVALIDATE)
            .cloned()
            .map(|text| text.chars().take(256).collect()),
        // Once the loss of a ledger was accepted, another vault may have been made in its place.
        vault_id: opened(trusted).and_then(|view| view.vault_id.clone()).or_else(|| before.vault_id.clone()),
        fingerprint: opened(trusted)
            .and_then(|view| view.fingerprint.clone())
            .or_else(|| before.fingerprint.clone()),
        ledger: opened(trusted)
            .and_then(|view| view.head.as_ref())
            .map(head)
            .or_else(|| before.ledger.clone()),
        provider: Some(vault.spec.storage.provider().to_owned()),
        redundancy: Some(Redundancy::Local),
        capabilities: view.and_then(capabilities).or_else(|| before.capabilities.clone()),
        encryption: Some(EncryptionStatus {
            key_secret_name: keys_made.then(|| names::vault_keys(&vault.name_any())),
            key_version: None,
            key_expiry_time: None,
            recovery_recipients: i32::try_from(vault.spec.encryption.recovery_recipients().len()).ok(),
        }),
        identity: Some(IdentityStatus {
            subject: Some(format!(
                "system:serviceaccount:{}:{}",
                vault.namespace().unwrap_or_default(),
                names::keeper(&vault.name_any())
            )),
        }),
        keeper: Some(KeeperStatus {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            certificate_expiry_time: certificates
                .and_then(|held| certificate::ends(held.current.born))
                .map(Time),
        }),
        instances: Some(i32::try_from(seen.instances).unwrap_or(i32::MAX)),
        deleted_instances: match seen.deleted_instances {
            Some(0) => None,
            Some(count) => i32::try_from(count).ok(),
            None => before.deleted_instances,
        },
        soft_delete: Some(soft_delete::in_force(vault, view.map(|view| view.pledges), before)),
        recovery_points: trusted
            .map(|view| i64::try_from(view.points).unwrap_or(i64::MAX))
            .or(before.recovery_points),
        next_expiry: seen.next_expiry.clone().unwrap_or_else(|| before.next_expiry.clone()),
        stored_bytes: stored,
        stored: stored.map(|bytes| words::bytes(u64::try_from(bytes).unwrap_or_default())),
    }
}

/// Only an opened vault is this vault.
fn opened(view: Option<&VaultView>) -> Option<&VaultView> {
    view.filter(|view| view.key == KeyState::Open)
}

fn capabilities(view: &VaultView) -> Option<StorageCapabilities> {
    let probes = view.probes.as_ref()?;
    Some(StorageCapabilities {
        create_only: Some(probes.create_only),
        conditional_overwrite: probes.stale_overwrite_refused,
        versioning: probes.versioning,
        object_lock: probes.object_lock,
    })
}
