//! Conditions: their types, and the one way to write one.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use crate::Reason;

/// Every condition type of every kind. Types are API: they are added, never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// All kinds: configured, consented and, for jobs, done. Never False because one night failed.
    Ready,
    /// All kinds, only while True: the operator is at work and the state will change by itself.
    Reconciling,
    /// All kinds, only while True: nothing will change until a person acts. Never beside Reconciling.
    Stalled,
    /// Jobs: ended well. Absent until then.
    Complete,
    /// Jobs: ended badly; the reason says how. Absent until then.
    Failed,
    /// BackupVault: the keeper reaches the storage and it behaves.
    StorageReachable,
    /// BackupVault: the keeper can use the vault's key.
    KeyAccessible,
    /// BackupVault: the lock, once there is one.
    Immutable,
    /// BackupVault, only while True: nobody but the key Secret can open the backups.
    RecoveryKeyMissing,
    /// BackupVault, only while True: the namespace lacks the label that keeps it from being deleted.
    NamespaceUnprotected,
    /// BackupVault, only while True: the keeper does not answer.
    KeeperUnavailable,
    /// BackupVault, only while True: the storage is older than what the operator has seen.
    RolledBack,
    /// BackupVault, only while True: points are due and may not be deleted yet.
    RetentionBlocked,
    /// BackupVault, only while True: an entry of `access.adopt` waits or is refused; the reason says which.
    AdoptionPending,
    /// BackupInstance: every check that connects to the server passes.
    BackupReady,
    /// BackupInstance: the last job that ended was good.
    LastBackupSucceeded,
    /// BackupInstance: the newest point is as young as the policy promises.
    RecoveryPointFresh,
    /// BackupInstance: copies to other vaults are as the policy promises.
    CopiesHealthy,
    /// BackupInstance, only while True: the policy is gone, and its last known version keeps acting.
    PolicyMissing,
    /// BackupInstance, only while True: at this speed a run will miss its completion window.
    ApproachingLimit,
    /// BackupInstance, only while True: it was brought back and stays stopped until the record of its deletion is named.
    ResumeRequired,
    /// BackupInstance, only while True: protection was stopped, and points begin to expire again at the time in the message.
    RetentionResumed,
    /// RecoveryPoint: a verification of level 2 or more has passed.
    Verified,
    /// RecoveryPoint, only while True: a request to delete was refused; the reason says why.
    DeletionBlocked,
    /// RecoveryPoint, only while True: the other end that it is to have was refused; the reason says why.
    OverrideBlocked,
}

impl ConditionType {
    /// The type as it is written in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
            Self::StorageReachable => "StorageReachable",
            Self::KeyAccessible => "KeyAccessible",
            Self::Immutable => "Immutable",
            Self::RecoveryKeyMissing => "RecoveryKeyMissing",
            Self::NamespaceUnprotected => "NamespaceUnprotected",
            Self::KeeperUnavailable => "KeeperUnavailable",
            Self::RolledBack => "RolledBack",
            Self::RetentionBlocked => "RetentionBlocked",
            Self::AdoptionPending => "AdoptionPending",
            Self::BackupReady => "BackupReady",
            Self::LastBackupSucceeded => "LastBackupSucceeded",
            Self::RecoveryPointFresh => "RecoveryPointFresh",
            Self::CopiesHealthy => "CopiesHealthy",
            Self::PolicyMissing => "PolicyMissing",
            Self::ApproachingLimit => "ApproachingLimit",
            Self::ResumeRequired => "ResumeRequired",
            Self::RetentionResumed => "RetentionResumed",
            Self::Verified => "Verified",
            Self::DeletionBlocked => "DeletionBlocked",
            Self::OverrideBlocked => "OverrideBlocked",
        }
    }
}

/// One condition as a status wants it. `status` is True, False, or with `None` Unknown.
///
/// The transition time is `now`; [`set_condition`] keeps the old one where the status did not flip.
pub fn condition(
    type_: ConditionType,
    status: Option<bool>,
    reason: Reason,
    message: impl Into<String>,
    generation: i64,
    now: Timestamp,
) -> Condition {
    Condition {
        type_: type_.as_str().to_owned(),
        status: status.map_or("Unknown", |held| if held { "True" } else { "False" }).to_owned(),
        reason: reason.as_str().to_owned(),
        message: message.into(),
        observed_generation: Some(generation),
        last_transition_time: Time(now),
    }
}

/// Puts `new` in the place of the condition of its type, or at the end.
///
/// The transition time moves only when the status flips.
pub fn set_condition(conditions: &mut Vec<Condition>, mut new: Condition) {
    match conditions.iter_mut().find(|held| held.type_ == new.type_) {
        Some(held) => {
            if held.status == new.status {
                new.last_transition_time = held.last_transition_time.clone();
            }
            *held = new;
        }
        None => conditions.push(new),
    }
}

/// Whether the condition of this type is there and True.
pub fn is_true(conditions: &[Condition], type_: ConditionType) -> bool {
    conditions.iter().any(|held| held.type_ == type_.as_str() && held.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: bool, second: i64) -> Condition {
        let now = Timestamp::from_second(second).expect("a small number of seconds is a time");
        condition(ConditionType::Ready, Some(status), Reason::AsConfigured, "text", 1, now)
    }

    #[test]
    fn a_transition_time_moves_only_when_the_status_flips() {
        let mut conditions = vec![ready(true, 1)];
        set_condition(&mut conditions, ready(true, 2));
        assert_eq!(conditions, [ready(true, 1)]);
        set_condition(&mut conditions, ready(false, 3));
        assert_eq!(conditions, [ready(false, 3)]);
    }

    #[test]
    fn an_absent_condition_is_not_true() {
        assert!(!is_true(&[], ConditionType::Ready));
        assert!(is_true(&[ready(true, 1)], ConditionType::Ready));
        assert!(!is_true(&[ready(false, 1)], ConditionType::Ready));
    }
}
