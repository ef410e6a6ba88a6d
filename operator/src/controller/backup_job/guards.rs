//! What keeps a backup from starting: one list, so that "why has it not started?" has one answer. Pure.
//!
//! The guards stand before a start only. A run is not judged again because something beside it was edited meanwhile.

use crds::common::{Condition, ConditionType, is_true};
use crds::instance::Protection;
use crds::{BackupInstance, ErrorCode, Reason, annotations};
use kube::ResourceExt as _;

use super::draft::Draft;
use super::facts::PolicySeen;
use super::tagging;
use crate::controller::conditions::said;
use crate::controller::policy::ParsedPolicy;

/// Why a backup cannot start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    pub reason: Reason,
    pub message: String,
    /// As an error of the job, for what somebody has to change.
    pub code: Option<ErrorCode>,
    /// Nothing that anybody may still do helps this job.
    pub is_fatal: bool,
}

impl Objection {
    /// It goes away by itself.
    pub fn waits(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), code: None, is_fatal: false }
    }

    /// It goes away once somebody has changed something.
    pub fn mendable(reason: Reason, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), code: Some(code), is_fatal: false }
    }

    /// The job ends by it.
    pub fn fatal(reason: Reason, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), code: Some(code), is_fatal: true }
    }
}

/// Everything that a start needs.
pub struct Ready<'a> {
    pub policy: &'a ParsedPolicy,
    pub seen: &'a PolicySeen,
}

/// Asks every guard in turn.
///
/// # Errors
/// The first [`Objection`].
pub fn guards<'a>(draft: &'a Draft<'_>) -> Result<Ready<'a>, Objection> {
    instance(draft)?;
    let (policy, seen) = policy(draft)?;
    if let Some(name) = &draft.job.spec.retention_tag {
        tagging::named(policy, name)?;
    }
    vault(draft)?;
    if draft.facts.namespace_uid.is_none() {
        return Err(Objection::waits(Reason::InProgress, "The namespace of the job is not known yet."));
    }
    if let Some(message) = draft.facts.place.message() {
        return Err(Objection::waits(Reason::Queued, message));
    }
    match &draft.facts.connection {
        Some(Ok(_)) => Ok(Ready { policy, seen }),
        Some(Err(fault)) => Err(Objection::mendable(fault.reason, fault.code, fault.message.as_str())),
        None => Err(Objection::waits(Reason::InProgress, "The way to the server is being looked up.")),
    }
}

fn instance(draft: &Draft<'_>) -> Result<(), Objection> {
    let name = &draft.job.spec.instance_ref.name;
    let Some(instance) = &draft.facts.instance else {
        let message =
            format!("There is no BackupInstance {name} in this namespace: create it, and the job goes on.");
        return Err(Objection::mendable(
            Reason::InstanceNotFound,
            ErrorCode::UserErrorReferenceNotReady,
            message,
        ));
    };
    protected(draft, instance)?;
    let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    // A rule outside the vault's range keeps no point of another from being made.
    let is_out_of_range = |held: &Condition| {
        held.type_ == ConditionType::Ready.as_str() && held.reason == Reason::RetentionOutsideVault.as_str()
    };
    if !is_true(conditions, ConditionType::Ready) && !conditions.iter().any(is_out_of_range) {
        let why = said(conditions, ConditionType::Ready);
        return Err(Objection::mendable(
            Reason::InstanceNotReady,
            ErrorCode::UserErrorReferenceNotReady,
            format!("Instance {name} is not ready: {why}"),
        ));
    }
    if instance.status.as_ref().is_none_or(|status| status.datasource_id.is_none()) {
        let message = format!("The server of instance {name} has not been identified by a check yet.");
        return Err(Objection::waits(Reason::InstanceNotReady, message));
    }
    if draft.facts.is_anothers {
        let message =
            format!("The database of instance {name} is protected in the vault by another instance.");
        return Err(Objection::waits(Reason::DuplicateDatasource, message));
    }
    Ok(())
}

/// A suspended instance may be enabled in time. Who stopped one, or brought one back, has more to think of than this job.
fn protected(draft: &Draft<'_>, instance: &BackupInstance) -> Result<(), Objection> {
    let name = instance.name_any();
    let (reason, message) = if let Some(record) = &draft.facts.record {
        let text = format!(
            "Instance {name} was brought back and is stopped until annotation {}={record} is on it.",
            annotations::RESUME
        );
        (Reason::ResumeRequired, text)
    } else {
        match instance.spec.protection {
            Protection::Enabled => return Ok(()),
            Protection::Suspended => {
                let text = format!("Backups of instance {name} are suspended.");
                return Err(Objection::waits(Reason::BackupsSuspended, text));
            }
            Protection::Stopped => {
                let text = format!(
                    "Protection of instance {name} is stopped: nothing runs until `protection` is Enabled."
                );
                (Reason::ProtectionStopped, text)
            }
        }
    };
    // The job of a slot was made before: its window tells how long it waits.
    let is_on_demand = draft.job.spec.slot.is_none();
    let code = ErrorCode::UserErrorProtectionStopped;
    Err(Objection { reason, message, code: Some(code), is_fatal: is_on_demand })
}

fn policy<'a>(draft: &'a Draft<'_>) -> Result<(&'a ParsedPolicy, &'a PolicySeen), Objection> {
    match (&draft.policy, &draft.facts.policy) {
        (Some(Ok(policy)), Some(seen)) => Ok((policy, seen)),
        (Some(Err(fault)), _) => Err(Objection::mendable(
            Reason::PolicyNotReady,
            ErrorCode::UserErrorReferenceNotReady,
            format!("The policy cannot be used: {}", fault.message),
        )),
        (None, _) | (_, None) => {
            let message = "The policy of the instance does not exist.";
            Err(Objection::mendable(Reason::PolicyNotFound, ErrorCode::UserErrorReferenceNotReady, message))
        }
    }
}

fn vault(draft: &Draft<'_>) -> Result<(), Objection> {
    let Some(vault) = &draft.facts.vault else {
        let message = "The vault of the instance does not exist.";
        return Err(Objection::mendable(
            Reason::VaultNotFound,
            ErrorCode::UserErrorReferenceNotReady,
            message,
        ));
    };
    let (own, name) = (vault.namespace().unwrap_or_default(), vault.name_any());
    if !vault.spec.allows_namespace(&own, &draft.job.namespace().unwrap_or_default()) {
        let message = format!(
            "Vault {own}/{name} does not take this namespace: have it added to its `access.allowedNamespaces.names`."
        );
        return Err(Objection::mendable(
            Reason::NamespaceNotAllowed,
            ErrorCode::UserErrorNamespaceNotAllowed,
            message,
        ));
    }
    let conditions = vault.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if !is_true(conditions, ConditionType::Ready) || draft.facts.keeper.is_none() {
        let said = said(conditions, ConditionType::Ready);
        return Err(Objection::mendable(
            Reason::VaultNotReady,
            ErrorCode::UserErrorReferenceNotReady,
            format!("Vault {own}/{name} is not ready: {said}"),
        ));
    }
    if is_true(conditions, ConditionType::KeeperUnavailable) {
        return Err(Objection::waits(
            Reason::KeeperUnavailable,
            format!("The keeper of vault {own}/{name} does not answer."),
        ));
    }
    Ok(())
}
