//! What a vault's status says: the keeper's account folded into conditions. Pure.

use contract::{FailureCode, KeyState, StorageState, VaultView};
use crds::common::{ConditionType, Time};
use crds::vault::{
    EncryptionStatus, IdentityStatus, KeeperStatus, LedgerHead, Redundancy, StorageCapabilities,
};
use crds::{BackupVault, BackupVaultStatus, Reason, annotations};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::certificate;
use super::config::{Certificates, credentials_secret, credentials_wanted};
use super::decide::{encryption_fault, unguarded};
use super::observe::{Claim, Seen};
use super::soft_delete;
use crate::clock::Now;
use crate::controller::Conditions;
use crate::names;
use crate::settings::Settings;
use crate::words;

/// A keeper that was silent for no longer than this is being restarted, and what it said before still stands.
const PATIENCE: SignedDuration = SignedDuration::from_secs(90);
/// Clocks that differ by more pause all deletion.
const SKEW: i64 = 300;

/// A condition's status, reason and message.
type Finding = (Option<bool>, Reason, String);

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

/// The first objection, in the order in which things depend on each other.
fn ready(vault: &BackupVault, seen: &Seen, settings: &Settings, view: Option<&VaultView>) -> Finding {
    let no = |reason, message: String| (Some(false), reason, message);
    if seen.forbidden {
        let command = settings.bind_command(&vault.namespace().unwrap_or_default());
        return no(Reason::NotBound, format!("The operator may not work in this namespace. Run: {command}"));
    }
    if unguarded(vault) {
        let message =
            "Add a recipient made by `coffer keygen` to `recoveryRecipients`, or set `acceptKeyLoss: true`.";
        return no(Reason::RecoveryKeyMissing, message.into());
    }
    if let Some(index) = encryption_fault(vault) {
        let message = format!(
            "`recoveryRecipients[{index}]` is no age recipient: its checksum does not fit. Copy it again from the output \
             of `coffer keygen`."
        );
        return no(Reason::RecipientInvalid, message);
    }
    match &seen.claim {
        Some(Claim::Missing) => {
            let claim = vault
                .spec
                .storage
                .filesystem
                .as_ref()
                .map(|held| held.claim_name.as_str())
                .unwrap_or_default();
            return no(
                Reason::ClaimNotFound,
                format!(
                    "PersistentVolumeClaim {claim}, which `storage.filesystem.claimName` names, is not in this \
                     namespace: create it."
                ),
            );
        }
        Some(Claim::OncePod) => {
            let message = "The claim's access mode is ReadWriteOncePod, and keeper and movers have to share it: name a claim with \
                           ReadWriteOnce or ReadWriteMany in a new vault.";
            return no(Reason::ClaimUnsupported, message.into());
        }
        Some(Claim::Usable) | None => {}
    }
    let Some(view) = view else {
        return silent(seen);
    };
    for (status, reason, message) in [storage(vault, Some(view)), key(vault, seen, Some(view))] {
        if status != Some(true) {
            return (status.map(|_| false).or(Some(false)), reason, message);
        }
    }
    if is_rolled_back(vault, view) {
        return no(Reason::RolledBack, "Storage is older than what was seen; nothing is deleted.".into());
    }
    if let Some(message) = soft_delete::weaker(vault, view.pledges) {
        return no(Reason::WeakerThanRecorded, message);
    }
    (Some(true), Reason::AsConfigured, "Storage, key and ledger are in order.".into())
}

fn silent(seen: &Seen) -> Finding {
    match (&seen.keeper, seen.last_answer) {
        (Some(Err(trouble)), Some(_)) => (
            Some(false),
            Reason::KeeperUnavailable,
            format!("The keeper does not answer: {}.", trouble.message()),
        ),
        (Some(Err(trouble)), None) => (
            Some(false),
            Reason::KeeperStarting,
            format!("The keeper does not answer yet: {}.", trouble.message()),
        ),
        (None | Some(Ok(_)), _) => (Some(false), Reason::KeeperStarting, "The keeper is being made.".into()),
    }
}

fn storage(vault: &BackupVault, view: Option<&VaultView>) -> Finding {
    let Some(view) = view else {
        return (None, Reason::KeeperUnavailable, "The keeper, which would know, does not answer.".into());
    };
    match &view.storage {
        StorageState::Unknown => (None, Reason::InProgress, "Storage has not answered yet.".into()),
        StorageState::Failing(failure) => {
            let reason = storage_reason(failure.code);
            let (place, action) = (vault.spec.storage.place(), remedy(vault, reason));
            let message = failure.message.trim_end_matches('.');
            (Some(false), reason, format!("Storage {place} cannot be used: {message}. {action}"))
        }
        StorageState::Reachable if view.probes.as_ref().is_some_and(|probes| !probes.create_only) => {
            let message = "The store overwrites objects that were only to be created (it ignores If-None-Match), so two \
                           writers could destroy each other's backups. Use a store or version that honours conditional \
                           writes, or a filesystem vault.";
            (Some(false), Reason::ConditionalWritesNotHonoured, message.into())
        }
        StorageState::Reachable => (Some(true), Reason::StorageProbed, "Storage answers.".into()),
    }
}

/// What to do about a storage that cannot be used.
fn remedy(vault: &BackupVault, reason: Reason) -> String {
    match credentials_secret(vault) {
        Some(secret) if reason == Reason::CredentialsMissing => format!(
            "Write {} into Secret {secret}, which `credentialsSecretRef` names; it is taken up within two minutes.",
            credentials_wanted(vault)
        ),
        Some(_) | None => reason.explanation().action.to_owned(),
    }
}

fn storage_reason(code: FailureCode) -> Reason {
    #[expect(clippy::wildcard_enum_match_arm, reason = "other failures are not those of storage")]
    match code {
        FailureCode::BucketNotFound => Reason::BucketNotFound,
        FailureCode::StorageCredentialsRefused => Reason::CredentialsRefused,
        FailureCode::StorageCredentialsMissing => Reason::CredentialsMissing,
        FailureCode::StorageRefused => Reason::StoragePermissionsMissing,
        FailureCode::StorageMisconfigured => Reason::StorageMisconfigured,
        FailureCode::StorageFull => Reason::StorageFull,
        FailureCode::KeyMissing => Reason::KeyMissing,
        FailureCode::StorageTlsFailed => Reason::StorageTlsFailed,
        FailureCode::ConditionalWritesNotHonoured => Reason::ConditionalWritesNotHonoured,
        FailureCode::FormatUnsupported => Reason::FormatUnsupported,
        FailureCode::Damaged => Reason::LedgerDamaged,
        _ => Reason::StorageUnreachable,
    }
}

fn key(vault: &BackupVault, seen: &Seen, view: Option<&VaultView>) -> Finding {
    let secret = names::vault_keys(&vault.name_any());
    let Some(view) = view else {
        return (None, Reason::KeeperUnavailable, "The keeper, which would know, does not answer.".into());
    };
    let known = vault.status.as_ref().and_then(|status| status.vault_id.clone());
    match (&view.key, known) {
        (KeyState::Open, _) => (Some(true), Reason::KeyUsable, "The key opens the vault.".into()),
        (KeyState::Unknown, _) => (None, Reason::InProgress, "It is not known until storage answers.".into()),
        (KeyState::Empty, None) => {
            (None, Reason::InProgress, "The vault is being made in its storage.".into())
        }
        (KeyState::Empty, Some(id)) => {
            let message = format!(
                "Storage is empty, where vault {id} was before. Bring its objects back; no other vault is made in its place."
            );
            (Some(false), Reason::RolledBack, message)
        }
        (KeyState::Foreign { .. }, _) if let Some(other) = &seen.same_place => {
            let message = format!(
                "{other} keeps its backups in the same place: give this vault a `prefix` of its own."
            );
            (Some(false), Reason::PrefixInUse, message)
        }
        (KeyState::Foreign { vault_id }, _) => {
            let message = format!(
                "Storage holds vault {vault_id}, and Secret {secret} does not open it: bring back the Secret that does."
            );
            (Some(false), Reason::KeyMissing, message)
        }
        (KeyState::Invalid { message }, _) => {
            (Some(false), Reason::KeyMissing, format!("Secret {secret} holds no usable key: {message}."))
        }
    }
}

/// Whether storage is older than the operator has seen it, or the keeper says so.
pub fn is_rolled_back(vault: &BackupVault, view: &VaultView) -> bool {
    let known = vault.status.as_ref().and_then(|status| status.ledger.as_ref());
    let is_before = |shown: &LedgerHead, known: &LedgerHead| {
        // Another entry of the same number is of another history.
        shown.sequence < known.sequence || (shown.sequence == known.sequence && shown.hash != known.hash)
    };
    let shown = view.head.as_ref().map(head);
    view.rolled_back || matches!((known, &shown), (Some(known), Some(shown)) if is_before(shown, known))
}

/// Whether the clocks of keeper and storage, or of operator and keeper, differ so much that nothing may be deleted by any, nor
/// an end be promised. `wall` is the operator's when the keeper answered.
pub fn is_clock_skewed(view: &VaultView, wall: Timestamp) -> bool {
    clocks_apart(view, wall).is_some()
}

/// Whose clocks differ too much.
fn clocks_apart(view: &VaultView, wall: Timestamp) -> Option<&'static str> {
    if view.clock.skew_seconds.is_some_and(|skew| skew.abs() > SKEW) {
        return Some("keeper and storage");
    }
    let ahead = wall.duration_since(view.clock.keeper).as_secs();
    (ahead.abs() > SKEW).then_some("operator and keeper")
}

/// Nothing changes until a person acts.
fn needs_a_person(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NotBound
            | Reason::RecoveryKeyMissing
            | Reason::ClaimNotFound
            | Reason::ClaimUnsupported
            | Reason::ConditionalWritesNotHonoured
            | Reason::KeyMissing
            | Reason::RolledBack
            | Reason::WeakerThanRecorded
            | Reason::BucketNotFound
            | Reason::CredentialsRefused
            | Reason::CredentialsMissing
            | Reason::StorageTlsFailed
            | Reason::RecipientInvalid
            | Reason::PrefixInUse
            | Reason::StoragePermissionsMissing
            | Reason::StorageMisconfigured
            | Reason::FormatUnsupported
            | Reason::LedgerDamaged
    )
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

fn head(head: &contract::Head) -> LedgerHead {
    LedgerHead { sequence: i64::try_from(head.sequence).unwrap_or(i64::MAX), hash: head.hash.clone() }
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
