//! What keeps a restore from starting: one list, in the order in which it is asked. Pure.

use contract::PointView;
use crds::common::{ConditionType, is_true};
use crds::{BackupVault, ErrorCode, Reason};
use kube::ResourceExt as _;

use super::draft::Draft;
use super::facts::Facts;
use super::source::{self, NoPoint};
use super::targets;
use crate::controller::conditions::said;

/// Everything that a start needs.
pub struct Ready<'a> {
    pub point: &'a PointView,
}

/// Asks every guard in turn.
///
/// # Errors
/// The first objection.
pub fn guards<'a>(draft: &Draft<'a>) -> Result<Ready<'a>, NoPoint> {
    let facts: &'a Facts = draft.facts;
    let vault = vault(draft)?;
    let point = source::point(draft.job, facts, vault)?;
    targets::check(draft.job, point)?;
    if let Some(message) = facts.place.message() {
        return Err(NoPoint::waits(Reason::Queued, message));
    }
    match &facts.connection {
        Some(Ok(_)) => Ok(Ready { point }),
        Some(Err(fault)) => Err(NoPoint::mendable(fault.reason, fault.code, fault.message.as_str())),
        None => Err(NoPoint::waits(Reason::InProgress, "The way to the target is being looked up.")),
    }
}

fn vault<'a>(draft: &Draft<'a>) -> Result<&'a BackupVault, NoPoint> {
    let facts: &'a Facts = draft.facts;
    let Some(vault) = facts.vault.as_deref() else {
        let reference = &draft.job.spec.vault_ref;
        let own = draft.job.namespace().unwrap_or_default();
        let message = format!(
            "BackupVault {}/{} does not exist: create it, or make a new job with another `vaultRef`.",
            reference.namespace_or(&own),
            reference.name
        );
        return Err(NoPoint::mendable(Reason::VaultNotFound, ErrorCode::UserErrorReferenceNotReady, message));
    };
    let (own, name) = (vault.namespace().unwrap_or_default(), vault.name_any());
    if !vault.spec.allows_namespace(&own, &draft.job.namespace().unwrap_or_default()) {
        let message = format!(
            "Vault {own}/{name} does not take this namespace: have it added to its `access.allowedNamespaces.names`."
        );
        return Err(NoPoint::mendable(
            Reason::NamespaceNotAllowed,
            ErrorCode::UserErrorNamespaceNotAllowed,
            message,
        ));
    }
    let conditions = vault.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if !is_true(conditions, ConditionType::Ready) || facts.keeper.is_none() {
        let said = said(conditions, ConditionType::Ready);
        let message = format!("Vault {own}/{name} is not ready: {said}");
        return Err(NoPoint::mendable(Reason::VaultNotReady, ErrorCode::UserErrorReferenceNotReady, message));
    }
    if is_true(conditions, ConditionType::KeeperUnavailable) {
        return Err(NoPoint::waits(
            Reason::KeeperUnavailable,
            format!("The keeper of vault {own}/{name} does not answer."),
        ));
    }
    Ok(vault)
}
