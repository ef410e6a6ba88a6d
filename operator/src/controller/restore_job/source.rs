//! Which point a restore is of, and whether it may be. Pure. The ledger's owner decides, never a label or a name.

use contract::{Owner, PointState, PointView};
use crds::{BackupVault, ErrorCode, Reason, RestoreJob};
use kube::ResourceExt as _;

use super::facts::Facts;
use crate::controller::life;
use crate::names;

/// Why there is no point to restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPoint {
    pub reason: Reason,
    pub message: String,
    /// As an error of the job, for what somebody has to change.
    pub code: Option<ErrorCode>,
    /// `false`: it may come.
    pub is_fatal: bool,
}

impl NoPoint {
    /// It may come by itself.
    pub fn waits(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), code: None, is_fatal: false }
    }

    /// It may come once somebody has changed something.
    pub fn mendable(reason: Reason, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), code: Some(code), is_fatal: false }
    }

    /// The job ends by it.
    pub fn fatal(reason: Reason, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), code: Some(code), is_fatal: true }
    }
}

/// The point, as chosen before or chosen now.
///
/// # Errors
/// [`NoPoint`].
pub fn point<'a>(job: &RestoreJob, facts: &'a Facts, vault: &BackupVault) -> Result<&'a PointView, NoPoint> {
    let Some(catalogue) = &facts.catalogue else {
        return Err(NoPoint::waits(Reason::InProgress, "The points of the vault are not known yet."));
    };
    let chosen =
        job.status.as_ref().and_then(|status| status.recovery_point.as_ref()).map(|point| point.id.clone());
    let named = |id: &str| {
        catalogue.points.values().find(|point| point.id.0 == id).ok_or_else(|| {
            let code = ErrorCode::UserErrorRecoveryPointNotFound;
            NoPoint::fatal(Reason::PointNotFound, code, format!("The vault has no point {id}."))
        })
    };
    let point = match (chosen, &job.spec.source.recovery_point_ref, &job.spec.source.instance) {
        (Some(id), _, _) => named(&id)?,
        (None, Some(reference), _) => named(&object(facts, vault, &reference.name)?)?,
        (None, None, Some(latest)) => newest(facts, &latest.name)?,
        (None, None, None) => {
            return Err(NoPoint::fatal(
                Reason::InvalidSpec,
                ErrorCode::UserErrorRecoveryPointNotFound,
                "The job names no point.",
            ));
        }
    };
    if !may_read(job, facts, vault, &point.owner) {
        let message = format!("Point {} belongs to another namespace.", point.id);
        return Err(NoPoint::fatal(Reason::PointForeign, ErrorCode::UserErrorRecoveryPointNotFound, message));
    }
    if life::is_deleted(catalogue, &point.owner) {
        let (code, message) = (ErrorCode::UserErrorRecoveryPointNotRestorable, deleted(vault, point));
        return Err(NoPoint::fatal(Reason::OwnerDeleted, code, message));
    }
    if !matches!(point.state, PointState::Available | PointState::SoftDeleted) {
        let message = format!("Point {} cannot be restored: it is {:?}.", point.id, point.state);
        return Err(NoPoint::fatal(
            Reason::PointNotRestorable,
            ErrorCode::UserErrorRecoveryPointNotRestorable,
            message,
        ));
    }
    Ok(point)
}

/// The way back to a point of a deleted instance.
fn deleted(vault: &BackupVault, point: &PointView) -> String {
    let Owner::Instance { namespace, instance, instance_uid, .. } = &point.owner else {
        return format!("The instance of point {} was deleted.", point.id);
    };
    let record = names::deleted_instance(namespace, instance, instance_uid);
    let own = vault.namespace().unwrap_or_default();
    format!(
        "The instance of point {} was deleted. Bring it back first: kubectl patch dbinst {record} -n {own} --type=merge -p \
         '{{\"spec\":{{\"undelete\":true}}}}'.",
        point.id
    )
}

/// The id that a RecoveryPoint of the job's own namespace stands for.
fn object(facts: &Facts, vault: &BackupVault, name: &str) -> Result<String, NoPoint> {
    let Some(object) = &facts.point else {
        return Err(NoPoint::waits(
            Reason::PointNotFound,
            format!(
                "There is no RecoveryPoint {name} in this namespace; `kubectl get rpoint` shows those there are."
            ),
        ));
    };
    let namespace = object.namespace().unwrap_or_default();
    let reference = &object.spec.vault_ref;
    if reference.name != vault.name_any()
        || Some(reference.namespace_or(&namespace)) != vault.namespace().as_deref()
    {
        let message = format!("RecoveryPoint {name} is of vault {}, not of the job's.", reference.name);
        return Err(NoPoint::fatal(
            Reason::PointNotFound,
            ErrorCode::UserErrorRecoveryPointNotFound,
            message,
        ));
    }
    Ok(object.spec.point_id.clone())
}

/// The newest good point of an instance of the job's namespace. Other namespaces have instances of the same name; their
/// points can only be named one by one.
fn newest<'a>(facts: &'a Facts, name: &str) -> Result<&'a PointView, NoPoint> {
    let is_own = |owner: &Owner| match owner {
        Owner::Instance { instance, namespace_uid, .. } => {
            instance == name && facts.namespace_uid.as_ref() == Some(namespace_uid)
        }
        Owner::Cli { .. } => false,
    };
    let catalogue = facts.catalogue.as_deref();
    let is_deleted = |point: &PointView| catalogue.is_some_and(|held| life::is_deleted(held, &point.owner));
    catalogue
        .into_iter()
        .flat_map(|catalogue| catalogue.points.values())
        .filter(|point| point.state == PointState::Available && is_own(&point.owner))
        // Of one that was deleted only where there is no other: it is refused with the way back.
        .max_by_key(|point| (!is_deleted(point), point.point_time))
        .ok_or_else(|| {
            NoPoint::waits(Reason::NoPointYet, format!("Instance {name} has no point that can be restored."))
        })
}

/// A point is its namespace's, by UID: a namespace that was made again under the same name sees nothing of what its
/// predecessor left. In the vault's own namespace, which holds the keys, every point may be restored.
fn may_read(job: &RestoreJob, facts: &Facts, vault: &BackupVault, owner: &Owner) -> bool {
    if job.namespace() == vault.namespace() {
        return true;
    }
    match owner {
        Owner::Instance { namespace_uid, .. } => facts.namespace_uid.as_ref() == Some(namespace_uid),
        Owner::Cli { .. } => false,
    }
}
