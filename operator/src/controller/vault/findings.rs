//! What is in order about a vault and what is not: storage, key, ledger and clocks, each as a finding. Pure.

use contract::{FailureCode, KeyState, StorageState, VaultView};
use crds::common::{ConditionType, is_true};
use crds::vault::LedgerHead;
use crds::{BackupVault, Reason};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::config::{credentials_secret, credentials_wanted};
use super::decide::{encryption_fault, unguarded};
use super::observe::{Claim, Seen};
use super::soft_delete;
use crate::names;
use crate::settings::Settings;

/// Clocks that differ by more pause all deletion.
const SKEW: i64 = 300;

/// A condition's status, reason and message.
pub type Finding = (Option<bool>, Reason, String);

/// The first objection, in the order in which things depend on each other.
pub fn ready(vault: &BackupVault, seen: &Seen, settings: &Settings, view: Option<&VaultView>) -> Finding {
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

pub fn storage(vault: &BackupVault, view: Option<&VaultView>) -> Finding {
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

pub fn key(vault: &BackupVault, seen: &Seen, view: Option<&VaultView>) -> Finding {
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

/// Whether the vault's status says that storage is older than what was seen.
pub fn is_told_rolled_back(vault: &BackupVault) -> bool {
    vault.status.as_ref().is_some_and(|status| is_true(&status.conditions, ConditionType::RolledBack))
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
pub fn clocks_apart(view: &VaultView, wall: Timestamp) -> Option<&'static str> {
    if view.clock.skew_seconds.is_some_and(|skew| skew.abs() > SKEW) {
        return Some("keeper and storage");
    }
    let ahead = wall.duration_since(view.clock.keeper).as_secs();
    (ahead.abs() > SKEW).then_some("operator and keeper")
}

/// Nothing changes until a person acts.
pub fn needs_a_person(reason: Reason) -> bool {
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

pub fn head(head: &contract::Head) -> LedgerHead {
    LedgerHead { sequence: i64::try_from(head.sequence).unwrap_or(i64::MAX), hash: head.hash.clone() }
}
