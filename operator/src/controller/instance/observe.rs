//! What an instance depends on, and what it has. Reads only.

use std::sync::Arc;

use contract::{Owner, PointState, PointView};
use crds::{BackupInstance, BackupJob, BackupPolicy, BackupVault};
use kube::ResourceExt as _;

use crate::cluster::{self, Key};
use crate::context::Context;
use crate::controller::run::{self, Material, SeenAttempt};
use crate::controller::{Error, History};

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
    /// Name of an older instance that protects the same database in the same vault.
    pub duplicate_of: Option<String>,
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
    let Some(vault) = seen.vault.clone() else { return Ok(seen) };
    if !vault.spec.allows_namespace(vault_namespace, &namespace) || seen.namespace_ending {
        return Ok(seen);
    }
    let uid = instance.uid().unwrap_or_default();
    let catalogue = context.keepers.catalogue(&vault.uid().unwrap_or_default());
    seen.history = catalogue.as_ref().map(|catalogue| History::of(catalogue, &uid, None));
    seen.points = catalogue.map(|catalogue| {
        let mut points: Vec<PointView> =
            catalogue.points.values().filter(|point| belongs(point, &uid)).cloned().collect();
        points.retain(|point| !is_on_its_way(point, &seen.jobs));
        points.sort_by_key(|point| point.point_time);
        points
    });
    seen.duplicate_of = duplicate(instance, vault_namespace, context);
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

/// Whether the job that made the point is about to end with it. Both are told together then, by one write.
fn is_on_its_way(point: &PointView, jobs: &[Arc<BackupJob>]) -> bool {
    let is_its_job = |job: &&Arc<BackupJob>| job.metadata.uid.as_ref() == Some(&point.run.0);
    jobs.iter().find(is_its_job).is_some_and(|job| !job.is_terminal())
}

/// The instance of the vault that has the same datasource and the better claim to it: one with points of it before one
/// without, so that nobody's protection ends because somebody else's edit points there; then the oldest, and of two that
/// were made at once the one with the smaller UID. Before the keeper has told its points nobody is judged.
fn duplicate(instance: &BackupInstance, vault_namespace: &str, context: &Context) -> Option<String> {
    let datasource =
        |held: &BackupInstance| held.status.as_ref().and_then(|status| status.datasource_id.clone());
    let own = datasource(instance)?;
    let age =
        |held: &BackupInstance| (held.metadata.creation_timestamp.clone().map(|time| time.0), held.uid());
    let vault = context.known.vaults.get(vault_namespace, &instance.spec.vault_ref.name)?;
    let catalogue = context.keepers.catalogue(&vault.uid().unwrap_or_default())?;
    let has_points = |held: &BackupInstance| {
        let is_theirs = |point: &PointView| match &point.owner {
            Owner::Instance { instance_uid, datasource_id, .. } => {
                Some(instance_uid) == held.metadata.uid.as_ref() && *datasource_id == own
            }
            Owner::Cli { .. } => false,
        };
        catalogue.points.values().any(is_theirs)
    };
    let claim = |held: &BackupInstance| (!has_points(held), age(held));
    let key = Key::vault(vault_namespace, &instance.spec.vault_ref.name);
    let holder = context
        .known
        .instances
        .by(&key)
        .into_iter()
        .filter(|other| other.uid() != instance.uid() && datasource(other).as_ref() == Some(&own))
        .find(|other| claim(other) < claim(instance))?;
    // Names of other namespaces are not this namespace's to know.
    Some(if holder.namespace() == instance.namespace() {
        holder.name_any()
    } else {
        "an instance of another namespace; ask the platform team".into()
    })
}
