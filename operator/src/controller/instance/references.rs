//! Whether what an instance refers to is there, agrees, and fits together. Pure.

use crds::common::{ConditionType, is_true};
use crds::{BackupInstance, BackupPolicySpec, BackupVault, Reason};
use kube::ResourceExt as _;
use policy::Zone;
use policy::tag::Rule;

use super::claim;
use super::observe::Seen;
use crate::clock::Now;
use crate::controller::policy::{ParsedPolicy, range, refusal};

/// What an instance stands on, known to be sound.
#[derive(Debug, Clone)]
pub struct References {
    pub policy: ParsedPolicy,
    pub spec: BackupPolicySpec,
    pub policy_name: String,
    pub version: i64,
    /// The policy's object is gone, and its last version acts.
    pub policy_missing: bool,
    /// A retention rule keeps points for longer or shorter than the vault takes them, as a sentence. Backups go on, and
    /// those that get its tag are refused.
    pub outside_vault: Option<String>,
}

/// The first objection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    pub reason: Reason,
    pub message: String,
    /// It may go away without anybody acting.
    pub may_pass: bool,
}

/// The references, or the first objection in the order in which they depend on each other.
///
/// # Errors
/// The [`Objection`].
pub fn references(instance: &BackupInstance, seen: &Seen, now: Now) -> Result<References, Objection> {
    let vault = vault(instance, seen)?;
    let mut found = policy(instance, seen)?;
    found.outside_vault = outside(vault, &found, now)?;
    if let Some(objection) = claim::objection(instance, seen) {
        return Err(objection);
    }
    ready(vault, seen)?;
    Ok(found)
}

fn vault<'a>(instance: &BackupInstance, seen: &'a Seen) -> Result<&'a BackupVault, Objection> {
    let own = instance.namespace().unwrap_or_default();
    let reference = &instance.spec.vault_ref;
    let namespace = reference.namespace_or(&own);
    let name = &reference.name;
    let Some(vault) = &seen.vault else {
        return Err(Objection {
            reason: Reason::VaultNotFound,
            message: format!(
                "BackupVault {namespace}/{name} does not exist: create it, or make a new instance with another `vaultRef`."
            ),
            may_pass: false,
        });
    };
    if !vault.spec.allows_namespace(namespace, &own) {
        let message = format!(
            "BackupVault {namespace}/{name} does not take namespace {own}: add it to `access.allowedNamespaces.names`."
        );
        return Err(no(Reason::NamespaceNotAllowed, message));
    }
    Ok(vault)
}

fn policy(instance: &BackupInstance, seen: &Seen) -> Result<References, Objection> {
    let own = instance.namespace().unwrap_or_default();
    let namespace = instance.spec.policy_ref.namespace_or(&own);
    let name = &instance.spec.policy_ref.name;
    let snapshot = instance.status.as_ref().and_then(|status| status.policy_snapshot.as_ref());
    let (spec, version, policy_missing) = match (&seen.policy, snapshot) {
        (Some(policy), _) => (policy.spec.clone(), policy.metadata.generation.unwrap_or_default(), false),
        (None, Some(held)) if held.name == *name => (held.spec.clone(), held.version, true),
        (None, _) => {
            return Err(no(
                Reason::PolicyNotFound,
                format!(
                    "BackupPolicy {namespace}/{name} does not exist: create it, or name another in `policyRef`."
                ),
            ));
        }
    };
    let policy = ParsedPolicy::parse(&spec).map_err(|fault| {
        no(
            Reason::PolicyNotReady,
            format!("BackupPolicy {namespace}/{name} cannot be acted on: {}", fault.message),
        )
    })?;
    Ok(References { policy, spec, policy_name: name.clone(), version, policy_missing, outside_vault: None })
}

/// The first retention rule whose points the vault would refuse, by what a point of now would be.
fn outside(vault: &BackupVault, found: &References, now: Now) -> Result<Option<String>, Objection> {
    if range(vault).is_none() {
        return Err(no(Reason::VaultNotReady, "The vault's `retention` is no range.".into()));
    }
    let refused = |rule: &Rule| refusal(vault, &rule.name, rule.keep, now.time, &Zone::utc());
    Ok(found.policy.retention.rules().iter().find_map(refused))
}

fn ready(vault: &BackupVault, seen: &Seen) -> Result<(), Objection> {
    let conditions = vault.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if seen.forbidden || !is_true(conditions, ConditionType::Ready) {
        let said = conditions.iter().find(|held| held.type_ == "Ready").map(|held| held.message.as_str());
        let said = said.unwrap_or("the operator has not looked at it yet");
        let message = format!("BackupVault {} is not ready: {said}", vault.name_any());
        return Err(Objection { reason: Reason::VaultNotReady, message, may_pass: true });
    }
    Ok(())
}

fn no(reason: Reason, message: String) -> Objection {
    Objection { reason, message, may_pass: false }
}
