//! What an instance depends on, and what it has. Reads only.

use std::sync::Arc;

use contract::{Owner, OwnerView, PointState, PointView};
use crds::common::{ConditionType, is_true};
use crds::instance::Protection;
use crds::{BackupInstance, BackupJob, BackupPolicy, BackupVault};
use kube::ResourceExt as _;

use super::claim::Claimed;
use crate::cluster::{self, Key};
use crate::context::Context;
use crate::controller::run::{self, Material, SeenAttempt};
use crate::controller::{Error, History, life};
use crate::keeper_client::Catalogue;

/// Facts about one instance.
#[derive(Clone, Default)]
pub struct Seen {
    pub namespace_ending: bool,
    pub vault: Option<Arc<BackupVault>>,
    pub policy: Option<Arc<BackupPolicy>>,
    /// The Secrets that the connection refers to.
    pub material: Option<Material>,
    /// Jobs of checks.
    pub checks: Vec<SeenAttempt>,
    /// The operator may not look into the vault's namespace.
    pub forbidden: bool,
    pub jobs: Vec<Arc<BackupJob>>,
    /// The instance's points, oldest first, but for one whose job has not ended; `None` until the catalogue was read.
    pub points: Option<Vec<PointView>>,
    /// What all points of the instance that are known of tell, those that are gone included; `None` as for `points`.
    pub history: Option<History>,
    /// The instance as the vault's ledger knows it, once its datasource is known.
    pub owner: Option<Owner>,
    /// What the ledger says of it, for each datasource that it has had.
    pub views: Vec<OwnerView>,
    /// The record of its deletion, which must be named before it is protected again.
    pub record: Option<String>,
    /// What the keeper said to the claim on the datasource; `None` while it is not asked for.
    pub claim: Option<Claimed>,
}

impl Seen {
    /// The protection that holds. Until the ledger was read, one that waited to be resumed still does.
    pub fn protection(&self, instance: &BackupInstance) -> Protection {
        let before = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        if self.points.is_none() && is_true(before, ConditionType::ResumeRequired) {
            return Protection::Stopped;
        }
        life::protection(instance, self.record.as_deref())
    }

    /// Takes in what the vault's ledger tells of the instance of this UID.
    fn take(&mut self, catalogue: &Catalogue, uid: &str) {
        self.history = Some(History::of(catalogue, uid, None));
        self.views = life::views(catalogue, uid).cloned().collect();
        self.record = life::resume_required(catalogue, uid).map(str::to_owned);
        let mut points: Vec<PointView> =
            catalogue.points.values().filter(|point| belongs(point, uid)).cloned().collect();
        points.retain(|point| !is_on_its_way(point, &self.jobs));
        points.sort_by_key(|point| point.point_time);
        self.points = Some(points);
    }
}

/// Reads everything that decisions about the instance are made from.
///
/// # Errors
/// Reads that failed for another reason than missing rights.
pub async fn observe(instance: &BackupInstance, context: &Context) -> Result<Seen, Error> {
    let namespace = instance.namespace().unwrap_or_default();
    let vault_namespace = instance.spec.vault_ref.namespace_or(&namespace);
    let policy_namespace = instance.spec.policy_ref.namespace_or(&namespace);
    let mut seen = Seen {
        namespace_ending: context.namespace(&namespace).is_some_and(|(_, ending)| ending),
        vault: context.known.vaults.get(vault_namespace, &instance.spec.vault_ref.name),
        policy: context.known.policies.get(policy_namespace, &instance.spec.policy_ref.name),
        jobs: context.known.backup_jobs.by(&Key::instance(&namespace, &instance.name_any())),
        ..Seen::default()
    };
    seen.jobs.retain(|job| !ended_before(job, instance));
    let Some(vault) = seen.vault.clone() else { return Ok(seen) };
    if seen.namespace_ending {
        return Ok(seen);
    }
    // What the vault has promised holds also when it takes nothing more of the namespace.
    let uid = instance.uid().unwrap_or_default();
    if let Some(catalogue) = context.keepers.catalogue(&vault.uid().unwrap_or_default()) {
        seen.take(&catalogue, &uid);
        seen.owner = owner(instance, context);
    }
    if !vault.spec.allows_namespace(vault_namespace, &namespace) {
        return Ok(seen);
    }
    let postgresql = &instance.spec.postgresql;
    let tls = postgresql.tls();
    let material =
        run::observe::material(&context.client, &namespace, &postgresql.credentials_secret_ref, &tls);
    seen.material = Some(material.await?);
    match run::observe::attempts(&context.client, vault_namespace, &uid, context.clock.now().wall).await {
        Ok(checks) => seen.checks = checks,
        Err(error) if cluster::is_forbidden(error.cause()) => seen.forbidden = true,
        Err(error) => return Err(error.into()),
    }
    Ok(seen)
}

fn belongs(point: &PointView, uid: &str) -> bool {
    point.state != PointState::Expired
        && matches!(&point.owner, Owner::Instance { instance_uid, .. } if instance_uid == uid)
}

/// The instance as the ledger is to know it; `None` until its datasource is known.
fn owner(instance: &BackupInstance, context: &Context) -> Option<Owner> {
    let namespace = instance.namespace()?;
    let (namespace_uid, _) = context.namespace(&namespace)?;
    Some(Owner::Instance {
        cluster_id: context.settings.cluster_id.clone(),
        namespace,
        namespace_uid,
        instance: instance.name_any(),
        instance_uid: instance.uid()?,
        datasource_id: instance.status.as_ref()?.datasource_id.clone()?,
    })
}

/// Whether a job came to its end before the instance was made: it is of another one, which had its name. One that was applied
/// a moment before its instance is the instance's own.
fn ended_before(job: &BackupJob, instance: &BackupInstance) -> bool {
    let ended = job.status.as_ref().and_then(|status| status.completion_time.as_ref()).map(|time| time.0);
    let made = instance.metadata.creation_timestamp.as_ref().map(|time| time.0);
    matches!((ended, made), (Some(ended), Some(made)) if ended < made)
}

/// Whether the job that made the point is about to end with it. Both are told together then, by one write.
fn is_on_its_way(point: &PointView, jobs: &[Arc<BackupJob>]) -> bool {
    let is_its_job = |job: &&Arc<BackupJob>| job.metadata.uid.as_ref() == Some(&point.run.0);
    jobs.iter().find(is_its_job).is_some_and(|job| !job.is_terminal())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_job_of_an_instance_that_had_the_name_before_is_not_taken_for_ones_own() {
        let instance: BackupInstance = serde_json::from_value(json!({
            "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupInstance",
            "metadata": {"name": "orders", "creationTimestamp": "2026-11-20T12:00:00Z"},
            "spec": {"vaultRef": {"name": "main"}, "policyRef": {"name": "weekly"},
                     "postgresql": {"host": "db", "database": "orders", "credentialsSecretRef": {"name": "login"}}},
        }))
        .unwrap();
        let job = |status: Value| -> BackupJob {
            serde_json::from_value(json!({
                "apiVersion": "coffer.dev/v1alpha1", "kind": "BackupJob",
                "metadata": {"name": "now", "creationTimestamp": "2026-11-20T11:00:00Z"},
                "spec": {"instanceRef": {"name": "orders"}}, "status": status,
            }))
            .unwrap()
        };
        let ended = |time: &str| job(json!({"state": "Completed", "completionTime": time}));
        assert!(ended_before(&ended("2026-11-20T11:59:59Z"), &instance));
        assert!(!ended_before(&ended("2026-11-20T12:00:00Z"), &instance));
        assert!(!ended_before(&job(json!({"state": "Running"})), &instance), "applied before its instance");
    }
}
